import type { ColumnPath, StructType } from '../../delta/schema.ts';
import { ParquetError } from '../errors.ts';
import type { Footer } from '../footer.ts';
import type { ColumnSlice } from '../write/column.ts';
import type { CountNaN } from '../write/nan-counts.ts';
import type { RowBatch } from './batch.ts';
import { hasValue } from './leaf-input.ts';

/** Counts the NaNs of each column outside of arrays and maps, by row group, as the rows go by. */
export class NanCounter {
  readonly #rowGroupRows: number;
  readonly #columns: readonly {
    readonly path: ColumnPath;
    readonly positions: readonly number[];
    readonly counts: number[];
  }[];
  #row = 0;

  constructor(schema: StructType, rowGroupRows: number) {
    this.#rowGroupRows = rowGroupRows;
    this.#columns = floatColumns(schema, [], []).map((column) => ({ ...column, counts: [] }));
  }

  add({ rowCount, columns }: RowBatch): void {
    for (const { positions, counts } of this.#columns)
      countInto(counts, columns, positions, this.#row, this.#rowGroupRows);
    this.#row += rowCount;
  }

  /** The counts for a file that was made of these rows. Throws `CORRUPT` when its row groups are others. */
  counterFor(footer: Footer): CountNaN {
    const size = this.#rowGroupRows;
    const isAsPlanned = footer.rowGroups.every(
      ({ rowCount }, index) => rowCount === size || (index === footer.rowGroups.length - 1 && rowCount < size),
    );
    if (!isAsPlanned) throw new ParquetError('CORRUPT', `the writer made row groups of other than ${size} rows`);
    const byPath = new Map(this.#columns.map(({ path, counts }) => [JSON.stringify(path), counts]));
    return ({ path }, from) => byPath.get(JSON.stringify(path))?.[from / size] ?? 0;
  }
}

interface FloatColumn {
  readonly path: ColumnPath;
  /** Positions among the fields, from the top down. */
  readonly positions: readonly number[];
}

function floatColumns(struct: StructType, path: ColumnPath, positions: readonly number[]): FloatColumn[] {
  return struct.fields.flatMap(({ name, type }, index) => {
    const own = { path: [...path, name], positions: [...positions, index] };
    if (type === 'float' || type === 'double') return [own];
    return typeof type !== 'string' && type.type === 'struct' ? floatColumns(type, own.path, own.positions) : [];
  });
}

function countInto(
  counts: number[],
  columns: readonly ColumnSlice[],
  positions: readonly number[],
  firstRow: number,
  rowGroupRows: number,
): void {
  const [position = -1, ...rest] = positions;
  const column = columns[position];
  if (column === undefined) return;
  if (column.values.kind === 'struct') {
    countInto(counts, column.values.fields, rest, firstRow, rowGroupRows);
    return;
  }
  if (column.values.kind !== 'fixed') return;
  const { data } = column.values;
  for (let index = 0; index < column.length; index++) {
    if (!Number.isNaN(data[index] as number) || !hasValue(column.validity, index)) continue;
    const group = Math.floor((firstRow + index) / rowGroupRows);
    counts[group] = (counts[group] ?? 0) + 1;
  }
}
