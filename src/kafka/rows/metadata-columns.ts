import { isUtf8 } from 'node:buffer';
import type { DataType, StructField, StructType } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import type { KafkaHeader, KafkaRecord } from '../record.ts';
import type { TopicRule } from '../topic-rule.ts';

/** What of a rule the columns that come from Kafka depend on. */
export type MetadataRule = Pick<TopicRule, 'key' | 'value' | 'headers' | 'metadataPrefix' | 'tombstones'> & {
  readonly format: Pick<TopicRule['format'], 'type'>;
};

const HEADER: StructType = { type: 'struct', fields: [field('key', 'string'), field('value', 'binary')] };
const HEADER_LIST: DataType = { type: 'array', elementType: HEADER, containsNull: true };
const HEADER_MAP: DataType = { type: 'map', keyType: 'string', valueType: 'binary', valueContainsNull: true };

/** The row of a record, as far as it comes from Kafka. */
interface RowFacts {
  readonly record: KafkaRecord;
  /** ms since the epoch. */
  readonly ingested: number;
  /** Place of the row in its record, from 0. */
  readonly line: number;
  readonly deleted: boolean;
}

interface MetadataColumn {
  readonly field: StructField;
  cell(facts: RowFacts): CellValue;
}

/** The columns that come from Kafka, in order. */
export interface MetadataColumns {
  readonly fields: readonly StructField[];
  /** Sets the first cells of a row. Throws PayloadError for bytes that a string column cannot have. */
  fill(cells: CellValue[], facts: RowFacts): void;
}

export function metadataColumns(rule: MetadataRule): MetadataColumns {
  const columns = columnsOf(rule);
  const fields = columns.map(({ field: { name, ...rest } }) => ({ name: rule.metadataPrefix + name, ...rest }));
  return {
    fields,
    fill(cells, facts) {
      for (let index = 0; index < columns.length; index++) cells[index] = columns[index]?.cell(facts);
    },
  };
}

function columnsOf({ key, value, headers, format, tombstones }: MetadataRule): MetadataColumn[] {
  const columns: MetadataColumn[] = [];
  const add = (name: string, type: DataType, cell: MetadataColumn['cell']): void => {
    columns.push({ field: field(name, type), cell });
  };
  if (key !== 'omit') add('key', key, ({ record }) => record.key);
  if (value !== 'omit') add('value', value, ({ record }) => record.value);
  if (headers === 'list') add('headers', HEADER_LIST, ({ record }) => record.headers);
  if (headers === 'map') add('headers', HEADER_MAP, ({ record }) => headerMap(record.headers));
  add('timestamp', 'timestamp', ({ record }) =>
    record.timestamp === undefined ? undefined : micros(record.timestamp),
  );
  add('timestamp_type', 'string', ({ record }) => record.timestampType);
  add('topic', 'string', ({ record }) => record.topic);
  add('partition', 'integer', ({ record }) => record.partition);
  add('offset', 'long', ({ record }) => record.offset);
  if (format.type === 'json-lines') add('line', 'integer', ({ line }) => line);
  if (tombstones === 'marker') add('deleted', 'boolean', ({ deleted }) => deleted);
  add('ingested_at', 'timestamp', ({ ingested }) => micros(ingested));
  return columns;
}

/** Why the key or value of a record cannot be in the string column that the rule has for it; undefined if it can. */
export function textProblem(record: KafkaRecord, rule: Pick<TopicRule, 'key' | 'value'>): string | undefined {
  for (const name of ['key', 'value'] as const) {
    const bytes = record[name];
    if (rule[name] === 'string' && bytes !== undefined && !isUtf8(bytes)) {
      return `the ${name} is no UTF-8, and the table keeps it as a string`;
    }
  }
  return undefined;
}

function headerMap(headers: readonly KafkaHeader[]): CellValue {
  return new Map(headers.map(({ key, value }) => [key, value]));
}

/** As a bigint where milliseconds times 1,000 leave the range of exact numbers, which they do in the year 2255. */
function micros(ms: number): number | bigint {
  const exact = ms * 1_000;
  return Number.isSafeInteger(exact) ? exact : BigInt(ms) * 1_000n;
}

function field(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}
