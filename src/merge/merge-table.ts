import { assertWritable } from '../delta/features.ts';
import type { TableRef } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { TableRule, TableSettings } from '../ingest/config.ts';
import { ADOPT_PROPERTY, type ShapeInput } from '../ingest/table-shape.ts';
import type { RowEngine } from '../kafka/engine.ts';
import type { DataFile as NewFile } from '../kafka/table-writer.ts';
import { UnfitFileError } from '../parquet/rewrite/rewrite-error.ts';
import type { MessageLog } from '../queue/message-log.ts';
import type { MergeSettings } from './config.ts';
import { type MergePlan, planMerge, type ReadFile, type RejectedStaged } from './plan.ts';
import { quarantineStaged } from './quarantine.ts';
import { openStaged, type StagedFile } from './staged-file.ts';
import { writeGroup } from './write-group.ts';

/** The small files of a batch of events that are for one table, each version once. */
export interface MergeBatch {
  readonly table: TableRef;
  readonly bucket: string;
  readonly settings: TableSettings;
  readonly rule?: TableRule;
  readonly files: readonly StagedFile[];
}

export interface MergeEngine extends RowEngine {
  readonly limits: Pick<MergeSettings, 'deleteSources' | 'roundBytes' | 'wholeBytes' | 'readConcurrency'>;
  /** Whether nothing is written: what would be merged is counted. The table's store must not write. @default false */
  readonly isDryRun?: boolean;
}

/** What happened with the files of a batch, which grows as it is worked on: what is done stays so if the rest fails. */
export interface MergeProgress {
  /** In the table, in quarantine, gone, or there before. */
  readonly done: Set<StagedFile>;
  merged: number;
  files: number;
  bytes: number;
  commits: number;
  conflicts: number;
  quarantined: number;
  skipped: number;
  /** Files of which the log cannot tell whether it had them; they are not done. */
  undecided: number;
  /** Time of the oldest file that is in the table now, ms since the epoch. */
  oldest: number | undefined;
}

export function noMergeProgress(): MergeProgress {
  return {
    done: new Set(),
    merged: 0,
    files: 0,
    bytes: 0,
    commits: 0,
    conflicts: 0,
    quarantined: 0,
    skipped: 0,
    undecided: 0,
    oldest: undefined,
  };
}

/** The time of the invocation is up; what is not done comes again. */
class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';
}

interface Run {
  readonly engine: MergeEngine;
  readonly batch: MergeBatch;
  readonly log: MessageLog;
  readonly progress: MergeProgress;
  /** ms since the epoch. */
  readonly deadline: number;
}

/**
 * Brings the rows of small files into their table, each file once, whatever came before: those that commits name are left
 * out, the others are written as one file for each partition, and one commit adds these and says which small files they
 * hold. What is too much for the memory becomes further commits. Files that could not be read, and those of which the log
 * cannot tell whether it had them, are not done. Throws the errors of `commitRows`, and the store's.
 */
export async function mergeTable(run: Run): Promise<void> {
  await run.log.refresh(run.engine.now());
  let rest = await leaveOutKnown(run, run.batch.files);
  while (rest.length > 0) {
    checkTime(run);
    const round = takeRound(rest, run.engine.limits.roundBytes);
    const again = await mergeRound(run, round);
    rest = [...again, ...rest.slice(round.length)];
  }
}

function checkTime({ engine, deadline, batch }: Run): void {
  if (engine.now() >= deadline) throw new OutOfTimeError(`the time is up before ${batch.table.url} was done`);
}

/** As many of the first files as fit, one at least. */
function takeRound(files: readonly StagedFile[], limit: number): readonly StagedFile[] {
  let bytes = 0;
  const end = files.findIndex(({ size }, index) => {
    bytes += size;
    return index > 0 && bytes > limit;
  });
  return end === -1 ? files : files.slice(0, end);
}

async function leaveOutKnown(run: Run, files: readonly StagedFile[]): Promise<StagedFile[]> {
  const { engine, batch, log, progress } = run;
  const { known, undecided, seenSince } = await log.sort(files.map(({ identity }) => identity));
  const old = files.filter(({ identity }) => known.has(identity.digest));
  await finish(run, old);
  progress.skipped += old.length;
  const inDoubt = files.filter(({ identity }) => undecided.has(identity.digest));
  progress.undecided += inDoubt.length;
  if (inDoubt.length > 0) {
    engine.telemetry.log('error', 'the log has lost commits that may hold files, which are not taken', {
      table: batch.table.url,
      files: inDoubt.length,
      first: inDoubt[0]?.key,
      logSince: new Date(seenSince).toISOString(),
      expected: 'delta.logRetentionDuration of more days than the queue keeps messages',
    });
  }
  return files.filter(({ identity: { digest } }) => !known.has(digest) && !undecided.has(digest));
}

/** One commit; returns the files that are to be decided anew. */
async function mergeRound(run: Run, round: readonly StagedFile[]): Promise<readonly StagedFile[]> {
  const { engine, batch, log, progress, deadline } = run;
  const { snapshot: head } = log;
  if (head !== undefined) assertWritable(head);
  const { files, rejected } = await openRound(run, round);
  if (engine.isDryRun === true) return previewRound(run, files, rejected);
  const { plan, written, unfit } = await writePlan(run, files);
  const taken = plan.groups.flatMap(({ inputs }) => inputs.map(({ staged }) => staged));
  if (written.length > 0) {
    const { isCommitted, conflicts } = await log.commit(engine, {
      target: targetOf(batch, plan),
      files: written,
      digests: new Set(taken.map(({ identity }) => identity.digest)),
      deadline,
    });
    progress.conflicts += conflicts;
    // Another writer has some of the files, or other columns: decided anew, with what it did.
    if (!isCommitted) return leaveOutKnown(run, [...files.map(({ staged }) => staged), ...rejected.map(stagedOf)]);
    progress.commits++;
    progress.merged += taken.length;
    progress.files += written.length;
    progress.bytes += written.reduce((sum, { size }) => sum + size, 0);
    const oldest = Math.min(...taken.map(({ time }) => time));
    progress.oldest = Math.min(progress.oldest ?? oldest, oldest);
  } else progress.skipped += taken.length;
  await finish(run, taken);
  await quarantine(run, [...rejected, ...plan.rejected, ...unfit]);
  return [];
}

/** What a round would do: a file for each group that has rows. */
async function previewRound(
  run: Run,
  files: readonly ReadFile[],
  rejected: readonly RejectedStaged[],
): Promise<readonly StagedFile[]> {
  const { progress } = run;
  const plan = planMerge(shapeInput(run), files);
  const rowsOf = ({ inputs }: MergePlan['groups'][number]) =>
    inputs.reduce((sum, { file }) => sum + file.footer.rowCount, 0);
  const written = plan.groups.filter((group) => rowsOf(group) > 0);
  const taken = plan.groups.flatMap(({ inputs }) => inputs.map(({ staged }) => staged));
  if (written.length > 0) progress.commits++;
  progress.merged += written.length > 0 ? taken.length : 0;
  progress.skipped += written.length > 0 ? 0 : taken.length;
  progress.files += written.length;
  for (const file of taken) progress.done.add(file);
  await quarantine(run, [...rejected, ...plan.rejected]);
  return [];
}

function stagedOf({ staged }: RejectedStaged): StagedFile {
  return staged;
}

interface OpenRound {
  readonly files: readonly ReadFile[];
  readonly rejected: readonly RejectedStaged[];
}

async function openRound(run: Run, round: readonly StagedFile[]): Promise<OpenRound> {
  const { engine, batch, progress } = run;
  const { readConcurrency, wholeBytes } = engine.limits;
  const { store, url } = batch.table;
  const files: ReadFile[] = [];
  const rejected: RejectedStaged[] = [];
  const looks = await mapConcurrently(round, readConcurrency, (staged) => {
    checkTime(run);
    return openStaged(store, staged, wholeBytes);
  });
  for (const look of looks) {
    const { staged } = look;
    if (look.kind === 'file') files.push(look);
    else if (look.kind === 'unreadable') {
      rejected.push({ staged, rejection: { reason: look.reason, detail: look.detail } });
    } else if (look.kind === 'gone') {
      engine.telemetry.log('warn', 'the file was deleted or overwritten before it was read', {
        table: url,
        key: staged.key,
      });
      progress.done.add(staged);
      progress.skipped++;
    } else {
      const { error } = look;
      engine.telemetry.log('error', 'the file cannot be read, its message will come again', {
        table: url,
        key: staged.key,
        error,
      });
    }
  }
  return { files, rejected };
}

interface WrittenPlan {
  readonly plan: MergePlan;
  readonly written: readonly NewFile[];
  /** Files that turned out to be unreadable while they were written. */
  readonly unfit: readonly RejectedStaged[];
}

/** Plans and writes; anew without a file whose pages turn out to be no good. */
async function writePlan(run: Run, all: readonly ReadFile[]): Promise<WrittenPlan> {
  const { engine, batch } = run;
  const input = shapeInput(run);
  const unfit: RejectedStaged[] = [];
  for (let files = all; ; ) {
    const plan = planMerge(input, files);
    const context = {
      table: batch.table,
      schema: plan.schema,
      checkTime: () => checkTime(run),
      now: () => engine.now(),
    };
    const written: NewFile[] = [];
    try {
      for (const group of plan.groups) {
        const file = await writeGroup(context, group);
        if (file !== undefined) written.push(file);
      }
      return { plan, written, unfit };
    } catch (error) {
      const culprit = error instanceof UnfitFileError ? files.find(({ file }) => file.key === error.key) : undefined;
      if (culprit === undefined || !(error instanceof UnfitFileError)) throw error;
      unfit.push({ staged: culprit.staged, rejection: { reason: 'UNREADABLE', detail: error.message } });
      files = files.filter((one) => one !== culprit);
    }
  }
}

function shapeInput({ engine, batch: { settings, rule }, log }: Run): ShapeInput {
  return {
    head: log.snapshot,
    settings,
    ...(rule !== undefined && { rule }),
    now: engine.now(),
    newTableId: crypto.randomUUID(),
  };
}

function targetOf({ settings, rule }: MergeBatch, { schema, partitionColumns }: MergePlan) {
  const { schemaPolicy, adoptExisting, properties } = settings;
  return {
    schema,
    schemaPolicy,
    partitionColumns: partitionColumns.map(
      ({ name, type }) => ({ name, type: typeof type === 'string' ? type : 'string' }) as const,
    ),
    properties: adoptExisting ? { ...properties, [ADOPT_PROPERTY]: 'true' } : properties,
    ...(rule !== undefined && { columnComments: rule.columnComments }),
    ...(rule?.description !== undefined && { description: rule.description }),
  };
}

async function quarantine({ engine, batch, progress }: Run, rejected: readonly RejectedStaged[]): Promise<void> {
  const { table, bucket } = batch;
  await mapConcurrently(rejected, engine.limits.readConcurrency, async (one) => {
    if (await quarantineStaged(table, bucket, one, engine.now())) {
      progress.quarantined++;
      engine.telemetry.log('warn', 'file quarantined', { table: table.url, key: one.staged.key, ...one.rejection });
    }
    progress.done.add(one.staged);
  });
}

/** Marks files whose rows are in the table, and deletes them where that is wanted. What cannot be deleted stays. */
async function finish({ engine, batch, progress }: Run, files: readonly StagedFile[]): Promise<void> {
  for (const file of files) progress.done.add(file);
  if (!engine.limits.deleteSources) return;
  const { store, url } = batch.table;
  await mapConcurrently(files, engine.limits.readConcurrency, async ({ key, etag }) => {
    try {
      // A newer version is data that nobody has read.
      if (etag !== undefined && (await store.head(key))?.etag === etag) await store.delete(key);
    } catch (error) {
      engine.telemetry.log('warn', 'a merged file could not be deleted', { table: url, key, error });
    }
  });
}
