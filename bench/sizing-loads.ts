import { setTimeout as sleep } from 'node:timers/promises';
import { mapConcurrently } from '../src/ingest/concurrently.ts';
import type { SqsEvent } from '../src/ingest/handler.ts';
import { createRandom } from '../src/local/demo/random.ts';
import { webRequests } from '../src/local/demo/web-requests.ts';
import { WRITERS, writeFile } from '../src/local/demo/writers.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';
import { landedEvent } from './sizing-events.ts';
import { bareFile } from './sizing-footers.ts';
import { putCheckpointedTable, putConvertedTable } from './sizing-tables.ts';
import { wideFile } from './wide-file.ts';

/** Where files land. */
export interface Landing {
  readonly store: ObjectStore;
  readonly bucket: string;
  /** Below which the tables of this run lie; no other run has it. */
  readonly prefix: string;
}

/** What one function is given, invocation after invocation. */
export interface Load {
  readonly name: string;
  /** Puts what is there before the first invocation. */
  readonly prepare?: (landing: Landing) => Promise<void>;
  /** @default 2 */
  readonly invocations?: number;
  /** Lets files land and gives the event that says so; `turn` is the number of the invocation, from 0. */
  readonly event: (landing: Landing, turn: number) => Promise<SqsEvent>;
}

/** A file that lands, its key below the landing's prefix. */
interface File {
  readonly key: string;
  readonly body: Uint8Array;
}

const USUAL = writeFile(webRequests(createRandom(1), { rows: 1_000, from: Date.now(), userAgent: true }), WRITERS[0]);
/** A table's past lies further back than the margin for the clocks, 60 s: no event can stand in it. */
const PAST = 65_000;

const USUAL_LOADS: readonly Load[] = [
  files('1 file', { count: 1, body: USUAL }),
  files('10 files', { count: 10, body: USUAL }),
  files('1,000 files, 1 table', { count: 1_000, body: USUAL }),
  files('1,000 files, 100 tables', { count: 1_000, tables: 100, body: USUAL }),
  files('3,700 files, 1 table: all that an invocation takes', { count: 3_700, body: USUAL }),
  files('10,000 files, 1 table: 64 KB messages', { count: 10_000, body: USUAL, records: 60 }),
  {
    name: '10 files, table of 1,000,000',
    prepare: (landing) => prepareTable(landing, (table) => putCheckpointedTable(table, 1_000_000)),
    event: (landing, turn) => land(landing, copies(turn, { count: 10, body: USUAL })),
  },
  {
    name: '256 tables, 64 an invocation',
    invocations: 8,
    event: (landing, turn) =>
      land(landing, copies(turn, { count: 64, tables: 64, firstTable: (turn % 4) * 64, body: USUAL })),
  },
];

const WIDE_LOADS: readonly Load[] = [
  files('1,000 files of 500 columns', { count: 1_000, body: () => wideFile(500, 1) }),
  files('100 files, footers of 1 MB', { count: 100, tables: 4, body: () => wideFile(500, 18) }),
  files('64 files, footers of 12 MB', { count: 64, tables: 8, body: () => wideFile(2_000, 55) }),
  {
    name: '64 files, footers of 12 MB, then overwritten',
    event: (landing, turn) =>
      land(landing, copies(0, { count: 64, tables: 8, body: () => wideFile(2_000, 55 - turn) })),
  },
];

/** Of other writers, or of someone who means harm. */
const EXTREME_LOADS: readonly Load[] = [
  {
    name: '64 files of 20,000 columns of their own',
    invocations: 1,
    event: (landing, turn) => land(landing, ownColumns(turn, { count: 64, columns: 20_000 })),
  },
  {
    name: '100 files of 2,000 columns of their own',
    invocations: 1,
    event: (landing, turn) => land(landing, ownColumns(turn, { count: 100, columns: 2_000 })),
  },
  {
    name: '256 tables of 5,000 columns, 64 an invocation',
    invocations: 8,
    event: (landing, turn) =>
      land(landing, ownColumns(turn, { count: 64, tables: 64, firstTable: (turn % 4) * 64, columns: 5_000 })),
  },
  {
    name: '1 file, table of 1,000,000 in one commit',
    prepare: (landing) => prepareTable(landing, (table) => putConvertedTable(table, 1_000_000)),
    event: (landing, turn) => land(landing, copies(turn, { count: 1, body: USUAL })),
  },
];

export const LOADS: readonly Load[] = [...USUAL_LOADS, ...WIDE_LOADS, ...EXTREME_LOADS];

interface Batch {
  readonly count: number;
  /** @default 1 */
  readonly tables?: number;
  /** @default 0 */
  readonly firstTable?: number;
}

interface Copies extends Batch {
  readonly body: Uint8Array | (() => Uint8Array);
}

function files(name: string, { records, ...batch }: Copies & { readonly records?: number }): Load {
  return { name, event: (landing, turn) => land(landing, copies(turn, batch), records) };
}

/** The same file again and again. */
function copies(turn: number, { body, ...batch }: Copies): File[] {
  const bytes = typeof body === 'function' ? body() : body;
  return keys(turn, batch).map((key) => ({ key, body: bytes }));
}

/** Files of which none has a column of another table's, nor of another file's where all go to one table. */
function ownColumns(turn: number, { columns, ...batch }: Batch & { readonly columns: number }): File[] {
  const { tables = 1 } = batch;
  return keys(turn, batch).map((key, index) => ({
    key,
    body: bareFile(columns, tables === 1 ? `f${index}_` : `${key.split('/')[0]}_`),
  }));
}

function keys(turn: number, { count, tables = 1, firstTable = 0 }: Batch): string[] {
  return Array.from(
    { length: count },
    (_, index) => `t${firstTable + (index % tables)}/ds=2026-11-24/part-${turn}-${index}.parquet`,
  );
}

async function land({ store, bucket, prefix }: Landing, batch: readonly File[], records = 1): Promise<SqsEvent> {
  const objects = await mapConcurrently(batch, 16, async ({ key, body }) => {
    const full = `${prefix}/${key}`;
    await store.put(full, body);
    const etag = (await store.head(full))?.etag ?? '';
    return { key: full, size: body.byteLength, etag };
  });
  return landedEvent(bucket, objects, records);
}

async function prepareTable(
  { store, bucket, prefix }: Landing,
  put: (table: { store: ObjectStore; root: string; url: string }) => Promise<void>,
): Promise<void> {
  const root = `${prefix}/t0`;
  await put({ store, root, url: `s3://${bucket}/${root}` });
  await sleep(PAST);
}
