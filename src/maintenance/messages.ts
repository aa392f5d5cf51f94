import { createHash } from 'node:crypto';

/** What can be done for a table, in the order in which it is done. */
export const TASKS = ['reconcile', 'optimize', 'checkpoint', 'vacuum', 'cleanLog'] as const;
export type Task = (typeof TASKS)[number];

/** Work on one table, as a message of the queue. */
export interface UpkeepMessage {
  readonly bucket: string;
  /** Key prefix of the table's root, without slashes at its ends. */
  readonly root: string;
  readonly tasks: readonly Task[];
  /** How often the work was put into the queue again because the time was up. @default 0 */
  readonly turn?: number;
  /** It comes from the queue of work that waits, and is to be put into that of the tables. @default false */
  readonly isPostponed?: boolean;
}

/** An invocation by a schedule: these tasks for all tables. */
export interface UpkeepSchedule {
  readonly tasks: readonly Task[];
  /** Of the schedule, as text; the same in an event that is delivered twice. */
  readonly time: string;
}

/** An event that is none of this function. */
export class UpkeepMessageError extends Error {
  override readonly name = 'UpkeepMessageError';
  readonly code = 'INVALID_MESSAGE';
}

/** Reads the body of a message. Throws UpkeepMessageError. */
export function parseUpkeepMessage(body: string): UpkeepMessage {
  const message = parseObject(body);
  const { bucket, root, tasks, turn = 0, isPostponed = false } = message;
  if (
    typeof bucket !== 'string' ||
    bucket === '' ||
    typeof root !== 'string' ||
    !isTasks(tasks) ||
    !Number.isSafeInteger(turn) ||
    typeof isPostponed !== 'boolean'
  ) {
    throw new UpkeepMessageError(
      `expected {"bucket": text, "root": text, "tasks": [${TASKS.join(', ')}]}, got ${body.slice(0, MAX_SHOWN)}`,
    );
  }
  return { bucket, root, tasks, turn: Number(turn), isPostponed };
}

/** Reads the event of a schedule, `{"tasks": [...], "time": text}`; undefined for any other event. */
export function parseSchedule(event: unknown): UpkeepSchedule | undefined {
  if (typeof event !== 'object' || event === null || !('tasks' in event)) return undefined;
  const { tasks, time } = event as { tasks: unknown; time?: unknown };
  if (!isTasks(tasks) || typeof time !== 'string') {
    const got = JSON.stringify(event).slice(0, MAX_SHOWN);
    throw new UpkeepMessageError(`expected {"tasks": [${TASKS.join(', ')}], "time": text}, got ${got}`);
  }
  return { tasks, time };
}

/**
 * The message group of a table: SQS hands out one message of a group at a time, so that no two functions work on a table.
 * It takes 128 letters and digits (SQS API reference, SendMessage).
 */
export function groupOf({ bucket, root }: Pick<UpkeepMessage, 'bucket' | 'root'>): string {
  return digest(`${bucket}/${root}`);
}

/** What makes a message the same as another: SQS takes it once in five minutes. `occasion` is what it is sent for. */
export function deduplicationOf(message: UpkeepMessage, occasion: string): string {
  return digest(JSON.stringify([message.bucket, message.root, message.tasks, message.turn ?? 0, occasion]));
}

const MAX_SHOWN = 200;

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isTasks(value: unknown): value is readonly Task[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((task) => (TASKS as readonly unknown[]).includes(task))
  );
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below, like every other text that is no message.
  }
  throw new UpkeepMessageError(`expected a JSON object, got ${body.slice(0, MAX_SHOWN)}`);
}
