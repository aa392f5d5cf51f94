import { type Bill, billOf, DAYS } from './cost-items.ts';
import { type AppendPart, appendBill, appendWork, type FileLoad } from './files.ts';
import { type CatalogPart, catalogBill } from './parts/catalog.ts';
import { type ExportsPart, exportsBill } from './parts/exports.ts';
import { type LoadedFiles, type LoaderPart, loadedParts, loaderBill } from './parts/loader.ts';
import { type MaintenancePart, maintenanceBill, type TableLoad } from './parts/maintenance.ts';
import { type MedallionPart, medallionBill } from './parts/medallion.ts';
import { type MergePart, mergeBill, mergeCommits, type StagedFiles } from './parts/merge.ts';
import { type MessageLoad, type QueuePart, queueBatches, queueBill } from './parts/queue-ingest.ts';
import { type TaggingPart, taggingBill } from './parts/tagging.ts';
import { type WebhookPart, webhookBill } from './parts/webhook.ts';
import type { PriceList } from './prices.ts';
import { type BronzePart, bronzeBill, type StreamLoad, streamBatches } from './streams.ts';

/** The parts of a deployment that are on; the append function may be left out to look at another alone. */
export interface Suite {
  readonly append?: AppendPart;
  readonly bronze?: BronzePart;
  readonly queues?: readonly QueuePart[];
  readonly webhooks?: WebhookPart;
  readonly loader?: LoaderPart;
  readonly merge?: MergePart;
  readonly tagging?: TaggingPart;
  readonly catalog?: CatalogPart;
  readonly exports?: ExportsPart;
  readonly maintenance?: MaintenancePart;
  readonly medallion?: MedallionPart;
  readonly dashboard: boolean;
  /** KMS keys of the stack's own. */
  readonly keys: number;
}

/** What comes in a day; a part without its load is counted at rest. */
export interface Loads {
  readonly files?: FileLoad & { readonly bytes: number };
  readonly stream?: StreamLoad;
  /** Of all queues together. */
  readonly messages?: MessageLoad;
  /** Requests to webhooks, each with a message for one of the queues. */
  readonly requests?: MessageLoad;
  readonly loaded?: LoadedFiles;
  readonly staged?: StagedFiles & { readonly bytes: number };
}

const NO_FILES = { filesPerDay: 0, tables: 1, tableFiles: 0, bytes: 0 };
const NO_STREAM: StreamLoad = { gbPerDay: 0, topics: 1, recordBytes: 1 };
const NONE = { perDay: 0, bytes: 0, tables: 1 };
/** Bytes of a Parquet file for each byte of JSON in it (docs/kafka-benchmark.md: 100 MB become 16). */
const PARQUET_SHARE = 0.16;

/** A bill for each part that is on. */
export function suiteBills(suite: Suite, loads: Loads, prices: PriceList): Bill[] {
  const { append, bronze, queues = [], webhooks, loader, merge, tagging, catalog, exports, maintenance } = suite;
  const { medallion } = suite;
  const files = landing(suite, loads);
  const stream = loads.stream ?? NO_STREAM;
  const tables = tableLoad(suite, loads);
  const bills: (Bill | undefined)[] = [
    append && appendBill(files, append, prices),
    bronze && bronzeBill(stream, bronze, prices),
    ...queues.map((queue) =>
      queueBill(ofOneQueue(suite, loads), queue, (loads.messages?.perDay ?? 0) / queues.length, prices),
    ),
    webhooks && webhookBill(loads.requests ?? NONE, webhooks, prices),
    loader && loaderBill(loads.loaded ?? NONE, loader, prices),
    merge && mergeBill(loads.staged ?? NONE, merge, prices),
    tagging && taggingBill(files.filesPerDay, tagging, prices),
    catalog && catalogBill(tables.tables, catalog, prices),
    exports && exportsBill(changesOf(tables, loads), exports, prices),
    maintenance && maintenanceBill(tables, maintenance, prices),
    medallion && medallionBill(tables, medallion, prices),
    stackBill(suite, prices),
  ];
  return bills.filter((bill) => bill !== undefined && bill.items.length > 0) as Bill[];
}

/** Files that land, those among them that the loader makes. */
function landing({ loader }: Suite, { files = NO_FILES, loaded }: Loads): FileLoad & { readonly bytes: number } {
  if (loader === undefined || loaded === undefined) return files;
  const parts = loadedParts(loaded);
  const filesPerDay = files.filesPerDay + parts;
  const bytes = files.filesPerDay * files.bytes + loaded.perDay * loaded.bytes * PARQUET_SHARE;
  return { ...files, filesPerDay, bytes: filesPerDay === 0 ? 0 : bytes / filesPerDay };
}

/** Each queue gets as many messages as another; those of webhooks are among them. */
function ofOneQueue({ queues = [] }: Suite, { messages = NONE, requests = NONE }: Loads): MessageLoad {
  const perDay = (messages.perDay + requests.perDay) / queues.length;
  return { perDay, bytes: Math.max(messages.bytes, requests.bytes) };
}

function tableLoad(suite: Suite, loads: Loads): TableLoad {
  const { append, bronze, queues = [], merge } = suite;
  const files = landing(suite, loads);
  const { stream = NO_STREAM, staged = { ...NONE } } = loads;
  const batches = {
    bronze: bronze === undefined ? 0 : streamBatches(stream, bronze),
    queues: queues.reduce((sum, queue) => sum + queueBatches(ofOneQueue(suite, loads), queue), 0),
    merge: merge === undefined ? 0 : mergeCommits(staged, merge),
  };
  const appends = append === undefined ? 0 : appendWork(files, append).commits;
  const messages = queues.length === 0 ? NONE : ofOneQueue(suite, loads);
  const json = stream.gbPerDay * 1e9 + messages.perDay * messages.bytes * queues.length;
  const others = batches.bronze + batches.queues + batches.merge;
  return {
    tables: (append === undefined ? 0 : files.tables) + (bronze === undefined ? 0 : stream.topics) + queues.length,
    tableFiles: files.tableFiles,
    commits: appends + others,
    newFilesPerDay: files.filesPerDay + others / DAYS,
    newBytesPerDay: files.filesPerDay * files.bytes + json * PARQUET_SHARE + staged.perDay * staged.bytes,
  };
}

/** Rows of a change data feed are those that come, of some hundred bytes each. */
function changesOf({ tables, commits, newBytesPerDay }: TableLoad, { stream, messages }: Loads) {
  const rowBytes = (stream?.recordBytes ?? messages?.bytes ?? 400) * PARQUET_SHARE;
  return { rowsPerDay: newBytesPerDay / Math.max(1, rowBytes), commitsPerDay: commits / DAYS, tables };
}

/** The pipelines of files and of Kafka have a dashboard each. */
function stackBill({ dashboard, append, bronze, keys }: Suite, prices: PriceList): Bill {
  const pipelines = [append, bronze].filter((part) => part !== undefined);
  return billOf(
    'stack',
    [
      ['dashboards', 'cloudwatch.dashboard', dashboard ? pipelines.length : 0],
      ['keys', 'kms.key', keys],
    ],
    prices,
  );
}
