import { createHash } from 'node:crypto';
import { type TableRef, tableKey } from '../delta/table.ts';
import type { LandedObject } from './candidate.ts';
import { mapConcurrently } from './concurrently.ts';
import type { TableEngine } from './engine.ts';

/** A file that was not taken, and why. Stored as JSON beside the table; the file itself stays where it is. */
export interface QuarantineRecord {
  /** Stable code, see docs/configuration.md: one of ParquetError's, or one of the ingest's own. */
  readonly reason: string;
  readonly detail: string;
  readonly table: string;
  /** The whole object key. */
  readonly key: string;
  /** The key below the table's root. */
  readonly path: string;
  readonly size?: number;
  readonly etag?: string;
  readonly sequencer?: string;
  /** ISO 8601. */
  readonly eventTime: string;
  /** ISO 8601. */
  readonly quarantinedAt: string;
  /** What of the schema did not fit, for `SCHEMA_CONFLICT`. */
  readonly schemaDifference?: unknown;
  /** How often it was tried again since, in vain (`resaca quarantine retry`). @default 0 */
  readonly retries?: number;
  /** When it was tried again last, ISO 8601. */
  readonly retriedAt?: string;
}

export const QUARANTINE_DIR = '_resaca/quarantine';

export type Rejection = Pick<QuarantineRecord, 'reason' | 'detail' | 'schemaDifference'>;

/** A file that was not taken; deleted objects have no size. */
export interface RejectedFile {
  readonly object: Omit<LandedObject, 'size'> & { readonly size?: number };
  readonly rejection: Rejection;
}

/** Writes a record for each file that was not taken. Returns how many are new. */
export async function quarantineRejected(
  { config, telemetry, now }: TableEngine,
  table: TableRef,
  rejected: readonly RejectedFile[],
): Promise<number> {
  const outcomes = await mapConcurrently(rejected, config.footerConcurrency, async ({ object, rejection }) => {
    const outcome = await quarantine(table, object, rejection, now());
    if (outcome === 'created')
      telemetry.log('warn', 'file quarantined', { table: table.url, path: object.path, ...rejection });
    return outcome;
  });
  return outcomes.filter((outcome) => outcome === 'created').length;
}

/**
 * Writes the record of one file. The name follows from the object's version, so that a redelivery finds the record of
 * the first delivery and writes nothing: `exists`.
 */
async function quarantine(
  table: TableRef,
  object: RejectedFile['object'],
  rejection: Rejection,
  now: number,
): Promise<'created' | 'exists'> {
  const record: QuarantineRecord = {
    reason: rejection.reason,
    detail: rejection.detail,
    table: table.url,
    key: tableKey(table, object.path),
    path: object.path,
    ...(object.size !== undefined && { size: object.size }),
    ...(object.etag !== undefined && { etag: object.etag }),
    ...(object.sequencer !== undefined && { sequencer: object.sequencer }),
    eventTime: new Date(object.time).toISOString(),
    quarantinedAt: new Date(now).toISOString(),
    ...(rejection.schemaDifference !== undefined && { schemaDifference: rejection.schemaDifference }),
  };
  const body = new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`);
  return table.store.putIfAbsent(quarantineKey(table, object), body);
}

/** The key of the record of one version of an object. */
export function quarantineKey(table: TableRef, object: Pick<LandedObject, 'path' | 'sequencer' | 'etag'>): string {
  return tableKey(table, `${QUARANTINE_DIR}/${recordName(object)}.json`);
}

function recordName(object: Pick<LandedObject, 'path' | 'sequencer' | 'etag'>): string {
  const version = object.etag ?? object.sequencer ?? '';
  return createHash('sha256').update(`${object.path}\0${version}`).digest('hex').slice(0, 40);
}
