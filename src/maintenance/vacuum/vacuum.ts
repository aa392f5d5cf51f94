import { loadSnapshot } from '../../delta/snapshot.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { type ListedFile, listFiles, type StrayFile, strayBatches } from '../stray-files.ts';
import { chooseDeletable, isCandidatePath } from './candidates.ts';
import { assertDeletable } from './features.ts';
import { takesLandedFiles } from './landed.ts';
import { type ProtectedFiles, protectFiles } from './protected-files.ts';
import { deletedFileRetention } from './retention.ts';

export interface VacuumOptions {
  /** Only says what would be deleted. @default false */
  readonly dryRun?: boolean;
  /** How long files stay that the table does not need any more, ms. @default the table's, else 7 days */
  readonly retention?: number;
  /** Allows a `retention` below the table's. @default false */
  readonly allowShortRetention?: boolean;
  /**
   * What becomes of data files that the log does not know: a crashed writer leaves such files, but so does one whose file
   * nobody has taken into the table yet. `auto` keeps them in tables into which files land. @default 'auto'
   */
  readonly orphans?: 'auto' | 'delete' | 'keep';
  /** The files below the root, from an inventory that may be old. @default a LIST */
  readonly listing?: AsyncIterable<ListedFile>;
  /** Requests under way at the same time. @default 32 */
  readonly concurrency?: number;
  /** ms since the epoch: then it stops, between two files. */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  /** Called for each file that was deleted, or would be. */
  readonly onFile?: (file: StrayFile) => void;
  readonly onProgress?: (result: VacuumResult) => void;
}

export interface FileSum {
  readonly files: number;
  readonly bytes: number;
}

export interface VacuumResult {
  readonly table: string;
  /** Version that the table had in the end. */
  readonly version: number;
  readonly dryRun: boolean;
  /** ms */
  readonly retention: number;
  /** Files were kept that were written, or removed from the table, at this time or later; ms since the epoch. */
  readonly before: number;
  /** Objects that were listed below the root, those of the log included. */
  readonly listed: number;
  /** Paths that the table needs. */
  readonly needed: number;
  /** Deleted, or to be deleted in a dry run: files that the log removed. */
  readonly removed: FileSum;
  /** The same: files that the log does not know. */
  readonly orphans: FileSum;
  /** Files that the log does not know and that were left alone, because nobody may have taken them yet. */
  readonly keptOrphans: FileSum;
  /** Files that were gone, written anew, or in use again when it came to deleting them. */
  readonly passedOver: number;
  /** The first of the deleted files, by path. */
  readonly sample: readonly string[];
  /** The first of the orphans that were kept, by path. */
  readonly keptSample: readonly string[];
  /** Whether the time was not enough; the same command goes on. */
  readonly remaining: boolean;
}

/** A retention that would delete what versions need that may still be read. */
export class RetentionError extends Error {
  override readonly name = 'RetentionError';
  readonly code = 'RETENTION_TOO_SHORT';
}

/**
 * Deletes the files of a table that no version within the retention needs: those that the log removed before it, and what
 * writers left that crashed. Nothing but files of this table is touched: hidden folders, the log, tables below the root and
 * what waits for the committer stay.
 *
 * Every file was listed before the log is looked at for it, the log is looked at once more before each thousand deletes,
 * and each object's time before its own. An interrupted run is continued by the next one.
 *
 * Memory: some 20 bytes for each file of the table, and 50,000 listed files. Throws `UNSUPPORTED_READER` and
 * `UNSUPPORTED_WRITER` by the table's features, `CONFLICT` when the table is replaced meanwhile, RetentionError, and the
 * errors of the log and the store.
 */
export async function vacuumTable(
  engine: MaintenanceEngine,
  table: TableRef,
  options: VacuumOptions = {},
): Promise<VacuumResult> {
  const { listing = listFiles(table), signal, deadline = Number.POSITIVE_INFINITY } = options;
  const snapshot = await loadSnapshot(table, engine.reader);
  assertDeletable(snapshot);
  const retention = chooseRetention(deletedFileRetention(snapshot), options);
  const before = engine.now() - retention;
  const files = await protectFiles(table, engine.reader, { removedBefore: before });
  const keepOrphans = options.orphans === 'keep' || (options.orphans !== 'delete' && (await takesLandedFiles(files)));
  const run = new VacuumRun(files, options, { retention, before });
  const isOver = () => signal?.aborted === true || engine.now() >= deadline;
  const { partitionColumns } = snapshot.metadata;
  const isWanted = ({ path, modified }: ListedFile) => modified < before && isCandidatePath(path, partitionColumns);
  const batches = strayBatches(files, engine.reader, { listing, isWanted, isOver });
  for await (const { strays, listed } of batches) {
    run.listed = listed;
    const { deletable, kept } = await chooseDeletable(files, strays, { keepOrphans, removedBefore: before });
    run.keep(kept);
    await run.delete(deletable, isOver);
    if (isOver()) run.remaining = true;
    options.onProgress?.(run.result());
    if (run.remaining) break;
  }
  return run.result();
}

function chooseRetention(ofTable: number, { retention = ofTable, allowShortRetention = false }: VacuumOptions): number {
  if (!Number.isFinite(retention) || retention < 0)
    throw new RetentionError(`a retention of ${retention} ms cannot be`);
  if (retention >= ofTable || allowShortRetention) return retention;
  const message = `the table keeps files for ${hours(ofTable)} after they were removed; ${hours(retention)} are fewer`;
  throw new RetentionError(message);
}

function hours(ms: number): string {
  return `${Math.round(ms / 36_000) / 100} hours`;
}

/** Files that are deleted between two looks at the log. */
const CHUNK = 1_000;
const CONCURRENCY = 32;
const SAMPLE = 100;

class VacuumRun {
  listed = 0;
  remaining = false;
  private readonly files: ProtectedFiles;
  private readonly options: VacuumOptions;
  private readonly times: { readonly retention: number; readonly before: number };
  private readonly sums = { removed: noFiles(), orphan: noFiles(), kept: noFiles() };
  private readonly sample: string[] = [];
  private readonly keptSample: string[] = [];
  private passedOver = 0;

  constructor(files: ProtectedFiles, options: VacuumOptions, times: VacuumRun['times']) {
    this.files = files;
    this.options = options;
    this.times = times;
  }

  keep(kept: readonly StrayFile[]): void {
    for (const { path, size } of kept) {
      count(this.sums.kept, size);
      if (this.keptSample.length < SAMPLE) this.keptSample.push(path);
    }
  }

  async delete(deletable: readonly StrayFile[], isOver: () => boolean): Promise<void> {
    const { dryRun = false, concurrency = CONCURRENCY } = this.options;
    if (dryRun) {
      for (const file of deletable) this.tell(file);
      return;
    }
    for (let start = 0; start < deletable.length && !isOver(); start += CHUNK) {
      await this.files.refresh();
      assertDeletable(this.files.snapshot);
      const chunk = deletable.slice(start, start + CHUNK).filter(({ path }) => {
        const isInUse = this.files.has(path);
        if (isInUse) this.passedOver += 1;
        return !isInUse;
      });
      await mapConcurrently(chunk, concurrency, (file) => this.deleteOne(file));
      this.options.onProgress?.(this.result());
    }
  }

  private async deleteOne(file: StrayFile): Promise<void> {
    const { table } = this.files.snapshot;
    const key = tableKey(table, file.path);
    const info = await table.store.head(key);
    // A name may be used again: then the object is another one than the one that was listed.
    if (info === undefined || info.modified >= this.times.before) {
      this.passedOver += 1;
      return;
    }
    await table.store.delete(key);
    this.tell({ ...file, size: info.size });
  }

  private tell(file: StrayFile): void {
    count(this.sums[file.kind], file.size);
    if (this.sample.length < SAMPLE) this.sample.push(file.path);
    this.options.onFile?.(file);
  }

  result(): VacuumResult {
    const { table, version } = this.files.snapshot;
    return {
      table: table.url,
      version,
      dryRun: this.options.dryRun ?? false,
      ...this.times,
      listed: this.listed,
      needed: this.files.count,
      removed: { ...this.sums.removed },
      orphans: { ...this.sums.orphan },
      keptOrphans: { ...this.sums.kept },
      passedOver: this.passedOver,
      sample: [...this.sample],
      keptSample: [...this.keptSample],
      remaining: this.remaining,
    };
  }
}

function noFiles(): { files: number; bytes: number } {
  return { files: 0, bytes: 0 };
}

function count(sum: { files: number; bytes: number }, bytes: number): void {
  sum.files += 1;
  sum.bytes += bytes;
}
