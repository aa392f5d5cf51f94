import { DeletionVectorError } from './deletion-vector-error.ts';

/** First bytes of the format that holds positions of 64 bits (PROTOCOL.md "Deletion Vector Format"). */
const PORTABLE_MAGIC = 1681511377;
/** Highest position that is read: rows of a file are counted in fewer bits. */
const MAX_HIGH = 0;

/**
 * Calls `visit` for every position in a RoaringBitmapArray, ascending: a number of bitmaps of 32 bits, each with the
 * upper 32 bits of its positions. Throws `DeletionVectorError` for what is none, whatever the bytes; nothing is allocated.
 * Source: PROTOCOL.md "Deletion Vector Format"; RoaringFormatSpec.
 */
export function readRoaringArray(bytes: Buffer, visit: (position: number) => void): void {
  const cursor = { bytes, offset: 0 };
  const magic = take(cursor, 4).readInt32LE(0);
  if (magic !== PORTABLE_MAGIC)
    throw new DeletionVectorError(`its deletion vector starts with ${magic}, not ${PORTABLE_MAGIC}`);
  const bitmaps = take(cursor, 8).readBigUInt64LE(0);
  if (bitmaps > BigInt(bytes.length)) throw cutOff();
  for (let index = 0; index < bitmaps; index++) {
    const high = take(cursor, 4).readUInt32LE(0);
    readBitmap(cursor, (low) => {
      if (high > MAX_HIGH) throw new DeletionVectorError('its deletion vector names rows beyond 2^32');
      visit(low);
    });
  }
  if (cursor.offset !== bytes.length)
    throw new DeletionVectorError('its deletion vector goes on behind its last bitmap');
}

interface Cursor {
  readonly bytes: Buffer;
  offset: number;
}

function take(cursor: Cursor, length: number): Buffer {
  const end = cursor.offset + length;
  if (end > cursor.bytes.length) throw cutOff();
  const part = cursor.bytes.subarray(cursor.offset, end);
  cursor.offset = end;
  return part;
}

function cutOff(): DeletionVectorError {
  return new DeletionVectorError('its deletion vector is cut off');
}

/** The low 16 bits of the first word: without, and with containers of runs. */
const NO_RUNS = 12346;
const WITH_RUNS = 12347;
/** Containers from which on there are offsets, even if there are containers of runs. */
const OFFSETS_FROM = 4;
/** Values up to which a container is a list; a larger one is a bitmap of 2^16 bits. */
const MAX_LIST = 4096;
const BITMAP_BYTES = 8192;

function readBitmap(cursor: Cursor, visit: (position: number) => void): void {
  const first = take(cursor, 4).readUInt32LE(0);
  const hasRuns = (first & 0xffff) === WITH_RUNS;
  if (!hasRuns && first !== NO_RUNS)
    throw new DeletionVectorError(`a bitmap of its deletion vector starts with ${first}`);
  const count = hasRuns ? (first >>> 16) + 1 : take(cursor, 4).readUInt32LE(0);
  if (count > 2 ** 16) throw new DeletionVectorError(`a bitmap of its deletion vector has ${count} containers`);
  const runs = hasRuns ? take(cursor, Math.ceil(count / 8)) : Buffer.alloc(Math.ceil(count / 8));
  const headers = take(cursor, 4 * count);
  if (!hasRuns || count >= OFFSETS_FROM) take(cursor, 4 * count);
  for (let index = 0; index < count; index++) {
    const base = headers.readUInt16LE(4 * index) * 2 ** 16;
    const cardinality = headers.readUInt16LE(4 * index + 2) + 1;
    if ((((runs[index >> 3] ?? 0) >> (index & 7)) & 1) === 1) readRuns(cursor, base, visit);
    else if (cardinality <= MAX_LIST) readList(cursor, base, cardinality, visit);
    else readBits(cursor, base, visit);
  }
}

function readRuns(cursor: Cursor, base: number, visit: (position: number) => void): void {
  const runs = take(cursor, 2).readUInt16LE(0);
  const pairs = take(cursor, 4 * runs);
  for (let index = 0; index < runs; index++) {
    const start = pairs.readUInt16LE(4 * index);
    const end = start + pairs.readUInt16LE(4 * index + 2);
    for (let low = start; low <= end; low++) visit(base + low);
  }
}

function readList(cursor: Cursor, base: number, cardinality: number, visit: (position: number) => void): void {
  const values = take(cursor, 2 * cardinality);
  for (let index = 0; index < cardinality; index++) visit(base + values.readUInt16LE(2 * index));
}

function readBits(cursor: Cursor, base: number, visit: (position: number) => void): void {
  const bits = take(cursor, BITMAP_BYTES);
  for (const [index, byte] of bits.entries()) {
    for (let bit = 0; bit < 8; bit++) if (((byte >> bit) & 1) === 1) visit(base + 8 * index + bit);
  }
}
