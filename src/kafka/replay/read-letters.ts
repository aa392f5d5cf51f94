import type { AddFile } from '../../delta/actions.ts';
import type { TableRef } from '../../delta/table.ts';
import { DEAD_LETTER_SCHEMA, type RecordProblem } from '../dead-letters.ts';
import type { DatedLetter } from '../letter-rows.ts';
import type { KafkaHeader, KafkaRecord, TimestampType } from '../record.ts';
import { openDataFile, readRows } from './data-file.ts';

/** The dead letters of a file, or why it is left alone. */
export type LetterFile =
  | { readonly kind: 'letters'; readonly add: AddFile; readonly letters: readonly DatedLetter[] }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string };

/** Largest file of dead letters that is read, bytes: its rows are held at once, unpacked. */
export const MAX_LETTER_FILE_BYTES = 128 * 1024 * 1024;

const COLUMNS: ReadonlySet<string> = new Set(DEAD_LETTER_SCHEMA.fields.map(({ name }) => name));

/**
 * Reads a file of dead letters. One that could not be written anew as it is, is left alone: with rows that a deletion
 * vector hides, with other columns, or with rows that are no records of Kafka. Throws ReplayError, and the store's errors.
 */
export async function readLetters(table: TableRef, add: AddFile): Promise<LetterFile> {
  const unreadable = (reason: string): LetterFile => ({ kind: 'unreadable', path: add.path, reason });
  if (add.deletionVector !== undefined) {
    return unreadable('it has rows that a deletion vector hides; rewrite it first (REORG TABLE … APPLY (PURGE))');
  }
  if (add.size > MAX_LETTER_FILE_BYTES) {
    return unreadable(`it has ${add.size} bytes, the limit is ${MAX_LETTER_FILE_BYTES}`);
  }
  const file = await openDataFile(table, add);
  const other = [...file.columns].find((name) => !COLUMNS.has(name));
  if (other !== undefined) return unreadable(`it has the column "${other}", which is none of a dead letter`);
  const letters: DatedLetter[] = [];
  for (const [index, row] of (await readRows(table, add, file)).entries()) {
    const letter = readLetter(row);
    if (letter === undefined) return unreadable(`row ${index} is no record of Kafka`);
    letters.push(letter);
  }
  return { kind: 'letters', add, letters };
}

function readLetter(row: Readonly<Record<string, unknown>>): DatedLetter | undefined {
  const record = readRecord(row);
  const { error_code: code, error: message, ingested_at: ingested } = row;
  if (record === undefined || typeof code !== 'string' || typeof ingested !== 'number') return undefined;
  return {
    record,
    // A code that an older or newer version gave stays what it is.
    problem: { code: code as RecordProblem['code'], message: typeof message === 'string' ? message : '' },
    ingested: msOf(ingested),
  };
}

const TIMESTAMP_TYPES: ReadonlySet<unknown> = new Set(['CREATE_TIME', 'LOG_APPEND_TIME', 'NO_TIMESTAMP_TYPE']);

function readRecord(row: Readonly<Record<string, unknown>>): KafkaRecord | undefined {
  const { topic, partition, timestamp, timestamp_type: timestampType } = row;
  const offset = Number(row.offset ?? Number.NaN);
  const key = bytesOf(row.key);
  const value = bytesOf(row.value);
  const headers = headersOf(row.headers);
  const isPlaced = typeof topic === 'string' && Number.isInteger(partition) && Number.isSafeInteger(offset);
  if (!isPlaced || key === null || value === null || headers === undefined) return undefined;
  return {
    topic,
    partition: Number(partition),
    offset,
    timestamp: typeof timestamp === 'number' ? msOf(timestamp) : undefined,
    timestampType: TIMESTAMP_TYPES.has(timestampType) ? (timestampType as TimestampType) : 'NO_TIMESTAMP_TYPE',
    key,
    value,
    headers,
  };
}

/** Undefined for none, null for what are no bytes. */
function bytesOf(value: unknown): Uint8Array | undefined | null {
  if (value === null || value === undefined) return undefined;
  return value instanceof Uint8Array ? value : null;
}

function headersOf(value: unknown): KafkaHeader[] | undefined {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) return undefined;
  const headers: KafkaHeader[] = [];
  for (const header of value) {
    const { key, value: content }: { key?: unknown; value?: unknown } = header ?? {};
    const bytes = bytesOf(content);
    if (typeof key !== 'string' || bytes === null) return undefined;
    headers.push({ key, value: bytes });
  }
  return headers;
}

function msOf(micros: number): number {
  return Math.round(micros / 1_000);
}
