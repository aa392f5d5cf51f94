import type { PartitionRecords } from '../kafka/offsets.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { FetchedRecords } from './fetched-records.ts';
import type { Buffered } from './flush-policy.ts';

/** A partition that this consumer has, and what of it was read and is not written yet. */
export interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** Where to read on; undefined until the table was asked. */
  position: number | undefined;
  /** Id of the topic that is read; another one means that it was made anew. */
  topicId: string | undefined;
  /** The topic was made anew: there is nothing of it in the table, whatever offsets that has. */
  isNewTopic: boolean;
  /** Behind the last record of the partition; undefined until it was read. */
  end: number | undefined;
  /** Behind the last record that may be read, which transactions that are open hold back; undefined with `position`, at first. */
  readableEnd: number | undefined;
  /** Of `records`, about. */
  bytes: number;
  records: readonly KafkaRecord[];
  /** When the first of `records` was read, ms since the epoch. */
  since: number;
  /** Part of the batch that is being written. */
  writing: readonly KafkaRecord[];
  writingBytes: number;
  writingSince: number;
  /** Failures to write in a row; while there are some, no more is read of the partition. */
  failures: number;
  /** Not written again before, ms since the epoch. */
  retryAt: number;
}

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** The partitions of a consumer, and the buffer that they share. */
export interface Partitions {
  all(): readonly Partition[];
  /** Those that are assigned now stay or are new; what was read of the others is dropped: their new owner reads it. */
  assign(assignment: readonly TopicPartitions[]): { readonly added: readonly Partition[]; readonly dropped: number };
  has(partition: Partition): boolean;
  /** Takes what was read; nothing when the partition is read from elsewhere meanwhile. */
  append(partition: Partition, from: number, fetched: FetchedRecords, now: number): void;
  /** What may be written now. */
  waiting(now: number): Buffered;
  /** All that is in memory, being written or not. */
  buffered(): Buffered;
  /** Takes out what is to be written. */
  take(now: number): readonly PartitionRecords[];
  /** What was taken is written, but for these records, which are kept and come first the next time. */
  settle(failed: readonly PartitionRecords[], retryAt: (failures: number) => number): void;
  /** Gives the memory of failing partitions to the others, who would have to wait otherwise: it is read again later. */
  makeRoom(limit: number): readonly Partition[];
}

export function createPartitions(): Partitions {
  const owned = new Map<string, Partition>();
  /** Of partitions that were here before: when they come back, their topic may be another one of the same name. */
  const topicIds = new Map<string, string>();
  const all = () => [...owned.values()];

  return {
    all,
    has: (partition) => owned.get(idOf(partition)) === partition,

    assign(assignment) {
      const before = new Map(owned);
      owned.clear();
      for (const [id, { topicId }] of before) {
        if (topicId !== undefined) topicIds.set(id, topicId);
      }
      const added: Partition[] = [];
      for (const { topic, partitions } of assignment) {
        for (const partition of partitions) {
          const id = idOf({ topic, partition });
          const known = before.get(id);
          const one = known ?? newPartition(topic, partition, topicIds.get(id));
          owned.set(id, one);
          before.delete(id);
          if (known === undefined) added.push(one);
        }
      }
      const dropped = [...before.values()].reduce(
        (sum, { records, writing }) => sum + records.length + writing.length,
        0,
      );
      return { added, dropped };
    },

    append(partition, from, { records, next, bytes }, now) {
      if (partition.position !== from) return;
      partition.position = next;
      if (records.length === 0) return;
      if (partition.records.length === 0) partition.since = now;
      partition.records = partition.records.length === 0 ? records : partition.records.concat(records);
      partition.bytes += bytes;
    },

    waiting: (now) => sumUp(all().filter(({ retryAt }) => retryAt <= now)),

    buffered() {
      let { records, bytes, oldest } = sumUp(all());
      for (const { writing, writingBytes, writingSince } of all()) {
        if (writing.length === 0) continue;
        records += writing.length;
        bytes += writingBytes;
        oldest = Math.min(oldest ?? writingSince, writingSince);
      }
      return { records, bytes, oldest };
    },

    take(now) {
      const taken = all().filter(({ records, retryAt }) => records.length > 0 && retryAt <= now);
      for (const one of taken) {
        one.writing = one.records;
        one.writingBytes = one.bytes;
        one.writingSince = one.since;
        clear(one);
      }
      return taken.map(({ topic, partition, writing }) => ({ topic, partition, records: writing }));
    },

    settle(failed, retryAt) {
      const byPartition = Map.groupBy(failed, idOf);
      for (const one of all()) {
        if (one.writing.length === 0) continue;
        const offsets = new Set(
          byPartition.get(idOf(one))?.flatMap(({ records }) => records.map((record) => record.offset)),
        );
        // Those that were read, whole: what failed may be some rows of a record, those for one table of several.
        const kept = one.writing.filter(({ offset }) => offsets.has(offset));
        if (kept.length === 0) {
          one.failures = 0;
          one.retryAt = 0;
        } else {
          one.bytes += Math.round((one.writingBytes * kept.length) / one.writing.length);
          one.records = kept.concat(one.records);
          one.since = one.writingSince;
          one.failures += 1;
          one.retryAt = retryAt(one.failures);
        }
        one.writing = [];
        one.writingBytes = 0;
      }
    },

    makeRoom(limit) {
      const failing = all().filter(({ failures, records }) => failures > 0 && records.length > 0);
      if (failing.length === owned.size) return [];
      const freed: Partition[] = [];
      let held = failing.reduce((sum, { bytes }) => sum + bytes, 0);
      for (const one of failing.toSorted((a, b) => b.bytes - a.bytes)) {
        if (held <= limit) break;
        held -= one.bytes;
        one.position = one.records[0]?.offset ?? one.position;
        clear(one);
        freed.push(one);
      }
      return freed;
    },
  };
}

/** Behind the last record that is in a table: the first that is not, or where reading goes on. */
export function settledOffset({ position, records, writing }: Partition): number | undefined {
  return writing[0]?.offset ?? records[0]?.offset ?? position;
}

/** Whether more may be read of a partition now. */
export function isReadable({ position, failures, records, writing, retryAt }: Partition, now: number): boolean {
  if (position === undefined) return false;
  return failures === 0 || (records.length + writing.length === 0 && retryAt <= now);
}

export function idOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}

function newPartition(topic: string, partition: number, topicId: string | undefined): Partition {
  return {
    topic,
    partition,
    position: undefined,
    topicId,
    isNewTopic: false,
    end: undefined,
    readableEnd: undefined,
    bytes: 0,
    records: [],
    since: 0,
    writing: [],
    writingBytes: 0,
    writingSince: 0,
    failures: 0,
    retryAt: 0,
  };
}

function clear(partition: Partition): void {
  partition.records = [];
  partition.bytes = 0;
  partition.since = 0;
}

function sumUp(partitions: readonly Partition[]): Buffered {
  let records = 0;
  let bytes = 0;
  let oldest: number | undefined;
  for (const one of partitions) {
    if (one.records.length === 0) continue;
    records += one.records.length;
    bytes += one.bytes;
    oldest = Math.min(oldest ?? one.since, one.since);
  }
  return { records, bytes, oldest };
}
