import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { PayloadError } from './payload-error.ts';

export interface DecompressOptions {
  /** `auto` takes what begins as gzip or zstd for that, and leaves anything else as it is. */
  readonly compression: 'none' | 'gzip' | 'zstd' | 'auto';
  /** That a payload may have, packed as well as unpacked. From 1. */
  readonly maxBytes: number;
}

/**
 * The payload unpacked. Several gzip members, and several zstd frames, are one after the other. Memory is taken for about
 * `maxBytes`, whatever the payload says of itself. Throws a PayloadError: `TOO_LARGE` for what has more than `maxBytes` or
 * a zstd window beyond what they need, `INVALID_COMPRESSION` for what is damaged, ends early or has anything behind it.
 */
export function decompress(payload: Uint8Array, { compression, maxBytes }: DecompressOptions): Uint8Array {
  if (payload.length > maxBytes) throw tooLarge(`${payload.length} bytes`, maxBytes);
  switch (compression === 'auto' ? recognise(payload) : compression) {
    case 'none':
      return payload;
    case 'gzip':
      return gunzip(payload, maxBytes);
    case 'zstd':
      return unpackZstd(payload, maxBytes);
  }
}

/** RFC 1952, 2.3.1. */
const GZIP_MAGIC = 0x1f8b;
/** RFC 8878, 3.1.1. */
const ZSTD_MAGIC = 0x28b52ffd;

function recognise(payload: Uint8Array): 'none' | 'gzip' | 'zstd' {
  const [a = 0, b = 0, c = 0, d = 0] = payload;
  if (((a << 8) | b) === GZIP_MAGIC) return 'gzip';
  return ((a << 24) | (b << 16) | (c << 8) | d) === ZSTD_MAGIC ? 'zstd' : 'none';
}

/** What `info: true` makes of the result (Node.js, "Class: Options" of zlib). */
interface Unpacked {
  readonly buffer: Buffer;
  /** `bytesWritten` are those of the input that it has taken. */
  readonly engine: { readonly bytesWritten: number };
}

function gunzip(payload: Uint8Array, maxBytes: number): Uint8Array {
  const { buffer, engine } = unpack('gzip', maxBytes, () =>
    gunzipSync(payload, { maxOutputLength: maxBytes, info: true }),
  );
  // Node stops at the first zero behind a member, since archives are filled up with zeros.
  for (let index = engine.bytesWritten; index < payload.length; index++) {
    if (payload[index] !== 0) throw damaged('gzip', `there is more behind byte ${engine.bytesWritten}, where it ends`);
  }
  return buffer;
}

/** Frames that a payload may have: each takes microseconds to set up, however small it is. */
const MAX_FRAMES = 1_000;

/** Node takes the first frame, and leaves the rest without a word. */
function unpackZstd(payload: Uint8Array, maxBytes: number): Uint8Array {
  const parts: Buffer[] = [];
  let left = maxBytes;
  let position = 0;
  do {
    const skipped = skippableBytes(payload, position);
    if (skipped > 0) {
      position += skipped;
      if (position > payload.length) throw damaged('zstd', 'it ends within a frame to be skipped');
    } else {
      if (parts.length === MAX_FRAMES) throw damaged('zstd', `it has more than ${MAX_FRAMES} frames`);
      const rest = payload.subarray(position);
      const { buffer, engine } = unpack('zstd', maxBytes, () =>
        zstdDecompressSync(rest, { maxOutputLength: Math.max(1, left), params: windowLimit(maxBytes), info: true }),
      );
      if (buffer.length > left) throw tooLarge('more', maxBytes);
      // Else this would go on for ever.
      if (engine.bytesWritten === 0) throw damaged('zstd', `there is no frame at byte ${position}`);
      left -= buffer.length;
      position += engine.bytesWritten;
      parts.push(buffer);
    }
  } while (position < payload.length);
  const [first = Buffer.alloc(0)] = parts;
  return parts.length <= 1 ? first : Buffer.concat(parts);
}

/** Bytes of the frame with data for others (RFC 8878, 3.1.2) at a position; 0 where there is none. */
function skippableBytes(payload: Uint8Array, position: number): number {
  if (payload.length - position < 8) return 0;
  const view = new DataView(payload.buffer, payload.byteOffset + position, 8);
  return view.getUint32(0, true) >>> 4 === 0x184d2a5 ? 8 + view.getUint32(4, true) : 0;
}

/** Every decoder should take windows of 8 MiB (RFC 8878, 3.1.1.1.2); 128 MiB is the most that zstd takes unasked. */
const WINDOW_LOG = { least: 23, most: 27 } as const;

/** The largest window that is allocated, as a power of two. */
function windowLimit(maxBytes: number): Record<number, number> {
  const log = Math.min(WINDOW_LOG.most, Math.max(WINDOW_LOG.least, Math.ceil(Math.log2(maxBytes))));
  return { [constants.ZSTD_d_windowLogMax]: log };
}

function unpack(name: string, maxBytes: number, run: () => Buffer): Unpacked {
  try {
    return run() as Buffer & Unpacked;
  } catch (cause) {
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge('more', maxBytes, { cause });
    if (code === 'ZSTD_error_frameParameter_windowTooLarge') throw tooLarge('a larger window', maxBytes, { cause });
    if (/^(Z_|ZSTD_error_)/.test(String(code))) throw damaged(name, String(message), { cause });
    throw cause;
  }
}

function damaged(name: string, reason: string, options?: ErrorOptions): PayloadError {
  return new PayloadError('INVALID_COMPRESSION', `The payload is not ${name}, or damaged: ${reason}`, options);
}

function tooLarge(got: string, maxBytes: number, options?: ErrorOptions): PayloadError {
  return new PayloadError('TOO_LARGE', `The payload has ${got}, expected at most ${maxBytes} bytes`, options);
}
