import { type DataType, decimalOf } from '../../delta/schema.ts';
import type { ColumnSlice, FixedData, SliceValues } from './column.ts';
import { bytesOfBits } from './growth.ts';

/** Rows of a nullable column that are all null, in the buffers that a column with values would have. */
export function absentSlice(type: DataType, length: number): ColumnSlice {
  const validity = length === 0 ? undefined : new Uint8Array(bytesOfBits(length));
  return { length, nullCount: length, validity, values: absentValues(type, length) };
}

function absentValues(type: DataType, length: number): SliceValues {
  if (typeof type === 'string') return absentPrimitive(type, length);
  switch (type.type) {
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((field) => absentSlice(field.type, length)) };
    case 'array':
      return { kind: 'list', offsets: new Int32Array(length + 1), items: [absentSlice(type.elementType, 0)] };
    case 'map': {
      const items = [absentSlice(type.keyType, 0), absentSlice(type.valueType, 0)];
      return { kind: 'list', offsets: new Int32Array(length + 1), items };
    }
  }
}

function absentPrimitive(type: Extract<DataType, string>, length: number): SliceValues {
  if (type === 'string' || type === 'binary') {
    return { kind: 'bytes', offsets: new Int32Array(length + 1), data: new Uint8Array() };
  }
  return { kind: 'fixed', data: newFixed(type, length) };
}

/** Zeros in the kind of array that Arrow has for the type; see `arrowSchema`. */
export function newFixed(type: DataType, length: number): FixedData {
  if (decimalOf(type) !== undefined) return new BigInt64Array(2 * length);
  switch (type) {
    case 'boolean':
      return new Uint8Array(bytesOfBits(length));
    case 'byte':
      return new Int8Array(length);
    case 'short':
      return new Int16Array(length);
    case 'integer':
    case 'date':
      return new Int32Array(length);
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return new BigInt64Array(length);
    case 'float':
      return new Float32Array(length);
    case 'double':
      return new Float64Array(length);
    default:
      throw new TypeError(`the type ${String(type)} has no column to write`);
  }
}
