import {
  type ColumnPath,
  type DataType,
  decimalOf,
  formatPath,
  type StructField,
  type StructType,
  typeName,
} from '../../delta/schema.ts';
import { ParquetError } from '../errors.ts';
import { DecimalColumn, LongColumn } from './bigint-columns.ts';
import { BinaryColumn, StringColumn } from './byte-columns.ts';
import type { Column, ColumnInfo } from './column.ts';
import { ArrayColumn, type FieldColumn, MapColumn, StructColumn } from './nested-columns.ts';
import { BooleanColumn, DoubleColumn, FloatColumn, IntegerColumn, isIntegerType } from './number-columns.ts';

/**
 * An empty column for each field. Throws `UNSUPPORTED_TYPE` for what a file that all readers read cannot have: `variant`
 * and `void`, structs without fields, and those that DuckDB takes for variants.
 */
export function buildColumns(schema: StructType): readonly FieldColumn[] {
  return buildFields(schema, []);
}

function buildFields(struct: StructType, path: ColumnPath): readonly FieldColumn[] {
  if (struct.fields.length === 0) throw unsupported(path, struct, 'Parquet has no structs without fields');
  if (path.length > 0 && looksLikeVariant(struct)) {
    throw unsupported(path, struct, 'DuckDB takes a struct of binary "metadata" and "value" for a variant');
  }
  return struct.fields.map(({ name, type, nullable }) => ({
    name,
    column: buildColumn({ path: [...path, name], type, nullable }),
  }));
}

function buildColumn(info: ColumnInfo): Column {
  const { path, type } = info;
  if (typeof type === 'string') return buildPrimitive(info, type);
  switch (type.type) {
    case 'struct':
      return new StructColumn(info, buildFields(type, path));
    case 'array': {
      const { elementType, containsNull } = type;
      return new ArrayColumn(
        info,
        buildColumn({ path: [...path, 'element'], type: elementType, nullable: containsNull }),
      );
    }
    case 'map': {
      const { keyType, valueType, valueContainsNull } = type;
      const key = buildColumn({ path: [...path, 'key'], type: keyType, nullable: false });
      const value = buildColumn({ path: [...path, 'value'], type: valueType, nullable: valueContainsNull });
      return new MapColumn(info, key, value);
    }
  }
}

function buildPrimitive(info: ColumnInfo, type: Extract<DataType, string>): Column {
  if (isIntegerType(type)) return new IntegerColumn(info, type);
  const decimal = decimalOf(type);
  if (decimal !== undefined) return new DecimalColumn(info, decimal);
  switch (type) {
    case 'string':
      return new StringColumn(info);
    case 'binary':
      return new BinaryColumn(info);
    case 'boolean':
      return new BooleanColumn(info);
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return new LongColumn(info);
    case 'float':
      return new FloatColumn(info);
    case 'double':
      return new DoubleColumn(info);
    default:
      throw unsupported(info.path, type, 'it cannot be written as a column that every reader of Delta tables reads');
  }
}

/** As `shapeOf` refuses it in the files of others. */
function looksLikeVariant({ fields }: StructType): boolean {
  const isBinary = (wanted: string) =>
    fields.some(({ name, type }: StructField) => name === wanted && type === 'binary');
  return fields.every(({ name }) => VARIANT_FIELDS.has(name)) && isBinary('metadata') && isBinary('value');
}

const VARIANT_FIELDS: ReadonlySet<string> = new Set(['metadata', 'value', 'typed_value']);

function unsupported(path: ColumnPath, type: DataType, reason: string): ParquetError {
  const where = path.length === 0 ? 'the schema' : `the column "${formatPath(path)}"`;
  return new ParquetError('UNSUPPORTED_TYPE', `${where} is of type ${typeName(type)}: ${reason}`, {
    column: formatPath(path),
    type: typeName(type),
  });
}
