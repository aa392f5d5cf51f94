import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/local/demo/random.ts';
import type { LineProcess } from './interop/line-process.ts';
import { startClientProcess } from './kafka/client-process.ts';
import { type EventRecord, type MskEvent, mskEventOf } from './kafka-events.ts';

/** Takes an event as Lambda's Invoke does; throws when the function fails. */
export type Invoke = (event: MskEvent) => Promise<unknown>;

/** Reads its partitions and invokes the function with what it read: one invocation after the other. */
export interface PollerOptions {
  /** Pollers may have the same partition, as it happens for a while in a rebalance: then its records come twice. */
  readonly partitions: readonly number[];
  readonly invoke: Invoke;
}

export interface EventSourceMappingOptions {
  readonly bootstrap: string;
  readonly topic: string;
  /** Under which offsets are committed. @default that of the topic */
  readonly group?: string;
  readonly pollers: readonly PollerOptions[];
  /** Most records of an event, 1 to 10,000. @default 100 */
  readonly batchSize?: number;
  /**
   * AWS does not say whether records of aborted transactions are delivered; `read_committed` leaves them out, and is the
   * reading under which there is something to check. @default 'read_committed'
   */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** What goes wrong on purpose. @default nothing */
  readonly mishaps?: Mishaps;
}

/** Chances between 0 and 1, of each batch that the function has taken. */
export interface Mishaps {
  readonly random: Random;
  /** The mapping does not get to know that the function succeeded, and delivers the same event again. @default 0 */
  readonly redelivery?: number;
  /**
   * The poller dies before it commits the offsets, and another one begins at the committed ones: with batches that are
   * cut elsewhere. @default 0
   */
  readonly restart?: number;
}

export interface MappingCounts {
  /** Records of all events that the function took, repeated ones included. */
  readonly delivered: number;
  readonly invocations: number;
  readonly failures: number;
  readonly redeliveries: number;
  readonly restarts: number;
}

export interface EventSourceMapping {
  readonly counts: MappingCounts;
  /** Gives the partitions of each poller to the next one, at once: their batches in flight go on. */
  rebalance(): Promise<void>;
  /** Resolves when all that is in the topic now was delivered and committed. Throws when the broker is gone for long. */
  drained(): Promise<void>;
  /** Resolves when the last invocations have ended. */
  stop(): Promise<void>;
}

/** Payload of a synchronous invocation: 6 MB ("Lambda quotas"), of which the event's head takes a little. Bytes. */
const MAX_PAYLOAD = 6 * 1024 * 1024 - 2_048;
/** Time in ms between attempts at what failed; Lambda backs off for longer. */
const PAUSE = 100;
/** Attempts at a batch, and at reading, before the test is given up. Lambda's own is endless by default. */
const MAX_ATTEMPTS = 600;

/** The process of all pollers: it answers one after the other, none of which waits for long. */
let shared: Promise<LineProcess> | undefined;

/** What a poller has read for one invocation. */
interface Batch {
  readonly records: Record<string, EventRecord[]>;
  readonly count: number;
  /** The next offset of each partition. */
  readonly offsets: readonly (readonly [partition: number, next: number])[];
  /** There was nothing more to read. */
  readonly isAtEnd: boolean;
}

/**
 * Does what Lambda's event source mapping for Kafka does, as AWS describes it: reads with Kafka's own consumer, makes
 * events that may hold several partitions, and commits offsets when the function has taken them. Records of a partition
 * come in order, and what fails comes again until it is taken ("Lambda developer guide", "Using Lambda with Amazon MSK").
 */
export async function startEventSourceMapping(options: EventSourceMappingOptions): Promise<EventSourceMapping> {
  const {
    bootstrap,
    topic,
    group = `mapping-of-${options.topic}`,
    batchSize = 100,
    isolation = 'read_committed',
    mishaps,
  } = options;
  shared ??= startClientProcess();
  const client = await shared;
  const counts = { delivered: 0, invocations: 0, failures: 0, redeliveries: 0, restarts: 0 };
  const happens = (chance = 0): boolean => mishaps !== undefined && mishaps.random.next() < chance;
  let isStopped = false;
  let failure: Error | undefined;

  const properties = {
    'bootstrap.servers': bootstrap,
    'group.id': group,
    'isolation.level': isolation,
    'auto.offset.reset': 'earliest',
    'enable.auto.commit': false,
    'max.poll.records': batchSize,
    // So that an event gets records of several partitions.
    'max.partition.fetch.bytes': 256 * 1024,
  };
  const pollers = options.pollers.map(({ partitions, invoke }) => ({
    id: randomUUID(),
    partitions,
    invoke,
    /** Grows with each assignment: what was read before is of another one. */
    generation: 0,
    /** When it last found nothing more to read, as a count of `rounds`. */
    endSeen: 0,
  }));
  let round = 0;

  type Poller = (typeof pollers)[number];

  async function assign(poller: Poller): Promise<void> {
    poller.generation += 1;
    poller.endSeen = 0;
    await attempt(() => client.call('assign', { poller: poller.id, topic, partitions: poller.partitions, properties }));
  }

  /** Repeats what the broker may refuse while it is started again. */
  async function attempt<T>(act: () => Promise<T>): Promise<T> {
    for (let left = MAX_ATTEMPTS; ; left -= 1) {
      try {
        return await act();
      } catch (error) {
        if (left === 0 || isStopped) throw error;
        await sleep(PAUSE);
      }
    }
  }

  async function deliver(poller: Poller, batch: Batch): Promise<void> {
    const event = mskEventOf(batch.records);
    await attempt(async () => {
      counts.invocations += 1;
      try {
        await poller.invoke(event);
      } catch (error) {
        counts.failures += 1;
        throw error;
      }
      counts.delivered += batch.count;
    });
  }

  async function poll(poller: Poller): Promise<void> {
    const { generation } = poller;
    const atRound = round;
    // Batches that are read again are cut elsewhere.
    const records = mishaps === undefined ? batchSize : mishaps.random.whole(Math.ceil(batchSize / 2), batchSize);
    const call = { poller: poller.id, records, bytes: MAX_PAYLOAD };
    const batch = (await attempt(() => client.call('poll', call))) as Batch;
    if (batch.count === 0) {
      if (batch.isAtEnd && poller.generation === generation) poller.endSeen = atRound;
      return;
    }
    await deliver(poller, batch);
    if (happens(mishaps?.redelivery)) {
      counts.redeliveries += 1;
      await deliver(poller, batch);
    }
    // Kafka refuses the offsets of a member that has lost the partitions.
    if (poller.generation !== generation) return;
    if (happens(mishaps?.restart)) {
      counts.restarts += 1;
      await assign(poller);
      return;
    }
    await attempt(() => client.call('commit', { poller: poller.id, offsets: batch.offsets }));
  }

  async function run(poller: Poller): Promise<void> {
    try {
      while (!isStopped && failure === undefined) await poll(poller);
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  for (const poller of pollers) await assign(poller);
  const running = pollers.map(run);
  return {
    counts,
    async rebalance() {
      const [first, ...others] = pollers.map(({ partitions }) => partitions);
      if (first === undefined) return;
      await Promise.all(
        pollers.map(async (poller, index) => {
          poller.partitions = others[index] ?? first;
          await assign(poller);
        }),
      );
    },
    async drained() {
      round += 1;
      const target = round;
      while (pollers.some(({ endSeen }) => endSeen < target)) {
        if (failure !== undefined) throw failure;
        await sleep(PAUSE);
      }
    },
    async stop() {
      isStopped = true;
      await Promise.all(running);
      for (const { id } of pollers) await client.call('close', { poller: id });
    },
  };
}
