import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Path of oxbow's Lambda. */
  readonly peer: string | undefined;
  /** Path of versitygw. */
  readonly s3: string | undefined;
  /** Added to each S3 request, ms. */
  readonly latency: number;
  /** Active files of the tables, ascending. */
  readonly sizes: readonly number[];
  /** Warm invocations that are measured of each table; fewer of a contender that is slow. */
  readonly rounds: number;
  /** Where the chart is written to, an SVG file. */
  readonly out: string | undefined;
}

const ALL_SIZES = '10,1000,100000,1000000';
/** A server that keeps everything in memory and is slow is spared the largest tables unless they are asked for. */
const SMALL_SIZES = '10,1000,100000';

/** Throws an Error that names the option and what it may be. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'string' },
      s3: { type: 'string' },
      latency: { type: 'string', default: '0' },
      sizes: { type: 'string' },
      rounds: { type: 'string', default: '15' },
      out: { type: 'string' },
    },
  });
  const sizes = (values.sizes ?? (values.s3 === undefined ? SMALL_SIZES : ALL_SIZES))
    .split(',')
    .map((size) => whole('sizes', size, 1));
  return {
    peer: values.peer,
    s3: values.s3,
    latency: whole('latency', values.latency, 0),
    sizes: [...new Set(sizes)].sort((a, b) => a - b),
    rounds: whole('rounds', values.rounds, 1),
    out: values.out,
  };
}

function whole(option: string, text: string, least: number): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(number) || number < least) {
    throw new Error(`--${option}: expected whole numbers of at least ${least}, got "${text}"`);
  }
  return number;
}
