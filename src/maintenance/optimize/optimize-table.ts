import { DeltaError } from '../../delta/errors.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { sortPositions } from '../../parquet/rewrite/sort-keys.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { packBins, totalSize } from './bins.ts';
import { findCandidates } from './candidates.ts';
import type { InputFile } from './input-file.ts';
import { LeftAloneList } from './left-alone.ts';
import { DEFAULT_TARGET_SIZE, MAX_TARGET_SIZE, type OptimizeOptions, type OptimizeResult } from './options.ts';
import { assertRewritable, dataColumns } from './rules.ts';
import { OptimizeRun } from './run.ts';

/**
 * Puts small files of a table's partitions together into larger ones, without changing a row (`dataChange` is false).
 *
 * Each bin is written and checked first; a commit then takes some bins at once. A run that ends early, be it by its
 * budget or by a crash, leaves the table as its last commit has it, and the next one goes on from there: files of
 * committed bins are small no longer. A crash may leave new files that no commit has, for a vacuum.
 *
 * Throws `TABLE_NOT_FOUND` and the other errors of `loadSnapshot`; `UNSUPPORTED_WRITER` for a table that must not be
 * rewritten here (`assertRewritable`); RangeError for options that make no sense; `COMMIT_CONTENTION` when the time is
 * over while other writers win; the store's errors.
 */
export async function optimizeTable(
  engine: MaintenanceEngine,
  table: TableRef,
  options: OptimizeOptions = {},
): Promise<OptimizeResult> {
  const base = await loadSnapshot(table, engine.reader);
  assertRewritable(base);
  const targetSize = options.targetSize ?? targetSizeOf(base);
  assertOptions(base, options, targetSize);
  const leftAlone = new LeftAloneList();
  const rules = {
    minFileSize: options.minFileSize ?? Math.floor(0.75 * targetSize),
    before: engine.now() - (options.minAge ?? 0),
    where: options.where ?? [],
  };
  const { partitions, isCut } = await findCandidates(base, engine.reader, rules, leftAlone);
  const bins = partitions.flatMap((files) => packBins(files, { targetSize, minFiles: options.minInputFiles ?? 2 }));
  const run = new OptimizeRun({ engine, base, options, leftAlone, targetSize });
  if (isBeyond(bins, isCut, options.maxBacklog)) return run.execute([], { bins, isCut, isBeyond: true });
  const planned = withinBudget(bins, options.maxBytes ?? Number.POSITIVE_INFINITY);
  return run.execute(planned.bins, { bins: planned.rest, isCut, isBeyond: false });
}

function isBeyond(bins: readonly (readonly InputFile[])[], isCut: boolean, maxBacklog: number | undefined): boolean {
  if (maxBacklog === undefined) return false;
  return isCut || bins.reduce((sum, bin) => sum + totalSize(bin), 0) > maxBacklog;
}

/** The leading bins that fit the budget, at least one, so that every run gets on. */
function withinBudget(
  bins: readonly (readonly InputFile[])[],
  maxBytes: number,
): { readonly bins: readonly (readonly InputFile[])[]; readonly rest: readonly (readonly InputFile[])[] } {
  let bytes = 0;
  let count = 0;
  for (const bin of bins) {
    bytes += totalSize(bin);
    if (count > 0 && bytes > maxBytes) break;
    count++;
  }
  return { bins: bins.slice(0, count), rest: bins.slice(count) };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes that a file is to have as the table has it, else `DEFAULT_TARGET_SIZE`. */
export function targetSizeOf(snapshot: Snapshot): number {
  return propertySize(snapshot) ?? DEFAULT_TARGET_SIZE;
}

/** `delta.targetFileSize`: bytes, or with a unit such as `100mb` (Spark's JavaUtils.byteStringAs). */
function propertySize({ metadata }: Snapshot): number | undefined {
  const [, digits, unit = ''] =
    /^\s*(\d{1,15})\s*([bkmg]?)i?b?\s*$/i.exec(metadata.configuration['delta.targetFileSize'] ?? '') ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return digits === undefined || factor === undefined ? undefined : Math.min(MAX_TARGET_SIZE, Number(digits) * factor);
}

function assertOptions(base: Snapshot, options: OptimizeOptions, targetSize: number): void {
  if (!Number.isSafeInteger(targetSize) || targetSize < 1 || targetSize > MAX_TARGET_SIZE) {
    throw new RangeError(`the target size is ${targetSize} bytes, expected 1 to ${MAX_TARGET_SIZE}`);
  }
  const schema = dataColumns(base);
  if (schema.fields.length === 0) {
    const { table } = base;
    throw new DeltaError('UNSUPPORTED_WRITER', `${table.url} has no columns but its partition columns`, {
      table: table.url,
    });
  }
  if (options.order === undefined) return;
  if (options.order.columns.length === 0) throw new RangeError('no column to sort by was given');
  sortPositions(schema, options.order.columns);
}
