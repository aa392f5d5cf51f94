import { ParquetError } from './errors.ts';

/**
 * Reads Thrift's compact protocol, as far as Parquet footers use it, from bytes that nobody vouches for.
 *
 * Every function either advances the cursor within its bytes or throws `CORRUPT`. Nothing is allocated from a length
 * that the bytes claim: a list grows as its elements are read, and each element takes at least one byte. The time is
 * linear in the number of bytes, and the depth of nesting is bounded. What a caller does not want is skipped without
 * being built, which is most of a footer.
 *
 * Source: thrift-compact-protocol.md of Apache Thrift.
 */
export interface ThriftCursor {
  readonly bytes: Uint8Array;
  /** Position of the next byte. */
  offset: number;
  /** Structs and lists around the position. */
  depth: number;
}

/** Types on the wire. A boolean field has its value in its type. */
export const WIRE = {
  TRUE: 1,
  FALSE: 2,
  BYTE: 3,
  I16: 4,
  I32: 5,
  I64: 6,
  DOUBLE: 7,
  BINARY: 8,
  LIST: 9,
  SET: 10,
  MAP: 11,
  STRUCT: 12,
} as const;

const STOP = 0;
/** Deepest nesting of structs and lists; a Parquet footer has 8 levels. */
const MAX_DEPTH = 32;
/** Bytes of the longest 64-bit varint. */
const MAX_VARINT_BYTES = 10;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function thriftCursor(bytes: Uint8Array, offset = 0): ThriftCursor {
  return { bytes, offset, depth: 0 };
}

/** Takes one field of a struct into `target`. Returns false, without having read anything, for a field that it does not want. */
export type FieldReader<T> = (cursor: ThriftCursor, id: number, type: number, target: T) => boolean;

/** Reads a struct field by field into `target`, and returns it. `type` is the wire type that announced it. */
export function readStruct<T>(cursor: ThriftCursor, type: number, target: T, readField: FieldReader<T>): T {
  expectType(type, WIRE.STRUCT, cursor);
  enter(cursor);
  let id = 0;
  for (let header = readByte(cursor); header !== STOP; header = readByte(cursor)) {
    const delta = header >> 4;
    const fieldType = header & 0x0f;
    id = delta === 0 ? readZigZag(cursor) : id + delta;
    if (!readField(cursor, id, fieldType, target)) skip(cursor, fieldType);
  }
  cursor.depth--;
  return target;
}

/** Reads a list element by element; `readItem` has to consume each. Returns the number of elements. */
export function readList(
  cursor: ThriftCursor,
  type: number,
  readItem: (cursor: ThriftCursor, type: number, index: number) => void,
): number {
  expectType(type, WIRE.LIST, cursor);
  enter(cursor);
  const header = readByte(cursor);
  const itemType = header & 0x0f;
  const size = header >> 4 === 15 ? readVarint(cursor) : header >> 4;
  if (size > cursor.bytes.length - cursor.offset)
    throw corrupt(cursor, `a list of ${size} elements is longer than the footer`);
  for (let index = 0; index < size; index++) readItem(cursor, itemType, index);
  cursor.depth--;
  return size;
}

/** Reads an integer of any width. One that is not exact as a number is no size, count or offset of a real file. */
export function readInteger(cursor: ThriftCursor, type: number): number {
  if (type === WIRE.BYTE) return (readByte(cursor) << 24) >> 24;
  if (type !== WIRE.I32 && type !== WIRE.I64 && type !== WIRE.I16)
    throw corrupt(cursor, `wire type ${type} is no integer`);
  return readZigZag(cursor);
}

/** Reads an integer that counts or locates something. */
export function readCount(cursor: ThriftCursor, type: number): number {
  const value = readInteger(cursor, type);
  if (value < 0) throw corrupt(cursor, `${value} is negative where a count or an offset stands`);
  return value;
}

/** Reads the boolean of a struct's field. */
export function readBoolean(cursor: ThriftCursor, type: number): boolean {
  if (type !== WIRE.TRUE && type !== WIRE.FALSE) throw corrupt(cursor, `wire type ${type} is no boolean`);
  return type === WIRE.TRUE;
}

/** Reads bytes, as a view of the cursor's bytes. */
export function readBinary(cursor: ThriftCursor, type: number): Uint8Array {
  expectType(type, WIRE.BINARY, cursor);
  const length = readVarint(cursor);
  const start = cursor.offset;
  advance(cursor, length);
  return cursor.bytes.subarray(start, cursor.offset);
}

export function readText(cursor: ThriftCursor, type: number): string {
  const bytes = readBinary(cursor, type);
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new ParquetError('CORRUPT', 'a name in the footer is not valid UTF-8', {}, { cause: error });
  }
}

/** Passes over a value of the given wire type. */
export function skip(cursor: ThriftCursor, type: number): void {
  switch (type) {
    case WIRE.TRUE:
    case WIRE.FALSE:
      return;
    case WIRE.BYTE:
      advance(cursor, 1);
      return;
    case WIRE.I16:
    case WIRE.I32:
    case WIRE.I64:
      skipVarint(cursor);
      return;
    case WIRE.DOUBLE:
      advance(cursor, 8);
      return;
    case WIRE.BINARY:
      advance(cursor, readVarint(cursor));
      return;
    case WIRE.LIST:
    case WIRE.SET:
      readList(cursor, WIRE.LIST, skipItem);
      return;
    case WIRE.MAP:
      skipMap(cursor);
      return;
    case WIRE.STRUCT:
      readStruct(cursor, type, undefined, skipField);
      return;
    default:
      throw corrupt(cursor, `wire type ${type} does not exist`);
  }
}

function expectType(type: number, expected: number, cursor: ThriftCursor): void {
  if (type !== expected) throw corrupt(cursor, `wire type ${type} stands where ${expected} is expected`);
}

function skipField(): boolean {
  return false;
}

/** A boolean takes a byte in a list or map, and none in a struct. */
function skipItem(cursor: ThriftCursor, type: number): void {
  if (type === WIRE.TRUE || type === WIRE.FALSE) advance(cursor, 1);
  else skip(cursor, type);
}

function skipMap(cursor: ThriftCursor): void {
  enter(cursor);
  const size = readVarint(cursor);
  if (size > cursor.bytes.length - cursor.offset)
    throw corrupt(cursor, `a map of ${size} entries is longer than the footer`);
  const types = size === 0 ? 0 : readByte(cursor);
  for (let index = 0; index < size; index++) {
    skipItem(cursor, types >> 4);
    skipItem(cursor, types & 0x0f);
  }
  cursor.depth--;
}

function enter(cursor: ThriftCursor): void {
  if (++cursor.depth > MAX_DEPTH) throw corrupt(cursor, `it is nested more than ${MAX_DEPTH} levels deep`);
}

function advance(cursor: ThriftCursor, length: number): void {
  if (length > cursor.bytes.length - cursor.offset)
    throw corrupt(cursor, `${length} bytes are announced, fewer are left`);
  cursor.offset += length;
}

function readByte(cursor: ThriftCursor): number {
  const byte = cursor.bytes[cursor.offset];
  if (byte === undefined) throw corrupt(cursor, 'it ends in the middle of a value');
  cursor.offset++;
  return byte;
}

function readVarint(cursor: ThriftCursor): number {
  let value = 0;
  let scale = 1;
  for (let count = 0; count < MAX_VARINT_BYTES; count++) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    scale *= 128;
  }
  throw corrupt(cursor, 'an integer is larger than any size or count can be');
}

function readZigZag(cursor: ThriftCursor): number {
  const value = readVarint(cursor);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function skipVarint(cursor: ThriftCursor): void {
  for (let count = 0; count < MAX_VARINT_BYTES; count++) if (readByte(cursor) < 0x80) return;
  throw corrupt(cursor, 'an integer has more than 64 bits');
}

function corrupt(cursor: ThriftCursor, detail: string): ParquetError {
  return new ParquetError('CORRUPT', `the footer cannot be read at byte ${cursor.offset}: ${detail}`);
}
