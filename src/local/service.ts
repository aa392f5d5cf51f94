import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointReader } from '../delta/checkpoint.ts';
import type { TableRef } from '../delta/table.ts';
import type { AppendConfig } from '../ingest/config.ts';
import { createAppendHandler } from '../ingest/handler.ts';
import { routeKey } from '../ingest/routing.ts';
import { createCheckpointReader } from '../parquet/checkpoint-reader.ts';
import { createFolderStore } from '../storage/folder-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openDeadLetters } from './dead-letters.ts';
import { type BatchHandler, startEventSource } from './event-source.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { type LocalTelemetry, openLocalTelemetry, type TableTotals } from './local-telemetry.ts';
import { observeQuarantine, type QuarantineReport } from './quarantine-observer.ts';
import { createQueue, type LocalQueue } from './queue.ts';
import { createSequencer, type ObjectChange, s3Notification } from './s3-event.ts';
import { compareWithTables } from './start-state.ts';
import { createLocalUpkeep, type LocalUpkeep } from './upkeep.ts';
import { startWatcher, type Watcher } from './watcher.ts';

export interface ServiceOptions {
  /** The folder that is the bucket; made if it is not there. */
  readonly landing: string;
  readonly config: AppendConfig;
  /** Where the append function's logs go. @default `.resaca/append.log` in the landing folder */
  readonly logFile?: string;
  /** Of the local parts; tests shorten the times. */
  readonly settings?: Partial<ServiceSettings>;
  /** The folder as a store, with what else is to see what is written. @default as it is */
  readonly decorate?: (store: ObjectStore) => ObjectStore;
  /** Called for each change that is sent to the queue. */
  readonly onChange?: (change: ObjectChange, body: string) => void;
}

export interface ServiceSettings {
  /** A file must be unchanged for so long before it is announced, ms. */
  readonly settle: number;
  /** The same for one that does not end as a Parquet file does, ms. */
  readonly settleIncomplete: number;
  /** Least time between two scans of the folder, ms. */
  readonly scanInterval: number;
  /** Most messages of one invocation. */
  readonly batchSize: number;
  /** How long a batch waits to be filled, ms. */
  readonly batchWindow: number;
  /** Concurrent invocations. */
  readonly concurrency: number;
  /** Time-out of an invocation, ms. */
  readonly functionTimeout: number;
  /** How long a message that failed is invisible, ms; longer than the function's time-out. */
  readonly visibilityTimeout: number;
  /** Tries before a message becomes a dead letter. */
  readonly maxReceiveCount: number;
}

const DEFAULT_SETTINGS: ServiceSettings = {
  settle: 500,
  settleIncomplete: 5_000,
  scanInterval: 1_000,
  batchSize: 100,
  batchWindow: 1_000,
  concurrency: 2,
  functionTimeout: 25_000,
  visibilityTimeout: 30_000,
  maxReceiveCount: 3,
};

/** Messages in the queue above which the watcher waits, so that a large folder does not have to fit into memory. */
const MAX_QUEUED = 5_000;

/** Of the service's own, in the landing folder. */
const STATE_FOLDER = '.resaca';

export interface ServiceStatus {
  /** Changes sent to the queue. */
  readonly announced: number;
  readonly queued: number;
  readonly inFlight: number;
  readonly deadLetters: number;
  readonly invocations: number;
  /** By the table's root. */
  readonly tables: ReadonlyMap<string, Readonly<TableTotals>>;
  readonly quarantine: QuarantineReport;
}

export interface Service {
  readonly logFile: string;
  readonly deadLetterFile: string;
  /** The landing folder, absolute. */
  readonly root: string;
  status(): ServiceStatus;
  tableRef(root: string): TableRef;
  /** Puts a message into the queue once more, as an at-least-once queue may. */
  redeliver(body: string): void;
  /** Resolves when everything that is in the folder was handled, for now. */
  untilIdle(): Promise<void>;
  /** Fails when the service cannot go on; ends when it is stopped. */
  readonly done: Promise<void>;
  /** Finishes the batches in flight. What is still queued will be found again by the next start. */
  stop(): Promise<void>;
}

/**
 * The pipeline on one machine: a folder instead of the bucket, a watcher instead of its notifications, a queue in
 * memory, and the append function as it is deployed. May be killed at any moment: see `start-state.ts`.
 * Throws when the folder is served already.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const place = await openPlace(options, settings);
  const { root, queue, telemetry, quarantine, tableRef } = place;
  const stopping = new AbortController();
  let announced = 0;
  let invocations = 0;
  let failure: { readonly cause: unknown } | undefined;

  const watcher = watch(place, options.config, settings, async (change) => {
    await queue.untilBelow(MAX_QUEUED, stopping.signal);
    if (stopping.signal.aborted) return;
    const body = s3Notification(BUCKET, change);
    queue.send(body);
    announced += 1;
    options.onChange?.(change, body);
  });
  watcher.done.catch((cause: unknown) => {
    failure = { cause };
  });
  const eventSource = startEventSource({
    ...settings,
    queue,
    handlers: Array.from({ length: settings.concurrency }, () => createHandler(place, options.config)),
    now: Date.now,
    onBatch({ error }) {
      invocations += 1;
      if (error !== undefined) telemetry.log('error', 'invocation failed', { error });
    },
  });

  return {
    logFile: place.logFile,
    deadLetterFile: place.deadLetterFile,
    root,
    tableRef,
    status() {
      const { visible, inFlight, dead } = queue.counts();
      const tables = new Map([...telemetry.totals].map(([url, totals]) => [rootOfUrl(root, url), totals]));
      return { announced, queued: visible, inFlight, deadLetters: dead, invocations, tables, quarantine };
    },
    redeliver: (body) => void queue.send(body),
    async untilIdle() {
      const isIdle = () => watcher.isQuiet() && queue.counts().visible + queue.counts().inFlight === 0;
      while (!isIdle() && !stopping.signal.aborted) {
        if (failure !== undefined) throw failure.cause;
        await sleep(IDLE_CHECK);
      }
    },
    done: watcher.done,
    async stop() {
      stopping.abort();
      await watcher.stop();
      await eventSource.stop();
      await place.upkeep.settled();
      await telemetry.close();
      await place.lock.release();
    },
  };
}

/** The landing folder as the parts see it. */
interface Place {
  readonly root: string;
  readonly store: ObjectStore;
  readonly reader: CheckpointReader;
  readonly telemetry: LocalTelemetry;
  readonly queue: LocalQueue;
  readonly quarantine: QuarantineReport;
  readonly lock: FolderLock;
  readonly upkeep: LocalUpkeep;
  readonly logFile: string;
  readonly deadLetterFile: string;
  urlOf(tableRoot: string): string;
  tableRef(tableRoot: string): TableRef;
}

async function openPlace(options: ServiceOptions, settings: ServiceSettings): Promise<Place> {
  const stateFolder = join(options.landing, STATE_FOLDER);
  await mkdir(stateFolder, { recursive: true });
  const root = await realpath(options.landing);
  const logFile = options.logFile ?? join(root, STATE_FOLDER, 'append.log');
  const telemetry = openLocalTelemetry(logFile, Date.now);
  const lock = await lockFolder(root);
  const deadLetters = openDeadLetters(join(root, STATE_FOLDER, 'dead-letters.jsonl'));
  if (deadLetters.earlier > 0) telemetry.log('info', 'dead letters of an earlier run', { count: deadLetters.earlier });
  const queue = createQueue({
    visibilityTimeout: settings.visibilityTimeout,
    maxReceiveCount: settings.maxReceiveCount,
    now: Date.now,
    onDeadLetter(letter) {
      deadLetters.append(letter);
      telemetry.log('error', 'message is a dead letter', { messageId: letter.id, receiveCount: letter.receiveCount });
    },
  });
  const { decorate = (plain) => plain } = options;
  const { store, report: quarantine } = observeQuarantine(decorate(createFolderStore(root)));
  const urlOf = (tableRoot: string) => (tableRoot === '' ? root : join(root, tableRoot));
  const tableRef = (tableRoot: string) => ({ store, root: tableRoot, url: urlOf(tableRoot) });
  const reader = createCheckpointReader();
  return {
    root,
    store,
    reader,
    telemetry,
    upkeep: createLocalUpkeep({ reader, telemetry, tableRef, ...CLOCK }),
    queue,
    quarantine,
    lock,
    logFile,
    deadLetterFile: deadLetters.path,
    urlOf,
    tableRef,
  };
}

function watch(
  { root, reader, telemetry, tableRef }: Place,
  config: AppendConfig,
  { settle, settleIncomplete, scanInterval }: ServiceSettings,
  announce: (change: ObjectChange) => Promise<void>,
): Watcher {
  const rootOf = (key: string): string | undefined => {
    if (!key.endsWith(PARQUET_SUFFIX)) return undefined;
    const route = routeKey(BUCKET, key, config);
    return route.kind === 'table' ? route.root : undefined;
  };
  return startWatcher({
    root,
    accepts: (key) => rootOf(key) !== undefined,
    startState: (files, tables) =>
      compareWithTables(files, {
        tables: tables.map(tableRef),
        reader,
        rootOf,
        onUnreadable: (table, error) => telemetry.log('warn', 'table cannot be read', { table: table.url, error }),
      }),
    settle,
    settleIncomplete,
    scanInterval,
    now: Date.now,
    sequencer: createSequencer(Date.now),
    announce,
    onProblem: (message, data) => telemetry.log('warn', message, data),
  });
}

/** One execution environment of the deployed function. */
function createHandler({ store, reader, telemetry, upkeep, urlOf }: Place, config: AppendConfig): BatchHandler {
  return createAppendHandler({
    storeFor: () => store,
    urlOf: (_bucket, tableRoot) => urlOf(tableRoot),
    reader,
    config,
    telemetry,
    checkpoints: upkeep,
    ...CLOCK,
  });
}

const CLOCK = { now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) };

/** The name of the bucket that the landing folder stands for. */
const BUCKET = 'landing';

/** Objects that are announced, as a bucket's notification filter would say it. */
const PARQUET_SUFFIX = '.parquet';

/** ms. */
const IDLE_CHECK = 50;

function rootOfUrl(landing: string, url: string): string {
  return url === landing ? '' : url.slice(landing.length + 1);
}
