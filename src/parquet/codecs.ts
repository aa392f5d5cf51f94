import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { snappyUncompress } from 'hyparquet/src/snappy.js';
import { ParquetError } from './errors.ts';

/** Codec names of parquet.thrift `CompressionCodec`, as far as they are read here. */
const decompressors: Readonly<Record<string, (input: Uint8Array, size: number) => Uint8Array>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: (input, size) => {
    const output = new Uint8Array(size);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: size + 1 }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: size + 1 }),
  ZSTD: (input, size) => zstdDecompressSync(input, { maxOutputLength: size + 1 }),
  LZ4_RAW: decompressLz4Block,
};

/**
 * The bytes of a page. `size` is the number of bytes that the page's header announces; nothing larger is allocated.
 * Throws `CORRUPT` when the bytes are not a stream of the codec, or not one of `size` bytes.
 */
export function decompress(codec: string, input: Uint8Array, size: number): Uint8Array {
  const decompressor = decompressors[codec];
  if (decompressor === undefined) {
    const known = Object.keys(decompressors).join(', ');
    throw new ParquetError('CORRUPT', `a page is compressed with ${codec}, expected one of ${known}`);
  }
  if (size === 0) return new Uint8Array();
  const output = attempt(codec, () => decompressor(input, size));
  if (output.length !== size) {
    throw new ParquetError('CORRUPT', `a ${codec} page has ${output.length} bytes, its header says ${size}`);
  }
  return output;
}

function attempt<T>(codec: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new ParquetError('CORRUPT', `a page is not valid ${codec}`, {}, { cause: error });
  }
}

/** An LZ4 block without a frame. Source: lz4_Block_format.md. */
function decompressLz4Block(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let at = 0;
  let end = 0;

  function length(start: number): number {
    let sum = start;
    if (start === 15) {
      for (let byte = 255; byte === 255; sum += byte) {
        byte = input[at++] ?? 0;
      }
    }
    return sum;
  }

  while (at < input.length) {
    const token = input[at++] ?? 0;
    const literals = length(token >> 4);
    if (at + literals > input.length || end + literals > size) throw new RangeError('literals reach past the end');
    output.set(input.subarray(at, at + literals), end);
    at += literals;
    end += literals;
    if (at >= input.length) break;
    const offset = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    at += 2;
    const match = length(token & 0x0f) + 4;
    if (offset === 0 || offset > end || end + match > size) throw new RangeError('a match reaches outside the block');
    // Byte by byte: a match may overlap the bytes it writes.
    for (const stop = end + match; end < stop; end++) {
      output[end] = output[end - offset] ?? 0;
    }
  }
  return output.subarray(0, end);
}
