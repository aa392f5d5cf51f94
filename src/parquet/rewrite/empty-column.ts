import { type DataType, decimalOf } from '../../delta/schema.ts';
import type { ColumnSlice, FixedData, SliceValues } from '../write/column.ts';
import { bytesOfBits } from '../write/growth.ts';

/** A column of nothing but nulls. */
export function nullColumn(type: DataType, length: number): ColumnSlice {
  return {
    length,
    nullCount: length,
    validity: length === 0 ? undefined : new Uint8Array(bytesOfBits(length)),
    values: emptyValues(type, length),
  };
}

/** What stands under nulls: zeros, and nothing at all of strings and lists. */
function emptyValues(type: DataType, length: number): SliceValues {
  if (typeof type === 'string') {
    if (type === 'string' || type === 'binary') {
      return { kind: 'bytes', offsets: new Int32Array(length + 1), data: new Uint8Array() };
    }
    return { kind: 'fixed', data: newFixed(type, length) };
  }
  switch (type.type) {
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((field) => nullColumn(field.type, length)) };
    case 'array':
      return { kind: 'list', offsets: new Int32Array(length + 1), items: [nullColumn(type.elementType, 0)] };
    case 'map':
      return {
        kind: 'list',
        offsets: new Int32Array(length + 1),
        items: [nullColumn(type.keyType, 0), nullColumn(type.valueType, 0)],
      };
  }
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
