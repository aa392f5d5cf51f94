import type { RunningConsumer } from './consumer.ts';
import { idOf } from './partitions.ts';
import type { PartitionStatus } from './status.ts';

export interface TurnOptions {
  /** ms since the epoch: nothing is read any more then. What was read is still written. */
  readonly deadline: number;
  /** ms since the epoch. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface TurnResult {
  readonly partitions: number;
  /** Partitions that still have something that was there when the turn came to them. */
  readonly behind: number;
  /** Whether all that was read is in the tables. What is not comes again in the next turn. */
  readonly isWritten: boolean;
}

/** How often it is looked how far the consumer is, ms. */
const LOOK = 50;
/** After so long without a step ahead a turn ends: a partition without a leader would hold it until the deadline. ms. */
const STALL = 30_000;

/**
 * One turn of a consumer that has been started: it reads each partition up to the end that the partition had when it was first
 * seen, writes that, and stops. What comes meanwhile is for the next turn, so that a turn ends however much comes.
 */
export async function runTurn(consumer: RunningConsumer, { deadline, now, sleep }: TurnOptions): Promise<TurnResult> {
  const ends = new Map<string, number>();
  let reached = -1;
  let since = now();
  for (;;) {
    const { partitions } = consumer.status();
    for (const one of partitions) {
      if (one.readableEnd !== undefined && !ends.has(idOf(one))) ends.set(idOf(one), one.readableEnd);
    }
    const behind = partitions.filter((one) => isBehind(one, ends.get(idOf(one)))).length;
    const sum = partitions.reduce((total, { position = 0 }) => total + position, 0);
    if (sum !== reached) since = now();
    reached = sum;
    if (behind === 0 || now() >= deadline || now() - since > STALL) {
      return { partitions: partitions.length, behind, isWritten: await consumer.stop() };
    }
    await sleep(LOOK);
  }
}

function isBehind({ position }: PartitionStatus, end: number | undefined): boolean {
  return position === undefined || end === undefined || position < end;
}
