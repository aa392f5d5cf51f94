import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { QUARANTINE_DIR, type QuarantineRecord } from '../../ingest/quarantine.ts';
import { isStoreError, type ObjectInfo } from '../../storage/object-store.ts';

/** A record as it is stored. */
export interface StoredRecord {
  /** The name of its object, by which people may call it. */
  readonly id: string;
  /** Key of its object. */
  readonly key: string;
  readonly record: QuarantineRecord;
}

/** An object in the place of a record that is none, or cannot be read. */
export interface BrokenRecord {
  readonly id: string;
  readonly key: string;
  /** What is wrong with it. */
  readonly problem: string;
}

/** Records read at the same time. */
const CONCURRENCY = 32;
/** Records held at once. */
const PAGE = 1_000;
/** A larger object is no record; bytes. Ours have some kB, with a schema of thousands of columns some hundred. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The records of a table's quarantine, in the order of their names. Objects that are no records, and those that may not be
 * read, are told to `onBroken`, and the others come all the same. Throws the store's other errors.
 */
export async function* readRecords(
  table: TableRef,
  onBroken: (broken: BrokenRecord) => void,
): AsyncGenerator<StoredRecord, void, undefined> {
  let page: ObjectInfo[] = [];
  for await (const info of table.store.list(tableKey(table, `${QUARANTINE_DIR}/`))) {
    if (!info.key.endsWith('.json') || page.push(info) < PAGE) continue;
    yield* await readPage(table, page, onBroken);
    page = [];
  }
  yield* await readPage(table, page, onBroken);
}

async function readPage(
  table: TableRef,
  page: readonly ObjectInfo[],
  onBroken: (broken: BrokenRecord) => void,
): Promise<StoredRecord[]> {
  const records = await mapConcurrently(page, CONCURRENCY, (info) => readRecord(table, info));
  return records.flatMap((record) => {
    if (record === undefined) return [];
    if ('record' in record) return [record];
    onBroken(record);
    return [];
  });
}

/** Undefined for a record that is gone. */
async function readRecord(
  table: TableRef,
  { key, size }: ObjectInfo,
): Promise<StoredRecord | BrokenRecord | undefined> {
  const id = key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
  if (size > MAX_BYTES) return { id, key, problem: `it has ${size} bytes, a record has ${MAX_BYTES} at most` };
  try {
    const { body } = await table.store.get(key);
    return { id, key, ...parseRecord(new TextDecoder().decode(body)) };
  } catch (error) {
    // Discarded, or retried, meanwhile.
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    if (isStoreError(error, 'ACCESS_DENIED')) return { id, key, problem: error.message };
    throw error;
  }
}

const TEXTS = ['reason', 'detail', 'path', 'eventTime', 'quarantinedAt'] as const;
const NUMBERS = ['size', 'retries'] as const;

function parseRecord(text: string): { readonly record: QuarantineRecord } | { readonly problem: string } {
  const record = parseJson(text);
  const got = JSON.stringify(text.slice(0, 80));
  if (record === undefined) return { problem: `expected a JSON object, got ${got}` };
  const noText = TEXTS.find((name) => typeof record[name] !== 'string');
  if (noText !== undefined) return { problem: `expected a text as "${noText}", got ${got}` };
  const noNumber = NUMBERS.find((name) => name in record && typeof record[name] !== 'number');
  if (noNumber !== undefined) return { problem: `expected a number as "${noNumber}", got ${got}` };
  return { record: record as unknown as QuarantineRecord };
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Which records are meant: by names (ids or paths), by reasons, or all where neither is given. */
export interface RecordFilter {
  readonly names: readonly string[];
  readonly reasons: readonly string[];
}

export function isMeant({ names, reasons }: RecordFilter, { id, record }: StoredRecord): boolean {
  if (names.length > 0 && !names.includes(id) && !names.includes(record.path)) return false;
  return reasons.length === 0 || reasons.includes(record.reason);
}

/** The records of one reason. */
export interface RecordGroup {
  readonly reason: string;
  readonly files: number;
  readonly bytes: number;
  /** ISO 8601. */
  readonly oldest: string;
  readonly newest: string;
  /** Records that were tried again in vain. */
  readonly retried: number;
  /** The path and the detail of the newest one. */
  readonly example: string;
  readonly detail: string;
}

/** Adds a record to those of its reason. */
export function addToGroups(groups: Map<string, RecordGroup>, { record }: StoredRecord): void {
  const { reason, size = 0, quarantinedAt, retries = 0, path, detail } = record;
  const group = groups.get(reason);
  const isNewest = group === undefined || quarantinedAt > group.newest;
  groups.set(reason, {
    reason,
    files: (group?.files ?? 0) + 1,
    bytes: (group?.bytes ?? 0) + size,
    oldest: group === undefined || quarantinedAt < group.oldest ? quarantinedAt : group.oldest,
    newest: isNewest ? quarantinedAt : group.newest,
    retried: (group?.retried ?? 0) + (retries > 0 ? 1 : 0),
    example: isNewest ? path : group.example,
    detail: isNewest ? detail : group.detail,
  });
}
