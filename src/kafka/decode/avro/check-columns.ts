import { type ColumnPath, type DataType, formatPath, type StructType } from '../../../delta/schema.ts';
import { isParquetError } from '../../../parquet/errors.ts';
import { buildColumns } from '../../../parquet/write/build-column.ts';
import { unknownSchema } from './schema.ts';

/**
 * Throws `UNKNOWN_SCHEMA` when a table cannot have the columns. The names of Avro are all legal in Delta; but "all column
 * names must be unique regardless of casing" (PROTOCOL.md), and not every struct is one for all readers.
 */
export function checkColumns(row: StructType): void {
  checkNames(row, []);
  // A payload without columns still is a row with those of the record around it.
  if (row.fields.length === 0) return;
  try {
    buildColumns(row);
  } catch (cause) {
    if (!isParquetError(cause)) throw cause;
    throw unknownSchema(cause.message, { cause });
  }
}

function checkNames(type: DataType, path: ColumnPath): void {
  if (typeof type === 'string') return;
  if (type.type === 'struct') checkFields(type, path);
  else if (type.type === 'array') checkNames(type.elementType, [...path, 'element']);
  else checkNames(type.valueType, [...path, 'value']);
}

function checkFields({ fields }: StructType, path: ColumnPath): void {
  const seen = new Map<string, string>();
  for (const { name, type } of fields) {
    const lower = name.toLowerCase();
    const other = seen.get(lower);
    if (other !== undefined) {
      const where = path.length === 0 ? 'the record' : `"${formatPath(path)}"`;
      throw unknownSchema(`${where} has the fields "${other}" and "${name}", which are one column to Delta`);
    }
    seen.set(lower, name);
    checkNames(type, [...path, name]);
  }
}
