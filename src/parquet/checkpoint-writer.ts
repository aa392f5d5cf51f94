import { type ActionColumn, type CheckpointRow, checkpointSchema } from './checkpoint-schema.ts';
import { absentSlice } from './write/absent-slice.ts';
import { buildColumns } from './write/build-column.ts';
import type { Column, ColumnSlice } from './write/column.ts';
import { type ColumnBatch, type ParquetStream, writeParquetStream } from './write/stream-writer.ts';

export interface CheckpointWriteOptions {
  /**
   * Encoded bytes of a row group, about, which is what is held. Fewer and larger ones make a smaller footer, which every
   * cold load reads. @default 16 MiB
   */
  readonly maxRowGroupBytes?: number;
}

const DEFAULT_ROW_GROUP_BYTES = 16 * 1024 * 1024;

/**
 * Writes actions as the rows of a Parquet checkpoint, one action a row, while they come. The values go into typed buffers,
 * a few for each leaf column, so that the actions themselves are garbage as soon as they are taken. Rows are grouped by
 * their kind: what comes later may stand earlier. Throws a `CellError` for an action that has no place in the columns.
 */
export function writeCheckpointRows(
  columns: readonly ActionColumn[],
  rows: AsyncIterable<readonly CheckpointRow[]>,
  { maxRowGroupBytes = DEFAULT_ROW_GROUP_BYTES }: CheckpointWriteOptions = {},
): ParquetStream {
  return writeParquetStream(checkpointSchema(columns), toBatches(columns, rows), { maxRowGroupBytes });
}

/** Rows of a batch at most, and bytes from which on it is full: it is copied twice on the way to the encoder. */
const BATCH_ROWS = 8192;
const BATCH_BYTES = 8 * 1024 * 1024;
/** Rows after which the bytes are counted. */
const COUNT_BYTES_EVERY = 256;

async function* toBatches(
  columns: readonly ActionColumn[],
  rows: AsyncIterable<readonly CheckpointRow[]>,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const buffers = columns.map((column) => new ActionBuffer(column));
  for await (const part of rows) {
    for (const row of part) {
      const buffer = buffers.find((candidate) => candidate.append(row));
      if (buffer === undefined) throw new TypeError(`a checkpoint has no column for ${Object.keys(row).join()}`);
      if (buffer.isFull()) {
        yield buffer.batch(columns);
        buffer.clear();
      }
    }
  }
  for (const buffer of buffers) {
    if (buffer.length > 0) yield buffer.batch(columns);
  }
}

/** The rows of one column of actions that wait for the encoder; in all other columns they are null. */
class ActionBuffer {
  readonly #action: ActionColumn;
  readonly #fields: readonly Column[];
  #length = 0;

  constructor(action: ActionColumn) {
    this.#action = action;
    this.#fields = buildColumns(action.type).map(({ column }) => column);
  }

  get length(): number {
    return this.#length;
  }

  /** Whether the row is one of this column, and taken. */
  append(row: CheckpointRow): boolean {
    const values = this.#action.values(row);
    if (values === undefined) return false;
    const fields = this.#fields;
    for (let index = 0; index < fields.length; index++) fields[index]?.append(values[index]);
    this.#length++;
    return true;
  }

  isFull(): boolean {
    if (this.#length >= BATCH_ROWS) return true;
    return this.#length % COUNT_BYTES_EVERY === 0 && this.#bytes() >= BATCH_BYTES;
  }

  /** The rows, in a batch of all columns; the buffer is to be cleared before the next one is appended. */
  batch(columns: readonly ActionColumn[]): ColumnBatch {
    const length = this.#length;
    return {
      length,
      columns: columns.map((action) => (action === this.#action ? this.#slice() : absentSlice(action.type, length))),
    };
  }

  #slice(): ColumnSlice {
    const fields = this.#fields.map((column) => column.slice(0, this.#length));
    return { length: this.#length, nullCount: 0, validity: undefined, values: { kind: 'struct', fields } };
  }

  clear(): void {
    for (const column of this.#fields) column.truncate(0);
    this.#length = 0;
  }

  #bytes(): number {
    return this.#fields.reduce((sum, column) => sum + column.byteSize, 0);
  }
}
