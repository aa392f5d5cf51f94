import { isStoreError, type ObjectStore } from '../../storage/object-store.ts';
import { openCheckpointFile } from '../checkpoint-file.ts';
import { isParquetError } from '../errors.ts';
import { type Footer, TRAILER_BYTES } from '../footer.ts';
import type { RangeSource } from '../range-source.ts';
import type { RowBatch } from './batch.ts';
import type { FieldSource } from './bind-columns.ts';
import { convertFields } from './convert-column.ts';
import { type Group, groupFile, rowGroupsOf } from './group-file.ts';
import { ARROW_SCHEMA_KEY, int96Hint } from './int96-hint.ts';
import { InexactValueError, UnfitFileError } from './rewrite-error.ts';

/** A data file whose footer is read. All reads after that are of the same version of the object. */
export interface DataFile {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly footer: Footer;
  readonly source: RangeSource;
  /** Where the footer starts. */
  readonly dataEnd: number;
}

/**
 * Opens a data file of `size` bytes: one ranged GET, two for a footer above 64 KiB. Throws `UnfitFileError` for what is
 * no Parquet file, and for an object of another size, which is another version than the log is about.
 */
export async function openDataFile(store: ObjectStore, key: string, size: number): Promise<DataFile> {
  try {
    const { footer, source, dataEnd } = await openCheckpointFile(store, { key, size });
    const actual = dataEnd + footer.bytes.length + TRAILER_BYTES;
    if (actual !== size) throw new UnfitFileError(key, `it has ${actual} bytes, the log says ${size}`);
    return { key, size, footer, source, dataEnd };
  } catch (error) {
    if (isParquetError(error)) throw new UnfitFileError(key, error.message, { cause: error });
    if (isStoreError(error, 'NOT_FOUND')) throw new UnfitFileError(key, 'it is not there', { cause: error });
    throw error;
  }
}

/** Bytes of the pages that are decoded at once, about. Their rows are there twice for a moment. */
const WINDOW_BYTES = 16 * 1024 * 1024;
const MIN_WINDOW_ROWS = 64;
/** Rows of a batch at most. */
const BATCH_ROWS = 65_536;

export interface ReadOptions {
  /** Row groups that end before this row, counted from 0, are passed over. @default 0 */
  readonly startRow?: number;
}

export interface PlacedBatch extends RowBatch {
  /** Place of its first row in the file, from 0. */
  readonly firstRow: number;
}

/**
 * Streams the rows in their order, as the columns that `fields` says (see `bindColumns`). Holds one row group as it is
 * stored, twice, and the rows of a few MiB of it. Throws `UnfitFileError` for pages that cannot be read, and for a value
 * that the column's type does not hold; the store's errors as they come.
 */
export async function* readBatches(
  file: DataFile,
  fields: readonly FieldSource[],
  { startRow = 0 }: ReadOptions = {},
): AsyncGenerator<PlacedBatch, void> {
  const [arrow, wasm] = await Promise.all([import('apache-arrow'), import('parquet-wasm')]);
  const { footer, source } = file;
  const hint = int96Hint(arrow, footer);
  const pairs = new Map(hint === undefined ? [] : [[ARROW_SCHEMA_KEY, hint]]);
  let firstRow = 0;
  for (const group of reading(file, () => rowGroupsOf(footer, file.dataEnd))) {
    if (firstRow + group.rowCount <= startRow) {
      firstRow += group.rowCount;
      continue;
    }
    const data = await source.read(group.range);
    const bytes = reading(file, () => groupFile(footer, group, data, pairs));
    const limit = windowRows(group);
    let rows = 0;
    for (let offset = 0; offset < group.rowCount; offset += limit) {
      // Not as a stream: what goes wrong in WebAssembly there ends the process.
      const stream = reading(file, () =>
        wasm.readParquet(bytes, { offset, limit, batchSize: BATCH_ROWS }).intoIPCStream(),
      );
      for (const { data, numRows } of arrow.tableFromIPC(stream).batches) {
        const columns = reading(file, () => convertFields(arrow, fields, data.children, numRows));
        yield { rowCount: numRows, columns, firstRow: firstRow + rows };
        rows += numRows;
      }
    }
    if (rows !== group.rowCount) {
      throw new UnfitFileError(file.key, `a row group of ${group.rowCount} rows has ${rows} in its pages`);
    }
    firstRow += rows;
  }
}

function windowRows({ rowCount, pageBytes }: Group): number {
  const rows = Math.floor((WINDOW_BYTES * rowCount) / Math.max(pageBytes, 1));
  return Math.max(MIN_WINDOW_ROWS, rows);
}

/** Says of which file an error is. Those of parquet-rs are texts, or whatever WebAssembly throws. */
function reading<T>(file: DataFile, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    const reason = error instanceof InexactValueError ? cause : `its pages cannot be read: ${cause}`;
    throw new UnfitFileError(file.key, reason, { cause: error });
  }
}
