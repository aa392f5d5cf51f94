import type { TableRef } from '../../delta/table.ts';
import type { OtherObject } from '../../kafka/replay/failed-batches.ts';
import { replayBatches } from '../../kafka/replay/replay-batches.ts';
import type { ReplayDeps } from '../../kafka/replay/replay-records.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, plural, printable } from '../format.ts';
import { openLocation } from '../location.ts';
import { STEP_TIMEOUT } from './step-timeout.ts';
import { ReplaySums, sumJson, sumLines } from './summary.ts';

export interface BatchesOptions {
  readonly sources: readonly string[];
  readonly limit?: number;
  readonly isDryRun: boolean;
  readonly deletes: boolean;
  readonly isJson: boolean;
}

/** Objects that are named in the text, and in the JSON. */
const MAX_NAMED = 10;
const MAX_LISTED = 1_000;

/** `resaca kafka replay SOURCE...`: batches from an on-failure destination. */
export async function runBatches(
  deps: ReplayDeps,
  { sources, limit = Number.POSITIVE_INFINITY, isDryRun, deletes, isJson }: BatchesOptions,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const sums = new ReplaySums();
  const others: OtherObject[] = [];
  const unfinished: string[] = [];
  let [objects, records, deleted, otherCount, unfinishedCount] = [0, 0, 0, 0, 0];
  const verb = isDryRun ? 'Would replay' : 'Replayed';
  const locations = await Promise.all(sources.map(openLocation));
  for (const location of locations) {
    const options = { isDryRun, deletes, timeout: STEP_TIMEOUT, isStopped: () => signal.aborted };
    const source = { store: location.store, ...(await prefixOf(location)) };
    for await (const step of replayBatches(deps, source, { ...options, limit: limit - records })) {
      objects += step.objects;
      records += step.records;
      deleted += step.deleted;
      unfinishedCount += step.unfinished.length;
      otherCount += step.others.length;
      unfinished.push(...step.unfinished.slice(0, MAX_LISTED - unfinished.length));
      others.push(...step.others.slice(0, MAX_LISTED - others.length));
      if (step.result !== undefined) sums.add(step.result);
      terminal.show([`${verb} ${plural(records, 'record')} of ${plural(objects, 'object')}`]);
    }
  }
  terminal.endShow();
  if (isJson) {
    const json = { dryRun: isDryRun, objects, records, deleted, unfinished, others, ...sumJson(sums) };
    await terminal.print(JSON.stringify(json, null, 2));
  } else {
    await terminal.print(`${verb} ${plural(records, 'record')} of ${plural(objects, 'object')}`);
    for (const line of sumLines(sums, isDryRun, terminal)) await terminal.print(line);
    if (deleted > 0) await terminal.print(`Removed ${plural(deleted, 'object')}`);
  }
  for (const line of warnings(others, otherCount, unfinishedCount)) terminal.note(line);
  if (signal.aborted) throw new Error('stopped; the same command goes on, and passes over what it has done');
  return sums.isComplete && otherCount === 0 ? EXIT.ok : EXIT.incomplete;
}

/** The prefix of a folder, or the one object that is named. */
async function prefixOf({ store, root }: TableRef): Promise<{ prefix: string; isObject: boolean }> {
  if (root === '') return { prefix: '', isObject: false };
  const isObject = (await store.head(root)) !== undefined;
  return { prefix: isObject ? root : `${root}/`, isObject };
}

function warnings(others: readonly OtherObject[], otherCount: number, unfinished: number): string[] {
  const lines: string[] = [];
  if (unfinished > 0) lines.push(`${plural(unfinished, 'object')} with records that are in no table yet; they stay`);
  if (otherCount > 0) lines.push(`${plural(otherCount, 'object')} that cannot be replayed:`);
  for (const { key, reason } of others.slice(0, MAX_NAMED)) lines.push(`  ${printable(key)}: ${printable(reason)}`);
  if (otherCount > MAX_NAMED) lines.push(`  and ${formatCount(otherCount - MAX_NAMED)} more`);
  return lines;
}
