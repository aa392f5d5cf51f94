import { readBytes, type SourceObject } from './object-bytes.ts';
import { type Compression, compressionOf, unpack } from './unpack.ts';

/** The content of a file, unpacked. */
export interface ByteSource {
  readonly compression: Compression;
  /** From a byte of the unpacked content on. What is compressed is read from its start and passed over. */
  from(offset: number): AsyncGenerator<Buffer, void>;
}

/** Finds out how the file is compressed: one small GET, none for an empty file. */
export async function openBytes(source: SourceObject, sleep: (ms: number) => Promise<void>): Promise<ByteSource> {
  const compression = source.size === 0 ? 'none' : compressionOf(await firstBytes(source, sleep));
  return {
    compression,
    from: (offset) =>
      compression === 'none'
        ? readBytes(source, offset, sleep)
        : passOver(unpack(readBytes(source, 0, sleep), compression), offset),
  };
}

/** As many as tell a compression. */
const MAGIC_BYTES = 4;

async function firstBytes(source: SourceObject, sleep: (ms: number) => Promise<void>): Promise<Uint8Array> {
  const start = { ...source, size: Math.min(source.size, MAGIC_BYTES) };
  for await (const bytes of readBytes(start, 0, sleep)) return bytes;
  return new Uint8Array();
}

async function* passOver(bytes: AsyncIterable<Buffer>, offset: number): AsyncGenerator<Buffer, void> {
  let left = offset;
  for await (const piece of bytes) {
    if (left >= piece.length) left -= piece.length;
    else {
      yield left === 0 ? piece : piece.subarray(left);
      left = 0;
    }
  }
}
