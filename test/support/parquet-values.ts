/** Reads Parquet files back exactly: microseconds, unscaled decimals, repeated keys of maps. */
import { type Data, tableFromIPC } from 'apache-arrow';
import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { readParquet } from 'parquet-wasm';
import { type DataType, decimalOf, type StructType } from '../../src/delta/schema.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';

/** A value in the one form in which values are compared: 64 bits and decimals as bigint, bytes in hexadecimal, maps as pairs. */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PlainValue[]
  | { readonly [field: string]: PlainValue };

export type PlainRow = readonly PlainValue[];

/** What a file is to hold after a row was written. */
export function plainRow(schema: StructType, row: readonly CellValue[]): PlainRow {
  return schema.fields.map(({ type }, index) => plainValue(type, row[index]));
}

function plainValue(type: DataType, cell: CellValue): PlainValue {
  if (cell === null || cell === undefined) return null;
  if (typeof type !== 'string') return plainNested(type, cell);
  if (cell instanceof Uint8Array) return type === 'string' ? new TextDecoder().decode(cell) : hex(cell);
  if (type === 'float') return Math.fround(Number(cell));
  return isBigint(type) ? BigInt(cell as bigint) : (cell as PlainValue);
}

function plainNested(type: Exclude<DataType, string>, cell: CellValue): PlainValue {
  if (type.type === 'array') return [...(cell as CellValue[])].map((element) => plainValue(type.elementType, element));
  if (type.type === 'map') {
    return Array.from(cell as Iterable<[CellValue, CellValue]>, ([key, value]) => [
      plainValue(type.keyType, key),
      plainValue(type.valueType, value),
    ]);
  }
  const struct = cell as Readonly<Record<string, CellValue>>;
  return fieldsOf(type, (name) => (Object.hasOwn(struct, name) ? struct[name] : null), plainValue);
}

/** All rows of a file, as parquet-rs and Arrow read them. */
export function readRows(bytes: Uint8Array, schema: StructType): PlainRow[] {
  const table = tableFromIPC(readParquet(bytes).intoIPCStream());
  return table.batches.flatMap(({ data }) =>
    Array.from({ length: data.length }, (_, row) =>
      schema.fields.map(({ type }, index) => storedValue(type, data.children[index], row)),
    ),
  );
}

function storedValue(type: DataType, data: Data | undefined, index: number): PlainValue {
  if (data === undefined) throw new Error('the file lacks a column');
  if (data.nullable && !data.getValid(index)) return null;
  if (typeof type !== 'string') return storedNested(type, data, index);
  if (type === 'boolean') return ((data.values[(data.offset + index) >> 3] >> ((data.offset + index) & 7)) & 1) === 1;
  if (type === 'string' || type === 'binary') {
    const bytes = data.values.subarray(data.valueOffsets[index], data.valueOffsets[index + 1]);
    return type === 'string' ? new TextDecoder().decode(bytes) : hex(bytes);
  }
  if (decimalOf(type) !== undefined) {
    const words: Uint32Array = data.values.subarray(4 * index, 4 * index + 4);
    return BigInt.asIntN(
      128,
      words.reduceRight((value, word) => (value << 32n) | BigInt(word), 0n),
    );
  }
  return data.values[index];
}

function storedNested(type: Exclude<DataType, string>, data: Data, index: number): PlainValue {
  if (type.type === 'struct') {
    const children = new Map(type.fields.map(({ name }, position) => [name, data.children[position]]));
    return fieldsOf(
      type,
      (name) => children.get(name),
      (field, child) => storedValue(field, child, index),
    );
  }
  const [start, end] = [data.valueOffsets[index], data.valueOffsets[index + 1]];
  const positions = Array.from({ length: end - start }, (_, position) => start + position);
  const [child] = data.children;
  if (type.type === 'array') return positions.map((position) => storedValue(type.elementType, child, position));
  return positions.map((position) => [
    storedValue(type.keyType, child?.children[0], position),
    storedValue(type.valueType, child?.children[1], position),
  ]);
}

/** All rows of a file without maps, as hyparquet reads them. */
export async function readRowsByHyparquet(bytes: Uint8Array, schema: StructType): Promise<PlainRow[]> {
  const file = Uint8Array.from(bytes).buffer;
  const metadata = withoutDecimals(parquetMetadata(file));
  const raw = { timestampFromMicroseconds: (micros: bigint) => micros, dateFromDays: (days: number) => days };
  const rows = await parquetReadObjects({ file, metadata, compressors, utf8: false, parsers: raw });
  return rows.map((row) => schema.fields.map(({ name, type }) => hyparquetValue(type, row[name])));
}

/** The unscaled values are to be seen, hyparquet makes floating-point numbers of decimals. */
function withoutDecimals(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    if (element.converted_type !== 'DECIMAL') return element;
    const { converted_type: _converted, logical_type: _logical, ...plain } = element;
    return plain;
  });
  return { ...metadata, schema };
}

function hyparquetValue(type: DataType, value: unknown): PlainValue {
  if (value === null || value === undefined) return null;
  if (typeof type !== 'string') {
    if (type.type === 'array') return (value as unknown[]).map((element) => hyparquetValue(type.elementType, element));
    if (type.type === 'map') throw new Error('hyparquet loses the repeated keys of maps');
    const struct = value as Readonly<Record<string, unknown>>;
    return fieldsOf(type, (name) => struct[name], hyparquetValue);
  }
  if (decimalOf(type) !== undefined) {
    if (!(value instanceof Uint8Array)) return BigInt(value as bigint);
    return BigInt.asIntN(8 * value.length, BigInt(`0x${hex(value)}`));
  }
  return value instanceof Uint8Array ? hex(value) : (value as PlainValue);
}

function fieldsOf<T>(
  struct: StructType,
  get: (name: string) => T,
  convert: (type: DataType, value: T) => PlainValue,
): PlainValue {
  return Object.fromEntries(struct.fields.map(({ name, type }) => [name, convert(type, get(name))]));
}

function isBigint(type: DataType): boolean {
  return type === 'long' || type === 'timestamp' || type === 'timestamp_ntz' || decimalOf(type) !== undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
