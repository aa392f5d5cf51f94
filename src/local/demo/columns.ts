import {
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Struct,
  Table,
  TimestampMicrosecond,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';

/** A column of an Arrow table, with as many rows as the others. */
export type ColumnData = Data<DataType>;

export function strings(values: readonly (string | null)[]): ColumnData {
  return single(vectorFromArray([...values], new Utf8()));
}

export function integers(values: readonly (number | null)[]): ColumnData {
  return single(vectorFromArray([...values], new Int32()));
}

export function longs(values: readonly number[]): ColumnData {
  return single(vectorFromArray(values.map(BigInt), new Int64()));
}

export function doubles(values: readonly (number | null)[]): ColumnData {
  return single(vectorFromArray([...values], new Float64()));
}

export function booleans(values: readonly (boolean | null)[]): ColumnData {
  return single(vectorFromArray([...values], new Bool()));
}

/** From ms since the epoch, kept as microseconds in UTC. */
export function timestamps(values: readonly number[]): ColumnData {
  const data = BigInt64Array.from(values, (ms) => BigInt(Math.round(ms * 1000)));
  return makeData({ type: new TimestampMicrosecond('UTC'), length: values.length, nullCount: 0, data });
}

/** From days since the epoch. */
export function dates(days: readonly number[]): ColumnData {
  return makeData({ type: new DateDay(), length: days.length, nullCount: 0, data: Int32Array.from(days) });
}

/** From the unscaled values: 1250 is 12.50 at scale 2. */
export function decimals(values: readonly number[], precision: number, scale: number): ColumnData {
  const words = new BigInt64Array(values.length * 2);
  for (const [index, value] of values.entries()) {
    words[index * 2] = BigInt(value);
    words[index * 2 + 1] = value < 0 ? -1n : 0n;
  }
  const data = new Uint32Array(words.buffer);
  return makeData({ type: new Decimal(scale, precision, 128), length: values.length, nullCount: 0, data });
}

export function struct(fields: Readonly<Record<string, ColumnData>>): ColumnData {
  const children = Object.values(fields);
  const type = new Struct(Object.entries(fields).map(([name, child]) => new Field(name, child.type, true)));
  return makeData({ type, length: children[0]?.length ?? 0, nullCount: 0, children });
}

/** Lists of these lengths, cut one after the other from the elements. */
export function lists(lengths: readonly number[], elements: ColumnData): ColumnData {
  const valueOffsets = new Int32Array(lengths.length + 1);
  for (const [index, length] of lengths.entries()) valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + length;
  const type = new List(new Field('element', elements.type, true));
  return makeData({ type, length: lengths.length, nullCount: 0, valueOffsets, child: elements });
}

/** A table of the columns, in the order given. */
export function tableOf(columns: Readonly<Record<string, ColumnData>>): Table {
  const fields = Object.entries(columns).map(([name, data]) => [name, new Vector([data])] as const);
  return new Table(Object.fromEntries(fields));
}

function single(vector: Vector): ColumnData {
  const [data] = vector.data;
  if (data === undefined) throw new Error('an Arrow vector without data');
  return data;
}
