/** Builds Parquet footers byte by byte, for what no writer at hand writes: old forms, new forms, and wrong ones. */

/** A value on the wire of Thrift's compact protocol. */
export interface Thrift {
  readonly type: number;
  readonly bytes: readonly number[];
}

const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

export function int(value: number | bigint, type: 4 | 5 | 6 = 6): Thrift {
  const wide = BigInt(value);
  return { type, bytes: varint(wide < 0n ? -2n * wide - 1n : 2n * wide) };
}

export function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

export function int8(value: number): Thrift {
  return { type: 3, bytes: [value & 0xff] };
}

export function bool(value: boolean): Thrift {
  return { type: value ? 1 : 2, bytes: [] };
}

export function binary(value: string | Uint8Array): Thrift {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return { type: BINARY, bytes: [...varint(BigInt(bytes.length)), ...bytes] };
}

export function list(items: readonly Thrift[], type = items[0]?.type ?? STRUCT): Thrift {
  const size = items.length < 15 ? [(items.length << 4) | type] : [0xf0 | type, ...varint(BigInt(items.length))];
  return { type: LIST, bytes: [...size, ...items.flatMap(({ bytes }) => bytes)] };
}

/** A struct of the fields that are there, by their ids. */
export function struct(fields: Readonly<Record<number, Thrift | undefined>>): Thrift {
  const bytes: number[] = [];
  let last = 0;
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const id = Number(key);
    bytes.push(
      ...(id - last < 16 ? [((id - last) << 4) | value.type] : [value.type, ...int(id).bytes]),
      ...value.bytes,
    );
    last = id;
  }
  return { type: STRUCT, bytes: [...bytes, 0] };
}

export const EMPTY = struct({});

/** `LogicalType` of parquet.thrift. */
export const LOGICAL = {
  STRING: struct({ 1: EMPTY }),
  MAP: struct({ 2: EMPTY }),
  LIST: struct({ 3: EMPTY }),
  ENUM: struct({ 4: EMPTY }),
  DATE: struct({ 6: EMPTY }),
  NULL: struct({ 11: EMPTY }),
  JSON: struct({ 12: EMPTY }),
  BSON: struct({ 13: EMPTY }),
  UUID: struct({ 14: EMPTY }),
  FLOAT16: struct({ 15: EMPTY }),
  VARIANT: struct({ 16: struct({ 1: int8(1) }) }),
  GEOMETRY: struct({ 17: EMPTY }),
  GEOGRAPHY: struct({ 18: EMPTY }),
  FILE: struct({ 19: EMPTY }),
  TIME_MICROS: struct({ 7: struct({ 1: bool(true), 2: struct({ 2: EMPTY }) }) }),
  decimal: (precision: number, scale: number) => struct({ 5: struct({ 1: int(scale, 5), 2: int(precision, 5) }) }),
  integer: (bits: number, signed: boolean) => struct({ 10: struct({ 1: int8(bits), 2: bool(signed) }) }),
  /** Unit 1 is ms, 2 µs, 3 ns. */
  timestamp: (utc: boolean, unit: number) => struct({ 8: struct({ 1: bool(utc), 2: struct({ [unit]: EMPTY }) }) }),
} as const;

/** `ConvertedType` of parquet.thrift. */
export const CONVERTED = {
  UTF8: 0,
  MAP: 1,
  MAP_KEY_VALUE: 2,
  LIST: 3,
  DECIMAL: 5,
  DATE: 6,
  TIME_MILLIS: 7,
  TIMESTAMP_MILLIS: 9,
  TIMESTAMP_MICROS: 10,
  UINT_8: 11,
  UINT_32: 13,
  UINT_64: 14,
  INT_16: 16,
  INTERVAL: 21,
} as const;

const TYPES = ['BOOLEAN', 'INT32', 'INT64', 'INT96', 'FLOAT', 'DOUBLE', 'BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY'] as const;
const REPETITIONS = ['required', 'optional', 'repeated'] as const;

export interface NodeOptions {
  readonly repetition?: (typeof REPETITIONS)[number];
  readonly logical?: Thrift;
  readonly converted?: number;
  readonly precision?: number;
  readonly scale?: number;
  /** Of a FIXED_LEN_BYTE_ARRAY. */
  readonly length?: number;
}

/** A node of a schema: its elements in depth-first order, and the leaves in them. */
export interface Node {
  readonly name: string;
  readonly elements: readonly Thrift[];
  readonly leaves: readonly { readonly type: number; readonly path: readonly string[] }[];
}

export function leaf(name: string, type: (typeof TYPES)[number], options: NodeOptions = {}): Node {
  const number = TYPES.indexOf(type);
  return { name, elements: [element(name, options, number)], leaves: [{ type: number, path: [name] }] };
}

export function group(name: string, children: readonly Node[], options: NodeOptions = {}): Node {
  return {
    name,
    elements: [element(name, options, undefined, children.length), ...children.flatMap(({ elements }) => elements)],
    leaves: children.flatMap(({ leaves }) => leaves.map(({ type, path }) => ({ type, path: [name, ...path] }))),
  };
}

/** An optional LIST of three levels. */
export function listOf(name: string, element: Node, repeated = 'list'): Node {
  return group(name, [group(repeated, [element], { repetition: 'repeated' })], { logical: LOGICAL.LIST });
}

/** An optional MAP of the usual form. */
export function mapOf(name: string, key: Node, value: Node): Node {
  return group(name, [group('key_value', [key, value], { repetition: 'repeated' })], { logical: LOGICAL.MAP });
}

function element(name: string, options: NodeOptions, type?: number, children?: number): Thrift {
  const { repetition = 'optional', logical, converted, precision, scale, length } = options;
  return struct({
    1: maybe(type),
    2: maybe(length),
    3: int(REPETITIONS.indexOf(repetition), 5),
    4: binary(name),
    5: maybe(children),
    6: maybe(converted),
    7: maybe(scale),
    8: maybe(precision),
    10: logical,
  });
}

export interface ChunkOptions {
  /** @default the rows of the row group */
  readonly numValues?: number;
  readonly min?: Uint8Array;
  readonly max?: Uint8Array;
  /** The deprecated pair. */
  readonly oldMin?: Uint8Array;
  readonly oldMax?: Uint8Array;
  readonly nullCount?: number;
  readonly nanCount?: number;
  readonly minExact?: boolean;
  readonly maxExact?: boolean;
  /** In place of all these. */
  readonly statistics?: Thrift;
  /** Definition level histogram. */
  readonly levels?: readonly number[];
  readonly path?: readonly string[];
  readonly type?: number;
  readonly encodings?: readonly number[];
  readonly codec?: number;
  readonly compressedSize?: number;
  readonly dataPage?: number;
  readonly filePath?: string;
  readonly encrypted?: boolean;
}

export interface FooterOptions {
  readonly columns: readonly Node[];
  /** @default the rows of all row groups */
  readonly rowCount?: number;
  /** One entry a column; a column left out has no statistics. @default none */
  readonly rowGroups?: readonly {
    readonly rowCount: number;
    readonly chunks?: readonly (ChunkOptions | undefined)[];
  }[];
  readonly createdBy?: string;
  readonly keyValues?: Readonly<Record<string, string>>;
  /** A field of `ColumnOrder` for all columns; null for none. @default 1, TYPE_ORDER */
  readonly order?: number | null;
}

/** The Thrift bytes of a footer. */
export function footerBytes(options: FooterOptions): Uint8Array {
  const { columns, rowGroups = [], createdBy, keyValues, order = 1 } = options;
  const leaves = columns.flatMap((column) => column.leaves);
  const root = struct({ 4: binary('schema'), 5: int(columns.length, 5) });
  const groups = rowGroups.map(({ rowCount, chunks = [] }) =>
    struct({
      1: list(
        leaves.map(({ type, path }, index) => columnChunk({ type, path, numValues: rowCount, ...chunks[index] })),
      ),
      2: int(0),
      3: int(rowCount),
    }),
  );
  const pairs = Object.entries(keyValues ?? {}).map(([key, value]) => struct({ 1: binary(key), 2: binary(value) }));
  const metadata = struct({
    1: int(1, 5),
    2: list([root, ...columns.flatMap(({ elements }) => elements)]),
    3: int(options.rowCount ?? rowGroups.reduce((sum, { rowCount }) => sum + rowCount, 0)),
    4: list(groups),
    5: pairs.length === 0 ? undefined : list(pairs),
    6: createdBy === undefined ? undefined : binary(createdBy),
    7: order === null ? undefined : list(leaves.map(() => struct({ [order]: EMPTY }))),
  });
  return Uint8Array.from(metadata.bytes);
}

/** A file of nothing but its footer. */
export function parquetFile(footer: Uint8Array, magic = 'PAR1'): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), footer, length, Buffer.from(magic)]);
}

function columnChunk(chunk: ChunkOptions & { readonly type: number; readonly path: readonly string[] }): Thrift {
  const { type, path, numValues = 0, encodings = [0, 3], codec = 1, compressedSize = 0, dataPage = 4, levels } = chunk;
  const statistics = struct({
    1: maybeBinary(chunk.oldMax),
    2: maybeBinary(chunk.oldMin),
    3: chunk.nullCount === undefined ? undefined : int(chunk.nullCount),
    5: maybeBinary(chunk.max),
    6: maybeBinary(chunk.min),
    7: chunk.maxExact === undefined ? undefined : bool(chunk.maxExact),
    8: chunk.minExact === undefined ? undefined : bool(chunk.minExact),
    9: chunk.nanCount === undefined ? undefined : int(chunk.nanCount),
  });
  const metadata = struct({
    1: int(type, 5),
    2: list(encodings.map((encoding) => int(encoding, 5))),
    3: list(path.map(binary)),
    4: int(codec, 5),
    5: int(numValues),
    6: int(0),
    7: int(compressedSize),
    9: int(dataPage),
    12: chunk.statistics ?? (statistics.bytes.length > 1 ? statistics : undefined),
    16: levels === undefined ? undefined : struct({ 3: list(levels.map((count) => int(count))) }),
  });
  return struct({
    1: chunk.filePath === undefined ? undefined : binary(chunk.filePath),
    2: int(0),
    3: chunk.encrypted === true ? undefined : metadata,
    8: chunk.encrypted === true ? struct({ 1: EMPTY }) : undefined,
    9: chunk.encrypted === true ? binary('secret') : undefined,
  });
}

function maybe(value: number | undefined): Thrift | undefined {
  return value === undefined ? undefined : int(value, 5);
}

function maybeBinary(value: Uint8Array | undefined): Thrift | undefined {
  return value === undefined ? undefined : binary(value);
}
