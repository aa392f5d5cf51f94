import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { invalidFile, LoadError } from '../load-error.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** What a file is compressed with, by its first bytes (RFC 1952, 2.3.1; RFC 8878, 3.1.1). */
export function compressionOf(start: Uint8Array): Compression {
  const [a = 0, b = 0, c = 0, d = 0] = start;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  return a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd ? 'zstd' : 'none';
}

/** Bytes that are unpacked at once. */
const PIECE_BYTES = 256 * 1024;

/**
 * Unpacks a stream of gzip members or zstd frames, one behind the other, piece by piece: however much comes out, little
 * of it is held. Throws `INVALID_FILE` for what is damaged, ends early, or has anything else behind it.
 */
export async function* unpack(
  bytes: AsyncIterable<Buffer>,
  compression: Exclude<Compression, 'none'>,
): AsyncGenerator<Buffer, void> {
  const input = bytes[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await input.next();
    return done ? undefined : value;
  };
  try {
    for (let rest = await next(); rest !== undefined; ) {
      rest = yield* unpackMember(compression, rest, next);
      // Archives are filled up with zeros, which are no member.
      if (rest !== undefined && compression === 'gzip') return await expectZeros(rest, next);
    }
  } finally {
    await input.return?.();
  }
}

/** Unpacks up to the end of a member; returns what is behind it. Node ends the stream where there is more behind it. */
async function* unpackMember(
  compression: Exclude<Compression, 'none'>,
  first: Buffer,
  next: () => Promise<Buffer | undefined>,
): AsyncGenerator<Buffer, Buffer | undefined> {
  const options = { chunkSize: PIECE_BYTES };
  const engine = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  let rest: Buffer | undefined;
  const feed = async (): Promise<void> => {
    for (let chunk: Buffer | undefined = first; chunk !== undefined; chunk = await next()) {
      const before = engine.bytesWritten;
      await write(engine, chunk);
      const taken = engine.bytesWritten - before;
      if (taken < chunk.length) {
        rest = chunk.subarray(taken);
        return;
      }
    }
    engine.end();
  };
  const feeding = feed();
  feeding.catch((error) => engine.destroy(error));
  try {
    for await (const piece of engine) yield piece as Buffer;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (!/^(Z_|ZSTD_error_)/.test(String(code))) throw error;
    throw invalidFile(`the ${compression} is damaged or ends early`, error);
  }
  await feeding;
  return rest;
}

function write(engine: Gunzip | ZstdDecompress, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

async function expectZeros(first: Buffer, next: () => Promise<Buffer | undefined>): Promise<void> {
  for (let chunk: Buffer | undefined = first; chunk !== undefined; chunk = await next()) {
    if (chunk.some((byte) => byte !== 0)) {
      throw new LoadError('INVALID_FILE', 'there is something behind the end of the gzip that is none');
    }
  }
}
