/** The events that Lambda's event source mapping makes of Kafka records, as a function gets them: parsed JSON. */
import type { KafkaRecord } from '../../src/kafka/record.ts';

const ARN = 'arn:aws:kafka:eu-west-1:123456789012:cluster/events/751d2973-a626-431c-9d4e-d7975eb44dd7-2';
const BOOTSTRAP_SERVERS = 'b-1.events.kafka.eu-west-1.amazonaws.com:9098,b-2.events.kafka.eu-west-1.amazonaws.com:9098';

export interface MskEvent {
  readonly eventSource: string;
  /** For Amazon MSK only. */
  readonly eventSourceArn?: string;
  readonly bootstrapServers: string;
  /** By `topic-partition`. */
  readonly records: Record<string, EventRecord[]>;
}

export interface EventRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly timestampType: string;
  /** Base64; absent where the record has none. */
  readonly key?: string;
  /** Base64; absent for a tombstone. */
  readonly value?: string;
  /** One header each, its value as Java's signed bytes. */
  readonly headers: readonly Readonly<Record<string, readonly number[] | null>>[];
}

export interface MskEventOptions {
  /** @default 'aws:kafka' */
  readonly eventSource?: 'aws:kafka' | 'SelfManagedKafka';
}

export function mskEvent(records: readonly KafkaRecord[], options: MskEventOptions = {}): MskEvent {
  const lists = Map.groupBy(records, ({ topic, partition }) => `${topic}-${partition}`);
  return mskEventOf(Object.fromEntries([...lists].map(([key, list]) => [key, list.map(eventRecord)])), options);
}

/** As `mskEvent`, of records that are in the form of the event already. */
export function mskEventOf(
  records: Record<string, EventRecord[]>,
  { eventSource = 'aws:kafka' }: MskEventOptions = {},
): MskEvent {
  return {
    eventSource,
    ...(eventSource === 'aws:kafka' && { eventSourceArn: ARN }),
    bootstrapServers: BOOTSTRAP_SERVERS,
    records,
  };
}

/** What the mapping writes to its on-failure destination in S3 when the function did not take an event. */
export function failedInvocation(event: MskEvent) {
  const payload = JSON.stringify(event);
  const lists = Object.entries(event.records);
  return {
    requestContext: {
      requestId: '316aa6d0-8154-4c6b-9af7-85d5f4a6bc81',
      functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:bronze',
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 11,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: '2026-11-24T06:00:00.021Z',
    KafkaBatchInfo: {
      batchSize: lists.reduce((sum, [, list]) => sum + list.length, 0),
      eventSourceArn: ARN,
      bootstrapServers: BOOTSTRAP_SERVERS,
      payloadSize: payload.length,
      recordsInfo: Object.fromEntries(lists.map(([key, list]) => [key, recordsInfo(list)])),
    },
    payload,
  };
}

function eventRecord({ topic, partition, offset, timestamp, timestampType, ...data }: KafkaRecord): EventRecord {
  return {
    topic,
    partition,
    offset,
    timestamp: timestamp ?? -1,
    timestampType,
    ...(data.key && { key: Buffer.from(data.key).toString('base64') }),
    ...(data.value && { value: Buffer.from(data.value).toString('base64') }),
    headers: data.headers.map(({ key, value }) => ({ [key]: value ? [...new Int8Array(value)] : null })),
  };
}

function recordsInfo(list: readonly EventRecord[]) {
  const [first, last] = [list[0], list.at(-1)];
  return {
    firstRecordOffset: String(first?.offset),
    lastRecordOffset: String(last?.offset),
    firstRecordTimestamp: new Date(first?.timestamp ?? 0).toISOString(),
    lastRecordTimestamp: new Date(last?.timestamp ?? 0).toISOString(),
  };
}
