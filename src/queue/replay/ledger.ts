import { randomUUID } from 'node:crypto';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { ObjectInfo } from '../../storage/object-store.ts';

/** Below the table of dead letters. No engine reads it, and no vacuum deletes it. */
export const LEDGER_DIR = '_resaca/replayed';

/** What is known of letters that were sent back, by the ids of their messages. */
export interface Ledger {
  /** Those that a queue has accepted. */
  readonly sent: ReadonlySet<string>;
  /** Those that a run was about to send when it ended, and when it was (ms since the epoch): a queue may have them. */
  readonly begun: ReadonlyMap<string, number>;
}

interface Entry {
  readonly format: typeof FORMAT;
  /** URL of the queue. */
  readonly queue: string;
  /** ISO 8601. */
  readonly at: string;
  /** Those that the queue has. */
  readonly sent: readonly string[];
  /** Those that it may have. */
  readonly begun: readonly string[];
}

/** The letters of one step, from before they are sent. */
export interface LedgerStep {
  /** Says which of them the queue has accepted, and of which that is not known; it has not got the others. */
  end(sent: readonly string[], unknown: readonly string[]): Promise<void>;
}

const FORMAT = 1;
/** Entries read at the same time, and held at once. */
const CONCURRENCY = 32;
const PAGE = 1_000;

/** Reads all entries of a table. Throws for one that cannot be read: what was sent is not known then. */
export async function readLedger(table: TableRef): Promise<Ledger> {
  const sent = new Set<string>();
  const begun = new Map<string, number>();
  const take = async (page: readonly ObjectInfo[]): Promise<void> => {
    const entries = await mapConcurrently(page, CONCURRENCY, ({ key }) => readEntry(table, key));
    for (const entry of entries) {
      for (const id of entry.sent) sent.add(id);
      for (const id of entry.begun)
        begun.set(id, Math.min(begun.get(id) ?? Number.POSITIVE_INFINITY, Date.parse(entry.at)));
    }
  };
  let page: ObjectInfo[] = [];
  for await (const info of table.store.list(tableKey(table, `${LEDGER_DIR}/`))) {
    if (!info.key.endsWith('.json') || page.push(info) < PAGE) continue;
    await take(page);
    page = [];
  }
  await take(page);
  for (const id of sent) begun.delete(id);
  return { sent, begun };
}

/** Says which letters are about to be sent, before any of them is. */
export async function beginStep(
  table: TableRef,
  queue: string,
  messages: readonly string[],
  now: number,
): Promise<LedgerStep> {
  const at = new Date(now).toISOString();
  const key = tableKey(table, `${LEDGER_DIR}/${at.replaceAll(':', '-')}-${randomUUID()}.json`);
  const write = (sent: readonly string[], begun: readonly string[]): Promise<void> => {
    const entry: Entry = { format: FORMAT, queue, at, sent, begun };
    return table.store.put(key, new TextEncoder().encode(`${JSON.stringify(entry)}\n`));
  };
  await write([], messages);
  return {
    end: (sent, unknown) => (sent.length + unknown.length === 0 ? table.store.delete(key) : write(sent, unknown)),
  };
}

async function readEntry(table: TableRef, key: string): Promise<Entry> {
  const text = new TextDecoder().decode((await table.store.get(key)).body);
  const entry = parseEntry(text);
  if (entry === undefined) {
    throw new Error(
      `${key} is no record of messages that were sent back, so that it is not known what ${table.url} has sent: ` +
        JSON.stringify(text.slice(0, 80)),
    );
  }
  return entry;
}

function parseEntry(text: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { format, at, sent, begun } = value as Partial<Record<keyof Entry, unknown>>;
  const isTime = typeof at === 'string' && !Number.isNaN(Date.parse(at));
  return format === FORMAT && isTime && areTexts(sent) && areTexts(begun);
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
