import type { StructType } from '../../delta/schema.ts';
import { ParquetError } from '../errors.ts';
import { type Footer, parseFooter } from '../footer.ts';
import { arrowSchema, ipcStream } from './arrow-batch.ts';
import type { ColumnSlice } from './column.ts';

export interface EncodeOptions {
  readonly compression: 'zstd' | 'snappy' | 'uncompressed';
  readonly maxRowGroupRows: number;
  readonly dictionary: boolean;
}

/** The rows that are to be written. */
export interface EncodeSource {
  readonly schema: StructType;
  readonly rowCount: number;
  /** Whether a column that can have bounds has a NaN. */
  readonly hasNaN: boolean;
  /** Columns, not parts of others, of which a dictionary would hold nearly all values. */
  readonly distinct: readonly string[];
  /** Bytes of all rows, about. */
  readonly byteSize: number;
  /** All columns of the rows from `from` to `to`. */
  slice(from: number, to: number): readonly ColumnSlice[];
}

export interface EncodedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly footer: Footer;
}

/**
 * Encodes the rows as a Parquet file, with apache-arrow and parquet-wasm (parquet-rs), which are loaded now. The rows go
 * there in batches of a few MiB: beside the rows themselves, only the encoded file is ever there as a whole.
 */
export async function encodeParquet(source: EncodeSource, options: EncodeOptions): Promise<EncodedFile> {
  const [arrow, wasm] = await Promise.all([import('apache-arrow'), import('parquet-wasm')]);
  const schema = arrowSchema(arrow, source.schema);
  const batch = (from: number, to: number) =>
    wasm.Table.fromIPCStream(ipcStream(arrow, schema, source.slice(from, to)));
  let builder = new wasm.WriterPropertiesBuilder()
    .setCompression(COMPRESSION[options.compression](wasm.Compression))
    .setDictionaryEnabled(options.dictionary)
    .setMaxRowGroupSize(options.maxRowGroupRows)
    // The bounds of pages leave NaN out without saying so, and Spark passes over pages by them.
    .setStatisticsEnabled(source.hasNaN ? wasm.EnabledStatistics.Chunk : wasm.EnabledStatistics.Page);
  for (const name of source.distinct) builder = builder.setColumnDictionaryEnabled(name, false);
  const properties = builder.build();
  // A stream without a batch has no schema.
  const bytes =
    source.rowCount === 0
      ? new Uint8Array(wasm.writeParquet(batch(0, 0), properties))
      : await writeStream(source, batch, (stream) => wasm.transformParquetStream(stream, properties));
  const footer = parseFooter(bytes);
  if (footer.rowCount !== source.rowCount) {
    throw new ParquetError('CORRUPT', `the writer took ${footer.rowCount} of ${source.rowCount} rows`);
  }
  return { bytes, footer };
}

type Compressions = typeof import('parquet-wasm').Compression;

export const COMPRESSION: Readonly<
  Record<EncodeOptions['compression'], (codes: Compressions) => Compressions[keyof Compressions]>
> = {
  zstd: (codes) => codes.ZSTD,
  snappy: (codes) => codes.SNAPPY,
  uncompressed: (codes) => codes.UNCOMPRESSED,
};

/** A table in the memory of WebAssembly, which is free only when it is told so. */
interface WasmTable {
  recordBatches(): object[];
  free(): void;
}

async function writeStream(
  source: EncodeSource,
  batch: (from: number, to: number) => WasmTable,
  transform: (batches: ReadableStream) => Promise<ReadableStream>,
): Promise<Uint8Array<ArrayBuffer>> {
  const failures: unknown[] = [];
  const step = batchRows(source);
  let next = 0;
  const batches = new ReadableStream<object>(
    {
      pull(controller) {
        if (next >= source.rowCount) return controller.close();
        const end = Math.min(next + step, source.rowCount);
        try {
          const table = batch(next, end);
          for (const recordBatch of table.recordBatches()) controller.enqueue(recordBatch);
          table.free();
        } catch (error) {
          failures.push(error);
          controller.error(error);
        }
        next = end;
      },
    },
    { highWaterMark: 0 },
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of await transform(batches)) chunks.push(chunk);
  // The writer takes an error of its source for the end of the rows, and closes the file as if it was complete.
  if (failures.length > 0) throw failures[0];
  return joined(chunks);
}

/** Bytes of a batch, about. It is copied twice on the way. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Rows of a batch: fewer cost more calls than they save memory, and more gain nothing. */
const MIN_BATCH_ROWS = 1024;
const MAX_BATCH_ROWS = 65_536;

function batchRows({ rowCount, byteSize }: EncodeSource): number {
  const rows = Math.floor((BATCH_BYTES * rowCount) / Math.max(byteSize, 1));
  return Math.min(MAX_BATCH_ROWS, Math.max(MIN_BATCH_ROWS, rows));
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
