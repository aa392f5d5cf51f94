import { setTimeout as sleep } from 'node:timers/promises';
import type { BaseOptions } from '@platformatic/kafka';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { LogLevel } from '../ingest/telemetry.ts';
import type { BronzeWriter } from '../kafka/bronze-writer.ts';
import { matchesTopic, ruleOf } from '../kafka/config.ts';
import type { PartitionRecords } from '../kafka/offsets.ts';
import type { Assignment, AssignmentOptions } from './assignment.ts';
import { type ConsumerConfig, isWanted } from './config.ts';
import { KafkaUnavailableError } from './errors.ts';
import { createFetcher } from './fetcher.ts';
import { backoff, type FlushReason, flushReason, hasRoom, READ_PAUSE, WRITE_PAUSE } from './flush-policy.ts';
import type { ConsumerMetrics } from './metrics.ts';
import { createPartitions, idOf, isReadable, type Partition, settledOffset } from './partitions.ts';
import { startOffset } from './start-offset.ts';
import { type ConsumerStatus, healthProblem } from './status.ts';

export interface ConsumerDeps {
  readonly config: ConsumerConfig;
  /** See `clientOptions`. */
  readonly client: BaseOptions;
  readonly writer: BronzeWriter;
  readonly metrics: ConsumerMetrics;
  /** Which partitions are read: those that a group shares out, or all. */
  assign(options: AssignmentOptions): Assignment;
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
}

export interface RunningConsumer {
  status(): ConsumerStatus;
  /** Writes what was read, gives the partitions back, and resolves after half a minute at most: whether all was written. */
  stop(): Promise<boolean>;
}

/** How often it is looked whether there is something to write, ms. */
const TICK = 50;
/** How long to wait where nothing may be read, ms. */
const IDLE = 100;
/** How often it is looked for new topics and partitions, ms. */
const REFRESH = 10_000;
/** A batch must be committed within this time, ms; the last one within a shorter one. */
const WRITE_LIMIT = 120_000;
const LAST_WRITE_LIMIT = 15_000;
/** Fargate kills a task 30 s after it was told to stop. ms. */
const STOP_LIMIT = 25_000;
/** Tables that are asked for their offsets at the same time. */
const LOOKUPS = 8;

/**
 * Reads the topics of a configuration and writes them into their tables, each record once: where a partition is read
 * from, its table says, and the commit that adds records moves its offset on. Three loops run beside each other: one
 * reads into memory, as far as there is room; one finds out where partitions begin and writes what was read; one looks
 * for new topics. Throws KafkaUnavailableError when the start fails; later failures are logged, and tried again.
 */
export async function startConsumer(deps: ConsumerDeps): Promise<RunningConsumer> {
  const { config, client, writer, metrics, log } = deps;
  const { flush: limits } = config;
  const partitions = createPartitions();
  const stopping = new AbortController();
  const { signal } = stopping;
  const started = Date.now();
  let lastPoll: number | undefined;
  let isRefreshDue = false;
  let committing: Promise<void> = Promise.resolve();
  const told = new Map<string, number>();

  const group = deps.assign({
    client,
    group: config.group,
    sessionTimeout: config.sessionTimeout,
    isWanted: (topic) => isWanted(config, topic) && ruleOf(config.tables, topic) !== undefined,
    onAssigned(assignment) {
      const { added, dropped } = partitions.assign(assignment);
      metrics.rebalanced();
      log('info', 'partitions assigned', { partitions: partitions.all().length, added: added.length, dropped });
    },
    log,
  });
  const fetcher = createFetcher(client, config.group);

  async function readLoop(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const now = Date.now();
      const { bytes, records } = partitions.buffered();
      const isFull = !hasRoom(bytes, records, limits);
      const readable = isFull ? [] : partitions.all().filter((one) => isReadable(one, now));
      if (isFull) makeRoom();
      if (readable.length === 0) {
        lastPoll = now;
        await pause(IDLE);
        continue;
      }
      try {
        await readRound(readable);
        lastPoll = Date.now();
        failures = 0;
      } catch (error) {
        failures += 1;
        isRefreshDue = true;
        metrics.fetchFailed();
        log('warn', 'reading failed', { failures, error });
        await pause(backoff(failures, READ_PAUSE, Math.random()));
      }
    }
  }

  async function readRound(readable: readonly Partition[]): Promise<void> {
    // What is on its way when it is to stop is for the next owner: a broker holds an answer back until there is news.
    const found = await unlessAborted(fetcher.fetch(readable), signal);
    if (found === undefined) return;
    for (const one of found) {
      const { partition } = one;
      if (one.kind === 'records') {
        partitions.append(partition, one.from, one.fetched, Date.now());
        metrics.read(partition.topic, one.fetched.records.length, one.fetched.bytes);
      } else {
        partition.position = undefined;
        partition.isNewTopic ||= one.isNewTopic;
      }
    }
    // Partitions without a leader are not asked for.
    if (found.length === 0) await pause(IDLE);
  }

  function makeRoom(): void {
    for (const { topic, partition } of partitions.makeRoom(limits.bytes)) {
      log('warn', 'records that cannot be written make room, and will be read again', { topic, partition });
    }
  }

  async function writeLoop(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const unplaced = partitions.all().filter(({ position }) => position === undefined);
      const reason = flushReason(partitions.waiting(Date.now()), limits, Date.now());
      // What was read of a partition is written before it is looked where to go on with it.
      const isHeld = unplaced.some(({ records }) => records.length > 0);
      if (reason !== undefined) await flush(reason, WRITE_LIMIT);
      else if (isHeld) await flush('seek', WRITE_LIMIT);
      try {
        await place(unplaced.filter(({ records }) => records.length === 0));
        failures = 0;
      } catch (error) {
        failures += 1;
        log('warn', 'could not find out where partitions begin', { failures, error });
        await pause(backoff(failures, READ_PAUSE, Math.random()));
      }
      await pause(TICK);
    }
  }

  async function place(unplaced: readonly Partition[]): Promise<void> {
    if (unplaced.length === 0) return;
    const bounds = await fetcher.bounds(unplaced);
    await mapConcurrently(unplaced, LOOKUPS, async (one) => {
      const { topic, partition, isNewTopic } = one;
      const { earliest, latest } = bounds.get(idOf(one)) ?? { earliest: 0, latest: 0 };
      const known = await writer.lastOffset(topic, partition);
      const isLatest = known === undefined && config.from === 'latest';
      // Where a topic goes to several tables none of them knows how far it was read; the group does.
      const isAsked = known === undefined && (isLatest || hasSeveralTables(config, topic));
      const committed = isAsked ? await group.committed(topic, partition) : undefined;
      const start = startOffset({ known, earliest, latest, committed, from: config.from, isNewTopic });
      const facts = { topic, partition, known, earliest, latest, start: start.offset };
      if (start.problem !== undefined) log('error', start.problem, { ...facts, lost: start.lost });
      else log('debug', 'partition begins', facts);
      if (start.lost > 0) metrics.lost(topic, start.lost);
      // The next owner must not take a later offset for the latest one.
      if (isLatest) await group.commit([{ topic, partition, offset: start.offset }]);
      if (!partitions.has(one)) return;
      one.isNewTopic = false;
      one.position = start.offset;
      one.readableEnd = latest;
    });
  }

  async function flush(reason: FlushReason | 'stop' | 'seek', limit: number): Promise<void> {
    const began = Date.now();
    const batch = partitions.take(reason === 'stop' ? Number.POSITIVE_INFINITY : began);
    if (batch.length === 0) return;
    let failed: readonly PartitionRecords[] = batch;
    try {
      const failures = await writer.write(batch, began + limit);
      failed = failures.flatMap((failure) => failure.partitions);
    } catch (error) {
      log('error', 'a batch could not be written', { error });
    }
    partitions.settle(failed, (failures) => Date.now() + backoff(failures, WRITE_PAUSE, Math.random()));
    metrics.flushed(reason, Date.now() - began);
    committing = committing.then(commitOffsets);
  }

  /** For tools that watch the group's lag. It may fail, in a rebalance for example: nothing is read from there. */
  async function commitOffsets(): Promise<void> {
    const offsets = partitions.all().flatMap((one) => {
      const offset = settledOffset(one);
      const { topic, partition } = one;
      return offset === undefined || told.get(idOf(one)) === offset ? [] : [{ topic, partition, offset }];
    });
    try {
      await group.commit(offsets);
      for (const one of offsets) told.set(idOf(one), one.offset);
    } catch (error) {
      log('debug', "the group's offsets were not committed", { error });
    }
  }

  async function refreshLoop(): Promise<void> {
    let last = Date.now();
    while (!signal.aborted) {
      await pause(IDLE);
      if (Date.now() - last < (isRefreshDue ? REFRESH / 10 : REFRESH)) continue;
      isRefreshDue = false;
      await group.refresh().catch((error: unknown) => log('warn', 'could not look for topics', { error }));
      last = Date.now();
    }
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  try {
    await group.refresh();
  } catch (error) {
    await Promise.allSettled([group.leave(), fetcher.close()]);
    throw new KafkaUnavailableError(config.brokers, error);
  }
  const loops = [readLoop(), writeLoop(), refreshLoop()];

  async function finish(): Promise<void> {
    await Promise.all(loops);
    await flush('stop', LAST_WRITE_LIMIT);
    await committing;
    await Promise.allSettled([group.leave(), fetcher.close()]);
  }

  return {
    status() {
      const { records, bytes, oldest } = partitions.buffered();
      const signs = { now: Date.now(), started, lastPoll, lastSeen: group.lastSeen(), oldest };
      return {
        problem: healthProblem({ ...signs, isStopping: signal.aborted }, { ...config, latency: limits.latency }),
        partitions: partitions.all().map((one) => {
          const { topic, partition, position, readableEnd } = one;
          return { topic, partition, lag: lagOf(one), position, readableEnd };
        }),
        bufferedRecords: records,
        bufferedBytes: bytes,
      };
    },
    async stop() {
      stopping.abort();
      await Promise.race([finish(), sleep(STOP_LIMIT, undefined, { ref: false })]);
      const { records } = partitions.buffered();
      if (records > 0) log('warn', 'stopped before all was written; it will be read again', { records });
      return records === 0;
    },
  };
}

/** What comes of `work`; undefined once the signal is aborted. One listener a call: those of a race would pile up. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(undefined);
    signal.addEventListener('abort', giveUp);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** Whether the table of a record depends on what is in it. */
function hasSeveralTables({ tables }: ConsumerConfig, topic: string): boolean {
  const rule = tables.topics.find(({ topic: pattern }) => matchesTopic(pattern, topic));
  return rule?.table.replaceAll('{topic}', '').includes('{') ?? false;
}

function lagOf(partition: Partition): number | undefined {
  const settled = settledOffset(partition);
  if (partition.end === undefined || settled === undefined) return undefined;
  return Math.max(partition.end - settled, 0);
}
