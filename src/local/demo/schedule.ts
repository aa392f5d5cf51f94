import { randomUUID } from 'node:crypto';
import type { ColumnData } from './columns.ts';
import { orders } from './orders.ts';
import type { Random } from './random.ts';
import { webRequests } from './web-requests.ts';
import { WRITERS, type Writer, writeFile } from './writers.ts';

/** A file that the demo lets land. */
export interface DemoFile {
  /** Root of the table that it belongs to. */
  readonly table: string;
  readonly key: string;
  readonly rows: number;
  /** Cut off in the middle: it must end in quarantine. */
  readonly corrupt: boolean;
  /** How it comes into the folder: moved there whole, or written there in pieces. */
  readonly landing: 'moved' | 'slowly';
  /** Its notification is delivered a second time: the file must not be added twice. */
  readonly deliveredTwice: boolean;
  /** Has a column that the files before it do not have. */
  readonly newColumn: boolean;
  content(): Uint8Array;
}

/** Number of files, the corrupt one included. */
const FILES = 28;
/** Every fourth file is one of orders, the others are web requests. */
const ORDERS_EACH = 4;
const SLOW = 5;
const TWICE = 9;
const CORRUPT = 13;
/** From this one on, web requests have one more column. */
const EVOLVED = 17;

const DAY = 86_400_000;
/** As folder names: `%2D` is a hyphen, escaped as some writers do. */
const REGIONS = ['eu%2Dwest', 'us%2Deast', 'ap%2Dsouth'] as const;

/** The files of one run, in the order in which they land. */
export function demoFiles(random: Random, now: number): readonly DemoFile[] {
  return Array.from({ length: FILES }, (_, index) =>
    index % ORDERS_EACH === ORDERS_EACH - 2 ? ordersFile(random, now, index) : webRequestsFile(random, now, index),
  );
}

function webRequestsFile(random: Random, now: number, index: number): DemoFile {
  const rows = random.whole(1_500, 6_000);
  const from = now - random.whole(0, 1) * DAY - rows * 40;
  const userAgent = index >= EVOLVED;
  const day = new Date(from).toISOString().slice(0, 10);
  return {
    ...demoFile(index, 'web_requests', `ds=${day}/region=${random.pick(REGIONS)}/`),
    rows,
    newColumn: userAgent,
    content: () => contentOf(webRequests(random, { rows, from, userAgent }), index),
  };
}

function ordersFile(random: Random, now: number, index: number): DemoFile {
  const rows = random.whole(200, 1_200);
  return {
    ...demoFile(index, 'orders', ''),
    rows,
    newColumn: false,
    content: () => contentOf(orders(random, { rows, from: now + index * 1000 }), index),
  };
}

function demoFile(index: number, table: string, folder: string) {
  const part = String(index).padStart(5, '0');
  return {
    table,
    key: `${table}/${folder}part-${part}-${randomUUID()}.${writerOf(index).codec}.parquet`,
    corrupt: index === CORRUPT,
    landing: index === SLOW ? 'slowly' : 'moved',
    deliveredTwice: index === TWICE,
  } as const;
}

function contentOf(columns: Readonly<Record<string, ColumnData>>, index: number): Uint8Array {
  const bytes = writeFile(columns, writerOf(index));
  return index === CORRUPT ? bytes.subarray(0, Math.floor(bytes.byteLength / 2)) : bytes;
}

function writerOf(index: number): Writer {
  return WRITERS[index % WRITERS.length] ?? WRITERS[0];
}
