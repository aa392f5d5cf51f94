import { DeltaError } from '../../delta/errors.ts';
import { DEFAULT_LOG_RETENTION, parseInterval } from '../../delta/log-retention.ts';
import type { Snapshot } from '../../delta/snapshot.ts';

const DAY = 86_400_000;

/** What Delta has where a table says nothing, ms (docs.delta.io "Table properties", DeltaConfig.scala). */
const DELETED_FILES = 7 * DAY;

/** How long files that were removed stay, ms: the table's `delta.deletedFileRetentionDuration`, a week by default. */
export function deletedFileRetention(snapshot: Pick<Snapshot, 'table' | 'metadata'>): number {
  return intervalProperty(snapshot, 'delta.deletedFileRetentionDuration') ?? DELETED_FILES;
}

/** How long the log stays, ms: the table's `delta.logRetentionDuration`, 30 days by default. */
export function logRetention(snapshot: Pick<Snapshot, 'table' | 'metadata'>): number {
  return intervalProperty(snapshot, 'delta.logRetentionDuration') ?? DEFAULT_LOG_RETENTION;
}

/** Throws `UNSUPPORTED_WRITER` for a value that is no interval: what the table wants kept is not known then. */
function intervalProperty(
  { table, metadata }: Pick<Snapshot, 'table' | 'metadata'>,
  property: string,
): number | undefined {
  const value = metadata.configuration[property];
  if (value === undefined) return undefined;
  const ms = parseInterval(value);
  if (ms !== undefined) return ms;
  throw new DeltaError('UNSUPPORTED_WRITER', `${table.url} has ${property} "${value}", expected such as "7 days"`, {
    table: table.url,
    property,
    value,
  });
}
