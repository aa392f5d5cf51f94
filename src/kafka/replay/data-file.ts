import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetScan } from 'hyparquet';
import type { AddFile } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { decompress } from '../../parquet/codecs.ts';
import { isStoreError, type ObjectStore, StoreError } from '../../storage/object-store.ts';
import { ReplayError } from './replay-error.ts';

/** A data file of a table whose footer is read. All reads after that are of the same version of the object. */
export interface OpenDataFile {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** Names of the columns at the top. */
  readonly columns: ReadonlySet<string>;
}

/** Values of some columns in a row group, by name. */
export type GroupColumns = ReadonlyMap<string, ArrayLike<unknown>>;

/** Read at first from the end of a file, bytes. It holds nearly every footer, and files of a few records whole. */
const TAIL_BYTES = 64 * 1024;

/** Timestamps are µs since the epoch; other files than ours may have them as INT96 or in other units. */
const READ_OPTIONS = {
  compressors: {
    SNAPPY: (input: Uint8Array, size: number) => decompress('SNAPPY', input, size),
    GZIP: (input: Uint8Array, size: number) => decompress('GZIP', input, size),
    BROTLI: (input: Uint8Array, size: number) => decompress('BROTLI', input, size),
    ZSTD: (input: Uint8Array, size: number) => decompress('ZSTD', input, size),
    LZ4_RAW: (input: Uint8Array, size: number) => decompress('LZ4_RAW', input, size),
  },
  parsers: {
    timestampFromMilliseconds: (millis: bigint) => Number(millis) * 1_000,
    timestampFromMicroseconds: (micros: bigint) => Number(micros),
    timestampFromNanoseconds: (nanos: bigint) => Number(nanos / 1_000n),
  },
  geoparquet: false,
  // Binary columns stay bytes; those that are marked as texts become strings all the same.
  utf8: false,
};

/** Opens a data file with one ranged GET, more for a long footer. Throws ReplayError, and the store's errors. */
export function openDataFile(table: TableRef, add: AddFile): Promise<OpenDataFile> {
  return reading(table, add, async () => {
    const file = bufferOf(table.store, tableKey(table, pathOf(table, add)), add.size);
    const metadata = await parquetMetadataAsync(file, { ...READ_OPTIONS, initialFetchSize: TAIL_BYTES });
    const columns = new Set(topColumns(metadata));
    return { file, metadata, columns };
  });
}

/**
 * Streams the values of some columns, row group by row group, which bounds the memory. Row groups in which `range` of
 * the column, by the statistics, does not occur are passed over.
 */
export async function* readColumns(
  table: TableRef,
  add: AddFile,
  { file, metadata }: OpenDataFile,
  { columns, range }: { readonly columns: readonly string[]; readonly range: ColumnRange },
): AsyncGenerator<GroupColumns> {
  const pruningFilter = { [range.column]: { $gte: BigInt(range.min), $lte: BigInt(range.max) } };
  const scan = await reading(table, add, () =>
    parquetScan({ ...READ_OPTIONS, file, metadata, columns: [...columns], pruningFilter, useOffsetIndex: false }),
  );
  for (const { rowStart, rowEnd } of scan.ranges) {
    const group = new Map<string, ArrayLike<unknown>>();
    for (const column of columns) {
      group.set(column, await reading(table, add, () => scan.readColumn({ column, rowStart, rowEnd })));
    }
    yield group;
  }
}

export interface ColumnRange {
  readonly column: string;
  /** Both included. */
  readonly min: number;
  readonly max: number;
}

/** All rows of a file, as objects. Timestamps are µs, longs are bigints, what is marked as text is a string. */
export function readRows(
  table: TableRef,
  add: AddFile,
  { file, metadata }: OpenDataFile,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return reading(table, add, () => parquetReadObjects({ ...READ_OPTIONS, file, metadata }));
}

/** The path below the table's root. Throws ReplayError for a file that is elsewhere, as those of a shallow clone are. */
export function pathOf(table: TableRef, add: AddFile): string {
  const path = canonicalPath(table, add.path);
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return path;
  const message = `"${path}" of ${table.url} is not under the table's root and cannot be read`;
  throw new ReplayError('FOREIGN_FILE', message, { table: table.url, path });
}

function topColumns({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  let index = 1;
  const skipTree = (): void => {
    const children = schema[index++]?.num_children ?? 0;
    for (let child = 0; child < children; child++) skipTree();
  };
  while (index < schema.length) {
    names.push(schema[index]?.name ?? '');
    skipTree();
  }
  return names;
}

/** The object as what hyparquet reads from. Its end is read once and kept. */
function bufferOf(store: ObjectStore, key: string, size: number): AsyncBuffer {
  let etag: string | undefined;
  let tail: { readonly start: number; readonly bytes: ArrayBuffer } | undefined;
  return {
    byteLength: size,
    async slice(start, end = size) {
      if (tail !== undefined && start >= tail.start) return tail.bytes.slice(start - tail.start, end - tail.start);
      const range = { start, end };
      const object = await store.get(key, { range, ...(etag !== undefined && { ifMatch: etag }) });
      if (object.size !== size) {
        const detail = `it has ${object.size} bytes, ${size} were expected`;
        throw new StoreError('PRECONDITION_FAILED', 'get', key, detail);
      }
      etag ??= object.etag;
      const { buffer, byteOffset, byteLength } = object.body;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
      if (end === size) tail = { start, bytes };
      return bytes;
    },
  };
}

async function reading<T>(table: TableRef, add: AddFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isStoreError(error) || error instanceof ReplayError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    const message = `"${add.path}" of ${table.url} cannot be read: ${cause}`;
    throw new ReplayError('UNREADABLE_FILE', message, { table: table.url, path: add.path }, { cause: error });
  }
}
