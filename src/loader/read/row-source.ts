import type { StructType } from '../../delta/schema.ts';
import type { DatumObject } from '../../kafka/decode/datum.ts';
import type { TypedRow } from '../../kafka/decode/decoder.ts';
import type { PayloadError } from '../../kafka/decode/payload-error.ts';

/** A place between two rows of a file, from which it can be read on. */
export interface Position {
  /** Bytes of the unpacked content before it: up to the row, or up to the block that the row is in; rows for Parquet. */
  readonly offset: number;
  /** Number of the next line, or row, from 1. */
  readonly number: number;
  /** Rows of the block at `offset` that are before it. @default 0 */
  readonly index?: number;
}

export const START: Position = { offset: 0, number: 1 };

export interface SourceRow<V> {
  /** Of its first line, or of the row, from 1. */
  readonly number: number;
  /** A PayloadError where there is a row that cannot be read. */
  readonly value: V | PayloadError;
  /** For the record of a rejected row: the line, or the fields of a record; undefined where the file has no text. */
  readonly raw?: Buffer | readonly string[];
  /** Behind the row. */
  readonly end: Position;
}

/** What a record of a rejected row shows of it. */
export function textOfRaw(raw: SourceRow<unknown>['raw']): string | undefined {
  if (raw === undefined || Buffer.isBuffer(raw)) return raw?.toString();
  return raw.length === 1 ? raw[0] : JSON.stringify(raw);
}

/** Some rows of a file, in their order. */
export type SourceBatch =
  | { readonly kind: 'json'; readonly rows: readonly SourceRow<DatumObject>[]; readonly schema?: StructType }
  | { readonly kind: 'typed'; readonly rows: readonly SourceRow<TypedRow>[]; readonly schema: StructType };

/** The rows of one file, to be read once. Iterating throws LoadError for a file that is not one of its format. */
export interface RowSource {
  readonly batches: AsyncIterable<SourceBatch>;
  /** What has to be known to read on from the middle: the names of a CSV file's columns. Known with the first batch. */
  header(): readonly string[] | undefined;
}

/** Of a batch at most: rows, and bytes of the content. */
export interface BatchLimits {
  readonly rows: number;
  readonly bytes: number;
}

/** The first batch of a file is larger: new columns get their types from it. */
export const FIRST_BATCH: BatchLimits = { rows: 20_000, bytes: 8 * 1024 * 1024 };
export const BATCH: BatchLimits = { rows: 4_096, bytes: 1024 * 1024 };

export function limitsAt(position: Position): BatchLimits {
  return position.number === 1 ? FIRST_BATCH : BATCH;
}
