import type * as ArrowModule from 'apache-arrow';
import type { Data, Field, RecordBatch, Schema } from 'apache-arrow';
import { type DataType, decimalOf, type StructField, type StructType } from '../../delta/schema.ts';
import type { ColumnSlice } from './column.ts';

/** apache-arrow, which is loaded when a file is written, not before. */
export type Arrow = typeof ArrowModule;

/** Of 128 bits are decimals in all engines. */
const DECIMAL_BITS = 128;

/**
 * The Arrow schema from which parquet-rs makes the Parquet types that docs/types.md names for the Delta types. The names
 * of the parts of lists and maps are those that Parquet prescribes (LogicalTypes.md, "Nested Types").
 */
export function arrowSchema(arrow: Arrow, schema: StructType): Schema {
  return new arrow.Schema(arrowFields(arrow, schema.fields));
}

/** The bytes of an Arrow IPC stream with the schema and these rows, in one batch. */
export function ipcStream(arrow: Arrow, schema: Schema, columns: readonly ColumnSlice[]): Uint8Array {
  const batches = columns.every(({ length }) => length === 0) ? [] : [recordBatch(arrow, schema, columns)];
  return arrow.tableToIPC(new arrow.Table(schema, batches), 'stream');
}

function recordBatch(arrow: Arrow, schema: Schema, columns: readonly ColumnSlice[]): RecordBatch {
  const length = columns[0]?.length ?? 0;
  const children = columns.map((slice, index) => arrowData(arrow, schema.fields[index]?.type, slice));
  const data = arrow.makeData({ type: new arrow.Struct(schema.fields), length, nullCount: 0, children });
  return new arrow.RecordBatch(schema, data);
}

function arrowFields(arrow: Arrow, fields: readonly StructField[]): Field[] {
  return fields.map(({ name, type, nullable }) => new arrow.Field(name, arrowType(arrow, type), nullable));
}

function arrowType(arrow: Arrow, type: DataType): ArrowModule.DataType {
  if (typeof type === 'string') return primitiveType(arrow, type);
  switch (type.type) {
    case 'struct':
      return new arrow.Struct(arrowFields(arrow, type.fields));
    case 'array':
      return new arrow.List(new arrow.Field('element', arrowType(arrow, type.elementType), type.containsNull));
    case 'map': {
      const parts: Field[] = [
        new arrow.Field('key', arrowType(arrow, type.keyType), false),
        new arrow.Field('value', arrowType(arrow, type.valueType), type.valueContainsNull),
      ];
      const entryType = new arrow.Struct<{ key: ArrowModule.DataType; value: ArrowModule.DataType }>(parts);
      const entries = () => new arrow.Field('key_value', entryType, false);
      const map = new arrow.Map_(entries());
      // Its constructor gave the field another name.
      map.children[0] = entries();
      return map;
    }
  }
}

function primitiveType(arrow: Arrow, type: Extract<DataType, string>): ArrowModule.DataType {
  const decimal = decimalOf(type);
  if (decimal !== undefined) return new arrow.Decimal(decimal.scale, decimal.precision, DECIMAL_BITS);
  switch (type) {
    case 'string':
      return new arrow.Utf8();
    case 'binary':
      return new arrow.Binary();
    case 'boolean':
      return new arrow.Bool();
    case 'byte':
      return new arrow.Int8();
    case 'short':
      return new arrow.Int16();
    case 'integer':
      return new arrow.Int32();
    case 'long':
      return new arrow.Int64();
    case 'float':
      return new arrow.Float32();
    case 'double':
      return new arrow.Float64();
    case 'date':
      return new arrow.DateDay();
    case 'timestamp':
      return new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, 'UTC');
    case 'timestamp_ntz':
      return new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, null);
    default:
      throw new TypeError(`the type ${type} has no column to write`);
  }
}

/** The array of a type with the buffers of a slice, which were made for it. */
function arrowData(arrow: Arrow, type: ArrowModule.DataType | undefined, slice: ColumnSlice): Data {
  if (type === undefined) throw new TypeError('there are more columns than the schema has fields');
  const { length, nullCount, validity, values } = slice;
  const common = { length, nullCount, nullBitmap: validity };
  switch (values.kind) {
    case 'fixed':
      return arrow.makeData({ type: type as ArrowModule.Int, ...common, data: values.data });
    case 'bytes':
      return arrow.makeData({
        type: type as ArrowModule.Binary,
        ...common,
        valueOffsets: values.offsets,
        data: values.data,
      });
    case 'struct': {
      const children = childrenOf(arrow, type, values.fields);
      return arrow.makeData({ type: type as ArrowModule.Struct, ...common, children });
    }
    case 'list':
      return arrow.makeData({
        type: type as ArrowModule.List,
        ...common,
        valueOffsets: values.offsets,
        child: listChild(arrow, type, values.items),
      });
  }
}

function childrenOf(arrow: Arrow, type: ArrowModule.DataType, slices: readonly ColumnSlice[]): Data[] {
  return slices.map((slice, index) => arrowData(arrow, type.children[index]?.type, slice));
}

/** The elements of a list, or the entries of a map as structs that are never null. */
function listChild(arrow: Arrow, type: ArrowModule.DataType, items: readonly ColumnSlice[]): Data {
  const childType = type.children[0]?.type;
  const [first, ...others] = items;
  if (childType === undefined || first === undefined) throw new TypeError(`${type} has no elements`);
  if (others.length === 0) return arrowData(arrow, childType, first);
  const children = childrenOf(arrow, childType, items);
  return arrow.makeData({ type: childType as ArrowModule.Struct, length: first.length, nullCount: 0, children });
}
