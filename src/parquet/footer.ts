import { ParquetError } from './errors.ts';
import { readFileMetadata } from './file-metadata.ts';
import type { RowGroup } from './row-group.ts';
import type { GroupNode, LeafNode } from './schema-node.ts';

/** How the bounds of a column are ordered (parquet.thrift, `ColumnOrder`); `undefined` where the file does not say. */
export type ColumnOrder = 'TYPE' | 'IEEE_754_TOTAL' | 'INT96_TIMESTAMP' | 'UNKNOWN' | undefined;

/** What a Parquet footer says that an append needs. The bounds in it are still raw bytes; `columnStatistics` reads them. */
export interface Footer {
  /** Rows of the file, exact. */
  readonly rowCount: number;
  readonly root: GroupNode;
  /** Leaf columns, in the order in which every row group has them. */
  readonly columns: readonly LeafNode[];
  readonly rowGroups: readonly RowGroup[];
  /** Columns whose pages are encoded or compressed as some reader does not know it, with the reason. */
  readonly unreadable: ReadonlyMap<number, string>;
  /** By column; empty when the file has no orders. */
  readonly columnOrders: readonly ColumnOrder[];
  /** The writer's name and version, as it wrote them; '' if it did not. */
  readonly createdBy: string;
  /** Spark wrote the file: its INT96 timestamps have whole microseconds. */
  readonly writtenBySpark: boolean;
  /** Spark wrote old dates and timestamps in the hybrid Julian calendar: what a value means depends on the reader. */
  readonly legacyCalendar: boolean;
  /** The Thrift bytes, without length and magic; positions in `rowGroups` are in these. */
  readonly bytes: Uint8Array;
}

export interface ParseFooterOptions {
  /** Size of the whole file in bytes. With it, a file of which data are missing is recognised. */
  readonly fileSize?: number;
  /** Longest footer in bytes. @default DEFAULT_MAX_FOOTER_BYTES */
  readonly maxFooterBytes?: number;
}

/**
 * Longest footer that is read, in bytes. 32 MiB are about 200,000 column chunks with statistics (2,000 columns in 100
 * row groups); several are held at once, in a function with little memory.
 */
export const DEFAULT_MAX_FOOTER_BYTES = 32 * 1024 * 1024;
/** Bytes behind the footer: its length (4) and the magic (4). */
export const TRAILER_BYTES = 8;

/** The magic at the start, and length and magic at the end. */
const MIN_FILE_BYTES = 12;
const MAGIC = 'PAR1';
const ENCRYPTED_MAGIC = 'PARE';

/**
 * Parses the footer at the end of `tail`, the last bytes of a file (or all of them). Pure.
 * Throws a `ParquetError`, and nothing else, whatever the bytes are: `TRUNCATED` also when `tail` holds only a part of
 * the footer.
 */
export function parseFooter(tail: Uint8Array, options: ParseFooterOptions = {}): Footer {
  const { fileSize = tail.length } = options;
  const length = footerLength(tail, options);
  const end = tail.length - TRAILER_BYTES;
  if (length > end) throw new ParquetError('TRUNCATED', `the footer has ${length} bytes, ${end} of them are there`);
  const bytes = tail.subarray(end - length, end);
  const dataEnd = options.fileSize === undefined ? undefined : fileSize - TRAILER_BYTES - length;
  return readFileMetadata(bytes, dataEnd);
}

/**
 * Length in bytes of the footer of a file that ends with `tail`, without length and magic.
 * Throws `EMPTY`, `NOT_PARQUET`, `TRUNCATED`, `ENCRYPTED` or `FOOTER_TOO_LARGE`.
 */
export function footerLength(tail: Uint8Array, options: ParseFooterOptions = {}): number {
  const { fileSize = tail.length, maxFooterBytes = DEFAULT_MAX_FOOTER_BYTES } = options;
  if (fileSize === 0) throw new ParquetError('EMPTY', 'the file is empty');
  const startsWell = fileSize > tail.length || hasMagicAt(tail, 0);
  const magic = magicAt(tail, tail.length - MAGIC.length);
  if (fileSize < MIN_FILE_BYTES || (magic !== MAGIC && magic !== ENCRYPTED_MAGIC)) {
    if (fileSize <= tail.length && startsWell) {
      throw new ParquetError('TRUNCATED', `the file starts as Parquet, and breaks off after ${fileSize} bytes`);
    }
    throw new ParquetError('NOT_PARQUET', `the file (${fileSize} bytes) does not end with "${MAGIC}"`);
  }
  if (!startsWell) throw new ParquetError('NOT_PARQUET', `the file does not start with "${MAGIC}"`);
  if (magic === ENCRYPTED_MAGIC) throw new ParquetError('ENCRYPTED', 'the footer is encrypted');
  const length = new DataView(tail.buffer, tail.byteOffset + tail.length - TRAILER_BYTES).getUint32(0, true);
  if (length > fileSize - MIN_FILE_BYTES) {
    throw new ParquetError('TRUNCATED', `the footer has ${length} bytes, the whole file ${fileSize}`);
  }
  if (length > maxFooterBytes) {
    throw new ParquetError('FOOTER_TOO_LARGE', `the footer has ${length} bytes, the limit is ${maxFooterBytes}`);
  }
  return length;
}

/** Whether the bytes at the position are those with which a Parquet file, encrypted or not, starts. */
export function hasMagicAt(bytes: Uint8Array, position: number): boolean {
  const magic = magicAt(bytes, position);
  return magic === MAGIC || magic === ENCRYPTED_MAGIC;
}

function magicAt(bytes: Uint8Array, position: number): string {
  if (position < 0) return '';
  return String.fromCharCode(...bytes.subarray(position, position + MAGIC.length));
}
