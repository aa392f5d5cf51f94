/**
 * Parquet files for tests, written column by column with apache-arrow and parquet-wasm (parquet-rs, which is also
 * delta-rs's writer).
 */
import {
  Bool,
  type Data,
  type DataType,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
} from 'apache-arrow';
import {
  Compression,
  EnabledStatistics,
  Encoding,
  writeParquet as encodeParquet,
  Table as WasmTable,
  WriterPropertiesBuilder,
  WriterVersion,
} from 'parquet-wasm';

/** Type of a column or a field; a plain object is a struct. Everything but a map's key is nullable, as in Spark's files. */
export type ColumnType =
  | 'string'
  | 'long'
  | 'int'
  | 'boolean'
  | { readonly list: ColumnType }
  | { readonly map: ColumnType }
  | { readonly struct: Readonly<Record<string, ColumnType>> };

export interface ParquetWriteOptions {
  /** Rows a row group at most. @default 1,048,576 (parquet-rs) */
  readonly rowGroupSize?: number;
  /** @default 'UNCOMPRESSED', as delta-rs writes checkpoints */
  readonly compression?: keyof typeof Compression;
  /** @default true */
  readonly dictionary?: boolean;
  /** Version of the data pages. @default 1 */
  readonly pageVersion?: 1 | 2;
  /** Encoding of columns that are in no struct, instead of the dictionary or plain. */
  readonly encodings?: Readonly<Record<string, keyof typeof Encoding>>;
  /** Bytes a data page at most. @default 1 MiB (parquet-rs) */
  readonly pageSize?: number;
  /** Chunk statistics with null counts. @default true */
  readonly statistics?: boolean;
}

/** The bytes of a Parquet file with these columns; a field that a row lacks is null. */
export function writeRowsParquet(
  rows: Iterable<object>,
  columns: Readonly<Record<string, ColumnType>>,
  options: ParquetWriteOptions = {},
): Uint8Array {
  const schema = new Schema(Object.entries(columns).map(([name, type]) => arrowField(name, type)));
  const batches: RecordBatch[] = [];
  for (const batch of batchesOf(rows, ROWS_A_BATCH)) {
    const children = Object.entries(columns).map(([name, type]) =>
      arrowData(
        type,
        batch.map((row) => fieldOf(row, name)),
      ),
    );
    const data = makeData({ type: new Struct(schema.fields), length: batch.length, nullCount: 0, children });
    batches.push(new RecordBatch(schema, data));
  }
  const ipc = tableToIPC(new Table(schema, batches), 'stream');
  return encodeParquet(WasmTable.fromIPCStream(ipc), writerProperties(options));
}

/** Bounds the memory of a batch's row objects, and keeps its strings far below Arrow's 2 GiB a column. */
const ROWS_A_BATCH = 65_536;

function* batchesOf(rows: Iterable<object>, size: number): Iterable<object[]> {
  let batch: object[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

function writerProperties(options: ParquetWriteOptions) {
  const { compression = 'UNCOMPRESSED', dictionary = true, pageVersion = 1, statistics = true } = options;
  let builder = new WriterPropertiesBuilder()
    .setCompression(Compression[compression])
    .setDictionaryEnabled(dictionary)
    .setWriterVersion(pageVersion === 2 ? WriterVersion.V2 : WriterVersion.V1)
    .setStatisticsEnabled(statistics ? EnabledStatistics.Page : EnabledStatistics.None);
  if (options.rowGroupSize !== undefined) {
    builder = builder.setMaxRowGroupSize(options.rowGroupSize);
  }
  if (options.pageSize !== undefined) {
    builder = builder.setDataPageSizeLimit(options.pageSize).setWriteBatchSize(64);
  }
  for (const [column, encoding] of Object.entries(options.encodings ?? {})) {
    builder = builder.setColumnDictionaryEnabled(column, false).setColumnEncoding(column, Encoding[encoding]);
  }
  return builder.build();
}

function arrowField(name: string, type: ColumnType, nullable = true): Field {
  return new Field(name, arrowType(type), nullable);
}

function arrowType(type: ColumnType): DataType {
  if (type === 'string') return new Utf8();
  if (type === 'long') return new Int64();
  if (type === 'int') return new Int32();
  if (type === 'boolean') return new Bool();
  if ('list' in type) return new List(arrowField('element', type.list));
  if ('map' in type) return new Map_(new Field('key_value', entryType(type.map), false));
  return new Struct(Object.entries(type.struct).map(([name, field]) => arrowField(name, field)));
}

function entryType(value: ColumnType): Struct<{ key: Utf8; value: DataType }> {
  const fields: Field[] = [arrowField('key', 'string', false), arrowField('value', value)];
  return new Struct(fields);
}

/** One Arrow array of the values; undefined and null are null. */
function arrowData(type: ColumnType, values: readonly unknown[]): Data {
  const { nullBitmap, nullCount } = validity(values);
  const common = { length: values.length, nullBitmap, nullCount };
  if (nullCount === values.length) return nullData(type, values.length);
  if (type === 'string') {
    return makeData({ type: new Utf8(), ...common, ...encodeStrings(values) });
  }
  if (type === 'long') {
    const data = BigInt64Array.from(values, (value) => BigInt(Number(value ?? 0)));
    return makeData({ type: new Int64(), ...common, data });
  }
  if (type === 'int') {
    const data = Int32Array.from(values, (value) => Number(value ?? 0));
    return makeData({ type: new Int32(), ...common, data });
  }
  if (type === 'boolean') {
    return makeData({ type: new Bool(), ...common, data: bitmap(values, (value) => value === true) });
  }
  if ('list' in type) {
    const lists = values.map((value) => (Array.isArray(value) ? value : []));
    const child = arrowData(type.list, lists.flat());
    return makeData({
      type: new List(arrowField('element', type.list)),
      ...common,
      valueOffsets: offsetsOf(lists),
      child,
    });
  }
  if ('map' in type) {
    const maps = values.map((value) => (isObject(value) ? Object.entries(value) : []));
    const entries = maps.flat();
    const keys = arrowData(
      'string',
      entries.map(([key]) => key),
    );
    const items = arrowData(
      type.map,
      entries.map(([, value]) => value),
    );
    const child = makeData({
      type: entryType(type.map),
      length: entries.length,
      nullCount: 0,
      children: [keys, items],
    });
    const mapType = new Map_(new Field('key_value', entryType(type.map), false));
    return makeData({ type: mapType, ...common, valueOffsets: offsetsOf(maps), child });
  }
  const fields = Object.entries(type.struct);
  const children = fields.map(([name, field]) =>
    arrowData(
      field,
      values.map((value) => (isObject(value) ? fieldOf(value, name) : undefined)),
    ),
  );
  const structType = new Struct(fields.map(([name, field]) => arrowField(name, field)));
  return makeData({ type: structType, ...common, children });
}

/**
 * An array of nulls. Most columns of a large checkpoint are such, and their fields need not be looked at. Every buffer
 * is its own: Arrow's IPC writer joins neighbours that share one.
 */
function nullData(type: ColumnType, length: number): Data {
  const common = { length, nullCount: length, nullBitmap: new Uint8Array(Math.ceil(length / 8)) };
  const valueOffsets = new Int32Array(length + 1);
  if (type === 'string') return makeData({ type: new Utf8(), ...common, valueOffsets, data: new Uint8Array() });
  if (type === 'long') return makeData({ type: new Int64(), ...common, data: new BigInt64Array(length) });
  if (type === 'int') return makeData({ type: new Int32(), ...common, data: new Int32Array(length) });
  if (type === 'boolean') return makeData({ type: new Bool(), ...common, data: new Uint8Array(Math.ceil(length / 8)) });
  if ('list' in type) {
    const listType = new List(arrowField('element', type.list));
    return makeData({ type: listType, ...common, valueOffsets, child: nullData(type.list, 0) });
  }
  if ('map' in type) {
    const children = [nullData('string', 0), nullData(type.map, 0)];
    const child = makeData({ type: entryType(type.map), length: 0, nullCount: 0, children });
    const mapType = new Map_(new Field('key_value', entryType(type.map), false));
    return makeData({ type: mapType, ...common, valueOffsets, child });
  }
  const fields = Object.entries(type.struct);
  const structType = new Struct(fields.map(([name, field]) => arrowField(name, field)));
  return makeData({ type: structType, ...common, children: fields.map(([, field]) => nullData(field, length)) });
}

function encodeStrings(values: readonly unknown[]): { readonly valueOffsets: Int32Array; readonly data: Uint8Array } {
  const texts = values.map((value) => (typeof value === 'string' ? value : ''));
  const valueOffsets = offsetsOf(texts.map((text) => ({ length: Buffer.byteLength(text) })));
  const data = new Uint8Array(valueOffsets.at(-1) ?? 0);
  const utf8 = new TextEncoder();
  texts.forEach((text, index) => {
    utf8.encodeInto(text, data.subarray(valueOffsets[index]));
  });
  return { valueOffsets, data };
}

function fieldOf(row: object, name: string): unknown {
  return Reflect.get(row, name);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function validity(values: readonly unknown[]): { nullBitmap: Uint8Array | null; nullCount: number } {
  const nullCount = values.filter((value) => value === undefined || value === null).length;
  return {
    nullCount,
    nullBitmap: nullCount === 0 ? null : bitmap(values, (value) => value !== undefined && value !== null),
  };
}

function bitmap(values: readonly unknown[], isSet: (value: unknown) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, index) => {
    if (isSet(value)) {
      bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
    }
  });
  return bits;
}

function offsetsOf(parts: readonly { readonly length: number }[]): Int32Array {
  const offsets = new Int32Array(parts.length + 1);
  let end = 0;
  parts.forEach((part, index) => {
    end += part.length;
    offsets[index + 1] = end;
  });
  return offsets;
}
