import type { Telemetry } from '../ingest/telemetry.ts';
import type { RunningConsumer } from './consumer.ts';
import { runTurn } from './turn.ts';

export interface TurnHandlerDeps {
  /** Starts a consumer for one turn. */
  start(): Promise<RunningConsumer>;
  readonly telemetry: Pick<Telemetry, 'log'>;
  /** ms since the epoch. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

/** Kept back of an invocation's time, ms: a consumer takes up to 25 s to write what it has and to leave its group. */
const TIME_RESERVE = 40_000;

/** Not all that a turn has read could be written: it comes again in the next one. */
export class TurnError extends Error {
  override readonly name = 'TurnError';
  readonly code = 'TURN_NOT_WRITTEN';
}

/**
 * The function that a schedule calls: one turn of the consumer over all its topics. It may be ended at any moment, and called
 * while another one is at work: the tables say how far they are. Throws TurnError, and what the start of a consumer throws.
 */
export function createTurnHandler({ start, telemetry, now, sleep }: TurnHandlerDeps) {
  return async function handleSchedule(
    _event: unknown,
    context: { getRemainingTimeInMillis(): number },
  ): Promise<void> {
    const began = now();
    const deadline = began + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { partitions, behind, isWritten } = await runTurn(await start(), { deadline, now, sleep });
    const level = behind > 0 ? 'warn' : 'info';
    telemetry.log(level, 'turn', { partitions, behind, isWritten, ms: now() - began });
    if (!isWritten) throw new TurnError('records that were read could not be written, and will be read again');
  };
}
