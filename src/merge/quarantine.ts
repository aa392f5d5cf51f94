import { type TableRef, tableKey } from '../delta/table.ts';
import { QUARANTINE_DIR, type QuarantineRecord } from '../ingest/quarantine.ts';
import type { RejectedStaged } from './plan.ts';

/** Writes the record of a file that stays out beside its table; the name follows from the file's version. Whether it is new. */
export async function quarantineStaged(
  table: TableRef,
  bucket: string,
  { staged, rejection }: RejectedStaged,
  now: number,
): Promise<boolean> {
  const { key, size, etag, sequencer, time, identity } = staged;
  const record: QuarantineRecord = {
    reason: rejection.reason,
    detail: `s3://${bucket}/${key}: ${rejection.detail}`,
    table: table.url,
    key,
    path: key,
    size,
    ...(etag !== undefined && { etag }),
    ...(sequencer !== undefined && { sequencer }),
    eventTime: new Date(time).toISOString(),
    quarantinedAt: new Date(now).toISOString(),
    ...(rejection.schemaDifference !== undefined && { schemaDifference: rejection.schemaDifference }),
  };
  const name = `merge-${Buffer.from(identity.digest, 'latin1').toString('hex')}.json`;
  const body = new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`);
  return (await table.store.putIfAbsent(tableKey(table, `${QUARANTINE_DIR}/${name}`), body)) === 'created';
}
