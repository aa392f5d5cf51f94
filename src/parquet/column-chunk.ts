import type { ByteRange } from '../storage/byte-range.ts';
import { ParquetError } from './errors.ts';
import type { Footer } from './footer.ts';
import type { LeafNode } from './schema-node.ts';
import { type FieldReader, readCount, readInteger, readList, readStruct, thriftCursor, WIRE } from './thrift.ts';

/** Where the values of one leaf column in one row group are, and how they are stored. */
export interface ColumnChunk {
  readonly leaf: LeafNode;
  /** Bytes of the file, dictionary included. */
  readonly range: ByteRange;
  /** Name of parquet.thrift `CompressionCodec`. */
  readonly codec: string;
  /** Values and nulls, counted together. */
  readonly entries: number;
  /** Entries without a value; undefined when the writer did not count them. */
  readonly nulls: number | undefined;
}

/** The chunks of the wanted columns in one row group, by the position of the column. */
export type ColumnChunks = ReadonlyMap<number, ColumnChunk>;

/** parquet.thrift `CompressionCodec`. */
const CODECS = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'];

/**
 * Finds the chunks of some columns in every row group. Source: parquet.thrift `FileMetaData`, `RowGroup`, `ColumnChunk`,
 * `ColumnMetaData`. Throws `CORRUPT` for a chunk that does not lie between the start of the file and its footer.
 */
export function columnChunks(footer: Footer, wanted: ReadonlySet<LeafNode>, dataEnd: number): ColumnChunks[] {
  const groups: ColumnChunks[] = [];
  readStruct(thriftCursor(footer.bytes), WIRE.STRUCT, undefined, (cursor, id, type) => {
    if (id !== 4) return false;
    readList(cursor, type, (itemCursor, itemType) => {
      const chunks = new Map<number, ColumnChunk>();
      readStruct(itemCursor, itemType, { chunks, footer, wanted, dataEnd }, readRowGroupField);
      groups.push(chunks);
    });
    return true;
  });
  return groups;
}

interface GroupTarget {
  readonly chunks: Map<number, ColumnChunk>;
  readonly footer: Footer;
  readonly wanted: ReadonlySet<LeafNode>;
  readonly dataEnd: number;
}

const readRowGroupField: FieldReader<GroupTarget> = (cursor, id, type, { chunks, footer, wanted, dataEnd }) => {
  if (id !== 1) return false;
  readList(cursor, type, (itemCursor, itemType, index) => {
    const leaf = footer.columns[index];
    if (leaf === undefined || !wanted.has(leaf)) {
      readStruct(itemCursor, itemType, undefined, () => false);
      return;
    }
    const raw = readStruct(itemCursor, itemType, newRawChunk(), readChunkField);
    chunks.set(index, toChunk(leaf, raw, dataEnd));
  });
  return true;
};

interface RawChunk {
  codec: number;
  entries: number;
  compressedSize: number;
  dataPage: number;
  dictionaryPage: number;
  nulls: number | undefined;
}

function newRawChunk(): RawChunk {
  return { codec: 0, entries: 0, compressedSize: 0, dataPage: 0, dictionaryPage: 0, nulls: undefined };
}

const readChunkField: FieldReader<RawChunk> = (cursor, id, type, chunk) => {
  if (id !== 3) return false;
  readStruct(cursor, type, chunk, readMetadataField);
  return true;
};

const readMetadataField: FieldReader<RawChunk> = (cursor, id, type, chunk) => {
  switch (id) {
    case 4:
      chunk.codec = readInteger(cursor, type);
      return true;
    case 5:
      chunk.entries = readCount(cursor, type);
      return true;
    case 7:
      chunk.compressedSize = readCount(cursor, type);
      return true;
    case 9:
      chunk.dataPage = readInteger(cursor, type);
      return true;
    case 11:
      chunk.dictionaryPage = readInteger(cursor, type);
      return true;
    case 12:
      readStruct(cursor, type, chunk, readStatisticsField);
      return true;
    default:
      return false;
  }
};

const readStatisticsField: FieldReader<RawChunk> = (cursor, id, type, chunk) => {
  if (id !== 3) return false;
  chunk.nulls = readCount(cursor, type);
  return true;
};

/**
 * Most entries of a chunk. Runs make any number of them small, and passing over them takes time; a checkpoint of as many
 * rows would have some 50 GB.
 */
const MAX_ENTRIES = 2 ** 28;

function toChunk(leaf: LeafNode, raw: RawChunk, dataEnd: number): ColumnChunk {
  const { codec, entries, compressedSize, dataPage, dictionaryPage, nulls } = raw;
  if (entries > MAX_ENTRIES) {
    const column = leaf.path.join('.');
    throw new ParquetError('CORRUPT', `"${column}" has ${entries} entries, the limit is ${MAX_ENTRIES}`, { column });
  }
  // Some writers give 0 as the offset of a dictionary that is not there.
  const start = dictionaryPage > 0 ? Math.min(dictionaryPage, dataPage) : dataPage;
  const end = start + compressedSize;
  if (start < 0 || end > dataEnd) {
    const column = leaf.path.join('.');
    const detail = `bytes ${start} to ${end} hold "${column}", the data end at byte ${dataEnd}`;
    throw new ParquetError('CORRUPT', detail, { column });
  }
  return { leaf, range: { start, end }, codec: CODECS[codec] ?? `number ${codec}`, entries, nulls };
}
