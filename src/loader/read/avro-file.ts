import { crc32, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { parseAvroSchema } from '../../kafka/decode/avro/parse-schema.ts';
import { type AvroReader, createAvroReader } from '../../kafka/decode/avro/reader.ts';
import type { TypedRow } from '../../kafka/decode/decoder.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import { decompress } from '../../parquet/codecs.ts';
import { invalidFile, LoadError } from '../load-error.ts';
import { ByteQueue } from '../source/byte-queue.ts';
import type { ByteSource } from '../source/open-bytes.ts';
import { type AvroHeader, readAvroHeader, readLong, SYNC_BYTES } from './avro-header.ts';
import { BATCH, type Position, type RowSource, type SourceBatch, type SourceRow } from './row-source.ts';

/**
 * The rows of an Avro object container file (Avro 1.12 specification, "Object Container Files"), with the types that
 * `createAvroReader` gives them. A block is read at once. Codecs: null, deflate, snappy, zstandard. Throws `TOO_LARGE` for a
 * block of more than `maxBlockBytes`, packed or not.
 */
export function readAvroFile(source: ByteSource, from: Position, maxBlockBytes: number): RowSource {
  return { batches: batchesOf(source, from, maxBlockBytes), header: () => undefined };
}

async function* batchesOf(
  source: ByteSource,
  from: Position,
  maxBlockBytes: number,
): AsyncGenerator<SourceBatch, void> {
  let queue = new ByteQueue(source.from(0));
  try {
    const header = await readAvroHeader(queue);
    const reader = readerOf(header);
    if (from.offset > 0) {
      await queue.close();
      queue = new ByteQueue(source.from(from.offset), from.offset);
    }
    let { number, index = 0 } = from;
    while (!(await queue.atEnd())) {
      const offset = queue.position;
      const { count, data } = await readBlock(queue, header, maxBlockBytes);
      const end: Position = { offset: queue.position, number: number - index + count };
      yield* rowsOf(reader, data, { offset, number, index, count, end });
      number = end.number;
      index = 0;
    }
  } finally {
    await queue.close();
  }
}

function readerOf({ schema }: AvroHeader): AvroReader {
  try {
    const reader = createAvroReader(parseAvroSchema(schema));
    if (reader.schema.fields.length === 0) throw new LoadError('NO_COLUMNS', 'its schema has no column');
    return reader;
  } catch (error) {
    if (error instanceof PayloadError) throw invalidFile('its schema cannot be read', error);
    throw error;
  }
}

interface Block {
  readonly count: number;
  readonly data: Buffer;
}

async function readBlock(queue: ByteQueue, header: AvroHeader, maxBytes: number): Promise<Block> {
  const start = queue.position;
  const count = await readLong(queue);
  const size = await readLong(queue);
  if (count < 0 || size < 0) {
    throw new LoadError('INVALID_FILE', `the block at byte ${start} has ${count} rows in ${size} bytes`);
  }
  if (size > maxBytes) throw blockTooLarge(start, size, maxBytes);
  const packed = await queue.read(size);
  const sync = await queue.read(SYNC_BYTES);
  if (!sync.equals(header.sync)) {
    throw new LoadError('INVALID_FILE', `the block at byte ${start} does not end with the marker of the file`);
  }
  const data = unpackBlock(header.codec, packed, { start, maxBytes });
  // A row with a column takes a byte at least.
  if (count > data.length) {
    throw new LoadError('INVALID_FILE', `the block at byte ${start} claims ${count} rows in ${data.length} bytes`);
  }
  return { count, data };
}

function unpackBlock(
  codec: string,
  packed: Buffer,
  { start, maxBytes }: { readonly start: number; readonly maxBytes: number },
): Buffer {
  try {
    switch (codec) {
      case 'null':
        return packed;
      case 'deflate':
        return inflateRawSync(packed, { maxOutputLength: maxBytes });
      case 'zstandard':
        return zstdDecompressSync(packed, { maxOutputLength: maxBytes });
      case 'snappy':
        return unpackSnappy(packed, start, maxBytes);
      default:
        throw new LoadError('UNSUPPORTED_FILE', `its codec is "${codec}", expected null, deflate, snappy or zstandard`);
    }
  } catch (error) {
    if (error instanceof LoadError) throw error;
    const { code } = error as { readonly code?: unknown };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw blockTooLarge(start, undefined, maxBytes);
    throw invalidFile(`the ${codec} of the block at byte ${start} is damaged`, error);
  }
}

/** Snappy without a frame, and the CRC-32 of what it unpacks to (specification, "Optional Codecs"). */
function unpackSnappy(packed: Buffer, start: number, maxBytes: number): Buffer {
  const body = packed.subarray(0, Math.max(packed.length - 4, 0));
  let size = 0;
  for (let index = 0, unit = 1; index < 5; index++, unit *= 128) {
    const byte = body[index] ?? 0;
    size += (byte & 0x7f) * unit;
    if (byte < 0x80) break;
  }
  if (size > maxBytes) throw blockTooLarge(start, size, maxBytes);
  const unpacked = decompress('SNAPPY', body, size);
  const expected = packed.readUInt32BE(packed.length - 4);
  if (crc32(unpacked) !== expected) {
    throw new LoadError('INVALID_FILE', `the block at byte ${start} has another checksum than its data`);
  }
  return Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.length);
}

function blockTooLarge(start: number, size: number | undefined, maxBytes: number): LoadError {
  const got = size === undefined ? 'more' : `${size} bytes`;
  return new LoadError('TOO_LARGE', `the block at byte ${start} has ${got}, expected at most ${maxBytes} bytes`);
}

interface BlockPlace {
  readonly offset: number;
  /** Of the first row that is wanted. */
  readonly number: number;
  /** Rows before that. */
  readonly index: number;
  readonly count: number;
  /** Behind the block. */
  readonly end: Position;
}

function* rowsOf(reader: AvroReader, data: Buffer, place: BlockPlace): Generator<SourceBatch, void> {
  const { offset, count, end } = place;
  const { schema } = reader;
  let rows: SourceRow<TypedRow>[] = [];
  let index = 0;
  try {
    for (const value of reader.readAll(data, count)) {
      index += 1;
      if (index <= place.index) continue;
      const number = place.number + index - place.index - 1;
      rows.push({ number, value, end: index === count ? end : { offset, number: number + 1, index } });
      if (rows.length < BATCH.rows) continue;
      yield { kind: 'typed', rows, schema };
      rows = [];
    }
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    const number = place.number + index - place.index;
    const reason = `row ${number}, in the block at byte ${offset}, is not of the file's schema: ${error.message}`;
    throw new LoadError('INVALID_FILE', reason, { cause: error, line: number });
  }
  if (rows.length > 0) yield { kind: 'typed', rows, schema };
}
