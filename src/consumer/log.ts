import type { LogLevel } from '../ingest/telemetry.ts';
import { rootMessages } from './errors.ts';

export type Log = (level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>) => void;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Writes each entry of a level or above as a line of JSON. `now` in ms since the epoch. */
export function createLog(least: LogLevel, now: () => number, write: (line: string) => void): Log {
  return (level, message, data) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    write(JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...data }, asText));
  };
}

/** What an Error and a bigint are in JSON. Of an error's fields only the code: clients attach whole answers. */
function asText(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message } = value;
  const code = 'code' in value ? value.code : undefined;
  const because = rootMessages(value).filter((text) => text !== message);
  return { name, code, message, ...(because.length > 0 && { because }) };
}
