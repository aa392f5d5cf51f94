import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLogPath } from '../delta/log-path.ts';
import { notificationBody } from '../ingest/notification-body.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { MedallionConfig } from '../medallion/config.ts';
import { createMedallionHandler } from '../medallion/handler.ts';
import type { TablePlace } from '../medallion/rule.ts';
import { runStep } from '../medallion/run-step.ts';
import { createStepDeps } from '../medallion/step-deps.ts';
import { createCheckpointReader } from '../parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { startEventSource } from './event-source.ts';
import { createQueue, type DeadLetter } from './queue.ts';

export interface LocalStepsOptions {
  readonly config: MedallionConfig;
  /** By the names of buckets. */
  readonly stores: ReadonlyMap<string, ObjectStore>;
  /** The name of a table for people. */
  urlOf(place: TablePlace): string;
  readonly telemetry: Telemetry;
}

export interface LocalSteps {
  /** The store of a bucket whose commits make steps run, for all who write to it. */
  storeFor(bucket: string): ObjectStore;
  /** Resolves when no step has anything to do. */
  untilIdle(): Promise<void>;
  /** Messages that failed for good. */
  readonly deadLetters: readonly DeadLetter[];
  /** Finishes the batches in flight. */
  stop(): Promise<void>;
}

/** Bytes that DuckDB may take here. */
const MEMORY = 512 * 2 ** 20;
/** ms: as the deployed function has them, but the window. */
const TIMES = { functionTimeout: 900_000, visibilityTimeout: 960_000, batchWindow: 200 };
/** Of one invocation: commits become one run of each step that they concern. */
const BATCH_SIZE = 100;
/** ms. */
const IDLE_CHECK = 50;

/**
 * The medallion function as it is deployed, on one machine: commits to the stores go into a queue in memory, as the notifications of
 * a bucket do, and so do the runs that the function asks itself for. One invocation at a time stands for the groups of
 * the FIFO queue.
 */
export function startLocalSteps({ config, stores, urlOf, telemetry }: LocalStepsOptions): LocalSteps {
  const deadLetters: DeadLetter[] = [];
  const queue = createQueue({
    ...TIMES,
    maxReceiveCount: 1,
    now: Date.now,
    onDeadLetter: (letter) => void deadLetters.push(letter),
  });
  const announced = new Map(
    [...stores].map(([bucket, store]) => [bucket, announceCommits(bucket, store, (body) => queue.send(body))]),
  );
  const storeFor = (bucket: string): ObjectStore => {
    const store = announced.get(bucket);
    if (store === undefined) throw new Error(`there is no bucket "${bucket}" on this machine`);
    return store;
  };
  const clock = { now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) };
  const deps = createStepDeps({
    ...clock,
    reader: createCheckpointReader(),
    engine: { tempDir: tmpdir(), memoryLimit: MEMORY },
    storeFor,
    urlOf,
    log: (level, message, data) => telemetry.log(level, message, data),
  });
  const handler = createMedallionHandler({
    config,
    telemetry,
    urlOf,
    now: Date.now,
    queue: {
      send: async (message) => void queue.send(JSON.stringify(message)),
      // Nothing is tried again here: a failure is to be seen.
      showAfter: async () => undefined,
    },
    run: (rule, options) => runStep(rule, deps, options),
  });
  const eventSource = startEventSource({
    ...TIMES,
    batchSize: BATCH_SIZE,
    queue,
    handlers: [(event, context) => handler(event, { ...context, awsRequestId: randomUUID() })],
    now: Date.now,
    onBatch({ error, failed }) {
      if (error !== undefined || failed > 0) telemetry.log('error', 'invocation failed', { error, failed });
    },
  });
  return {
    storeFor,
    deadLetters,
    async untilIdle() {
      const outstanding = () => queue.counts().visible + queue.counts().inFlight;
      while (outstanding() > 0) await sleep(IDLE_CHECK);
    },
    stop: () => eventSource.stop(),
  };
}

/** A store that tells of the commits which are written through it, as a bucket does. */
function announceCommits(bucket: string, store: ObjectStore, send: (body: string) => unknown): ObjectStore {
  return {
    ...store,
    async putIfAbsent(key, body) {
      const result = await store.putIfAbsent(key, body);
      if (result === 'created' && parseLogPath(key)?.kind === 'commit') {
        const event = { kind: 'created', bucket, key, size: body.byteLength, time: Date.now() } as const;
        send(notificationBody([event], { awsRegion: 'local', configurationId: 'commits' }));
      }
      return result;
    },
  };
}
