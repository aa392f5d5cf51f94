import type { Bound } from '../../cdf/export/export-table.ts';
import { type ParsedArgs, parseTime } from '../args.ts';

/** A version, or a time, of an option. Throws UsageError. */
export function readBound(args: ParsedArgs, name: 'from' | 'until'): Bound | undefined {
  const text = args.value(name);
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? { version: Number(text) } : { timestamp: parseTime(text, name) };
}
