import { isDeepStrictEqual } from 'node:util';
import type { PartitionRecords } from './offsets.ts';
import type { KafkaHeader, KafkaRecord, TimestampType } from './record.ts';

/** The records of one invocation: each partition of a topic once, its records in the order of their offsets. */
export interface KafkaBatch {
  readonly partitions: readonly PartitionRecords[];
}

/** Where an event is malformed, as far as it is known; the values are as they were found. */
export interface KafkaEventErrorData {
  /** Key of the list in the event's `records`. */
  readonly list?: string;
  /** Place of the record in that list, from 0. */
  readonly index?: number;
  readonly topic?: unknown;
  readonly partition?: unknown;
  readonly offset?: unknown;
}

/** An event that is none of a Kafka event source mapping, or has a record that cannot be read. */
export class KafkaEventError extends Error {
  override readonly name = 'KafkaEventError';
  readonly code = 'INVALID_KAFKA_EVENT';
  readonly data: KafkaEventErrorData;

  constructor(message: string, data: KafkaEventErrorData = {}, options?: ErrorOptions) {
    super(message, options);
    this.data = data;
  }
}

/**
 * Reads the event that Lambda's event source mapping delivers for Amazon MSK or a self-managed Kafka. What the mapping
 * writes to an on-failure destination (S3 or a Kafka topic) is recognised and read alike, so that it can be replayed.
 * Sources: Lambda developer guide, "Configuring Amazon MSK event sources for Lambda" (example event), "Capturing
 * discarded batches for Amazon MSK and self-managed Apache Kafka event sources", "Using a Kafka topic as an on-failure
 * destination".
 *
 * An offset that comes twice is kept once. Throws KafkaEventError: one record that cannot be read fails the whole event,
 * since the mapping takes an invocation that succeeds as proof that all its records are handled.
 */
export function parseMskEvent(event: unknown): KafkaBatch {
  const { eventSource, records } = deliveredEvent(event);
  if (eventSource !== 'aws:kafka' && eventSource !== 'SelfManagedKafka') {
    throw new KafkaEventError(`expected the eventSource "aws:kafka" or "SelfManagedKafka", got ${shown(eventSource)}`);
  }
  if (!isObject(records)) throw new KafkaEventError(`expected an object of lists in records, got ${shown(records)}`);
  return { partitions: groupRecords(records) };
}

/** Whether this is what the mapping writes to an on-failure destination, in place of an event. */
export function isInvocationRecord(event: unknown): boolean {
  return isObject(event) && event.KafkaBatchInfo !== undefined;
}

/** Takes the event out of the invocation record of a failure: there it is JSON text (S3) or an object (Kafka). */
function deliveredEvent(event: unknown): Record<string, unknown> {
  if (!isObject(event)) throw new KafkaEventError(`expected a Kafka event, got ${shown(event)}`);
  if (!isInvocationRecord(event)) return event;
  const { payload } = event;
  if (payload === undefined || payload === null) {
    throw new KafkaEventError(
      'the invocation record has no payload: destinations in SQS and SNS get no records, those in S3 and Kafka do',
    );
  }
  const delivered = typeof payload === 'string' ? parseJson(payload) : payload;
  if (isObject(delivered)) return delivered;
  throw new KafkaEventError(`expected a Kafka event as the payload of an invocation record, got ${shown(delivered)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KafkaEventError('the payload of the invocation record is not JSON', {}, { cause });
  }
}

interface Group {
  readonly topic: string;
  readonly partition: number;
  readonly records: KafkaRecord[];
}

/** The keys of the lists are not relied on: each record says what topic and partition it is of. */
function groupRecords(lists: Record<string, unknown>): PartitionRecords[] {
  const groups = new Map<string, Group>();
  for (const [list, values] of Object.entries(lists)) {
    if (!Array.isArray(values)) {
      throw new KafkaEventError(`expected a list in records[${shown(list)}], got ${shown(values)}`, { list });
    }
    let group: Group | undefined;
    for (let index = 0; index < values.length; index++) {
      const record = parseRecord(values[index], list, index);
      const { topic, partition } = record;
      // A list has one partition, usually.
      if (group === undefined || group.partition !== partition || group.topic !== topic) {
        const id = `${topic}-${partition}`;
        group = groups.get(id) ?? { topic, partition, records: [] };
        groups.set(id, group);
      }
      group.records.push(record);
    }
  }
  return [...groups.values()].map((group) => ({ ...group, records: inOrder(group.records) }));
}

function inOrder(records: readonly KafkaRecord[]): readonly KafkaRecord[] {
  if (areInOrder(records)) return records;
  const ordered: KafkaRecord[] = [];
  for (const record of records.toSorted((a, b) => a.offset - b.offset)) {
    const previous = ordered.at(-1);
    if (previous?.offset !== record.offset) {
      ordered.push(record);
    } else if (!isDeepStrictEqual(previous, record)) {
      const { topic, partition, offset } = record;
      const message = `two records that differ have the offset ${offset} in partition ${partition} of topic ${topic}`;
      throw new KafkaEventError(message, { topic, partition, offset });
    }
  }
  return ordered;
}

/** Whether each offset is greater than the one before, as the mapping delivers them. */
function areInOrder(records: readonly KafkaRecord[]): boolean {
  let last = -1;
  for (const { offset } of records) {
    if (offset <= last) return false;
    last = offset;
  }
  return true;
}

/** A record as it is in the event, and where. */
interface RawRecord {
  readonly list: string;
  readonly index: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

function parseRecord(fields: unknown, list: string, index: number): KafkaRecord {
  if (!isObject(fields)) {
    const place = `records[${shown(list)}][${index}]`;
    throw new KafkaEventError(`${place}: expected a record, got ${shown(fields)}`, { list, index });
  }
  const raw: RawRecord = { list, index, fields };
  const timestampType = fieldOf(raw, 'timestampType', isTimestampType, `one of ${TIMESTAMP_TYPES.join(', ')}`);
  return {
    topic: fieldOf(raw, 'topic', isTopic, 'the name of a topic'),
    partition: fieldOf(raw, 'partition', isPartition, 'an integer from 0 to 2^31 - 1'),
    offset: fieldOf(raw, 'offset', isOffset, 'an integer from 0 to 2^53 - 1'),
    timestamp: timestampType === 'NO_TIMESTAMP_TYPE' ? undefined : timestampOf(raw),
    timestampType,
    key: bytesOf(raw, 'key'),
    value: bytesOf(raw, 'value'),
    headers: headersOf(raw),
  };
}

const TIMESTAMP_TYPES: readonly TimestampType[] = ['CREATE_TIME', 'LOG_APPEND_TIME', 'NO_TIMESTAMP_TYPE'];

function isTimestampType(value: unknown): value is TimestampType {
  return value === 'CREATE_TIME' || TIMESTAMP_TYPES.some((type) => type === value);
}

/** Kafka's own rule (`Topic.validate`); it also keeps names out of the paths of tables that would leave them. */
function isTopic(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.-]{1,249}$/.test(value) && value !== '.' && value !== '..';
}

function isPartition(value: unknown): value is number {
  return isOffset(value) && value <= 0x7fff_ffff;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Kafka's `RecordBatch.NO_TIMESTAMP`. */
const NO_TIMESTAMP = -1;

/**
 * A producer may write any 64-bit number as the time of a record. One that is too large to be exact here, 280,000 years
 * from now, is taken as none: it must not hold up its partition.
 */
function timestampOf(raw: RawRecord): number | undefined {
  const { timestamp } = raw.fields;
  if (timestamp === undefined || timestamp === null || timestamp === NO_TIMESTAMP) return undefined;
  if (Number.isSafeInteger(timestamp)) return Number(timestamp);
  if (Number.isInteger(timestamp)) return undefined;
  throw malformed(raw, `expected ms since the epoch in timestamp, got ${shown(timestamp)}`);
}

/**
 * Decodes base64 as Java's encoder writes it. Node's decoder leaves out what is wrong, so the length tells whether all is
 * there. What was got is not shown: it may be anyone's data.
 */
function bytesOf(raw: RawRecord, name: 'key' | 'value'): Uint8Array | undefined {
  const text = raw.fields[name];
  if (text === undefined || text === null) return undefined;
  if (typeof text !== 'string') throw malformed(raw, `expected base64 in ${name}, got ${kindOf(text)}`);
  const bytes = Buffer.from(text, 'base64');
  if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - paddingOf(text)) {
    throw malformed(raw, `expected base64 in ${name}, got ${text.length} characters that are none`);
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function paddingOf(base64: string): number {
  if (!base64.endsWith('=')) return 0;
  return base64.endsWith('==') ? 2 : 1;
}

/** A list of objects with one name and value each, since Kafka keeps the order of headers and allows a name twice. */
function headersOf(raw: RawRecord): KafkaHeader[] {
  const { headers } = raw.fields;
  if (headers === undefined || headers === null) return [];
  if (!Array.isArray(headers)) throw malformed(raw, `expected a list in headers, got ${kindOf(headers)}`);
  return headers.map((header: unknown, index) => {
    const [entry, ...others] = isObject(header) ? Object.entries(header) : [];
    if (entry === undefined || others.length > 0) {
      throw malformed(raw, `expected an object with one header in headers[${index}]`);
    }
    const [name, value] = entry;
    // Half of a surrogate pair has no form in UTF-8, as which Kafka keeps names.
    const key = name.toWellFormed();
    return { key, value: value === null ? undefined : headerBytes(raw, index, value) };
  });
}

/** The bytes of a header are numbers as Java has them, -128 to 127; 128 to 255 can mean nothing else than bytes either. */
function headerBytes(raw: RawRecord, index: number, value: unknown): Uint8Array {
  if (Array.isArray(value) && value.every(isByte)) return Uint8Array.from(value);
  throw malformed(raw, `expected null or a list of bytes as the value of headers[${index}]`);
}

function isByte(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= -128 && Number(value) <= 255;
}

function fieldOf<T>(raw: RawRecord, name: string, is: (value: unknown) => value is T, expected: string): T {
  const value = raw.fields[name];
  if (is(value)) return value;
  throw malformed(raw, `expected ${expected} in ${name}, got ${shown(value)}`);
}

function malformed({ list, index, fields }: RawRecord, problem: string): KafkaEventError {
  const { topic, partition, offset } = fields;
  const place = `topic ${shown(topic)}, partition ${shown(partition)}, offset ${shown(offset)}`;
  const message = `records[${shown(list)}][${index}] (${place}): ${problem}`;
  return new KafkaEventError(message, { list, index, topic, partition, offset });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Longest text of an event that an error shows, characters. */
const MAX_SHOWN = 80;

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
