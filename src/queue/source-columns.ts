import type { StructField } from '../delta/schema.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { MetadataColumns } from '../kafka/rows/metadata-columns.ts';
import type { CellValue } from '../parquet/write/cell.ts';
import type { QueueMessage } from './message.ts';

/** What a column can say of the message that its row comes from. */
export const SOURCES = ['message-id', 'sent-at', 'ingested-at', 'queue', 'line'] as const;
export type Source = (typeof SOURCES)[number];

interface RowFacts {
  readonly record: KafkaRecord;
  /** ms since the epoch. */
  readonly ingested: number;
  /** Place of the row in its message, from 0. */
  readonly line: number;
}

const CELLS: Readonly<
  Record<Source, { readonly type: 'string' | 'timestamp' | 'integer'; of(facts: RowFacts): CellValue }>
> = {
  'message-id': { type: 'string', of: ({ record }) => record.key },
  'sent-at': { type: 'timestamp', of: ({ record }) => micros(record.timestamp) },
  'ingested-at': { type: 'timestamp', of: ({ ingested }) => micros(ingested) },
  queue: { type: 'string', of: ({ record }) => record.topic },
  line: { type: 'integer', of: ({ line }) => line },
};

/** The columns that say where a row comes from, by the names that the configuration gives them. */
export function sourceColumns(columns: Readonly<Record<string, Source>>): MetadataColumns {
  const cells = Object.values(columns).map((source) => CELLS[source]);
  const fields = Object.entries(columns).map(([name, source]): StructField => {
    return { name, type: CELLS[source].type, nullable: true, metadata: {} };
  });
  return {
    fields,
    fill(row, facts) {
      for (const [index, cell] of cells.entries()) row[index] = cell.of(facts);
    },
  };
}

/**
 * A message as the rules for rows see records: its id is the key, its attributes are the headers, and `offset` is its place in
 * the batch.
 */
export function toRecord(
  queue: string,
  { id, sent, attributes }: QueueMessage,
  text: string,
  place: number,
): KafkaRecord {
  return {
    topic: queue,
    partition: 0,
    offset: place,
    timestamp: sent,
    timestampType: 'CREATE_TIME',
    key: Buffer.from(id),
    value: Buffer.from(text),
    headers: Object.entries(attributes).map(([key, { StringValue, BinaryValue }]) => {
      return { key, value: BinaryValue ?? (StringValue === undefined ? undefined : Buffer.from(StringValue)) };
    }),
  };
}

function micros(ms: number | undefined): CellValue {
  return ms === undefined ? undefined : ms * 1_000;
}
