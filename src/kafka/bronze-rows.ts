import { isUtf8 } from 'node:buffer';
import type { PrimitiveType, StructField, StructType } from '../delta/schema.ts';
import type { CellValue } from '../parquet/write/cell.ts';
import type { ByteFormat, TopicRule } from './config.ts';
import type { KafkaRecord } from './record.ts';

const HEADERS: StructType = {
  type: 'struct',
  fields: [field('key', 'string'), field('value', 'binary')],
};

/** The columns of a bronze file, in order. */
export function bronzeSchema({ key, value }: Pick<TopicRule, 'key' | 'value'>): StructType {
  return {
    type: 'struct',
    fields: [
      field('key', key),
      field('value', value),
      { ...field('headers', 'string'), type: { type: 'array', elementType: HEADERS, containsNull: true } },
      field('timestamp', 'timestamp'),
      field('timestamp_type', 'string'),
      field('topic', 'string'),
      field('partition', 'integer'),
      field('offset', 'long'),
      field('ingested_at', 'timestamp'),
    ],
  };
}

/** Columns of a table of dead letters: the record as it came, and why it is in no other table. */
export const DEAD_LETTER_SCHEMA: StructType = {
  type: 'struct',
  fields: [
    ...bronzeSchema({ key: 'binary', value: 'binary' }).fields,
    field('error_code', 'string'),
    field('error', 'string'),
  ],
};

/** Why a record cannot be in its table. */
export interface RecordProblem {
  readonly code: 'INVALID_UTF8' | 'OFFSET_REUSED';
  readonly message: string;
}

/** The cells of a record, or why it has none. `ingested` in ms since the epoch. */
export function bronzeRow(
  record: KafkaRecord,
  rule: Pick<TopicRule, 'key' | 'value'>,
  ingested: number,
): { readonly cells: readonly CellValue[] } | { readonly problem: RecordProblem } {
  for (const name of ['key', 'value'] as const) {
    if (!isTaken(record[name], rule[name])) {
      const message = `the ${name} is no UTF-8, and the table keeps it as a string`;
      return { problem: { code: 'INVALID_UTF8', message } };
    }
  }
  return { cells: cellsOf(record, ingested) };
}

export function deadLetterRow(record: KafkaRecord, { code, message }: RecordProblem, ingested: number): CellValue[] {
  return [...cellsOf(record, ingested), code, message];
}

function cellsOf(record: KafkaRecord, ingested: number): CellValue[] {
  const { key, value, headers, timestamp, timestampType, topic, partition, offset } = record;
  return [
    key,
    value,
    headers,
    timestamp === undefined ? undefined : micros(timestamp),
    timestampType,
    topic,
    partition,
    offset,
    micros(ingested),
  ];
}

function isTaken(bytes: Uint8Array | undefined, format: ByteFormat): boolean {
  return bytes === undefined || format === 'binary' || isUtf8(bytes);
}

/** As a bigint: milliseconds times 1,000 leave the range of exact numbers in the year 2255. */
function micros(ms: number): bigint {
  return BigInt(ms) * 1_000n;
}

function field(name: string, type: PrimitiveType): StructField {
  return { name, type, nullable: true, metadata: {} };
}
