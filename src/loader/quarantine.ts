import { type TableRef, tableKey } from '../delta/table.ts';
import { QUARANTINE_DIR, type QuarantineRecord } from '../ingest/quarantine.ts';
import type { LoadError } from './load-error.ts';
import type { RejectedRow } from './rows/segment.ts';

/** The record of a source file that is not loaded: as the append function's, with the rows that kept it out. */
export interface LoadQuarantineRecord extends QuarantineRecord {
  /** Line, or row, at which it stopped. */
  readonly line?: number;
  /** Rows that could not be taken, as far as the file was read. */
  readonly rejected: number;
  readonly firstRejected: readonly RejectedRow[];
}

export interface QuarantinedFile {
  readonly error: LoadError;
  /** `s3://bucket/key` or a path. */
  readonly url: string;
  readonly key: string;
  readonly digest: string;
  readonly size: number;
  readonly etag: string;
  /** ms since the epoch. */
  readonly time: number;
  readonly rejected: number;
  readonly firstRejected: readonly RejectedRow[];
}

/** Writes the record beside the table. */
export async function quarantineSource(table: TableRef, file: QuarantinedFile, now: number): Promise<void> {
  const { error, url, key, digest, size, etag, time, rejected, firstRejected } = file;
  const record: LoadQuarantineRecord = {
    reason: error.code,
    detail: `${url}: ${error.message}`,
    table: table.url,
    key,
    path: key,
    size,
    etag,
    eventTime: new Date(time).toISOString(),
    quarantinedAt: new Date(now).toISOString(),
    ...(error.line !== undefined && { line: error.line }),
    rejected,
    firstRejected,
  };
  const body = new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`);
  await table.store.put(tableKey(table, `${QUARANTINE_DIR}/load-${digest}.json`), body);
}
