import { notificationBody } from '../ingest/notification-body.ts';

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
  return notificationBody([{ ...change, bucket }], { awsRegion: 'local', configurationId: 'resaca-start' });
}

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
