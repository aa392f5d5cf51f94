import type { TableRef } from '../../delta/table.ts';
import { invalidRun } from '../../spark/job-note.ts';
import { readJsonLines } from '../../spark/lines.ts';
import { runKeys } from '../../spark/run-folder.ts';
import { isInvalidLine, type PlanBin, type PlanHead, parsePlanLine } from './plan.ts';
import { type BinResult, isOutputPath, parseResultLine } from './result.ts';
import { optimizeRuns } from './run-folder.ts';

export interface FinishedBin {
  readonly bin: PlanBin;
  readonly result: BinResult;
}

export interface FinishedRun {
  readonly head: PlanHead;
  /** The bins with what became of them, in the order of the plan; what is held at once is one of them. */
  readonly bins: AsyncGenerator<FinishedBin, void, undefined>;
}

/**
 * Reads plan and result of a run side by side. Throws `INVALID_RUN` for what is malformed, does not belong together, or is
 * not whole, and the store's errors; for what comes after the heads when the bins are asked for.
 */
export async function openRun(table: TableRef, run: string): Promise<FinishedRun> {
  const keys = runKeys(optimizeRuns(table), run);
  const plan = parsed(table, keys.plan, parsePlanLine);
  const result = parsed(table, keys.result, parseResultLine);

  const first = (await plan.next()).value;
  if (first?.kind !== 'head') throw invalidRun(keys.plan, 'its first line is not the head');
  const { head } = first;
  if (head.run !== run) throw invalidRun(keys.plan, `it is of the run ${head.run}, expected ${run}`);
  const start = (await result.next()).value;
  if (start?.kind !== 'head') throw invalidRun(keys.result, 'its first line is not the head');
  if (start.run !== run) throw invalidRun(keys.result, `it is of the run ${start.run}, expected ${run}`);

  async function* bins(): AsyncGenerator<FinishedBin, void, undefined> {
    for (let count = 0; ; count += 1) {
      const { value: planned } = await plan.next();
      const { value: done } = await result.next();
      if (planned?.kind === 'end' && done?.kind === 'end' && planned.bins === count && done.bins === count) return;
      if (planned?.kind !== 'bin' && planned?.kind !== 'end')
        throw invalidRun(keys.plan, `after ${count} bins comes ${nameOf(planned)}`);
      if (planned.kind === 'end' || done?.kind !== 'bin') {
        throw invalidRun(keys.result, `after ${count} bins comes ${nameOf(done)}`);
      }
      const { bin } = planned;
      if (bin.bin !== count) throw invalidRun(keys.plan, `bin ${count} has the number ${bin.bin}`);
      if (done.result.bin !== count) throw invalidRun(keys.result, `bin ${count} has the number ${done.result.bin}`);
      assertPlaces(keys.result, bin, done.result);
      yield { bin, result: done.result };
    }
  }

  return { head, bins: bins() };
}

/** What is committed has to lie where it belongs, and to be a file that compaction wrote. */
function assertPlaces(key: string, { bin, folder }: PlanBin, result: BinResult): void {
  if ('error' in result) return;
  const strange = result.outputs.find(({ path }) => !isOutputPath(path, folder));
  if (strange === undefined) return;
  throw invalidRun(
    key,
    `bin ${bin} has the output "${strange.path}", expected resaca-compacted-… in the folder "${folder}"`,
  );
}

async function* parsed<Line>(
  { store }: TableRef,
  key: string,
  parse: (value: unknown) => Line,
): AsyncGenerator<Line, void, undefined> {
  let number = 0;
  for await (const value of readJsonLines(store, key)) {
    number += 1;
    let line: Line;
    try {
      line = parse(value);
    } catch (error) {
      throw isInvalidLine(error) ? invalidRun(key, `line ${number}: ${error.message}`, error) : error;
    }
    yield line;
  }
}

/** What comes at the end of an iteration is undefined. */
function nameOf(line: unknown): string {
  return typeof line === 'object' && line !== null && 'kind' in line ? `a line of the kind "${line.kind}"` : 'nothing';
}
