import type { Snapshot } from '../delta/snapshot.ts';
import { filesOf, noTable, sideTable, snapshotOf, tableOf } from './commit/side-table.ts';
import { StepError } from './errors.ts';
import type { BatchJob, StepTxn } from './modes/batch-context.ts';
import { needsOf } from './modes/prepare.ts';
import { NAMES } from './plan/names.ts';
import { backfillAppId, changesAppId, decodePosition, encodePosition, type Position } from './position.ts';
import type { StepRule } from './rule.ts';
import { openBackfill } from './source/backfill-batch.ts';
import { MAX_SEGMENTS, type SourceBatch } from './source/batch.ts';
import { type ChangeBatchOptions, planChanges } from './source/change-batch.ts';
import { type StepPositions, stepPositions } from './source/positions.ts';
import { activeFile } from './source/relation-file.ts';
import { openSource, SOURCE_EXTRAS, type SourceTable, sourceShape } from './source/source-table.ts';
import type { StepDeps } from './step-run.ts';

/** A step as it is found. */
export interface Look {
  readonly head: Snapshot | undefined;
  readonly source: SourceTable;
  readonly positions: StepPositions;
}

export type NextBatch = Pick<BatchJob, 'batch' | 'txns' | 'begun'>;

/** Loads a step's target and source, and how far it is. Throws StepError `SOURCE_NOT_FOUND` and `SOURCE_REPLACED`. */
export async function lookAt(rule: StepRule, deps: StepDeps): Promise<Look> {
  // The target first: what it has read, the source, which is looked at later, has.
  const head = await snapshotOf(deps.tableAt(rule.target), deps);
  const table = deps.tableAt(rule.source);
  const opened = await openSource(table, deps.reader, deps.latestOf);
  if (opened === undefined) throw noTable(rule, table);
  // What was committed since a batch was begun is for the next one.
  const source = deps.snapshotAt === undefined ? opened : { ...opened, latest: await tableOf(rule, table, deps) };
  // A negative version is what a reset leaves.
  const txns = new Map([...(head?.txns ?? [])].filter(([, { version }]) => version >= 0));
  const positions = stepPositions(txns, rule.name, source.latest.metadata.id);
  assertSource(rule, source, positions);
  return { head, source, positions };
}

function assertSource(rule: StepRule, { table, latest }: SourceTable, positions: StepPositions): void {
  const { changes, backfill, otherSources } = positions;
  const [other] = otherSources;
  // A whole table is computed anew from whatever the source is; its lookups have positions like it.
  if (rule.mode.kind === 'replace' || other === undefined || changes !== undefined || backfill !== undefined) return;
  throw new StepError(
    'SOURCE_REPLACED',
    `the step ${rule.name} has read the table with the id ${other}, and at ${table.url} there is one with the id ` +
      `${latest.metadata.id} now: reset the step (resaca step reset), which then begins with what that table has`,
    { step: rule.name, table: table.url, expected: other, got: latest.metadata.id },
  );
}

/** What is to be done next; undefined where the target has all of the source. Throws what `planChanges` throws. */
export async function nextBatch(rule: StepRule, deps: StepDeps, look: Look): Promise<NextBatch | undefined> {
  const next = await findBatch(rule, deps, look);
  if (next === undefined || !next.batch.isTooLarge || next.batch.relation.files.length === 1) return next;
  const { bytes, fromVersion, relation } = next.batch;
  throw new StepError(
    'BATCH_TOO_LARGE',
    `the step ${rule.name} has to read ${relation.files.length} files of ${bytes} bytes of ${look.source.table.url} at version ` +
      `${fromVersion} at once: expected at most ${rule.limits.maxFiles} files and ${rule.limits.maxBytes} bytes ` +
      '(limits), which can be raised with the memory and temporary storage of the function, or let Spark do the step',
    { step: rule.name, table: look.source.table.url, version: fromVersion, bytes },
  );
}

async function findBatch(rule: StepRule, deps: StepDeps, look: Look): Promise<NextBatch | undefined> {
  if (rule.mode.kind === 'replace') return wholeSource(rule, deps, look);
  const { head, source, positions } = look;
  const { id } = source.latest.metadata;
  const appIds = { changes: changesAppId(rule.name, id), backfill: backfillAppId(rule.name, id) };
  const begun = new Map(Object.values(appIds).map((appId) => [appId, head?.txns.get(appId)?.version]));
  const end: Position = { version: source.latest.version + 1, files: 0 };
  if (positions.changes === undefined) {
    if (rule.start === 'latest') {
      return { batch: nothing(source, end), txns: [txnOf(appIds.changes, end)], begun };
    }
    return { ...(await nextPart(rule, deps, look, appIds)), begun };
  }
  const cap = await quarantinedUntil(rule, deps, appIds.changes);
  const batch = await changesUpTo(source, positions.changes, optionsOf(rule), cap);
  return batch && { batch, txns: [txnOf(appIds.changes, batch.until)], begun };
}

function txnOf(appId: string, until: Position): StepTxn {
  return { appId, version: encodePosition(until) };
}

function optionsOf(rule: StepRule): ChangeBatchOptions {
  const { mode, limits } = rule;
  const isByCommit = needsOf(rule).parts === 'commits';
  return {
    name: NAMES.changes,
    limits: { ...limits, maxVersions: isByCommit ? Math.min(limits.maxVersions, MAX_SEGMENTS) : limits.maxVersions },
    removals: mode.kind === 'append' && rule.changes === 'skip' ? 'leave-out' : 'read',
  };
}

/**
 * The next changes. They end at `cap` where they begin before it; and with a version where rows may have gone, so that a snapshot of
 * the source can stand for them.
 */
async function changesUpTo(
  source: SourceTable,
  from: Position,
  options: ChangeBatchOptions,
  cap: Position | undefined,
): Promise<SourceBatch | undefined> {
  const batch = await planChanges(source, from, options);
  if (batch === undefined) return undefined;
  const { limits } = options;
  if (cap !== undefined && isBefore(from, cap) && isBefore(cap, batch.until)) {
    const maxVersions = cap.version - from.version + (cap.files > 0 ? 1 : 0);
    const maxFiles = cap.files === 0 ? limits.maxFiles : filesBefore(batch, cap);
    return planChanges(source, from, { ...options, limits: { ...limits, maxVersions, maxFiles } });
  }
  const { removesAt, until } = batch;
  if (removesAt === undefined || until.files === 0 || until.version === from.version) return batch;
  return planChanges(source, from, { ...options, limits: { ...limits, maxVersions: until.version - from.version } });
}

function isBefore(a: Position, b: Position): boolean {
  return encodePosition(a) < encodePosition(b);
}

/** Files of a batch up to a position inside of a version. */
function filesBefore({ relation, from }: SourceBatch, cap: Position): number {
  const earlier = relation.files.filter(({ constants }) => Number(constants._commit_version) < cap.version).length;
  return earlier + cap.files - (from.version === cap.version ? from.files : 0);
}

async function nextPart(
  rule: StepRule,
  deps: StepDeps,
  { source, positions }: Look,
  appIds: { readonly changes: string; readonly backfill: string },
): Promise<Pick<NextBatch, 'batch' | 'txns'>> {
  const { version, files: done } = positions.backfill ?? { version: source.latest.version, files: 0 };
  const cap = await quarantinedUntil(rule, deps, appIds.backfill);
  const { maxFiles, maxBytes } = rule.limits;
  const room = cap?.version === version && cap.files > done ? Math.min(maxFiles, cap.files - done) : maxFiles;
  const backfill = await (deps.backfillOf ?? openBackfill)(source, version);
  const batch = await backfill.next(done, { name: NAMES.changes, limits: { maxBytes, maxFiles: room } });
  const start = txnOf(appIds.changes, { version: version + 1, files: 0 });
  if (batch === undefined) return { batch: nothing(source, { version: version + 1, files: 0 }), txns: [start] };
  const own = txnOf(appIds.backfill, batch.until);
  return { batch, txns: batch.isLast ? [own, start] : [own] };
}

/**
 * How far the quarantine table has what a step kept out: where it is ahead of the target, the batch that brought it there has to
 * be done again up to where it ended. Undefined where nothing is kept out.
 */
async function quarantinedUntil(rule: StepRule, deps: StepDeps, appId: string): Promise<Position | undefined> {
  if (!rule.quality.some(({ action }) => action === 'quarantine')) return undefined;
  const quarantine = await snapshotOf(sideTable(deps.tableAt(rule.target), 'quarantine'), deps);
  const version = quarantine?.txns.get(appId)?.version;
  return version === undefined ? undefined : decodePosition(version);
}

/** All of the source, where it or a lookup is not what the target was made of. */
async function wholeSource(rule: StepRule, deps: StepDeps, { head, source }: Look): Promise<NextBatch | undefined> {
  const { latest, table } = source;
  const inputs = [latest];
  for (const lookup of rule.lookups) inputs.push(await tableOf(rule, deps.tableAt(lookup), deps));
  const ends = inputs.map(({ metadata, version }) =>
    txnOf(changesAppId(rule.name, metadata.id), { version: version + 1, files: 0 }),
  );
  const reached = ({ appId }: StepTxn) => head?.txns.get(appId)?.version;
  if (ends.every((txn) => reached(txn) === txn.version)) return undefined;
  const all = txnOf(changesAppId(rule.name, 'all'), {
    version: inputs.reduce((sum, { version }) => sum + version + 1, 0),
    files: 0,
  });
  const files = (await filesOf(latest, deps)).map((add) =>
    activeFile(table, add, { segment: 0, version: latest.version }),
  );
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const batch = nothing(source, { version: latest.version + 1, files: 0 });
  const isTooLarge = bytes > rule.limits.maxBytes;
  const txns = [all, ...ends] as const;
  return {
    batch: { ...batch, relation: { ...batch.relation, files }, segments: [0], bytes, isTooLarge },
    txns,
    begun: new Map(txns.map((txn) => [txn.appId, reached(txn)])),
  };
}

/** A batch without rows, which only says where the step begins. */
function nothing(source: SourceTable, until: Position): SourceBatch {
  const { schema, partitionColumns } = sourceShape(source.latest);
  const { version } = source.latest;
  return {
    relation: { name: NAMES.changes, schema, partitionColumns, extras: SOURCE_EXTRAS, files: [] },
    segments: [],
    removesAt: undefined,
    leftOut: [],
    from: until,
    until,
    fromVersion: version,
    untilVersion: version,
    bytes: 0,
    isTooLarge: false,
    isLast: true,
  };
}
