import type { ColumnPath, StructType } from '../../delta/schema.ts';
import { buildColumns } from './build-column.ts';
import { CellError, type CellValue } from './cell.ts';
import type { Column } from './column.ts';
import { type EncodeOptions, encodeParquet } from './encode.ts';
import { withNanCounts } from './nan-counts.ts';
import { type FieldColumn, StructColumn } from './nested-columns.ts';
import { countNaN } from './number-columns.ts';

export interface ParquetWriteOptions {
  /** @default 'zstd' */
  readonly compression?: 'zstd' | 'snappy' | 'uncompressed';
  /** Rows a row group at most. @default DEFAULT_ROW_GROUP_ROWS */
  readonly maxRowGroupRows?: number;
  /** Whether columns with few distinct values have a dictionary. @default true */
  readonly dictionary?: boolean;
}

/** Rows of a row group, as parquet-rs has them: readers split files at row groups. */
export const DEFAULT_ROW_GROUP_ROWS = 1_048_576;

/**
 * Takes rows and makes a Parquet file of them, of which Spark, delta-rs and DuckDB read the columns as the types of the
 * schema. The values go into growing buffers, a few for each column; no row is kept as an object.
 */
export class RowWriter {
  readonly #schema: StructType;
  readonly #fields: readonly FieldColumn[];
  readonly #columns: readonly Column[];
  #rowCount = 0;
  #finished = false;

  /**
   * Metadata of the fields is not looked at. Throws a `ParquetError`, `UNSUPPORTED_TYPE`, when the schema has a type that
   * not all readers read, or no field.
   */
  constructor(schema: StructType) {
    this.#schema = schema;
    this.#fields = buildColumns(schema);
    this.#columns = this.#fields.map(({ column }) => column);
  }

  /**
   * Adds a row: a value for each field of the schema, in its order. Throws a `CellError` when one does not fit; the writer
   * is then as it was before.
   */
  append(values: readonly CellValue[]): void {
    if (this.#finished) throw new Error('The file is written: no row can be added');
    const columns = this.#columns;
    if (values.length !== columns.length) {
      throw new CellError('ROW_LENGTH', {
        path: [],
        expected: `${columns.length}, one for each field`,
        got: `${values.length} values`,
      });
    }
    try {
      for (let index = 0; index < columns.length; index++) columns[index]?.append(values[index]);
    } catch (error) {
      this.truncate(this.#rowCount);
      throw error;
    }
    this.#rowCount++;
  }

  /** Drops the rows behind the first `rowCount`. */
  truncate(rowCount: number): void {
    for (const column of this.#columns) column.truncate(rowCount);
    this.#rowCount = rowCount;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes that the rows take in the buffers, which may have reserved as much again. */
  get byteSize(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.byteSize;
    return bytes;
  }

  /** The bytes of the file. Ends the writer: it takes no row afterwards. */
  async finish(options: ParquetWriteOptions = {}): Promise<Uint8Array> {
    const encodeOptions = withDefaults(options);
    this.#finished = true;
    const { byteSize, rowCount } = this;
    const schema = this.#schema;
    const slice = (from: number, to: number) => this.#columns.map((column) => column.slice(from, to));
    const hasNaN = anyNaN(this.#columns, rowCount);
    const distinct = this.#fields.filter(({ column }) => column.isMostlyDistinct()).map(({ name }) => name);
    const file = await encodeParquet({ schema, rowCount, hasNaN, distinct, byteSize, slice }, encodeOptions);
    return withNanCounts(file, ({ path }, from, to) => countNaN(findColumn(this.#fields, path), from, to));
  }
}

/** Whether a column outside of arrays and maps has a NaN. */
function anyNaN(columns: readonly Column[], rowCount: number): boolean {
  return columns.some((column) =>
    column instanceof StructColumn
      ? anyNaN(
          column.fields.map((field) => field.column),
          rowCount,
        )
      : countNaN(column, 0, rowCount) > 0,
  );
}

function withDefaults(options: ParquetWriteOptions): EncodeOptions {
  const { compression = 'zstd', maxRowGroupRows = DEFAULT_ROW_GROUP_ROWS, dictionary = true } = options;
  if (!Number.isSafeInteger(maxRowGroupRows) || maxRowGroupRows < 1) {
    throw new RangeError(`maxRowGroupRows is ${maxRowGroupRows}, expected a whole number from 1`);
  }
  return { compression, maxRowGroupRows, dictionary };
}

/** The column of a path that leads through structs only. */
function findColumn(fields: readonly FieldColumn[], path: ColumnPath): Column | undefined {
  const [name, ...rest] = path;
  const column = fields.find((field) => field.name === name)?.column;
  return rest.length === 0 || !(column instanceof StructColumn) ? column : findColumn(column.fields, rest);
}
