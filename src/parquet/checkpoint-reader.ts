import type {
  ActionFile,
  CheckpointReader,
  ControlActions,
  FileAction,
  LoggedPaths,
  ReadFilesOptions,
} from '../delta/checkpoint.ts';
import { DeltaError } from '../delta/errors.ts';
import type { TableRef } from '../delta/table.ts';
import { isStoreError } from '../storage/object-store.ts';
import { type ControlAction, controlColumns, fileColumns } from './checkpoint-actions.ts';
import { type CheckpointFile, openCheckpointFile } from './checkpoint-file.ts';
import { type ColumnChunk, columnChunks } from './column-chunk.ts';
import type { ColumnReaderOptions } from './column-reader.ts';
import { isParquetError } from './errors.ts';
import { type RangeSource, readPieces, withPieces } from './range-source.ts';
import { bindColumn, leavesOf, type RecordColumn } from './record-columns.ts';
import { chunksOf, type RecordChunks, RecordReader, recordChunks } from './record-reader.ts';
import type { Value } from './values.ts';

export interface CheckpointReaderOptions {
  /**
   * Memory for what is read and not yet decoded, in bytes. It is shared out over the columns; more of it means fewer
   * requests. @default 4 MiB
   */
  readonly bufferBytes?: number;
  /**
   * Most actions in a batch of `readFiles`. Small batches become garbage while V8 still has them in its nursery; larger
   * ones double its heap, and are not faster. @default 256
   */
  readonly batchRows?: number;
  /**
   * Largest page that is accepted, in bytes, as stored or decompressed. Writers aim at 1 MiB, and go beyond it when
   * single values are large. @default 64 MiB
   */
  readonly maxPageBytes?: number;
}

/**
 * The reader of Parquet checkpoints, their parts and sidecars, as Spark, delta-rs and others write them.
 *
 * It reads only the column chunks that are needed, in ranged GETs of one version of the object, and decodes them page by
 * page, so that its memory depends neither on the number of rows nor on the size of the row groups.
 *
 * Errors: `CORRUPT_LOG` for a file that cannot be read (with the `ParquetError` as its cause); the store's errors as
 * they come, so that a caller can tell a checkpoint that is gone (`NOT_FOUND`). A checkpoint that another writer
 * replaces while it is read is read again, except by `readFiles`, which then throws `PRECONDITION_FAILED`.
 */
export function createCheckpointReader(options: CheckpointReaderOptions = {}): CheckpointReader {
  const { bufferBytes = 4 * 1024 * 1024, batchRows = 256, maxPageBytes = 64 * 1024 * 1024 } = options;
  const limits: Limits = { bufferBytes, batchRows, maxPageBytes };
  return {
    readControl: (table, file) =>
      reporting(table, file, () => rereading(async () => readControl(await open(table, file), limits))),
    findFiles: (table, file, paths, readOptions) =>
      reporting(table, file, () =>
        rereading(async () => findFiles(await open(table, file), paths, readOptions, limits)),
      ),
    async *readFiles(table, file, readOptions) {
      const opened = await reporting(table, file, () => open(table, file));
      const batches = readFiles(opened, readOptions, limits);
      for (;;) {
        const batch = await reporting(table, file, () => batches.next());
        if (batch.done) return;
        yield batch.value;
      }
    },
  };
}

type Limits = Required<CheckpointReaderOptions>;

/** Columns up to this size are read whole, whatever their share of the buffer, in bytes. */
const MIN_BLOCK_BYTES = 64 * 1024;
/** Most that a column may decode for one batch, in bytes. */
const MAX_BATCH_BYTES = 128 * 1024 * 1024;
/** Times that a checkpoint is read again when it was replaced meanwhile. */
const MAX_REREADS = 2;

function open(table: TableRef, file: ActionFile): Promise<CheckpointFile> {
  return openCheckpointFile(table.store, file);
}

async function readControl(file: CheckpointFile, limits: Limits): Promise<ControlActions> {
  const actions: ControlAction[] = [];
  for (const wave of wavesOf(planGroups(file, controlColumns), limits.bufferBytes)) {
    const source = await readAhead(file.source, wave.flatMap(chunksOf), limits, MIN_BLOCK_BYTES);
    for (const chunks of wave) {
      const reader = new RecordReader(source, chunks, blocksOf(chunksOf(chunks), limits));
      for (;;) {
        const keys = await reader.readKeys(Number.POSITIVE_INFINITY, limits.batchRows);
        if (keys.rows.length === 0) break;
        for (const action of await reader.readRecords(keys)) actions.push(action);
      }
    }
  }
  return toControlActions(actions);
}

async function* readFiles(
  file: CheckpointFile,
  options: ReadFilesOptions | undefined,
  limits: Limits,
): AsyncGenerator<readonly FileAction[], void> {
  for (const group of planFiles(file, options)) {
    const chunks = group.flatMap(chunksOf);
    const source = await readAhead(file.source, chunks, limits, MIN_BLOCK_BYTES);
    const readers = group.map((own) => new RecordReader(source, own, blocksOf(chunks, limits)));
    for (;;) {
      const next = (await Promise.all(readers.map((reader) => reader.nextRow()))).filter((row) => row !== undefined);
      if (next.length === 0) break;
      // Several columns are read in common windows of rows, so that their actions can be put in order.
      const endRow = readers.length === 1 ? Number.POSITIVE_INFINITY : Math.min(...next) + limits.batchRows;
      const parts = readers.map(async (reader) => {
        const { rows, cells } = await reader.readKeys(endRow, limits.batchRows);
        return { rows, actions: await reader.readRecords({ rows, cells }) };
      });
      yield inRowOrder(await Promise.all(parts));
    }
  }
}

async function findFiles(
  file: CheckpointFile,
  paths: LoggedPaths,
  options: ReadFilesOptions | undefined,
  limits: Limits,
): Promise<readonly FileAction[]> {
  const found: FileAction[] = [];
  for (const group of planFiles(file, options)) {
    const matches: ActionsInRows[] = [];
    // Of a large row group nothing but the paths is read before one of them is found.
    const source = await readAhead(file.source, group.flatMap(chunksOf), limits, 0);
    for (const chunks of group) {
      // The keys are read first and the other columns after them, so each has the buffer for itself.
      const blocksOfKey = blocksOf([chunks.key], limits);
      const blocksOfOthers = blocksOf(
        chunks.others.map(({ chunk }) => chunk),
        limits,
      );
      const reader = new RecordReader(source, chunks, (chunk) =>
        chunk === chunks.key ? blocksOfKey(chunk) : blocksOfOthers(chunk),
      );
      const keys = await findKeys(reader, paths, limits);
      matches.push({ rows: keys.rows, actions: await reader.readRecords(keys) });
    }
    for (const action of inRowOrder(matches)) found.push(action);
  }
  return found;
}

async function findKeys(reader: RecordReader<FileAction>, paths: LoggedPaths, limits: Limits) {
  const rows: number[] = [];
  const cells: Value[] = [];
  for (;;) {
    const keys = await reader.readKeys(Number.POSITIVE_INFINITY, limits.batchRows);
    if (keys.rows.length === 0) return { rows, cells };
    keys.cells.forEach((path, index) => {
      if (typeof path === 'string' && paths.has(path)) {
        rows.push(keys.rows[index] ?? 0);
        cells.push(path);
      }
    });
  }
}

function planFiles(file: CheckpointFile, options: ReadFilesOptions | undefined): RecordChunks<FileAction>[][] {
  const parsedStats = options?.stats === true && lacksStats(file);
  return planGroups(file, fileColumns(options, { parsedStats }));
}

/** Whether statistics, if there are any, only stand in `stats_parsed`. */
function lacksStats({ footer, dataEnd }: CheckpointFile): boolean {
  const isAddField = (path: readonly string[], name: string) => path[0] === 'add' && path[1] === name;
  if (!footer.columns.some(({ path }) => isAddField(path, 'stats_parsed'))) return false;
  const stats = footer.columns.find(({ path }) => path.length === 2 && isAddField(path, 'stats'));
  if (stats === undefined) return true;
  const chunks = columnChunks(footer, new Set([stats]), dataEnd).flatMap((group) => [...group.values()]);
  return chunks.every(({ nulls, entries }) => nulls !== undefined && nulls >= entries);
}

/** The chunks to read of the columns, by row group; what the statistics say is empty is left out. */
function planGroups<T>(file: CheckpointFile, columns: readonly RecordColumn<T>[]): RecordChunks<T>[][] {
  const { footer, dataEnd } = file;
  const bound = columns.map((column) => bindColumn(footer.root, column)).filter((column) => column !== undefined);
  const leaves = new Set(bound.flatMap(({ field }) => leavesOf(field)).map(({ leaf }) => leaf));
  return columnChunks(footer, leaves, dataEnd).map((chunks) =>
    bound.map((column) => recordChunks(column, chunks)).filter((own) => own !== undefined),
  );
}

/** Puts row groups together as long as their chunks fit into the buffer: they are read with common requests. */
function* wavesOf<T>(groups: readonly RecordChunks<T>[][], bufferBytes: number): Iterable<RecordChunks<T>[]> {
  let wave: RecordChunks<T>[] = [];
  let bytes = 0;
  for (const group of groups) {
    const more = bytesOf(group.flatMap(chunksOf));
    if (wave.length > 0 && bytes + more > bufferBytes) {
      yield wave;
      wave = [];
      bytes = 0;
    }
    wave.push(...group);
    bytes += more;
  }
  if (wave.length > 0) yield wave;
}

function bytesOf(chunks: readonly ColumnChunk[]): number {
  return chunks.reduce((sum, { range }) => sum + range.end - range.start, 0);
}

/**
 * The source with chunks in memory, read with as few requests as can be: all of them if they fit into the buffer,
 * otherwise those of at most `smallBytes`.
 */
async function readAhead(
  source: RangeSource,
  chunks: readonly ColumnChunk[],
  limits: Limits,
  smallBytes: number,
): Promise<RangeSource> {
  const largest = bytesOf(chunks) <= limits.bufferBytes ? limits.bufferBytes : smallBytes;
  const ranges = chunks.map(({ range }) => range).filter(({ start, end }) => end - start <= largest);
  return withPieces(source, await readPieces(source, ranges));
}

/** Shares the buffer out over chunks that are read side by side, in proportion to their sizes. */
function blocksOf(chunks: readonly ColumnChunk[], limits: Limits): (chunk: ColumnChunk) => ColumnReaderOptions {
  // A reader holds two blocks.
  const share = Math.min(1, limits.bufferBytes / 2 / Math.max(1, bytesOf(chunks)));
  return ({ range }) => ({
    blockBytes: Math.max(MIN_BLOCK_BYTES, Math.ceil((range.end - range.start) * share)),
    maxPageBytes: limits.maxPageBytes,
    maxCallBytes: MAX_BATCH_BYTES,
  });
}

interface ActionsInRows {
  readonly rows: readonly number[];
  readonly actions: readonly FileAction[];
}

/** Puts the actions of several columns in the order of the rows in which they are. */
function inRowOrder(parts: readonly ActionsInRows[]): readonly FileAction[] {
  const [first, ...others] = parts.filter(({ rows }) => rows.length > 0);
  if (first === undefined) return [];
  if (others.length === 0) return first.actions;
  return parts
    .flatMap(({ rows, actions }) => actions.map((action, index) => ({ row: rows[index] ?? 0, action })))
    .sort((a, b) => a.row - b.row)
    .map(({ action }) => action);
}

/** A checkpoint has one protocol and one metadata; of more, the last counts, as in a commit. */
function toControlActions(actions: readonly ControlAction[]): ControlActions {
  const protocol = actions.flatMap((action) => ('protocol' in action ? [action.protocol] : [])).at(-1);
  const metadata = actions.flatMap((action) => ('metaData' in action ? [action.metaData] : [])).at(-1);
  return {
    ...(protocol && { protocol }),
    ...(metadata && { metadata }),
    txns: actions.flatMap((action) => ('txn' in action ? [action.txn] : [])),
    domains: actions.flatMap((action) => ('domainMetadata' in action ? [action.domainMetadata] : [])),
    sidecars: actions.flatMap((action) => ('sidecar' in action ? [action.sidecar] : [])),
  };
}

/** Starts again when the object was replaced between two requests: writers that race may both write a checkpoint. */
async function rereading<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      if (!isStoreError(error, 'PRECONDITION_FAILED') || attempt === MAX_REREADS) throw error;
    }
  }
}

async function reporting<T>(table: TableRef, file: ActionFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isParquetError(error)) throw error;
    const message = `"${file.key}" of the table ${table.url} cannot be read as a checkpoint: ${error.message}`;
    throw new DeltaError('CORRUPT_LOG', message, { ...error.data, table: table.url, key: file.key }, { cause: error });
  }
}
