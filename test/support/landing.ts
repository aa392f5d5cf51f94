/** Objects that land in a bucket, and the S3 notifications about them, for tests of the append path. */

import type { SqsEvent } from '../../src/ingest/handler.ts';
import { encodeEventKey } from '../../src/ingest/notifications.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type ColumnType, type ParquetWriteOptions, writeRowsParquet } from './checkpoint-fixtures.ts';

export const BUCKET = 'landing';

/** Columns of `rowsOf`. */
export const ROW_COLUMNS: Readonly<Record<string, ColumnType>> = { id: 'long', name: 'string' };

/** `count` rows with ids from `first` on. */
export function rowsOf(first: number, count: number): { id: number; name: string }[] {
  return Array.from({ length: count }, (_, index) => ({ id: first + index, name: `row ${first + index}` }));
}

export function parquet(
  rows: readonly object[],
  columns: Readonly<Record<string, ColumnType>> = ROW_COLUMNS,
  options: ParquetWriteOptions = {},
): Uint8Array {
  return writeRowsParquet(rows, columns, options);
}

export interface EventFacts {
  readonly key: string;
  readonly size?: number;
  readonly etag?: string;
  readonly sequencer?: string;
  /** ms since the epoch. */
  readonly time: number;
  readonly bucket?: string;
}

/** One record of an S3 notification, as the S3 user guide shows it. */
export function createdRecord({ key, size = 0, etag = '', sequencer, time, bucket = BUCKET }: EventFacts): object {
  return s3Record('ObjectCreated:Put', bucket, time, { key: encodeEventKey(key), size, eTag: etag, sequencer });
}

export function removedRecord({ key, sequencer, time, bucket = BUCKET }: EventFacts): object {
  return s3Record('ObjectRemoved:Delete', bucket, time, { key: encodeEventKey(key), sequencer });
}

/** An SQS batch with one message for each list of records; message ids are `m0`, `m1`, ... */
export function sqsBatch(...messages: readonly (readonly object[])[]): SqsEvent {
  return { Records: messages.map((Records, index) => ({ messageId: `m${index}`, body: JSON.stringify({ Records }) })) };
}

/** Events in the order of their making, as one bucket makes them. */
export function createLanding(store: ObjectStore, now: () => number) {
  let sequence = 0;
  const nextSequencer = () => (++sequence).toString(16).toUpperCase().padStart(16, '0');
  return {
    /** Writes an object and gives the record of the event about it. */
    async land(key: string, body: Uint8Array): Promise<object> {
      await store.put(key, body);
      const info = await store.head(key);
      return createdRecord({
        key,
        size: body.byteLength,
        etag: info?.etag ?? '',
        sequencer: nextSequencer(),
        time: now(),
      });
    },
    async remove(key: string): Promise<object> {
      await store.delete(key);
      return removedRecord({ key, sequencer: nextSequencer(), time: now() });
    },
  };
}

function s3Record(eventName: string, bucket: string, time: number, object: object): object {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: new Date(time).toISOString(),
    eventName,
    s3: { s3SchemaVersion: '1.0', bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` }, object },
  };
}
