import { digestOf, MAX_SHOWN, parseJson, parseNamedSchedule } from '../ingest/own-message.ts';

/** Work on one table, as a message of the queue. */
export interface ExportMessage {
  /** Name of the export in the configuration. */
  readonly export: string;
  /** Key prefix of the table's root, without slashes at its ends. */
  readonly root: string;
  /** How often the work was put into the queue again because the time was up. @default 0 */
  readonly turn?: number;
}

/** An invocation by a schedule: all tables of these exports. */
export interface ExportSchedule {
  readonly exports: readonly string[];
  /** Of the schedule, as text; the same in an event that is delivered twice. */
  readonly time: string;
}

/** An event that is none of this function. */
export class ExportMessageError extends Error {
  override readonly name = 'ExportMessageError';
  readonly code = 'INVALID_MESSAGE';
}

/** Reads the body of a message. Throws ExportMessageError. */
export function parseExportMessage(body: string): ExportMessage {
  const value = parseJson(body);
  if (typeof value === 'object' && value !== null) {
    const { export: name, root, turn = 0 } = value as Record<string, unknown>;
    if (typeof name === 'string' && typeof root === 'string' && Number.isSafeInteger(turn)) {
      return { export: name, root, turn: Number(turn) };
    }
  }
  throw new ExportMessageError(`expected {"export": text, "root": text}, got ${body.slice(0, MAX_SHOWN)}`);
}

/** Reads the event of a schedule, `{"exports": [...], "time": text}`; undefined for any other event. */
export function parseExportSchedule(event: unknown): ExportSchedule | undefined {
  const schedule = parseNamedSchedule(event, 'exports', (message) => new ExportMessageError(message));
  return schedule && { exports: schedule.names, time: schedule.time };
}

/** The message group of a table's export: no two functions work on one (SQS API reference, SendMessage). */
export function exportGroup({ export: name, root }: ExportMessage): string {
  return digestOf([name, root]);
}

/** What makes a message the same as another: SQS takes it once in five minutes. `occasion` is what it is sent for. */
export function exportDeduplication({ export: name, root, turn = 0 }: ExportMessage, occasion: string): string {
  return digestOf([name, root, turn, occasion]);
}
