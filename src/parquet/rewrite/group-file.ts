import type { ByteRange } from '../../storage/byte-range.ts';
import { type ColumnChunks, columnChunks } from '../column-chunk.ts';
import { ParquetError } from '../errors.ts';
import { type Footer, TRAILER_BYTES } from '../footer.ts';
import { readInteger, skip, type ThriftCursor, thriftCursor, WIRE } from '../thrift.ts';
import { count, editList, editStruct, type FieldEdit, structList, textStruct } from './thrift-edit.ts';

/** A row group of a file. */
export interface Group {
  readonly index: number;
  readonly rowCount: number;
  /** Where its column chunks are in the file. */
  readonly range: ByteRange;
  /** Bytes of its pages, decompressed but still encoded. */
  readonly pageBytes: number;
}

/** The row groups of a file that have rows. Throws `CORRUPT` for chunks that lie elsewhere than before the footer. */
export function rowGroupsOf(footer: Footer, dataEnd: number): Group[] {
  const sizes = pageSizes(footer);
  const chunks = columnChunks(footer, new Set(footer.columns), dataEnd);
  return footer.rowGroups.flatMap(({ rowCount }, index) => {
    const range = extent(chunks[index], dataEnd);
    return rowCount === 0 ? [] : [{ index, rowCount, range, pageBytes: sizes[index] ?? 0 }];
  });
}

function extent(chunks: ColumnChunks | undefined, dataEnd: number): ByteRange {
  let [start, end] = [dataEnd, 0];
  for (const { range } of chunks?.values() ?? []) {
    start = Math.min(start, range.start);
    end = Math.max(end, range.end);
  }
  return { start: Math.min(start, end), end };
}

function pageSizes(footer: Footer): number[] {
  const sizes: number[] = [];
  editStruct(thriftCursor(footer.bytes), WIRE.STRUCT, (cursor, id, type) => {
    if (id !== FILE.rowGroups) return 'drop';
    return editList(cursor, type, (own, itemType) => {
      let size = 0;
      editStruct(own, itemType, (field, fieldId, fieldType) => {
        if (fieldId !== GROUP.totalByteSize) return 'drop';
        size = readInteger(field, fieldType);
        return count(0);
      });
      sizes.push(size);
      return undefined;
    });
  });
  return sizes;
}

const MAGIC = Buffer.from('PAR1', 'latin1');

/** Ids of fields in parquet.thrift. */
const FILE = { version: 1, schema: 2, rowCount: 3, rowGroups: 4, keyValues: 5, createdBy: 6 } as const;
const GROUP = { columns: 1, totalByteSize: 2, rowCount: 3 } as const;
const CHUNK = { fileOffset: 2, metadata: 3 } as const;
const METADATA = {
  type: 1,
  encodings: 2,
  path: 3,
  codec: 4,
  entries: 5,
  uncompressedSize: 6,
  compressedSize: 7,
  dataPage: 9,
  dictionaryPage: 11,
} as const;

const KEPT_IN_METADATA: ReadonlySet<number> = new Set([
  METADATA.type,
  METADATA.encodings,
  METADATA.path,
  METADATA.codec,
  METADATA.entries,
  METADATA.uncompressedSize,
  METADATA.compressedSize,
]);

/**
 * A Parquet file of one row group of another, of which `data` are the bytes of `group.range`. It has what parquet-rs
 * needs to read the rows, and nothing else: no statistics, no indexes, and of the key-value pairs only `pairs`. What
 * writers keep there, above all an Arrow schema of their own, would give the columns other types than Parquet's.
 */
export function groupFile(
  footer: Footer,
  group: Group,
  data: Uint8Array,
  pairs: ReadonlyMap<string, string>,
): Uint8Array {
  const shift = MAGIC.length - group.range.start;
  const metadata = editStruct(
    thriftCursor(footer.bytes),
    WIRE.STRUCT,
    (cursor, id, type) => {
      switch (id) {
        case FILE.version:
        case FILE.schema:
        case FILE.createdBy:
          return 'keep';
        case FILE.rowCount:
          skip(cursor, type);
          return count(group.rowCount);
        case FILE.rowGroups:
          return editList(cursor, type, (own, itemType, index) => {
            if (index === group.index) return editGroup(own, itemType, shift);
            skip(own, itemType);
            return undefined;
          });
        default:
          return 'drop';
      }
    },
    pairs.size === 0 ? [] : [{ id: FILE.keyValues, type: WIRE.LIST, value: pairList(pairs) }],
  );
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(metadata.length, 0);
  MAGIC.copy(trailer, 4);
  return Buffer.concat([MAGIC, data, metadata, trailer]);
}

function pairList(pairs: ReadonlyMap<string, string>): Uint8Array {
  return structList(Array.from(pairs, ([key, value]) => textStruct(key, value)));
}

function editGroup(cursor: ThriftCursor, type: number, shift: number): Uint8Array {
  return editStruct(cursor, type, (own, id, fieldType) => {
    if (id === GROUP.columns) return editList(own, fieldType, (item, itemType) => editChunk(item, itemType, shift));
    return id === GROUP.totalByteSize || id === GROUP.rowCount ? 'keep' : 'drop';
  });
}

function editChunk(cursor: ThriftCursor, type: number, shift: number): Uint8Array {
  return editStruct(cursor, type, (own, id, fieldType) => {
    if (id === CHUNK.metadata) return editMetadata(own, fieldType, shift);
    if (id !== CHUNK.fileOffset) return 'drop';
    skip(own, fieldType);
    return count(0);
  });
}

function editMetadata(cursor: ThriftCursor, type: number, shift: number): Uint8Array {
  return editStruct(cursor, type, (own, id, fieldType): FieldEdit => {
    if (KEPT_IN_METADATA.has(id)) return 'keep';
    if (id !== METADATA.dataPage && id !== METADATA.dictionaryPage) return 'drop';
    const start = own.offset;
    const position = readInteger(own, fieldType);
    // Some writers give 0 as the position of a dictionary that is not there.
    if (id === METADATA.dictionaryPage && position <= 0) {
      own.offset = start;
      return 'drop';
    }
    if (position + shift < MAGIC.length) throw new ParquetError('CORRUPT', 'a page lies before its row group');
    return count(position + shift);
  });
}
