import { isDeltaError } from '../../delta/errors.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { type DeletedRows, readDeletionVector } from '../../maintenance/optimize/deletion-vector.ts';
import { DeletionVectorError } from '../../maintenance/optimize/deletion-vector-error.ts';
import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import { bindColumns } from '../../parquet/rewrite/bind-columns.ts';
import { type DataFile, openDataFile, readBatches } from '../../parquet/rewrite/data-file.ts';
import { UnfitFileError } from '../../parquet/rewrite/rewrite-error.ts';
import type { ColumnSlice } from '../../parquet/write/column.ts';
import { CdfError } from '../errors.ts';
import { type ChangeShape, fileSchema } from './change-schema.ts';
import { CHANGE_TYPES, type ChangeCode, CODES } from './change-type.ts';
import type { ChangeFile } from './commit-changes.ts';
import { constantColumn, partitionCell } from './constant-column.ts';

/** What a file is read for. */
export interface FileContext {
  readonly table: TableRef;
  /** The version whose changes the file has. */
  readonly version: number;
  readonly shape: ChangeShape;
  /** Throws when the work is to end. */
  checkTime(): void;
}

/** Rows of a file with the columns of the table in its order, and what happened to each: a code, `UNCHANGED` for nothing. */
export interface FileBatch extends RowBatch {
  readonly changes: Uint8Array;
}

export const UNCHANGED = 255;

/**
 * Streams the rows of a file in their order, with what happened to them. Holds a row group as it is stored, and the rows
 * of some MiB of it. Throws CdfError (`FILE_GONE`, `UNREADABLE_FILE`) with version and path, and the store's errors.
 */
export async function* readChangeFile(context: FileContext, file: ChangeFile): AsyncGenerator<FileBatch, void> {
  try {
    yield* read(context, file);
  } catch (error) {
    if (isUnreadable(error)) throw unreadable(context, file, error);
    throw error;
  }
}

async function* read(context: FileContext, file: ChangeFile): AsyncGenerator<FileBatch, void> {
  const { shape, checkTime } = context;
  const data = await open(context, file);
  const recorded = file.kind === 'recorded';
  // Files may have columns that the table lacks; no reader shows them.
  const bound = bindColumns(data.footer, fileSchema(shape, recorded), {
    typeWidening: shape.typeWidening,
    dropUnknown: true,
  });
  if (bound.problems.length > 0) throw new UnfitFileError(data.key, bound.problems.join('; '));
  const changeAt = recorded ? undefined : await derivedChanges(context, file, data.footer.rowCount);
  let row = 0;
  for await (const { rowCount, columns } of readBatches(data, bound.fields)) {
    checkTime();
    const changes = new Uint8Array(rowCount);
    if (changeAt === undefined) fillRecorded(data.key, columns.at(-1), changes);
    else for (let index = 0; index < rowCount; index++) changes[index] = changeAt(row + index);
    row += rowCount;
    yield { rowCount, columns: withPartitions(shape, file, columns, rowCount), changes };
  }
}

async function open({ table, version }: FileContext, { path, size }: ChangeFile): Promise<DataFile> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) throw new UnfitFileError(path, "it is not under the table's root");
  const key = tableKey(table, path);
  // Openly asked: it tells a file that was vacuumed away from one that cannot be read.
  const stored = size === undefined ? await table.store.head(key) : undefined;
  if (size === undefined && stored === undefined) throw gone(table, version, path);
  try {
    return await openDataFile(table.store, key, size ?? stored?.size ?? 0);
  } catch (error) {
    if (error instanceof UnfitFileError && (await table.store.head(key)) === undefined) {
      throw gone(table, version, path, error);
    }
    throw error;
  }
}

function gone({ url }: TableRef, version: number, path: string, cause?: unknown): CdfError {
  return new CdfError(
    'FILE_GONE',
    `The changes of version ${version} of ${url} cannot be read: "${path}" is not there any more (a vacuum deletes what ` +
      'is older than delta.deletedFileRetentionDuration)',
    { table: url, version, path },
    { cause },
  );
}

/** What happened to each row of a file that was added, removed, or got another deletion vector. */
async function derivedChanges(
  { table }: FileContext,
  file: Exclude<ChangeFile, { kind: 'recorded' }>,
  rowCount: number,
): Promise<(row: number) => number> {
  const vector = async (dv: Parameters<typeof readDeletionVector>[1] | undefined) =>
    dv === undefined ? undefined : readDeletionVector(table, dv, rowCount);
  if (file.kind === 'whole') {
    const deleted = await vector(file.deletionVector);
    const change = CODES[file.change];
    return (row) => (isSet(deleted, row) ? UNCHANGED : change);
  }
  const before = await vector(file.before);
  const after = await vector(file.after);
  return (row) => {
    const [was, is] = [isSet(before, row), isSet(after, row)];
    if (was === is) return UNCHANGED;
    return is ? CODES.delete : CODES.insert;
  };
}

function isSet(rows: DeletedRows | undefined, row: number): boolean {
  return rows !== undefined && (((rows.bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

const NAMES: ReadonlyMap<string, ChangeCode> = new Map(CHANGE_TYPES.map((name) => [name, CODES[name]]));

/** The codes of the names that a recorded change has. */
function fillRecorded(key: string, column: ColumnSlice | undefined, changes: Uint8Array): void {
  if (column?.values.kind !== 'bytes') throw new UnfitFileError(key, 'its column "_change_type" has no texts');
  const { offsets, data } = column.values;
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  for (let row = 0; row < changes.length; row++) {
    const name = text.toString('latin1', offsets[row], offsets[row + 1]);
    const code = NAMES.get(name);
    if (code === undefined) {
      const expected = `expected ${CHANGE_TYPES.join(', ')}`;
      throw new UnfitFileError(key, `its column "_change_type" has ${JSON.stringify(name)}, ${expected}`);
    }
    changes[row] = code;
  }
}

/** The columns of the file with those of its partition between them, in the order of the table. */
function withPartitions(
  { schema, partitionColumns }: ChangeShape,
  { path, partitionValues }: ChangeFile,
  columns: readonly ColumnSlice[],
  rowCount: number,
): ColumnSlice[] {
  const partitions = new Set(partitionColumns.map((name) => name.toLowerCase()));
  const other = Object.keys(partitionValues ?? {}).find((name) => !partitionColumns.includes(name));
  if (other !== undefined) throw new UnfitFileError(path, `it is partitioned by "${other}", and the table is not`);
  let next = 0;
  return schema.fields.map(({ name, type }) => {
    if (!partitions.has(name.toLowerCase())) {
      const column = columns[next++];
      if (column === undefined) throw new TypeError(`the rows of "${path}" have ${columns.length} columns`);
      return column;
    }
    if (partitionValues === undefined)
      throw new UnfitFileError(path, 'the log does not say the values of its partition');
    // A column that is not named is null: Spark's RESTORE leaves those out.
    const text = Object.hasOwn(partitionValues, name) ? (partitionValues[name] ?? null) : null;
    return constantColumn(type, partitionCell(text, type, name), rowCount);
  });
}

function isUnreadable(error: unknown): error is Error {
  return (
    error instanceof UnfitFileError || error instanceof DeletionVectorError || isDeltaError(error, 'INVALID_SCHEMA')
  );
}

function unreadable({ table, version }: FileContext, { path }: ChangeFile, cause: Error): CdfError {
  return new CdfError(
    'UNREADABLE_FILE',
    `The changes of version ${version} of ${table.url} cannot be read: "${path}": ${cause.message}`,
    { table: table.url, version, path },
    { cause },
  );
}
