import { pipeline, Readable, type Transform } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import type { StructType } from '../../delta/schema.ts';
import { batchBytes, type RowBatch } from '../../parquet/rewrite/batch.ts';
import { encodeStream } from '../../parquet/rewrite/encode-stream.ts';
import { csvHeader, csvLine } from '../text/csv-text.ts';
import { jsonObject } from '../text/json-text.ts';
import type { OutputSettings } from './settings.ts';

/** Rows on their way into a file. */
export interface Block {
  readonly rows: number;
  /** Of the rows before compression, about. */
  readonly bytes: number;
  readonly content: Uint8Array | RowBatch;
}

/** How rows become the bytes of a file. */
export interface Encoder {
  /** Ending of the name of files. */
  readonly extension: string;
  /** Cuts a batch into blocks; a file ends between two. */
  blocks(batch: RowBatch): Iterable<Block>;
  /** The bytes of a file of these blocks, of which it takes one at a time. */
  pieces(blocks: AsyncIterable<Block>): AsyncIterable<Uint8Array>;
}

export function createEncoder(schema: StructType, settings: OutputSettings): Encoder {
  return settings.format === 'parquet' ? parquetEncoder(schema) : textEncoder(schema, settings);
}

/** Characters of text that are encoded at once. */
const BLOCK_CHARACTERS = 64 * 1024;

const EXTENSIONS = { none: '', gzip: '.gz', zstd: '.zst' } as const;

function textEncoder(schema: StructType, settings: OutputSettings): Encoder {
  const { format, compression, csv, values } = settings;
  const head = format === 'csv' && csv.header ? csvHeader(schema, csv) : '';
  return {
    extension: `${format}${EXTENSIONS[compression]}`,
    *blocks({ columns, rowCount }) {
      const object = format === 'csv' ? undefined : jsonObject(schema, columns, values);
      const line = object === undefined ? csvLine(schema, columns, csv, values) : (row: number) => `${object(row)}\n`;
      let text = '';
      let rows = 0;
      for (let row = 0; row < rowCount; row++) {
        text += line(row);
        rows += 1;
        if (text.length < BLOCK_CHARACTERS && row < rowCount - 1) continue;
        const content = Buffer.from(text);
        yield { rows, bytes: content.length, content };
        text = '';
        rows = 0;
      }
    },
    pieces(blocks) {
      const text = bytesOf(head, blocks);
      if (compression === 'none') return text;
      return through(text, compression === 'gzip' ? createGzip() : createZstdCompress());
    },
  };
}

async function* bytesOf(head: string, blocks: AsyncIterable<Block>): AsyncGenerator<Uint8Array, void> {
  if (head !== '') yield Buffer.from(head);
  for await (const { content } of blocks) if (content instanceof Uint8Array) yield content;
}

async function* through(pieces: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(pieces, { objectMode: false });
  // Its failure comes out of the transform, where it is thrown.
  pipeline(source, transform, () => undefined);
  yield* transform as AsyncIterable<Uint8Array>;
}

/** Bytes of a row group, about. */
const ROW_GROUP_BYTES = 64 * 1024 * 1024;
const MAX_ROW_GROUP_ROWS = 1_048_576;

function parquetEncoder(schema: StructType): Encoder {
  return {
    extension: 'parquet',
    *blocks(batch) {
      yield { rows: batch.rowCount, bytes: batchBytes(batch), content: batch };
    },
    async *pieces(blocks) {
      const iterator = blocks[Symbol.asyncIterator]();
      const first = await iterator.next();
      const { rows, bytes } = first.done === true ? { rows: 1, bytes: 1 } : first.value;
      const rowGroupRows = Math.floor((ROW_GROUP_BYTES * rows) / Math.max(1, bytes));
      const batches = batchesOf(first, iterator);
      yield* encodeStream(schema, batches, {
        rowGroupRows: Math.max(1, Math.min(MAX_ROW_GROUP_ROWS, rowGroupRows)),
      }).pieces;
    },
  };
}

async function* batchesOf(first: IteratorResult<Block>, others: AsyncIterator<Block>): AsyncGenerator<RowBatch, void> {
  for (let result = first; result.done !== true; result = await others.next()) {
    if ('columns' in result.value.content) yield result.value.content;
  }
}
