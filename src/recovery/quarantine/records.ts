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

/** Records read at the same time. */
const CONCURRENCY = 32;
/** Records held at once. */
const PAGE = 1_000;

/** The records of a table's quarantine, in the order of their names. Throws for an object that is no record. */
export async function* readRecords(table: TableRef): AsyncGenerator<StoredRecord, void, undefined> {
  let page: ObjectInfo[] = [];
  for await (const info of table.store.list(tableKey(table, `${QUARANTINE_DIR}/`))) {
    if (!info.key.endsWith('.json') || page.push(info) < PAGE) continue;
    yield* await readPage(table, page);
    page = [];
  }
  yield* await readPage(table, page);
}

async function readPage(table: TableRef, page: readonly ObjectInfo[]): Promise<StoredRecord[]> {
  const records = await mapConcurrently(page, CONCURRENCY, async ({ key }) => {
    try {
      return parseRecord(key, (await table.store.get(key)).body);
    } catch (error) {
      // Discarded, or retried, meanwhile.
      if (isStoreError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  });
  return records.filter((record) => record !== undefined);
}

function parseRecord(key: string, body: Uint8Array): StoredRecord {
  const text = new TextDecoder().decode(body);
  const record = parseJson(text);
  const { reason, path } = record ?? {};
  if (typeof reason !== 'string' || typeof path !== 'string') {
    throw new Error(`${key} is no record of a quarantine: ${JSON.stringify(text.slice(0, 80))}`);
  }
  const id = key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
  return { id, key, record: record as unknown as QuarantineRecord };
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
