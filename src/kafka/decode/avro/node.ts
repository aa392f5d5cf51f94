import type { DataType } from '../../../delta/schema.ts';
import type { CellValue } from '../../../parquet/write/cell.ts';
import type { Cursor } from './cursor.ts';

/** How values of a type are read, and the column that they fill. */
export interface Node {
  /** Undefined for what no column can hold, such as nulls only or empty records. It is read all the same. */
  readonly type: DataType | undefined;
  /** Cells that a value has in the columns of `type`, with those of structs themselves; items of arrays are apart. */
  readonly cells: number;
  /** Whether a value takes no byte, whatever it is. Such a type has no column either. */
  readonly isEmpty: boolean;
  /** Takes one value from the cursor. What it gives without a column is of no meaning. */
  readonly read: (cursor: Cursor) => CellValue;
}

/** A column that has one cell a value. */
export function leaf(type: DataType, read: Node['read']): Node {
  return { type, cells: 1, isEmpty: false, read };
}
