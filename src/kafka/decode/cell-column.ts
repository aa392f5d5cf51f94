import { type ColumnPath, type DataType, formatPath, typeName } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import type { Datum } from './datum.ts';
import { describeDatum, quoteText } from './json-text.ts';
import { PayloadError } from './payload-error.ts';

/** Turns a value into the cell of one column. */
export type ToCell = (value: Datum) => CellValue;

/** A column, or a part of one, that cells are made for: what messages say about it. */
export interface CellColumn {
  /** Names from the schema's root down; `element`, `key` and `value` stand for the parts of arrays and maps. */
  readonly path: ColumnPath;
  readonly type: DataType;
}

/** A value that a column cannot have. `expected` says more than the name of the type where that is not enough. */
export function mismatch(column: CellColumn, value: Datum, expected = typeName(column.type)): PayloadError {
  return new PayloadError(
    'TYPE_MISMATCH',
    `${describePath(column.path)} got ${describeDatum(value)}, expected ${expected}`,
  );
}

/** A field of a payload that a struct does not have. */
export function unknownField(path: ColumnPath, name: string): PayloadError {
  return new PayloadError(
    'UNKNOWN_COLUMN',
    `${describePath(path)} got the field ${quoteText(name)}, which it does not have`,
  );
}

/** Refuses null before `toCell` sees it. */
export function required(column: CellColumn, toCell: ToCell): ToCell {
  return (value) => {
    if (value === null || value === undefined) throw mismatch(column, value, `${typeName(column.type)}, not null`);
    return toCell(value);
  };
}

/**
 * An object without fields, to be given those that are named. One that will have a `__proto__` has no prototype: it would
 * be set otherwise.
 */
export function emptyStruct(names: readonly string[]): () => Record<string, CellValue> {
  return names.includes('__proto__') ? () => Object.create(null) : () => ({});
}

function describePath(path: ColumnPath): string {
  return path.length === 0 ? 'The value' : `The column "${formatPath(path)}"`;
}
