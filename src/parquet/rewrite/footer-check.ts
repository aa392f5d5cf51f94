import { type ColumnPath, type DataType, decimalOf, formatPath, type StructType } from '../../delta/schema.ts';
import type { FileStatistics } from '../../delta/stats.ts';
import type { ColumnBounds } from '../../delta/stats-value.ts';
import type { ColumnSlice, FixedData } from '../write/column.ts';
import type { RowBatch } from './batch.ts';
import { hasValue } from './leaf-input.ts';

/**
 * Holds the values that were read of a file against its footer, which was written before them and is read by other code:
 * as many nulls in each column as it says, and no whole number, date, time or decimal outside of its bounds. It finds
 * pages that were damaged and still decode, and mistakes of the decoder. What the footer does not tell is not looked at.
 */
export class FooterCheck {
  readonly #columns: readonly CheckedColumn[];

  /** `schema` is what the file is read as; `statistics` are those of the file. */
  constructor(schema: StructType, statistics: FileStatistics) {
    this.#columns = checkedColumns(schema, statistics, [], []);
  }

  add({ columns, rowCount }: RowBatch): void {
    for (const column of this.#columns) addColumn(column, columns, rowCount);
  }

  /** What contradicts the footer, once all rows were seen; undefined when nothing does. */
  contradiction(): string | undefined {
    for (const { path, expectedNulls, nulls, bounds, isOutside } of this.#columns) {
      const name = formatPath(path);
      if (expectedNulls !== undefined && nulls !== expectedNulls) {
        return `its column "${name}" has ${nulls} nulls, its footer says ${expectedNulls}`;
      }
      if (isOutside)
        return `its column "${name}" has values outside of ${bounds?.min} to ${bounds?.max}, as its footer says`;
    }
    return undefined;
  }
}

interface CheckedColumn {
  readonly path: ColumnPath;
  /** Positions among the fields, from the top down. */
  readonly positions: readonly number[];
  readonly expectedNulls: number | undefined;
  readonly bounds: Bounds | undefined;
  readonly read: ReadValue;
  nulls: number;
  isOutside: boolean;
}

/** In the units of the column as it is read. */
interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
}

type ReadValue = (data: FixedData, index: number) => bigint | number;

const readPlain: ReadValue = (data, index) => data[index] ?? 0;
const readLowerHalf: ReadValue = (data, index) => data[2 * index] ?? 0n;

function checkedColumns(
  struct: StructType,
  statistics: FileStatistics,
  parent: ColumnPath,
  parentPositions: readonly number[],
): CheckedColumn[] {
  return struct.fields.flatMap(({ name, type }, index) => {
    const path = [...parent, name];
    const positions = [...parentPositions, index];
    if (typeof type !== 'string' && type.type === 'struct') return checkedColumns(type, statistics, path, positions);
    const { nullCount, bounds } = statistics.column(path);
    const read = decimalOf(type) === undefined ? readPlain : readLowerHalf;
    return [
      { path, positions, expectedNulls: nullCount, bounds: boundsAs(type, bounds), read, nulls: 0, isOutside: false },
    ];
  });
}

/** Digits of decimals of which the lower half says all. */
const MAX_LONG_DIGITS = 18;

/** The bounds of a file as those of what its values are read as; undefined where they are not compared. */
function boundsAs(type: DataType, bounds: ColumnBounds): Bounds | undefined {
  switch (bounds.kind) {
    case 'integer':
      return INTEGERS.has(type) ? toBounds(bounds.min, bounds.max) : decimalBounds(type, bounds, 0);
    case 'date':
      return type === 'date' ? toBounds(bounds.min, bounds.max) : undefined;
    case 'timestamp':
      return type === 'timestamp' || type === 'timestamp_ntz' ? toBounds(bounds.min, bounds.max) : undefined;
    case 'decimal':
      return decimalBounds(type, bounds, bounds.scale);
    default:
      return undefined;
  }
}

const INTEGERS: ReadonlySet<DataType> = new Set(['byte', 'short', 'integer', 'long']);

function decimalBounds(
  type: DataType,
  { min, max }: { readonly min: bigint | undefined; readonly max: bigint | undefined },
  scale: number,
): Bounds | undefined {
  const decimal = decimalOf(type);
  if (decimal === undefined || decimal.precision > MAX_LONG_DIGITS || decimal.scale < scale) return undefined;
  const factor = 10n ** BigInt(decimal.scale - scale);
  return min === undefined || max === undefined ? undefined : toBounds(min * factor, max * factor);
}

function toBounds(min: bigint | number | undefined, max: bigint | number | undefined): Bounds | undefined {
  return min === undefined || max === undefined ? undefined : { min: BigInt(min), max: BigInt(max) };
}

/** Counts the places without a value, also where a struct around it is null, and looks at those with one. */
function addColumn(column: CheckedColumn, columns: readonly ColumnSlice[], rowCount: number): void {
  const trail: (Uint8Array | undefined)[] = [];
  let own = columns;
  let slice: ColumnSlice | undefined;
  for (const position of column.positions) {
    slice = own[position];
    if (slice === undefined) return;
    if (slice.validity !== undefined) trail.push(slice.validity);
    own = slice.values.kind === 'struct' ? slice.values.fields : [];
  }
  const data = slice?.values.kind === 'fixed' ? slice.values.data : undefined;
  const { bounds, read } = column;
  for (let row = 0; row < rowCount; row++) {
    if (trail.some((validity) => !hasValue(validity, row))) {
      column.nulls++;
    } else if (data !== undefined && bounds !== undefined) {
      const value = read(data, row);
      if (value < bounds.min || value > bounds.max) column.isOutside = true;
    }
  }
}
