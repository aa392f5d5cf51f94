import { type DataType, decimalOf } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import type { ColumnSlice, SliceValues } from '../../parquet/write/column.ts';

/** The cell of a row. */
export type ReadCell = (index: number) => CellValue;

/** Makes the function that gives the cells of a column, as its type has them. Bytes and texts are views of the slice. */
export function sliceReader(type: DataType, slice: ColumnSlice | undefined): ReadCell {
  if (slice === undefined) throw new TypeError('the batch has fewer columns than the schema');
  const read = valueReader(type, slice.values);
  const { validity } = slice;
  if (validity === undefined) return read;
  return (index) => (isSet(validity, index) ? read(index) : null);
}

function valueReader(type: DataType, values: SliceValues): ReadCell {
  switch (values.kind) {
    case 'bytes': {
      const { offsets, data } = values;
      return (index) => data.subarray(offsets[index], offsets[index + 1]);
    }
    case 'fixed':
      return fixedReader(type, values.data);
    case 'struct': {
      if (typeof type === 'string' || type.type !== 'struct') break;
      const fields = type.fields.map((field, at) => ({
        name: field.name,
        read: sliceReader(field.type, values.fields[at]),
      }));
      return (index) => {
        const struct: Record<string, CellValue> = Object.create(null);
        for (const { name, read } of fields) struct[name] = read(index);
        return struct;
      };
    }
    case 'list':
      return listReader(type, values);
  }
  throw new TypeError('a column whose values are not of its type');
}

function listReader(type: DataType, { offsets, items }: Extract<SliceValues, { kind: 'list' }>): ReadCell {
  if (typeof type === 'string' || type.type === 'struct') throw new TypeError('a list in a column that has none');
  const range = <T>(index: number, at: (item: number) => T): T[] => {
    const found: T[] = [];
    for (let item = offsets[index] ?? 0; item < (offsets[index + 1] ?? 0); item++) found.push(at(item));
    return found;
  };
  if (type.type === 'array') {
    const element = sliceReader(type.elementType, items[0]);
    return (index) => range(index, element);
  }
  const key = sliceReader(type.keyType, items[0]);
  const value = sliceReader(type.valueType, items[1]);
  return (index) => range(index, (item): CellValue => [key(item), value(item)]);
}

function fixedReader(type: DataType, data: Extract<SliceValues, { kind: 'fixed' }>['data']): ReadCell {
  if (type === 'boolean') return (index) => isSet(data as Uint8Array, index);
  if (decimalOf(type) !== undefined) {
    const halves = data as BigInt64Array;
    return (index) => ((halves[2 * index + 1] ?? 0n) << 64n) | BigInt.asUintN(64, halves[2 * index] ?? 0n);
  }
  if (data instanceof BigInt64Array) {
    return (index) => {
      const value = data[index] ?? 0n;
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value;
    };
  }
  return (index) => data[index];
}

function isSet(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
