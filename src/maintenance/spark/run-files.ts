import type { TableRef } from '../../delta/table.ts';
import { isStoreError } from '../../storage/object-store.ts';
import { SparkWorkError } from './errors.ts';
import { numberIn, objectOf, textIn } from './fields.ts';
import { readJsonLines } from './lines.ts';
import { isInvalidLine, type PlanBin, type PlanHead, parsePlanLine } from './plan.ts';
import { type BinResult, isOutputPath, parseResultLine } from './result.ts';
import { runKeys } from './run-folder.ts';

const JOB_FORMAT = 1;

/** Remembers the Spark job of a run. */
export async function putJob(table: TableRef, run: string, id: string, startedAt: number): Promise<void> {
  const text = JSON.stringify({ format: JOB_FORMAT, id, startedAt });
  await table.store.put(runKeys(table, run).job, new TextEncoder().encode(text));
}

/** The id of a run's Spark job; undefined when none was started, or it is not known whether one was. */
export async function readJob(table: TableRef, run: string): Promise<string | undefined> {
  const { job: key } = runKeys(table, run);
  try {
    const { body } = await table.store.get(key);
    const fields = objectOf(JSON.parse(new TextDecoder().decode(body)), 'the note', ['format', 'id', 'startedAt']);
    if (numberIn(fields, 'format') !== JOB_FORMAT) throw invalid(key, `it is of format ${fields.format}`);
    return textIn(fields, 'id');
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    if (isInvalidLine(error) || error instanceof SyntaxError) throw invalid(key, error.message, error);
    throw error;
  }
}

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
  const keys = runKeys(table, run);
  const plan = parsed(table, keys.plan, parsePlanLine);
  const result = parsed(table, keys.result, parseResultLine);

  const first = (await plan.next()).value;
  if (first?.kind !== 'head') throw invalid(keys.plan, 'its first line is not the head');
  const { head } = first;
  if (head.run !== run) throw invalid(keys.plan, `it is of the run ${head.run}, expected ${run}`);
  const start = (await result.next()).value;
  if (start?.kind !== 'head') throw invalid(keys.result, 'its first line is not the head');
  if (start.run !== run) throw invalid(keys.result, `it is of the run ${start.run}, expected ${run}`);

  async function* bins(): AsyncGenerator<FinishedBin, void, undefined> {
    for (let count = 0; ; count += 1) {
      const { value: planned } = await plan.next();
      const { value: done } = await result.next();
      if (planned?.kind === 'end' && done?.kind === 'end' && planned.bins === count && done.bins === count) return;
      if (planned?.kind !== 'bin' && planned?.kind !== 'end')
        throw invalid(keys.plan, `after ${count} bins comes ${nameOf(planned)}`);
      if (planned.kind === 'end' || done?.kind !== 'bin') {
        throw invalid(keys.result, `after ${count} bins comes ${nameOf(done)}`);
      }
      const { bin } = planned;
      if (bin.bin !== count) throw invalid(keys.plan, `bin ${count} has the number ${bin.bin}`);
      if (done.result.bin !== count) throw invalid(keys.result, `bin ${count} has the number ${done.result.bin}`);
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
  throw invalid(
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
      throw isInvalidLine(error) ? invalid(key, `line ${number}: ${error.message}`, error) : error;
    }
    yield line;
  }
}

/** What comes at the end of an iteration is undefined. */
function nameOf(line: unknown): string {
  return typeof line === 'object' && line !== null && 'kind' in line ? `a line of the kind "${line.kind}"` : 'nothing';
}

function invalid(key: string, problem: string, cause?: unknown): SparkWorkError {
  return new SparkWorkError('INVALID_RUN', `${key} is not what was expected: ${problem}`, { key }, { cause });
}
