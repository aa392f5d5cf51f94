import { ParquetError } from './errors.ts';
import { codecProblem, encodingProblem } from './page-support.ts';
import { type LeafNode, PHYSICAL_TYPES } from './schema-node.ts';
import {
  type FieldReader,
  readBinary,
  readCount,
  readInteger,
  readList,
  readStruct,
  skip,
  type ThriftCursor,
} from './thrift.ts';

/**
 * A row group. Of its column chunks only what appending needs is kept, in arrays by the position of the column: a
 * wide file has millions of chunks, and the statistics of most are never looked at.
 */
export interface RowGroup {
  readonly rowCount: number;
  /** Values of each column chunk, nulls and the placeholders of empty lists included. */
  readonly numValues: Float64Array;
  /** Position of each chunk's `Statistics` in the footer's bytes; 0 where it has none. */
  readonly statistics: Uint32Array;
  /** Position of each chunk's `SizeStatistics` in the footer's bytes; 0 where it has none. */
  readonly sizes: Uint32Array;
}

export interface RowGroupContext {
  readonly columns: readonly LeafNode[];
  /** Where the footer starts; undefined if not known. */
  readonly dataEnd: number | undefined;
  /** Why some reader cannot read a column's pages, by the position of the column; filled here. */
  readonly unreadable: Map<number, string>;
}

/** Reads a `RowGroup` and checks it against the schema. */
export function readRowGroup(cursor: ThriftCursor, type: number, context: RowGroupContext): RowGroup {
  const count = context.columns.length;
  const group: PartialRowGroup = {
    rowCount: undefined,
    numValues: new Float64Array(count),
    statistics: new Uint32Array(count),
    sizes: new Uint32Array(count),
    chunks: 0,
    context,
  };
  readStruct(cursor, type, group, readRowGroupField);
  const { rowCount, numValues, statistics, sizes, chunks } = group;
  if (rowCount === undefined) throw new ParquetError('CORRUPT', 'a row group does not say how many rows it has');
  if (chunks !== count) {
    throw new ParquetError('CORRUPT', `a row group has ${chunks} column chunks, the schema ${count} columns`);
  }
  return { rowCount, numValues, statistics, sizes };
}

interface PartialRowGroup {
  rowCount: number | undefined;
  readonly numValues: Float64Array;
  readonly statistics: Uint32Array;
  readonly sizes: Uint32Array;
  chunks: number;
  readonly context: RowGroupContext;
}

interface Chunk {
  readonly leaf: LeafNode;
  readonly unreadable: Map<number, string>;
  filePath: boolean;
  encrypted: boolean;
  hasMetadata: boolean;
  numValues: number | undefined;
  compressedSize: number;
  dataPage: number;
  dictionaryPage: number;
  statistics: number;
  sizes: number;
}

const readRowGroupField: FieldReader<PartialRowGroup> = (cursor, id, type, group) => {
  if (id === 1) readList(cursor, type, (itemCursor, itemType) => readColumnChunk(itemCursor, itemType, group));
  else if (id === 3) group.rowCount = readCount(cursor, type);
  else return false;
  return true;
};

function readColumnChunk(cursor: ThriftCursor, type: number, group: PartialRowGroup): void {
  const index = group.chunks++;
  const { columns, dataEnd, unreadable } = group.context;
  const leaf = columns[index];
  if (leaf === undefined) {
    throw new ParquetError('CORRUPT', `a row group has more column chunks than the schema's ${columns.length} columns`);
  }
  const chunk: Chunk = {
    leaf,
    unreadable,
    filePath: false,
    encrypted: false,
    hasMetadata: false,
    numValues: undefined,
    compressedSize: 0,
    dataPage: 0,
    dictionaryPage: 0,
    statistics: 0,
    sizes: 0,
  };
  readStruct(cursor, type, chunk, readColumnChunkField);
  group.numValues[index] = checkedValues(chunk, dataEnd);
  group.statistics[index] = chunk.statistics;
  group.sizes[index] = chunk.sizes;
}

const readColumnChunkField: FieldReader<Chunk> = (cursor, id, type, chunk) => {
  switch (id) {
    case 1:
      chunk.filePath = readBinary(cursor, type).length > 0;
      return true;
    case 3:
      chunk.hasMetadata = true;
      readStruct(cursor, type, chunk, readColumnMetadataField);
      return true;
    case 8:
    case 9:
      chunk.encrypted = true;
      return false;
    default:
      return false;
  }
};

const readColumnMetadataField: FieldReader<Chunk> = (cursor, id, type, chunk) => {
  switch (id) {
    case 1:
      checkPhysicalType(readInteger(cursor, type), chunk.leaf);
      return true;
    case 2:
      readList(cursor, type, (itemCursor, itemType) => note(encodingProblem(readInteger(itemCursor, itemType)), chunk));
      return true;
    case 3:
      checkPath(cursor, type, chunk.leaf);
      return true;
    case 4:
      note(codecProblem(readInteger(cursor, type)), chunk);
      return true;
    case 5:
      chunk.numValues = readCount(cursor, type);
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
      chunk.statistics = positionOf(cursor, type);
      return true;
    case 16:
      chunk.sizes = positionOf(cursor, type);
      return true;
    default:
      return false;
  }
};

function note(problem: string | undefined, { leaf, unreadable }: Chunk): void {
  if (problem !== undefined) unreadable.set(leaf.column, problem);
}

/** Passes over a struct that is read later, if at all; what is wrong in it shows then. */
function positionOf(cursor: ThriftCursor, type: number): number {
  const position = cursor.offset;
  skip(cursor, type);
  return position;
}

function checkPhysicalType(type: number, leaf: LeafNode): void {
  if (PHYSICAL_TYPES[type] !== leaf.physical) {
    throw corruptChunk(leaf, `is of type ${PHYSICAL_TYPES[type] ?? type}, the schema says ${leaf.physical}`);
  }
}

/** Readers find chunks by position or by path; a file where the two differ reads differently in each. */
function checkPath(cursor: ThriftCursor, type: number, leaf: LeafNode): void {
  const length = readList(cursor, type, (itemCursor, itemType, index) => {
    if (!equalsText(readBinary(itemCursor, itemType), leaf.path[index] ?? '')) {
      throw corruptChunk(leaf, 'has the path of another column');
    }
  });
  if (length !== leaf.path.length) throw corruptChunk(leaf, 'has the path of another column');
}

/** Compares without making a string, where the name is ASCII. */
function equalsText(bytes: Uint8Array, text: string): boolean {
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x80) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8') === text;
    if (byte !== text.charCodeAt(index)) return false;
  }
  return bytes.length === text.length;
}

function checkedValues(chunk: Chunk, dataEnd: number | undefined): number {
  const { leaf, numValues, compressedSize, dataPage, dictionaryPage } = chunk;
  if (chunk.encrypted) {
    throw new ParquetError('ENCRYPTED', `the column "${leaf.path.join('.')}" is encrypted`, {
      column: leaf.path.join('.'),
    });
  }
  if (chunk.filePath) throw corruptChunk(leaf, 'lies in another file');
  if (!chunk.hasMetadata || numValues === undefined) throw corruptChunk(leaf, 'has no metadata');
  const start = dictionaryPage > 0 ? Math.min(dictionaryPage, dataPage) : dataPage;
  if (dataEnd !== undefined && numValues > 0 && start + compressedSize > dataEnd) {
    const detail = `bytes ${start} to ${start + compressedSize} hold the column "${leaf.path.join('.')}"`;
    throw new ParquetError('TRUNCATED', `the data end at byte ${dataEnd}, but ${detail}`, {
      column: leaf.path.join('.'),
    });
  }
  return numValues;
}

function corruptChunk(leaf: LeafNode, detail: string): ParquetError {
  const column = leaf.path.join('.');
  return new ParquetError('CORRUPT', `a chunk of the column "${column}" ${detail}`, { column });
}
