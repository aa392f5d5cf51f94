import { isDeltaError } from '../delta/errors.ts';
import { partitionColumnsOf } from '../delta/partition.ts';
import { loadSnapshot, type Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { LoadLimits, LoadSettings } from './config.ts';
import type { LoadEngine } from './engine.ts';
import type { FileFormat } from './formats.ts';
import { isForQuarantine, LoadError } from './load-error.ts';
import { LoadRun } from './load-run.ts';
import { quarantineSource } from './quarantine.ts';
import type { PartitionColumn } from './rows/partitions.ts';
import { digestOf, LoadState } from './state.ts';

/** A file that is to become rows of a table. */
export interface LoadJob {
  readonly source: {
    readonly store: ObjectStore;
    /** Of the digest: the bucket, or the folder of a local file. */
    readonly bucket: string;
    readonly key: string;
    /** For people. */
    readonly url: string;
  };
  /** What announced it; undefined for a file that a person names. `time` in ms since the epoch. */
  readonly event?: { readonly etag: string | undefined; readonly time: number };
  readonly format: FileFormat;
  readonly table: TableRef;
  readonly settings: LoadSettings;
  readonly limits: LoadLimits;
  /** Told the rows so far after each part; may throw, to stop between two. */
  readonly onPart?: (rows: number) => void;
}

/** What became of the file. */
export type LoadOutcome =
  | LoadedFile
  /** It stays out: the record is beside the table. */
  | { readonly kind: 'quarantined'; readonly reason: string; readonly detail: string; readonly isNew: boolean }
  /** The time is up; the next call goes on. */
  | { readonly kind: 'paused'; readonly parts: number; readonly rows: number }
  /** There is nothing to do. */
  | { readonly kind: 'skipped'; readonly reason: 'gone' | 'superseded' };

export interface LoadedFile {
  readonly kind: 'loaded';
  /** False where an earlier call did it. */
  readonly isNew: boolean;
  readonly rows: number;
  readonly rejected: number;
  /** Parquet files in the table's folder, below its root; they are for the append function to commit. */
  readonly files: readonly string[];
}

/**
 * Loads one version of a file: its rows land in the table's folder as Parquet files of fixed names, once all of them are
 * made. May be stopped anywhere and called again, also at the same time. `deadline` in ms since the epoch: where it does
 * not suffice, some parts are made, and the next call goes on behind them. Throws what kept it from that.
 */
export async function loadFile(engine: LoadEngine, job: LoadJob, deadline: number): Promise<LoadOutcome> {
  const { source, event, table } = job;
  const object = await source.store.head(source.key);
  if (event?.etag !== undefined && event.etag !== object?.etag) {
    const settled = await settleOther(engine, job, event.etag, deadline);
    return settled ?? { kind: 'skipped', reason: object === undefined ? 'gone' : 'superseded' };
  }
  if (object === undefined) return { kind: 'skipped', reason: 'gone' };
  const state = new LoadState(table, digestOf(source.bucket, source.key, object.etag));
  const done = await state.done();
  if (done?.outcome === 'loaded') {
    await state.clear();
    return { kind: 'loaded', isNew: false, rows: done.rows, rejected: done.rejected, files: done.files };
  }
  if (done !== undefined) {
    // The same content once more, uploaded after it was refused: settings or table may be others now.
    const isAgain = event === undefined || event.time > Date.parse(done.at);
    if (!isAgain) {
      await state.clear();
      return { kind: 'quarantined', reason: 'KNOWN', detail: 'it was refused before', isNew: false };
    }
    await state.forget();
  }
  const run = new LoadRun(engine, job, { ...source, etag: object.etag, size: object.size }, state, deadline);
  try {
    return await run.load(await currentTable(engine, job));
  } catch (error) {
    if (error instanceof LoadError && error.code === 'SOURCE_CHANGED') {
      await state.clear();
      engine.telemetry.log('warn', error.message, { table: table.url, source: source.url });
      return { kind: 'skipped', reason: 'superseded' };
    }
    if (!isForQuarantine(error)) throw error;
    const { rejected, firstRejected } = run;
    const time = event?.time ?? object.modified;
    const { size, etag } = object;
    const file = { error, url: source.url, key: source.key, digest: state.digest, size, etag, time };
    await quarantineSource(table, { ...file, rejected, firstRejected }, engine.now());
    // What was begun to be published is for a person to see to.
    if (error.code !== 'STALE_PROGRESS') {
      const at = new Date(engine.now()).toISOString();
      await state.setDone({
        outcome: 'quarantined',
        source: source.url,
        etag,
        rows: 0,
        rejected,
        parts: 0,
        files: [],
        at,
      });
      await state.clear();
    }
    return { kind: 'quarantined', reason: error.code, detail: error.message, isNew: true };
  }
}

/** A version that is not there any more may have been begun. */
async function settleOther(
  engine: LoadEngine,
  job: LoadJob,
  etag: string,
  deadline: number,
): Promise<LoadOutcome | undefined> {
  const { source, table } = job;
  const state = new LoadState(table, digestOf(source.bucket, source.key, etag));
  if ((await state.done()) !== undefined) {
    await state.clear();
    return undefined;
  }
  return new LoadRun(engine, job, { ...source, etag, size: 0 }, state, deadline).settle();
}

/** A table as files are made for it. */
export interface TargetTable {
  readonly snapshot: Snapshot | undefined;
  readonly partitionColumns: readonly PartitionColumn[];
}

/** The table as it is; for a new one, as the settings want it. */
export async function currentTable(
  { reader }: Pick<LoadEngine, 'reader'>,
  { table, settings }: Pick<LoadJob, 'table' | 'settings'>,
): Promise<TargetTable> {
  try {
    const snapshot = await loadSnapshot(table, reader);
    const { schema, metadata } = snapshot;
    const required = new Set(schema.fields.filter(({ nullable }) => !nullable).map(({ name }) => name));
    const partitionColumns = partitionColumnsOf(schema, metadata.partitionColumns).map((column) => ({
      ...column,
      isRequired: required.has(column.name),
    }));
    return { snapshot, partitionColumns };
  } catch (error) {
    if (!isDeltaError(error, 'TABLE_NOT_FOUND')) throw error;
    return {
      snapshot: undefined,
      partitionColumns: settings.partitionBy.map(({ name, type }) => ({ name, type, isRequired: false })),
    };
  }
}
