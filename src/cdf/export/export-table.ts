import type { CheckpointReader } from '../../delta/checkpoint.ts';
import type { TableRef } from '../../delta/table.ts';
import { type ChangeLog, openChangeLog } from '../changes/change-log.ts';
import { shapeOf } from '../changes/change-schema.ts';
import { addCounts, type ChangeCounts, NO_CHANGES } from '../changes/change-type.ts';
import { readChanges } from '../changes/read-changes.ts';
import { CdfError, isCdfError } from '../errors.ts';
import { assertKey, writeChanges } from '../output/change-output.ts';
import type { OutputSettings } from '../output/settings.ts';
import { folderKey, isComplete, type Manifest, manifestOf, writeManifest } from './manifest.ts';
import { claimPlan, planRange, type RangePlan, readPlan } from './plan.ts';
import { assertSameTable, readPosition, writePosition } from './position.ts';
import type { VersionRange } from './range.ts';
import type { ExportTarget } from './target.ts';

/** A version, or a time in ms since the epoch. */
export type Bound = { readonly version: number } | { readonly timestamp: number };

export interface ExportOptions {
  readonly output: OutputSettings;
  /** The first version, where there is no position yet. @default version 0 */
  readonly from?: Bound;
  /** The last version. @default the latest */
  readonly until?: Bound;
  /** Begin at `from` again, whatever the position says. Ranges that are complete are not written again. @default false */
  readonly restart?: boolean;
  /** Tell the ranges, and write nothing. @default false */
  readonly dryRun?: boolean;
  /** Whether to end: after the rows at hand, and before the next range. @default never */
  readonly isTimeUp?: () => boolean;
  /** Gets each range when it is complete, or planned in a dry run. */
  readonly onRange?: (range: ExportedRange) => void;
}

export interface ExportedRange extends VersionRange {
  /** Undefined in a dry run, and for a range that was complete. */
  readonly manifest?: Manifest;
  /** Its files were there already: the export had ended before it saved its position, or was begun again. */
  readonly wasComplete: boolean;
}

export interface ExportResult {
  /** `more`: the time ended before all was done. */
  readonly state: 'done' | 'more';
  /** The last version that is exported; undefined where none is. */
  readonly version: number | undefined;
  /** The latest version of the table. */
  readonly latest: number;
  readonly ranges: number;
  readonly versions: number;
  readonly files: number;
  readonly bytes: number;
  readonly changes: ChangeCounts;
}

/**
 * Exports the changes that are not exported yet, range by range. Of a range, the plan is claimed first (a conditional PUT:
 * of two writers one decides), then come the files, then `_SUCCESS`, then the position: a crash at any point has the next
 * run write the same files under the same names again, and the position is never ahead of them.
 *
 * Throws CdfError (`TIME_UP` where the time was not enough for one range), DeltaError, and the store's errors.
 */
export async function exportTable(
  table: TableRef,
  target: ExportTarget,
  reader: CheckpointReader,
  options: ExportOptions,
): Promise<ExportResult> {
  const log = await openChangeLog(table, reader);
  const { latest } = log;
  const isTimeUp = options.isTimeUp ?? (() => false);
  const last = Math.min(latest.version, await versionOf(log, options.until, 'until', latest.version));
  const position = options.restart === true ? undefined : await readPosition(target);
  if (position !== undefined) assertSameTable(position, { url: table.url, id: latest.metadata.id });
  let next = position === undefined ? await versionOf(log, options.from, 'from', 0) : position.version + 1;
  let result: ExportResult = {
    state: 'done',
    version: position?.version,
    latest: latest.version,
    ranges: 0,
    versions: 0,
    files: 0,
    bytes: 0,
    changes: NO_CHANGES,
  };
  while (next <= last) {
    if (isTimeUp()) return { ...result, state: 'more' };
    try {
      const range = await exportRange(log, target, next, last, { ...options, isTimeUp });
      options.onRange?.(range);
      result = added(result, range);
      next = range.until + 1;
    } catch (error) {
      // What was begun is begun again, with its plan.
      if (isCdfError(error, 'TIME_UP') && result.ranges > 0) return { ...result, state: 'more' };
      throw error;
    }
  }
  return result;
}

async function exportRange(
  log: ChangeLog,
  target: ExportTarget,
  from: number,
  last: number,
  { output, dryRun, isTimeUp = () => false }: ExportOptions,
): Promise<ExportedRange> {
  const { table, metadata } = log.latest;
  const begun = await readPlan(target, from);
  if (begun !== undefined)
    assertSameTable({ ...begun, table: table.url, version: from }, { url: table.url, id: metadata.id });
  const snapshot = await log.snapshotAt(from);
  const shape = shapeOf(snapshot);
  // Before the plan is there, which would hold on to a key that cannot be.
  assertKey(shape.schema, output);
  const plan: RangePlan = begun ?? {
    ...(await planRange(log, from, shape, { last, ...output })),
    tableId: metadata.id,
    output,
  };
  if (dryRun === true)
    return { from, until: plan.until, wasComplete: begun !== undefined && (await isComplete(target, plan)) };
  const claimed = begun ?? (await claimPlan(target, plan));
  const position = { table: table.url, tableId: metadata.id, version: claimed.until };
  const { until } = claimed;
  if (await isComplete(target, claimed)) {
    await writePosition(target, position);
    return { from, until, wasComplete: true };
  }
  const checkTime = () => {
    if (isTimeUp()) throw timeUp(table, claimed);
  };
  const changes = readChanges(log, {
    from,
    until,
    shape,
    changes: new Set(claimed.output.changes),
    // It decides whether there is an output, not its form: whoever changed it wants to get on.
    deriveRewrites: output.rewrites === 'derive',
    checkTime,
  });
  const folder = folderKey(target, claimed);
  const written = await writeChanges({ store: target.store, folder }, shape.schema, changes, claimed.output);
  const manifest = manifestOf(target, table.url, shape.schema, claimed, written);
  await writeManifest(target, manifest);
  await writePosition(target, position);
  return { from, until, manifest, wasComplete: false };
}

function added(result: ExportResult, { from, until, manifest }: ExportedRange): ExportResult {
  const files = manifest?.files ?? [];
  return {
    ...result,
    version: until,
    ranges: result.ranges + 1,
    versions: result.versions + until - from + 1,
    files: result.files + files.length,
    bytes: result.bytes + files.reduce((sum, { bytes }) => sum + bytes, 0),
    changes: addCounts(result.changes, manifest?.changes ?? NO_CHANGES),
  };
}

/** The version that a bound names. */
export async function versionOf(
  log: ChangeLog,
  bound: Bound | undefined,
  end: 'from' | 'until',
  fallback: number,
): Promise<number> {
  if (bound === undefined) return fallback;
  if ('version' in bound) return bound.version;
  return end === 'from' ? log.versionFrom(bound.timestamp) : log.versionUntil(bound.timestamp);
}

function timeUp({ url }: TableRef, { from, until }: VersionRange): CdfError {
  return new CdfError(
    'TIME_UP',
    `The time ended while the changes of versions ${from} to ${until} of ${url} were written; they are begun again`,
    { table: url, from, until },
  );
}
