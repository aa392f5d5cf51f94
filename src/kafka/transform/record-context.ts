import { Buffer, isUtf8 } from 'node:buffer';
import type { Datum, DatumObject } from '../decode/datum.ts';
import type { KafkaRecord, TimestampType } from '../record.ts';
import { objectOf } from './evaluation.ts';

/**
 * What expressions see as `kafka`:
 *
 * | field | value |
 * |---|---|
 * | `topic`, `partition`, `offset` | text, numbers |
 * | `timestamp` | ms since the epoch, or null (kafka-delta-ingest has µs: `epoch_millis_to_micro(kafka.timestamp)`) |
 * | `timestamp_type` | 0 for CREATE_TIME, 1 for LOG_APPEND_TIME, -1 for none, as in kafka-delta-ingest |
 * | `key` | text; null for none, and for one that is no UTF-8 |
 * | `headers` | object of the headers' texts; the last of a name counts |
 */
export type MetadataField = keyof typeof METADATA;

const METADATA = {
  topic: ({ topic }: KafkaRecord): Datum => topic,
  partition: ({ partition }: KafkaRecord): Datum => partition,
  offset: ({ offset }: KafkaRecord): Datum => offset,
  timestamp: ({ timestamp }: KafkaRecord): Datum => timestamp ?? null,
  timestamp_type: ({ timestampType }: KafkaRecord): Datum => TIMESTAMP_TYPES[timestampType],
  key: ({ key }: KafkaRecord): Datum => textOf(key),
  headers: ({ headers }: KafkaRecord): Datum =>
    objectOf(headers.map(({ key, value }) => [key, textOf(value)] as const)),
};

/** The ids of Kafka's `TimestampType`. */
const TIMESTAMP_TYPES: Readonly<Record<TimestampType, number>> = {
  NO_TIMESTAMP_TYPE: -1,
  CREATE_TIME: 0,
  LOG_APPEND_TIME: 1,
};

/** All that expressions see of a record as `kafka`. */
export function recordContext(record: KafkaRecord): DatumObject {
  return objectOf(Object.entries(METADATA).map(([name, read]) => [name, read(record)] as const));
}

/** Reads one field of `kafka` without building the others; null for one that it does not have. */
export function metadataReader(name: string): (record: KafkaRecord) => Datum {
  return isMetadataField(name) ? METADATA[name] : () => null;
}

/** The text of the last header of this name; null for none, for one without a value, and for one that is no UTF-8. */
export function headerText({ headers }: KafkaRecord, name: string): string | null {
  return textOf(headers.findLast(({ key }) => key === name)?.value);
}

function isMetadataField(name: string): name is MetadataField {
  return Object.hasOwn(METADATA, name);
}

function textOf(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined || !isUtf8(bytes)) return null;
  // Several times as fast for short texts as a TextDecoder, and keeps a byte order mark.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
