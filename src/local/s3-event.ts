import { encodeEventKey } from '../ingest/notifications.ts';

/** What happened to an object, as the watcher tells it. */
export interface ObjectChange {
  readonly kind: 'created' | 'removed';
  readonly key: string;
  /** Bytes; 0 for a removed object. */
  readonly size: number;
  /** '' for a removed object. */
  readonly etag: string;
  /** ms since the epoch. */
  readonly time: number;
  /** Orders the changes of one key; absent when it is not known when the object was written. */
  readonly sequencer?: string;
}

/**
 * The body of the message that S3 sends for the change: a notification with one record (Amazon S3 user guide,
 * "Event message structure"), the key encoded as S3 does.
 */
export function s3Notification(bucket: string, change: ObjectChange): string {
  const created = change.kind === 'created';
  const record = {
    eventVersion: EVENT_VERSION,
    eventSource: 'aws:s3',
    awsRegion: 'local',
    eventTime: new Date(change.time).toISOString(),
    eventName: created ? 'ObjectCreated:Put' : 'ObjectRemoved:Delete',
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'resaca-start',
      bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: encodeEventKey(change.key),
        ...(created && { size: change.size, eTag: change.etag }),
        ...(change.sequencer !== undefined && { sequencer: change.sequencer }),
      },
    },
  };
  return JSON.stringify({ Records: [record] });
}

/** The structure's version as S3 writes it for these two kinds of event. */
const EVENT_VERSION = '2.1';

/**
 * Sequencers that grow with every call, and from one run of the process to the next: the time in ms and a counter, as
 * 16 hexadecimal digits.
 */
export function createSequencer(now: () => number): () => string {
  let last = 0n;
  return () => {
    const fromClock = BigInt(now()) << COUNTER_BITS;
    last = fromClock > last ? fromClock : last + 1n;
    return last.toString(16).toUpperCase().padStart(16, '0');
  };
}

const COUNTER_BITS = 16n;
