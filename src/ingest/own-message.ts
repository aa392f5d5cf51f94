import { createHash } from 'node:crypto';

/** Characters of what is no message that an error shows. */
export const MAX_SHOWN = 200;

/** Of values that tell messages or their groups apart: 64 hexadecimal digits, as SQS takes them (SQS API reference, SendMessage). */
export function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An invocation of a function by a schedule, for what has these names. */
export interface NamedSchedule {
  readonly names: readonly string[];
  /** Of the schedule, as text; the same in an event that is delivered twice. */
  readonly time: string;
}

/**
 * Reads the event of a schedule, `{[field]: [names], "time": text}`; undefined for an event without the field. Throws what `refuse` makes
 * of the text that says what was expected and what was got.
 */
export function parseNamedSchedule(
  event: unknown,
  field: string,
  refuse: (message: string) => Error,
): NamedSchedule | undefined {
  if (typeof event !== 'object' || event === null || !(field in event)) return undefined;
  const { [field]: names, time } = event as Record<string, unknown>;
  if (Array.isArray(names) && names.every((name) => typeof name === 'string') && typeof time === 'string') {
    return { names, time };
  }
  throw refuse(`expected {"${field}": [names], "time": text}, got ${JSON.stringify(event).slice(0, MAX_SHOWN)}`);
}
