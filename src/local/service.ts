import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableRef } from '../delta/table.ts';
import type { AppendConfig } from '../ingest/config.ts';
import { createAppendHandler } from '../ingest/handler.ts';
import { routeKey } from '../ingest/routing.ts';
import { createCheckpointReader } from '../parquet/checkpoint-reader.ts';
import { createFolderStore } from '../storage/folder-store.ts';
import { openDeadLetters } from './dead-letters.ts';
import { startEventSource } from './event-source.ts';
import { openLocalTelemetry, type TableTotals } from './local-telemetry.ts';
import { observeQuarantine, type QuarantineReport } from './quarantine-observer.ts';
import { createQueue } from './queue.ts';
import { createSequencer, type ObjectChange, s3Notification } from './s3-event.ts';
import { compareWithTables } from './start-state.ts';
import { startWatcher } from './watcher.ts';

export interface ServiceOptions {
  /** The folder that is the bucket; made if it is not there. */
  readonly landing: string;
  readonly config: AppendConfig;
  /** Where the append function's logs go. @default `.resaca/append.log` in the landing folder */
  readonly logFile?: string;
  /** Of the local parts; tests shorten the times. */
  readonly settings?: Partial<ServiceSettings>;
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
  functionTimeout: 60_000,
  visibilityTimeout: 90_000,
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
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  await mkdir(join(options.landing, STATE_FOLDER), { recursive: true });
  const root = await realpath(options.landing);
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const now = Date.now;
  const bucket = 'landing';
  const { store, report: quarantine } = observeQuarantine(createFolderStore(root));
  const reader = createCheckpointReader();
  const urlOf = (_bucket: string, tableRoot: string) => (tableRoot === '' ? root : join(root, tableRoot));
  const tableRef = (tableRoot: string): TableRef => ({ store, root: tableRoot, url: urlOf(bucket, tableRoot) });

  const logFile = options.logFile ?? join(root, STATE_FOLDER, 'append.log');
  const telemetry = openLocalTelemetry(logFile, now);
  const deadLetters = openDeadLetters(join(root, STATE_FOLDER, 'dead-letters.jsonl'));
  if (deadLetters.earlier > 0) telemetry.log('info', 'dead letters of an earlier run', { count: deadLetters.earlier });

  const queue = createQueue({
    visibilityTimeout: settings.visibilityTimeout,
    maxReceiveCount: settings.maxReceiveCount,
    now,
    onDeadLetter(letter) {
      deadLetters.append(letter);
      telemetry.log('error', 'message is a dead letter', { messageId: letter.id, receiveCount: letter.receiveCount });
    },
  });

  const stopping = new AbortController();
  let announced = 0;
  let invocations = 0;
  const rootOf = (key: string): string | undefined => {
    if (!key.endsWith(PARQUET_SUFFIX)) return undefined;
    const route = routeKey(bucket, key, options.config);
    return route.kind === 'table' ? route.root : undefined;
  };

  const watcher = startWatcher({
    root,
    accepts: (key) => rootOf(key) !== undefined,
    startState: (files, tables) =>
      compareWithTables(files, {
        tables: tables.map(tableRef),
        reader,
        rootOf,
        onUnreadable: (table, error) => telemetry.log('warn', 'table cannot be read', { table: table.url, error }),
      }),
    settle: settings.settle,
    settleIncomplete: settings.settleIncomplete,
    scanInterval: settings.scanInterval,
    now,
    sequencer: createSequencer(now),
    async announce(change) {
      await queue.untilBelow(MAX_QUEUED, stopping.signal);
      if (stopping.signal.aborted) return;
      const body = s3Notification(bucket, change);
      queue.send(body);
      announced += 1;
      options.onChange?.(change, body);
    },
    onProblem: (message, data) => telemetry.log('warn', message, data),
  });

  let failure: { readonly cause: unknown } | undefined;
  watcher.done.catch((cause: unknown) => {
    failure = { cause };
  });

  const createHandler = () =>
    createAppendHandler({
      storeFor: () => store,
      urlOf,
      reader,
      config: options.config,
      telemetry,
      now,
      random: Math.random,
      sleep: (ms) => sleep(ms),
    });
  const eventSource = startEventSource({
    queue,
    handlers: Array.from({ length: settings.concurrency }, createHandler),
    batchSize: settings.batchSize,
    batchWindow: settings.batchWindow,
    functionTimeout: settings.functionTimeout,
    now,
    onBatch(report) {
      invocations += 1;
      if (report.error !== undefined) telemetry.log('error', 'invocation failed', { error: report.error });
    },
  });

  async function stop(): Promise<void> {
    stopping.abort();
    await watcher.stop();
    await eventSource.stop();
    await telemetry.close();
  }

  return {
    logFile,
    deadLetterFile: deadLetters.path,
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
    stop,
  };
}

/** Objects that are announced, as a bucket's notification filter would say it. */
const PARQUET_SUFFIX = '.parquet';

/** ms. */
const IDLE_CHECK = 50;

function rootOfUrl(landing: string, url: string): string {
  return url === landing ? '' : url.slice(landing.length + 1);
}
