import type { StructType } from '../../delta/schema.ts';
import { type ChangeCounts, totalOf } from '../changes/change-type.ts';
import { outputFields, type WrittenChanges } from '../output/change-output.ts';
import type { RangePlan } from './plan.ts';
import { rangeName, type VersionRange } from './range.ts';
import { type ExportTarget, jsonBytes, numberIn, readJson, targetKey } from './target.ts';

/** `_SUCCESS` of a range: it is there once all of its files are. */
export interface Manifest extends VersionRange {
  readonly table: string;
  readonly tableId: string;
  readonly format: string;
  /** Names of the columns, as they are in files with all of them. */
  readonly columns: readonly string[];
  /** Rows by change type, of those that were written. */
  readonly changes: ChangeCounts;
  /** Rows in all. */
  readonly rows: number;
  readonly files: readonly {
    /** Relative to the manifest. */
    readonly path: string;
    readonly rows: number;
    /** As they are stored. */
    readonly bytes: number;
  }[];
}

/** What was written for a range. */
export function manifestOf(
  target: ExportTarget,
  table: string,
  schema: StructType,
  { from, until, tableId, output }: RangePlan,
  { parts, counts }: WrittenChanges,
): Manifest {
  const folder = `${folderKey(target, { from, until })}/`;
  return {
    table,
    tableId,
    from,
    until,
    format: output.format,
    columns: outputFields(schema, output.changeColumns).map(({ name }) => name),
    changes: counts,
    rows: totalOf(counts),
    files: parts.map(({ key, rows, bytes }) => ({ path: key.slice(folder.length), rows, bytes })),
  };
}

export async function writeManifest(target: ExportTarget, manifest: Manifest): Promise<void> {
  await target.store.put(manifestKey(target, manifest), jsonBytes(manifest));
}

/** Whether all files of a range are there. Throws `CORRUPT_EXPORT` for a manifest that is none. */
export async function isComplete(target: ExportTarget, range: VersionRange): Promise<boolean> {
  const key = manifestKey(target, range);
  const object = await readJson(target.store, key);
  return object !== undefined && numberIn(object, 'until', key) === range.until;
}

/** The key of the range's folder, without a slash at its end. */
export function folderKey(target: ExportTarget, range: VersionRange): string {
  return targetKey(target, rangeName(range));
}

function manifestKey(target: ExportTarget, range: VersionRange): string {
  return `${folderKey(target, range)}/_SUCCESS`;
}
