/** Results in a file, each as soon as it is there: a run that is stopped has lost nothing. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Measured } from './results.ts';

const NOTHING: Measured = { kafka: {}, landing: {}, lag: {} };

export interface KeptResults {
  read(): Measured;
  /** Puts one result in the place of the one that its contender had. */
  keep<Part extends keyof Measured>(part: Part, results: Measured[Part]): void;
}

/**
 * Begins with what `from` and `json` hold, of which the second wins. Each result is written by `write`, beside what is in
 * `json` by then: other processes may measure other contenders into the same file.
 */
export function createKeptResults(
  { from, json }: { readonly from: string | undefined; readonly json: string | undefined },
  render: (measured: Measured) => string,
): KeptResults {
  const start = merge(NOTHING, from === undefined ? NOTHING : parse(from));
  let mine: Measured = NOTHING;
  const read = (): Measured =>
    merge(merge(start, json !== undefined && existsSync(json) ? parse(json) : NOTHING), mine);
  return {
    read,
    keep(part, results) {
      mine = { ...mine, [part]: { ...mine[part], ...results } };
      if (json !== undefined) writeFileSync(json, render(read()));
    },
  };
}

function parse(file: string): Measured {
  return { ...NOTHING, ...(JSON.parse(readFileSync(file, 'utf8')) as Measured) };
}

function merge(one: Measured, other: Measured): Measured {
  return {
    kafka: { ...one.kafka, ...other.kafka },
    landing: { ...one.landing, ...other.landing },
    lag: { ...one.lag, ...other.lag },
  };
}
