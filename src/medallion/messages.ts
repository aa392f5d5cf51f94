import { LOG_DIR, parseLogPath } from '../delta/log-path.ts';
import { parseNotification } from '../ingest/notifications.ts';
import { digestOf, MAX_SHOWN, parseJson, parseNamedSchedule } from '../ingest/own-message.ts';
import { type TableId, tableId } from './graph.ts';
import type { StepRule } from './rule.ts';

/** A run of a step that is to be made, as a message of the FIFO queue. */
export interface StepMessage {
  readonly step: string;
  /** ms since the epoch of the oldest commit that is known to wait; absent where a schedule asked. */
  readonly since?: number;
  /** How often the run was put into the queue again because the time was up. @default 0 */
  readonly turn?: number;
}

/** An invocation by a schedule: all these steps. */
export interface StepSchedule {
  readonly steps: readonly string[];
  /** Of the schedule, as text; the same in an event that is delivered twice. */
  readonly time: string;
}

/** A commit of a table, of which the bucket told. */
export interface CommitEvent {
  readonly table: TableId;
  /** ms since the epoch. */
  readonly time: number;
}

/** What a message of one of the function's two queues is. */
export type MedallionMessage =
  | { readonly kind: 'step'; readonly message: StepMessage }
  | { readonly kind: 'commits'; readonly commits: readonly CommitEvent[] };

/** An event that is none of this function. */
export class StepMessageError extends Error {
  override readonly name = 'StepMessageError';
  readonly code = 'INVALID_MESSAGE';
}

/** Reads the body of a message: a run, or a notification of S3. Throws StepMessageError and NotificationError. */
export function parseMedallionMessage(body: string): MedallionMessage {
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null || !('step' in value)) {
    return { kind: 'commits', commits: commitsOf(body) };
  }
  const { step, since, turn = 0 } = value as Record<string, unknown>;
  const isWhole = (number: unknown): number is number => Number.isSafeInteger(number) && Number(number) >= 0;
  if (typeof step === 'string' && isWhole(turn) && (since === undefined || isWhole(since))) {
    return { kind: 'step', message: { step, ...(since !== undefined && { since }), turn } };
  }
  throw new StepMessageError(`expected {"step": text, "since": ms, "turn": number}, got ${body.slice(0, MAX_SHOWN)}`);
}

/** Reads the event of a schedule, `{"steps": [...], "time": text}`; undefined for any other event. */
export function parseStepSchedule(event: unknown): StepSchedule | undefined {
  const schedule = parseNamedSchedule(event, 'steps', (message) => new StepMessageError(message));
  return schedule && { steps: schedule.names, time: schedule.time };
}

/**
 * The message group of a step's runs: no two functions write to one target at a time (SQS API reference, SendMessage), by
 * whichever steps.
 */
export function stepGroup({ target }: StepRule): string {
  return digestOf([tableId(target)]);
}

/** What makes a message the same as another: SQS takes it once in five minutes. `occasion` is what it is sent for. */
export function stepDeduplication({ step, turn = 0 }: StepMessage, occasion: string): string {
  return digestOf([step, turn, occasion]);
}

/** Other objects of logs, such as checkpoints and the hint to the last of them, tell nothing new. */
function commitsOf(body: string): CommitEvent[] {
  return parseNotification(body).events.flatMap(({ kind, bucket, key, time }) => {
    if (kind !== 'created' || parseLogPath(key)?.kind !== 'commit') return [];
    const root = key.slice(0, Math.max(key.lastIndexOf(`${LOG_DIR}/`) - 1, 0));
    return [{ table: tableId({ bucket, prefix: root }), time }];
  });
}
