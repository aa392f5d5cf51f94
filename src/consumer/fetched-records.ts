import type { KafkaRecord as FetchedRecord, RecordsBatch } from '@platformatic/kafka';
import type { KafkaHeader, KafkaRecord } from '../kafka/record.ts';
import type { FetchResponsePartition } from './protocol.ts';

/** Bits of a batch's attributes (Kafka, `DefaultRecordBatch`). */
const IS_LOG_APPEND_TIME = 0x08;
const IS_TRANSACTIONAL = 0x10;
const IS_CONTROL = 0x20;
/** Type of the control record that ends an aborted transaction (Kafka, `ControlRecordType.ABORT`). */
const ABORT = 0;
/** The only format that brokers since Kafka 4 have, and all write since 0.11. */
const BATCH_FORMAT = 2;
/** What a record and each of its headers take in memory besides their bytes, as measured with Node 24. */
const RECORD_OVERHEAD = 360;
const HEADER_OVERHEAD = 190;

export interface FetchedRecords {
  readonly records: readonly KafkaRecord[];
  /** The offset to go on from: behind what was left out, too. */
  readonly next: number;
  /** In memory, about. */
  readonly bytes: number;
}

/**
 * The records of a fetched partition from an offset on, those of committed transactions only. `from` is what was asked
 * for: a broker answers with whole batches, which may begin before it. Throws RangeError for offsets beyond 2^53 - 1.
 *
 * Which batches were aborted is told as Kafka's own consumer does it (`CompletedFetch`): from the offset at which the
 * broker says that a producer's aborted transaction began, up to the marker that ends it, which may be in a later fetch.
 */
export function readFetched(
  topic: string,
  partition: number,
  { records: batches, abortedTransactions }: Pick<FetchResponsePartition, 'records' | 'abortedTransactions'>,
  from: number,
): FetchedRecords {
  const place = { topic, partition };
  const records: KafkaRecord[] = [];
  const starts = (abortedTransactions ?? []).toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const aborted = new Set<bigint>();
  let begun = 0;
  let next = from;
  let bytes = 0;
  for (const batch of batches ?? []) {
    if (batch.magic !== BATCH_FORMAT) throw new RangeError(`${topic}/${partition}: unknown format ${batch.magic}`);
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    for (let start = starts[begun]; start !== undefined && start.firstOffset <= last; start = starts[begun]) {
      aborted.add(start.producerId);
      begun += 1;
    }
    next = Math.max(next, exact(last + 1n, topic, partition));
    if ((batch.attributes & IS_CONTROL) !== 0) {
      if (controlType(batch) === ABORT) aborted.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & IS_TRANSACTIONAL) !== 0 && aborted.has(batch.producerId)) continue;
    const first = exact(batch.firstOffset, topic, partition);
    for (const record of batch.records) {
      const offset = first + record.offsetDelta;
      if (offset < from) continue;
      records.push(kafkaRecord(place, offset, batch, record));
      bytes += sizeOf(record);
    }
  }
  return { records, next, bytes };
}

function exact(offset: bigint, topic: string, partition: number): number {
  const value = Number(offset);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`${topic}/${partition}: the offset ${offset} is beyond 2^53 - 1`);
}

/** A control record's key is its version and its type, 16 bits each. */
function controlType({ records }: RecordsBatch): number | undefined {
  const key = records[0]?.key;
  return key && key.length >= 4 ? key.readInt16BE(2) : undefined;
}

function kafkaRecord(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  offset: number,
  batch: RecordsBatch,
  { timestampDelta, key, value, headers }: FetchedRecord,
): KafkaRecord {
  const isBrokers = (batch.attributes & IS_LOG_APPEND_TIME) !== 0;
  return {
    topic,
    partition,
    offset,
    timestamp: timestampOf(isBrokers ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
    timestampType: isBrokers ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers.map(headerOf),
  };
}

/** -1 is none (Kafka, `RecordBatch.NO_TIMESTAMP`); what is not exact, 280,000 years from now, is taken as none. */
function timestampOf(timestamp: bigint): number | undefined {
  const ms = Number(timestamp);
  return ms === -1 || !Number.isSafeInteger(ms) ? undefined : ms;
}

function headerOf([key, value]: readonly [Buffer | null, Buffer | null]): KafkaHeader {
  return { key: key === null ? '' : key.toString('utf8'), value: bytesOf(value) };
}

/** A plain view: Buffer has methods of the same names that do something else. */
function bytesOf(buffer: Buffer | null): Uint8Array | undefined {
  return buffer === null ? undefined : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function sizeOf({ key, value, headers }: FetchedRecord): number {
  let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, bytes] of headers) size += HEADER_OVERHEAD + (name?.length ?? 0) + (bytes?.length ?? 0);
  return size;
}
