/**
 * How pollers of one table fight for its log: each has a partition of its own and writes batch after batch, with direct and
 * with deferred commits. The store is in memory and lets every request wait as S3 does, so that the machine is no part of
 * the result. Prints commits, lost races and requests for each batch.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createBronzeWriter } from '../../src/kafka/bronze-writer.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import { commitPending } from '../../src/kafka/deferred/committer.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** ms that a request takes, as S3's medians within a region: reads and lists, and writes. */
const LATENCY = { read: 20, write: 35 };
const RECORDS = 200;

export interface ConflictResult {
  readonly commits: 'direct' | 'deferred';
  readonly pollers: number;
  readonly batches: number;
  readonly versions: number;
  readonly conflicts: number;
  readonly failures: number;
  /** For each batch. */
  readonly requests: number;
  /** Median ms from the start of a batch to its end for the poller. */
  readonly batchTime: number;
}

export async function measureConflicts(
  commits: 'direct' | 'deferred',
  pollers: number,
  batchesEach: number,
): Promise<ConflictResult> {
  const counts = { requests: 0, conflicts: 0, versions: 0, failures: 0 };
  const store = slowStore(createMemoryStore(), counts);
  const deps = {
    store,
    reader: createCheckpointReader(),
    registries: { confluent: noRegistry, glue: noRegistry },
    config: parseKafkaConfig({ bucket: 'lake', commits }),
    telemetry: {
      log: () => undefined,
      metrics: (_: string, { conflicts = 0, commits: versions = 0, failures = 0 }) => {
        counts.conflicts += conflicts;
        counts.versions += versions;
        counts.failures += failures;
      },
    },
    now: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms),
  };
  // The table is there already: its making is a race of its own.
  await createBronzeWriter(deps).write([partitionRecords(0, 0)], Date.now() + 60_000);
  if (commits === 'deferred') await commitPending(deps, Date.now() + 60_000);
  Object.assign(counts, { requests: 0, conflicts: 0, versions: 0, failures: 0 });
  const times: number[] = [];
  const committer = new AbortController();
  const committing = commits === 'deferred' ? runCommitter(deps, committer.signal) : Promise.resolve();
  await Promise.all(
    Array.from({ length: pollers }, async (_, partition) => {
      const writer = createBronzeWriter(deps);
      for (let batch = 1; batch <= batchesEach; batch++) {
        const started = performance.now();
        // What fails comes again, as the mapping does it.
        while ((await writer.write([partitionRecords(partition, batch)], Date.now() + 58_000)).length > 0);
        times.push(performance.now() - started);
      }
    }),
  );
  committer.abort();
  await committing;
  const batches = pollers * batchesEach;
  times.sort((a, b) => a - b);
  const { requests, ...rest } = counts;
  const batchTime = times[Math.floor(times.length / 2)] ?? 0;
  return { commits, pollers, batches, ...rest, requests: requests / batches, batchTime };
}

async function runCommitter(deps: Parameters<typeof commitPending>[0], signal: AbortSignal): Promise<void> {
  for (let isLast = false; !isLast; ) {
    isLast = signal.aborted;
    await commitPending(deps, Date.now() + 60_000);
    if (!isLast) await sleep(1_000);
  }
}

function noRegistry(): Promise<never> {
  return Promise.reject(new Error('there is no registry here'));
}

function partitionRecords(partition: number, batch: number) {
  const value = new TextEncoder().encode('x'.repeat(300));
  const records = Array.from({ length: RECORDS }, (_, index): KafkaRecord => {
    const offset = batch * RECORDS + index;
    const timestampType = 'CREATE_TIME';
    return { topic: 'web', partition, offset, timestamp: 0, timestampType, key: undefined, value, headers: [] };
  });
  return { topic: 'web', partition, records };
}

function slowStore(store: ObjectStore, counts: { requests: number }): ObjectStore {
  const wait = async (ms: number): Promise<void> => {
    counts.requests++;
    await sleep(ms);
  };
  return {
    async get(key, options) {
      await wait(LATENCY.read);
      return store.get(key, options);
    },
    async head(key) {
      await wait(LATENCY.read);
      return store.head(key);
    },
    async put(key, body) {
      await wait(LATENCY.write);
      return store.put(key, body);
    },
    async putStream(key, pieces) {
      await wait(LATENCY.write);
      return store.putStream(key, pieces);
    },
    async putIfAbsent(key, body) {
      await wait(LATENCY.write);
      return store.putIfAbsent(key, body);
    },
    async delete(key) {
      await wait(LATENCY.write);
      return store.delete(key);
    },
    async *list(prefix, options) {
      await wait(LATENCY.read);
      yield* store.list(prefix, options);
    },
  };
}
