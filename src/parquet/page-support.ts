/**
 * Which pages Spark 4.1 (with its default, vectorised reader), delta-rs 1.6 and DuckDB 1.5 all read. The tables of
 * numbers are `Encoding` and `CompressionCodec` of parquet.thrift.
 */

/** parquet.thrift `Encoding`: names by number. */
export const ENCODINGS = [
  'PLAIN',
  'GROUP_VAR_INT',
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
];
const READABLE_ENCODINGS: ReadonlySet<number> = new Set([0, 2, 3, 4, 5, 6, 7, 8]);

const CODECS = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'];
const READABLE_CODECS: ReadonlySet<number> = new Set([0, 1, 2, 6, 7]);

/** Why an encoding cannot be taken; undefined if it can. */
export function encodingProblem(encoding: number): string | undefined {
  if (READABLE_ENCODINGS.has(encoding)) return undefined;
  return `it is encoded as ${ENCODINGS[encoding] ?? `number ${encoding}`}, which Spark does not read`;
}

/** Why a codec cannot be taken; undefined if it can. */
export function codecProblem(codec: number): string | undefined {
  if (READABLE_CODECS.has(codec)) return undefined;
  return `it is compressed with ${CODECS[codec] ?? `codec ${codec}`}, which not all readers know`;
}
