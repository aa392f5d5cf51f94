import type { StructType } from '../../delta/schema.ts';
import { ParquetError } from '../errors.ts';
import { type Footer, parseFooter } from '../footer.ts';
import { arrowSchema, ipcStream } from './arrow-batch.ts';
import { buildColumns } from './build-column.ts';
import type { ColumnSlice } from './column.ts';
import { COMPRESSION, type EncodeOptions } from './encode.ts';

/** Rows of all columns of the schema, in the order of its fields. The writer is done with them when it asks for the next. */
export interface ColumnBatch {
  readonly length: number;
  readonly columns: readonly ColumnSlice[];
}

export interface StreamWriteOptions {
  /** @default 'zstd' */
  readonly compression?: EncodeOptions['compression'];
  /** Most rows of a row group. @default 1,048,576 */
  readonly maxRowGroupRows?: number;
  /** Encoded bytes from which on a row group ends; about so many are held. @default 64 MiB */
  readonly maxRowGroupBytes?: number;
  /** Whether columns with few distinct values have a dictionary. @default true */
  readonly dictionary?: boolean;
  /** Whether pages have bounds and null counts of their own, as row groups have. @default false */
  readonly pageStatistics?: boolean;
  /** Gets the end of the file, and gives what is to stand there instead (see `withNanCounts`). @default as it is */
  readonly finish?: (tail: ParquetTail) => Uint8Array;
}

/** The last bytes of a file, with the footer that ends them. */
export interface ParquetTail {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly footer: Footer;
}

/** A Parquet file that is being written. */
export interface ParquetStream {
  /** The bytes of the file in order, to be read once. Throws what `batches` throws, and never ends for a file not whole. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Of the file; not to be called before the pieces have ended. */
  summary(): ParquetSummary;
}

export interface ParquetSummary {
  readonly rows: number;
  readonly bytes: number;
  readonly footer: Footer;
}

const DEFAULT_MAX_ROW_GROUP_ROWS = 1_048_576;
const DEFAULT_MAX_ROW_GROUP_BYTES = 64 * 1024 * 1024;

/**
 * Encodes batches of columns as a Parquet file while they come, with apache-arrow and parquet-wasm (parquet-rs), which are
 * loaded at the first piece. What is held is one batch, and one row group in its encoded form.
 */
export function writeParquetStream(
  schema: StructType,
  batches: AsyncIterable<ColumnBatch>,
  options: StreamWriteOptions = {},
): ParquetStream {
  let summary: ParquetSummary | undefined;
  async function* encode(): AsyncGenerator<Uint8Array, void, undefined> {
    const source = createSource(schema, batches);
    const held: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const piece of await transform(schema, source, options)) {
        // The encoder takes a failure of its source for the end of the rows, and ends the file as if it was complete.
        if (source.failures.length > 0) throw source.failures[0];
        // What comes from the end of the rows on is kept back until it is seen to be right.
        if (source.isEnded()) {
          held.push(piece);
        } else {
          bytes += piece.length;
          yield piece;
        }
      }
    } finally {
      await source.stop();
    }
    if (source.failures.length > 0) throw source.failures[0];
    const tail = readTail(held, bytes, source.rows());
    const end = options.finish === undefined ? tail.bytes : options.finish(tail);
    summary = { rows: source.rows(), bytes: bytes + end.length, footer: tail.footer };
    yield end;
  }
  return {
    pieces: encode(),
    summary() {
      if (summary === undefined) throw new TypeError('the file is not written to its end');
      return summary;
    },
  };
}

/** Where the encoder gets its rows from. */
interface BatchSource {
  readonly failures: readonly unknown[];
  isEnded(): boolean;
  rows(): number;
  /** The next batch; undefined at the end, and after a failure, which is noted. */
  next(): Promise<ColumnBatch | undefined>;
  /** The encoder, which does not notice that nobody reads on, gets no more batches either. */
  stop(): Promise<void>;
}

function createSource(schema: StructType, batches: AsyncIterable<ColumnBatch>): BatchSource {
  const iterator = batches[Symbol.asyncIterator]();
  const failures: unknown[] = [];
  let rows = 0;
  let ended = false;
  let started = false;
  let stopped = false;
  return {
    failures,
    isEnded: () => ended,
    rows: () => rows,
    async next() {
      if (ended || stopped || failures.length > 0) return undefined;
      try {
        const { value, done } = await iterator.next();
        if (done) ended = true;
        // The encoder learns the schema from the first batch.
        const batch: ColumnBatch | undefined = done ? (started ? undefined : emptyBatch(schema)) : value;
        started = true;
        rows += batch?.length ?? 0;
        return batch;
      } catch (error) {
        failures.push(error);
        return undefined;
      }
    },
    async stop() {
      stopped = true;
      await iterator.return?.();
    },
  };
}

function emptyBatch(schema: StructType): ColumnBatch {
  return { length: 0, columns: buildColumns(schema).map(({ column }) => column.slice(0, 0)) };
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

async function transform(schema: StructType, source: BatchSource, options: StreamWriteOptions): Promise<Pieces> {
  const [arrow, wasm] = await Promise.all([import('apache-arrow'), import('parquet-wasm')]);
  const { compression = 'zstd', dictionary = true, pageStatistics = false } = options;
  const properties = new wasm.WriterPropertiesBuilder()
    .setCompression(COMPRESSION[compression](wasm.Compression))
    .setDictionaryEnabled(dictionary)
    .setMaxRowGroupSize(options.maxRowGroupRows ?? DEFAULT_MAX_ROW_GROUP_ROWS)
    .setMaxRowGroupBytes(options.maxRowGroupBytes ?? DEFAULT_MAX_ROW_GROUP_BYTES)
    .setStatisticsEnabled(pageStatistics ? wasm.EnabledStatistics.Page : wasm.EnabledStatistics.Chunk)
    .build();
  const target = arrowSchema(arrow, schema);
  const toWasm = ({ columns }: ColumnBatch) => wasm.Table.fromIPCStream(ipcStream(arrow, target, columns));
  const first = await source.next();
  if (first === undefined || first.length === 0) {
    // A stream without a batch has no schema.
    return first === undefined ? [] : [new Uint8Array(wasm.writeParquet(toWasm(first), properties))];
  }
  let batch: ColumnBatch | undefined = first;
  const stream = new ReadableStream<object>(
    {
      async pull(controller) {
        if (batch === undefined) return controller.close();
        const table = toWasm(batch);
        for (const recordBatch of table.recordBatches()) controller.enqueue(recordBatch);
        table.free();
        batch = await source.next();
      },
    },
    { highWaterMark: 0 },
  );
  return await wasm.transformParquetStream(stream, properties);
}

/** Throws `CORRUPT` unless the file ends with a footer that knows of all rows. */
function readTail(held: readonly Uint8Array[], before: number, rows: number): ParquetTail {
  const bytes = joined(held);
  const footer = parseFooter(bytes, { fileSize: before + bytes.length });
  if (footer.rowCount !== rows) {
    throw new ParquetError('CORRUPT', `the writer took ${footer.rowCount} of ${rows} rows`);
  }
  return { bytes, footer };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
