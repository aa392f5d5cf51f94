import type { DataType, StructType } from '../../delta/schema.ts';
import { ParquetError } from '../errors.ts';
import { type Footer, footerLength, parseFooter, TRAILER_BYTES } from '../footer.ts';
import { arrowSchema, ipcStream } from '../write/arrow-batch.ts';
import { withNanCounts } from '../write/nan-counts.ts';
import type { RowBatch } from './batch.ts';
import { NanCounter } from './nan-counter.ts';

export interface EncodeStreamOptions {
  /** Rows of a row group; the last one may have fewer. */
  readonly rowGroupRows: number;
  /** Text for the footer, by key. @default none */
  readonly metadata?: ReadonlyMap<string, string>;
}

export interface EncodedStream {
  /** The file from its start to its end. Throws what `batches` throws, before the file is whole. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** The footer, once the pieces have ended. */
  footer(): Footer;
}

/**
 * Bytes from the end that are held back until the file is whole, for the NaN counts are put into its footer. A footer is
 * longer with some 60,000 column chunks.
 */
const TAIL_BYTES = 16 * 1024 * 1024;

/**
 * Encodes rows as they come, with ZSTD, by parquet-rs. Holds one row group as it is encoded, one batch, and the last
 * `TAIL_BYTES`. The file has the statistics of `RowWriter`'s, NaN counts included.
 */
export function encodeStream(
  schema: StructType,
  batches: AsyncIterable<RowBatch>,
  options: EncodeStreamOptions,
): EncodedStream {
  let footer: Footer | undefined;
  return {
    pieces: encode(schema, batches, options, (own) => {
      footer = own;
    }),
    footer() {
      if (footer === undefined) throw new Error('The file is not whole yet');
      return footer;
    },
  };
}

async function* encode(
  schema: StructType,
  batches: AsyncIterable<RowBatch>,
  { rowGroupRows, metadata }: EncodeStreamOptions,
  onFooter: (footer: Footer) => void,
): AsyncGenerator<Uint8Array, void> {
  const [arrow, wasm] = await Promise.all([import('apache-arrow'), import('parquet-wasm')]);
  const arrowFields = arrowSchema(arrow, schema);
  const nans = new NanCounter(schema, rowGroupRows);
  const source = new BatchSource(batches, (batch) => {
    nans.add(batch);
    const table = wasm.Table.fromIPCStream(ipcStream(arrow, arrowFields, batch.columns));
    const records = table.recordBatches();
    table.free();
    return records;
  });
  let builder = new wasm.WriterPropertiesBuilder()
    .setCompression(wasm.Compression.ZSTD)
    .setMaxRowGroupSize(rowGroupRows)
    // The bounds of pages leave NaN out without saying so, and Spark passes over pages by them.
    .setStatisticsEnabled(hasNestedFloats(schema) ? wasm.EnabledStatistics.Chunk : wasm.EnabledStatistics.Page);
  for (const { name, type } of schema.fields) {
    if (isFloat(type)) builder = builder.setColumnStatisticsEnabled(name, wasm.EnabledStatistics.Chunk);
  }
  if (metadata !== undefined) builder = builder.setKeyValueMetadata(new Map(metadata));

  // A stream without a batch has no schema.
  if (!(await source.hasRows())) {
    const empty = wasm.Table.fromIPCStream(ipcStream(arrow, arrowFields, []));
    const bytes = new Uint8Array(wasm.writeParquet(empty, builder.build()));
    onFooter(parseFooter(bytes));
    yield bytes;
    return;
  }
  const tail = new Tail();
  const encoded: AsyncIterable<Uint8Array> = await wasm.transformParquetStream(source.stream(), builder.build());
  for await (const chunk of encoded) yield* tail.push(chunk);
  // The writer takes an error of its source for the end of the rows, and closes the file as if it was complete.
  source.throwFailure();
  const last = tail.end(source.rows, nans);
  onFooter(last.footer);
  yield last.bytes;
}

/** The batches as the stream that parquet-rs reads from. */
class BatchSource {
  readonly #batches: AsyncIterator<RowBatch>;
  readonly #toRecords: (batch: RowBatch) => object[];
  readonly #failures: unknown[] = [];
  #next: RowBatch | undefined;
  rows = 0;

  constructor(batches: AsyncIterable<RowBatch>, toRecords: (batch: RowBatch) => object[]) {
    this.#batches = batches[Symbol.asyncIterator]();
    this.#toRecords = toRecords;
  }

  async hasRows(): Promise<boolean> {
    this.#next = await this.#pull();
    return this.#next !== undefined;
  }

  stream(): ReadableStream<object> {
    return new ReadableStream<object>(
      {
        pull: async (controller) => {
          try {
            const batch = this.#next ?? (await this.#pull());
            this.#next = undefined;
            if (batch === undefined) return controller.close();
            this.rows += batch.rowCount;
            for (const record of this.#toRecords(batch)) controller.enqueue(record);
          } catch (error) {
            this.#failures.push(error);
            controller.error(error);
          }
        },
        cancel: async () => {
          await this.#batches.return?.();
        },
      },
      { highWaterMark: 0 },
    );
  }

  throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #pull(): Promise<RowBatch | undefined> {
    for (;;) {
      const { done, value } = await this.#batches.next();
      if (done) return undefined;
      if (value.rowCount > 0) return value;
    }
  }
}

/** Holds the end of the file back. */
class Tail {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #passed = 0;

  *push(chunk: Uint8Array): Generator<Uint8Array, void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (
      let [first] = this.#chunks;
      first !== undefined && this.#bytes - first.length >= TAIL_BYTES;
      [first] = this.#chunks
    ) {
      this.#chunks.shift();
      this.#bytes -= first.length;
      this.#passed += first.length;
      yield first;
    }
  }

  end(rows: number, nans: NanCounter): { readonly bytes: Uint8Array; readonly footer: Footer } {
    const bytes = new Uint8Array(Buffer.concat(this.#chunks));
    const fileSize = this.#passed + bytes.length;
    const length = footerLength(bytes, { fileSize });
    if (length > bytes.length - TRAILER_BYTES) {
      throw new ParquetError(
        'FOOTER_TOO_LARGE',
        `the footer of the new file has ${length} bytes, the limit is ${TAIL_BYTES}`,
      );
    }
    const footer = parseFooter(bytes, { fileSize });
    if (footer.rowCount !== rows) {
      throw new ParquetError('CORRUPT', `the writer took ${footer.rowCount} of ${rows} rows`);
    }
    const patched = withNanCounts({ bytes, footer }, nans.counterFor(footer));
    const patchedSize = this.#passed + patched.length;
    return { bytes: patched, footer: parseFooter(patched, { fileSize: patchedSize }) };
  }
}

function isFloat(type: DataType): boolean {
  return type === 'float' || type === 'double';
}

/** Whether a struct has a field that may be NaN and has bounds; those in arrays and maps have none that count. */
function hasNestedFloats(struct: StructType): boolean {
  return struct.fields.some(({ type }) => {
    if (typeof type === 'string' || type.type !== 'struct') return false;
    return type.fields.some((field) => isFloat(field.type)) || hasNestedFloats(type);
  });
}
