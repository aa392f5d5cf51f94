import type { KafkaRecord } from '../record.ts';

/** What makes a record that record: its place, and its time, since the places of a topic made anew come again. */
export type RecordId = string;

export function recordId({ topic, partition, offset, timestamp }: KafkaRecord): RecordId {
  return `${topic}/${partition}/${offset}/${timestamp ?? ''}`;
}

/** Each record once: a batch may have been lost twice, and a dead letter written twice. */
export function distinctRecords(records: Iterable<KafkaRecord>): readonly KafkaRecord[] {
  const distinct = new Map<RecordId, KafkaRecord>();
  for (const record of records) {
    const id = recordId(record);
    if (!distinct.has(id)) distinct.set(id, record);
  }
  return [...distinct.values()];
}
