import { partitionValue } from '../../delta/partition.ts';
import type { DataType } from '../../delta/schema.ts';
import { typedText } from '../../maintenance/checkpoint/typed-text.ts';
import { buildColumns } from '../../parquet/write/build-column.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import type { ColumnSlice } from '../../parquet/write/column.ts';

/** A column that has the value in each of its rows. */
export function constantColumn(type: DataType, value: CellValue, length: number): ColumnSlice {
  return columnOf(type, length, () => value);
}

/** A column of values. */
export function columnOf(type: DataType, length: number, valueAt: (row: number) => CellValue): ColumnSlice {
  const [built] = buildColumns({ type: 'struct', fields: [{ name: 'value', type, nullable: true, metadata: {} }] });
  if (built === undefined) throw new TypeError('a schema of one field has one column');
  for (let row = 0; row < length; row++) built.column.append(valueAt(row));
  return built.column.slice(0, length);
}

/**
 * The value of a partition column, from the text of the log (PROTOCOL.md "Partition Value Serialization"). Throws
 * `INVALID_SCHEMA` for text that is no value of the type.
 */
export function partitionCell(text: string | null, type: DataType, column: string): CellValue {
  const canonical = partitionValue(text, type, column);
  return canonical === null ? null : typedText(canonical, type);
}
