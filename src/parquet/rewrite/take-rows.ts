import { type DataType, decimalOf } from '../../delta/schema.ts';
import { newFixed } from '../write/absent-slice.ts';
import type { ColumnSlice, FixedData, SliceValues } from '../write/column.ts';
import { bytesOfBits, countOnes } from '../write/growth.ts';
import type { RowBatch } from './batch.ts';

/** Positions of rows, in the order in which they are wanted; a position may be there more than once. */
export type Positions = Uint32Array;

/** The rows at these positions. `types` are those of the columns. */
export function takeRows(batch: RowBatch, types: readonly DataType[], rows: Positions): RowBatch {
  const columns = batch.columns.map((column, index) => takeColumn(typeAt(types, index), column, rows));
  return { rowCount: rows.length, columns };
}

/** All rows of some batches as one. */
export function concatBatches(batches: readonly RowBatch[], types: readonly DataType[]): RowBatch {
  const [first, ...others] = batches;
  if (first !== undefined && others.length === 0) return first;
  const columns = types.map((type, index) =>
    concatColumns(
      type,
      batches.map(({ columns: own }) => own[index]).filter((column) => column !== undefined),
    ),
  );
  return { rowCount: batches.reduce((sum, { rowCount }) => sum + rowCount, 0), columns };
}

function typeAt(types: readonly DataType[], index: number): DataType {
  const type = types[index];
  if (type === undefined) throw new TypeError(`there are ${types.length} types, and a column at ${index}`);
  return type;
}

function takeColumn(type: DataType, column: ColumnSlice, rows: Positions): ColumnSlice {
  const validity = column.validity === undefined ? undefined : takeBits(column.validity, rows);
  const values = takeValues(type, column.values, rows);
  return finished(rows.length, validity, values);
}

/** A column whose nulls are counted; without the bits where there are none. */
function finished(length: number, validity: Uint8Array | undefined, values: SliceValues): ColumnSlice {
  const nullCount = validity === undefined ? 0 : length - countOnes(validity);
  return { length, nullCount, validity: nullCount === 0 ? undefined : validity, values };
}

function takeValues(type: DataType, values: SliceValues, rows: Positions): SliceValues {
  switch (values.kind) {
    case 'fixed':
      return { kind: 'fixed', data: takeFixed(type, values.data, rows) };
    case 'bytes':
      return takeBytes(values.offsets, values.data, rows);
    case 'struct': {
      const types = partTypes(type);
      return {
        kind: 'struct',
        fields: values.fields.map((field, index) => takeColumn(typeAt(types, index), field, rows)),
      };
    }
    case 'list': {
      const types = partTypes(type);
      const { offsets, positions } = takeRanges(values.offsets, rows);
      const items = values.items.map((item, index) => takeColumn(typeAt(types, index), item, positions));
      return { kind: 'list', offsets, items };
    }
  }
}

/** The types of a struct's fields, of an array's elements, or of a map's keys and values. */
export function partTypes(type: DataType): readonly DataType[] {
  if (typeof type === 'string') throw new TypeError(`${type} has no parts`);
  if (type.type === 'struct') return type.fields.map((field) => field.type);
  return type.type === 'array' ? [type.elementType] : [type.keyType, type.valueType];
}

function takeFixed(type: DataType, data: FixedData, rows: Positions): FixedData {
  if (type === 'boolean') return takeBits(data as Uint8Array, rows);
  const taken = newFixed(type, rows.length);
  if (decimalOf(type) !== undefined) {
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? 0;
      taken[2 * index] = data[2 * row] ?? 0n;
      taken[2 * index + 1] = data[2 * row + 1] ?? 0n;
    }
    return taken;
  }
  copyValues(data, taken, rows);
  return taken;
}

/** Both arrays are of one kind, which their types do not tell. */
function copyValues(data: FixedData, taken: FixedData, rows: Positions): void {
  const [from, to] = [data as Int32Array, taken as Int32Array];
  for (let index = 0; index < rows.length; index++) to[index] = from[rows[index] ?? 0] as number;
}

function takeBits(bits: Uint8Array, rows: Positions): Uint8Array {
  const taken = new Uint8Array(bytesOfBits(rows.length));
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0;
    if ((((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1)
      taken[index >> 3] = (taken[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return taken;
}

function takeBytes(offsets: Int32Array, data: Uint8Array, rows: Positions): SliceValues {
  const taken = takeOffsets(offsets, rows);
  const bytes = new Uint8Array(taken[rows.length] ?? 0);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0;
    bytes.set(data.subarray(offsets[row], offsets[row + 1]), taken[index]);
  }
  return { kind: 'bytes', offsets: taken, data: bytes };
}

function takeRanges(
  offsets: Int32Array,
  rows: Positions,
): { readonly offsets: Int32Array; readonly positions: Positions } {
  const taken = takeOffsets(offsets, rows);
  const positions = new Uint32Array(taken[rows.length] ?? 0);
  for (let index = 0; index < rows.length; index++) {
    const start = offsets[rows[index] ?? 0] ?? 0;
    const first = taken[index] ?? 0;
    for (let at = first; at < (taken[index + 1] ?? 0); at++) positions[at] = start + at - first;
  }
  return { offsets: taken, positions };
}

/** Where the values of the taken rows begin and end, one behind the other. */
function takeOffsets(offsets: Int32Array, rows: Positions): Int32Array {
  const taken = new Int32Array(rows.length + 1);
  let end = 0;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0;
    end += (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
    taken[index + 1] = end;
  }
  return taken;
}

function concatColumns(type: DataType, columns: readonly ColumnSlice[]): ColumnSlice {
  const length = columns.reduce((sum, column) => sum + column.length, 0);
  const validity = columns.some((column) => column.validity !== undefined)
    ? concatValidity(columns, length)
    : undefined;
  const values = concatValues(
    type,
    columns.map((column) => column.values),
    columns.map((column) => column.length),
  );
  return finished(length, validity, values);
}

function concatValidity(columns: readonly ColumnSlice[], length: number): Uint8Array {
  const bits = new Uint8Array(bytesOfBits(length));
  let at = 0;
  for (const column of columns) {
    copyBits(column.validity, bits, at, column.length);
    at += column.length;
  }
  return bits;
}

/** Without bits, all are set. */
function copyBits(from: Uint8Array | undefined, to: Uint8Array, start: number, length: number): void {
  for (let index = 0; index < length; index++) {
    const isSet = from === undefined || (((from[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
    const at = start + index;
    if (isSet) to[at >> 3] = (to[at >> 3] ?? 0) | (1 << (at & 7));
  }
}

function concatValues(type: DataType, parts: readonly SliceValues[], lengths: readonly number[]): SliceValues {
  const [first] = parts;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (first === undefined) throw new TypeError('there is no column to put together');
  switch (first.kind) {
    case 'fixed': {
      const datas = parts.map((part) => (part as Extract<SliceValues, { kind: 'fixed' }>).data);
      return { kind: 'fixed', data: concatFixed(type, datas, lengths, total) };
    }
    case 'bytes':
      return concatBytes(parts as readonly Extract<SliceValues, { kind: 'bytes' }>[], lengths, total);
    case 'struct': {
      const structs = parts as readonly Extract<SliceValues, { kind: 'struct' }>[];
      return {
        kind: 'struct',
        fields: concatParts(
          type,
          structs.map(({ fields }) => fields),
        ),
      };
    }
    case 'list': {
      const lists = parts as readonly Extract<SliceValues, { kind: 'list' }>[];
      const offsets = concatOffsets(
        lists.map((list) => list.offsets),
        lengths,
        total,
      );
      return {
        kind: 'list',
        offsets,
        items: concatParts(
          type,
          lists.map(({ items }) => items),
        ),
      };
    }
  }
}

function concatParts(type: DataType, parts: readonly (readonly ColumnSlice[])[]): ColumnSlice[] {
  return partTypes(type).map((own, index) =>
    concatColumns(
      own,
      parts.map((columns) => columns[index]).filter((column) => column !== undefined),
    ),
  );
}

function concatFixed(
  type: DataType,
  datas: readonly FixedData[],
  lengths: readonly number[],
  total: number,
): FixedData {
  const joined = newFixed(type, total);
  const stride = decimalOf(type) === undefined ? 1 : 2;
  let at = 0;
  for (const [index, data] of datas.entries()) {
    const length = lengths[index] ?? 0;
    if (type === 'boolean') copyBits(data as Uint8Array, joined as Uint8Array, at, length);
    else (joined as Int32Array).set((data as Int32Array).subarray(0, stride * length), stride * at);
    at += length;
  }
  return joined;
}

function concatBytes(
  parts: readonly Extract<SliceValues, { kind: 'bytes' }>[],
  lengths: readonly number[],
  total: number,
): SliceValues {
  const offsets = concatOffsets(
    parts.map((part) => part.offsets),
    lengths,
    total,
  );
  const data = new Uint8Array(offsets[total] ?? 0);
  let end = 0;
  for (const [index, part] of parts.entries()) {
    const bytes = part.data.subarray(0, part.offsets[lengths[index] ?? 0]);
    data.set(bytes, end);
    end += bytes.length;
  }
  return { kind: 'bytes', offsets, data };
}

/** Most bytes or elements that one column of Arrow can have, since its offsets are of 32 bits. */
const MAX_OFFSET = 2 ** 31 - 1;

/** The offsets of columns behind each other; those of each start at 0. */
function concatOffsets(parts: readonly Int32Array[], lengths: readonly number[], total: number): Int32Array {
  const offsets = new Int32Array(total + 1);
  let [at, base] = [0, 0];
  for (const [index, part] of parts.entries()) {
    const length = lengths[index] ?? 0;
    if (base + (part[length] ?? 0) > MAX_OFFSET)
      throw new RangeError('the rows to sort have more than 2 GiB in a column');
    for (let row = 1; row <= length; row++) offsets[at + row] = base + (part[row] ?? 0);
    at += length;
    base += part[length] ?? 0;
  }
  return offsets;
}
