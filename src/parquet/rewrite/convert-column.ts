import type { Data } from 'apache-arrow';
import { decimalOf } from '../../delta/schema.ts';
import { absentSlice } from '../write/absent-slice.ts';
import type { Arrow } from '../write/arrow-batch.ts';
import type { ColumnSlice, FixedData, SliceValues } from '../write/column.ts';
import { bytesOfBits, countOnes } from '../write/growth.ts';
import type { ColumnSource, FieldSource } from './bind-columns.ts';
import { convertDecimals, integersToDecimals } from './convert-decimal.ts';
import { convertTimestamps, datesToTimestamps } from './convert-timestamp.ts';
import { type LeafInput, unexpected } from './leaf-input.ts';

/**
 * The columns of a batch as parquet-rs reads them, as the types of the table. Buffers of the same type are taken as they
 * are, without a copy. Throws `InexactValueError` for a value that the table's type does not hold, and TypeError for an
 * array that is not what `bindColumns` found, which no file should cause.
 */
export function convertFields(
  arrow: Arrow,
  fields: readonly FieldSource[],
  children: readonly Data[],
  length: number,
  path: readonly string[] = [],
): ColumnSlice[] {
  return fields.map(({ name, source, position }) => {
    const data = children[position];
    if (source.kind === 'absent') return absentSlice(source.type, length);
    if (data === undefined)
      throw new TypeError(`the batch has ${children.length} columns, one at ${position} was expected`);
    return convert(arrow, source, data, [...path, name]);
  });
}

function convert(arrow: Arrow, source: ColumnSource, data: Data, path: readonly string[]): ColumnSlice {
  const { length } = data;
  if (source.kind === 'absent') return absentSlice(source.type, length);
  if (data.typeId === arrow.Type.Null) return absentSlice(source.type, length);
  if (data.offset !== 0) throw new TypeError('the batch is a part of another one');
  const validity = validityOf(data);
  const values = convertValues(arrow, source, data, path, validity);
  return { length, nullCount: validity === undefined ? 0 : length - countOnes(validity), validity, values };
}

/** The bits of the nulls, 0 behind the last row; undefined where there is no null. */
function validityOf({ nullBitmap, nullCount, length }: Data): Uint8Array | undefined {
  if (nullCount === 0 || nullBitmap === undefined || nullBitmap === null || nullBitmap.length === 0) return undefined;
  const bits = new Uint8Array(nullBitmap.subarray(0, bytesOfBits(length)));
  const rest = length & 7;
  if (rest !== 0) bits[bits.length - 1] = (bits.at(-1) ?? 0) & ((1 << rest) - 1);
  return countOnes(bits) === length ? undefined : bits;
}

function convertValues(
  arrow: Arrow,
  source: Exclude<ColumnSource, { kind: 'absent' }>,
  data: Data,
  path: readonly string[],
  validity: Uint8Array | undefined,
): SliceValues {
  switch (source.kind) {
    case 'leaf':
      return convertLeaf({ arrow, data, path, validity, type: source.type });
    case 'struct':
      return { kind: 'struct', fields: convertFields(arrow, source.fields, data.children, data.length, path) };
    case 'list':
      return convertList(data, (child) => [convert(arrow, source.element, child, [...path, 'element'])]);
    case 'map':
      return convertList(data, ({ children: [key, value] }) => {
        if (key === undefined || value === undefined)
          throw new TypeError('the entries of a map have a key and a value');
        return [
          convert(arrow, source.key, key, [...path, 'key']),
          convert(arrow, source.value, value, [...path, 'value']),
        ];
      });
  }
}

function convertList({ valueOffsets, children, length }: Data, items: (child: Data) => ColumnSlice[]): SliceValues {
  const [child] = children;
  if (child === undefined || !(valueOffsets instanceof Int32Array)) throw new TypeError('a list without elements');
  return { kind: 'list', offsets: valueOffsets.subarray(0, length + 1), items: items(child) };
}

function convertLeaf(input: LeafInput): SliceValues {
  const { arrow, data, type } = input;
  const { Type } = arrow;
  if (type === 'string' || type === 'binary') return convertBytes(input);
  const fixed = (values: FixedData): SliceValues => ({ kind: 'fixed', data: values });
  if (decimalOf(type) !== undefined) {
    return fixed(data.typeId === Type.Decimal ? convertDecimals(input) : integersToDecimals(input));
  }
  switch (type) {
    case 'boolean':
      if (data.typeId === Type.Bool) return fixed(clearedBits(data.values, data.length));
      break;
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      if (data.typeId === Type.Int) return fixed(convertIntegers(data.values, type, data.length));
      break;
    case 'float':
      if (data.values instanceof Float32Array) return fixed(data.values.subarray(0, data.length));
      break;
    case 'double':
      return fixed(convertDoubles(data));
    case 'date':
      if (data.typeId === Type.Date && data.values instanceof Int32Array)
        return fixed(data.values.subarray(0, data.length));
      break;
    case 'timestamp':
    case 'timestamp_ntz':
      if (data.typeId === Type.Timestamp) return fixed(convertTimestamps(input));
      if (data.typeId === Type.Date) return fixed(datesToTimestamps(input));
      break;
  }
  throw unexpected(data, type);
}

/** The bits of booleans, 0 behind the last row. */
function clearedBits(values: Uint8Array, length: number): Uint8Array {
  return values.subarray(0, bytesOfBits(length));
}

const INTEGER_ARRAYS = { byte: Int8Array, short: Int16Array, integer: Int32Array } as const;

/** Integers of the same or of fewer bits; those of the file that are unsigned have fewer bits, too (see `bindColumns`). */
function convertIntegers(values: FixedData, type: 'byte' | 'short' | 'integer' | 'long', length: number): FixedData {
  const own = values.subarray(0, length);
  if (type === 'long') {
    if (own instanceof BigInt64Array) return own;
    const longs = new BigInt64Array(length);
    for (let index = 0; index < length; index++) longs[index] = BigInt(own[index] ?? 0);
    return longs;
  }
  const Target = INTEGER_ARRAYS[type];
  if (own instanceof Target) return own;
  const integers = new Target(length);
  for (let index = 0; index < length; index++) integers[index] = Number(own[index] ?? 0);
  return integers;
}

function convertDoubles(data: Data): Float64Array {
  const { values, length } = data;
  if (values instanceof Float64Array) return values.subarray(0, length);
  // What fewer bits hold, a double holds exactly.
  if (
    values instanceof Float32Array ||
    values instanceof Int32Array ||
    values instanceof Int16Array ||
    values instanceof Int8Array
  ) {
    return Float64Array.from(values.subarray(0, length));
  }
  throw unexpected(data, 'double');
}

function convertBytes({ arrow, data, type }: LeafInput): SliceValues {
  const { Type } = arrow;
  const { length, values, valueOffsets } = data;
  if (data.typeId === Type.Utf8 || data.typeId === Type.Binary) {
    return { kind: 'bytes', offsets: valueOffsets.subarray(0, length + 1), data: values };
  }
  if (data.typeId === Type.FixedSizeBinary && type === 'binary') {
    const width: number = data.stride;
    const offsets = Int32Array.from({ length: length + 1 }, (_, index) => index * width);
    return { kind: 'bytes', offsets, data: values };
  }
  throw unexpected(data, type);
}
