import { type DataType, decimalOf, type StructType } from '../../delta/schema.ts';
import type { ColumnSlice } from '../../parquet/write/column.ts';
import { type CellText, isPlain, isThere, plainText, type ValueSettings } from './cell-text.ts';

/**
 * The JSON of the values of a column, `null` for null. Numbers keep all their digits, which a reader that takes them as
 * doubles loses; NaN and the infinities, for which JSON has no number, are texts. A map is an object by the text of its
 * keys; where these are nested, a list of `{"key", "value"}`.
 */
export function jsonText(type: DataType, column: ColumnSlice, settings: ValueSettings): CellText {
  const text = valueJson(type, column, settings);
  return (row) => (isThere(column, row) ? text(row) : 'null');
}

/** The objects of rows, one line each without its end. */
export function jsonObject(schema: StructType, columns: readonly ColumnSlice[], settings: ValueSettings): CellText {
  const members = schema.fields.flatMap(({ name, type }, index) => {
    const column = columns[index];
    if (column === undefined) throw new TypeError(`there are ${columns.length} columns, and a field "${name}"`);
    return { start: `${index === 0 ? '' : ','}${JSON.stringify(name)}:`, text: jsonText(type, column, settings) };
  });
  return (row) => {
    let object = '{';
    for (const { start, text } of members) object += start + text(row);
    return `${object}}`;
  };
}

function valueJson(type: DataType, column: ColumnSlice, settings: ValueSettings): CellText {
  const { values } = column;
  if (isPlain(type)) {
    const text = plainText(type, values, settings);
    if (isNumeric(type, settings)) return text;
    if (type === 'float' || type === 'double') {
      return (row) => {
        const number = text(row);
        return /^-?\d/.test(number) ? number : JSON.stringify(number);
      };
    }
    return (row) => JSON.stringify(text(row));
  }
  if (type.type === 'struct') {
    if (values.kind !== 'struct') throw new TypeError('a struct without fields');
    return jsonObject(type, values.fields, settings);
  }
  if (values.kind !== 'list') throw new TypeError(`a column of type ${type.type} without elements`);
  const { offsets, items } = values;
  const [first, second] = items;
  if (first === undefined) throw new TypeError(`a column of type ${type.type} without elements`);
  if (type.type === 'array') {
    const element = jsonText(type.elementType, first, settings);
    return (row) => `[${each(offsets, row, element).join(',')}]`;
  }
  if (second === undefined) throw new TypeError('a map without values');
  const value = jsonText(type.valueType, second, settings);
  if (!isPlain(type.keyType)) {
    const key = jsonText(type.keyType, first, settings);
    return (row) => `[${each(offsets, row, (item) => `{"key":${key(item)},"value":${value(item)}}`).join(',')}]`;
  }
  const key = plainText(type.keyType, first.values, settings);
  return (row) => `{${each(offsets, row, (item) => `${JSON.stringify(key(item))}:${value(item)}`).join(',')}}`;
}

/** The texts of the items of a row. */
function each(offsets: Int32Array, row: number, text: CellText): string[] {
  const texts: string[] = [];
  for (let item = offsets[row] ?? 0; item < (offsets[row + 1] ?? 0); item++) texts.push(text(item));
  return texts;
}

/** Whether the text of every value is a JSON value as it is. */
function isNumeric(type: Extract<DataType, string>, { timestamps }: ValueSettings): boolean {
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'boolean':
      return true;
    case 'timestamp':
    case 'timestamp_ntz':
      return timestamps.startsWith('epoch');
    default:
      return decimalOf(type) !== undefined;
  }
}
