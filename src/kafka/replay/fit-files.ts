import { randomUUID } from 'node:crypto';
import type { Action } from '../../delta/actions.ts';
import { DeltaError } from '../../delta/errors.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import type { TableRule } from '../../ingest/config.ts';
import { TableShape } from '../../ingest/table-shape.ts';
import { parseFooter } from '../../parquet/footer.ts';
import type { DataFile, TableRows } from '../table-writer.ts';

/** What a commit does that adds these files to the table as it is. Throws `INVALID_SCHEMA` when it cannot take one. */
export function fitFiles(
  table: TableRef,
  target: TableRows['target'],
  head: Snapshot | undefined,
  files: readonly DataFile[],
  now: number,
): readonly Action[] {
  const rule: TableRule = {
    ...target,
    prefix: table.root,
    root: table.root,
    exclude: [],
    columnComments: {},
    deletes: 'ignore',
    adoptExisting: false,
  };
  const shape = new TableShape({ head, settings: rule, rule, now, newTableId: randomUUID() });
  const fitting = files.map(({ path, size, footer, time }) => {
    const object = { path, size, time };
    const fit = shape.fit({ kind: 'file', object, footer });
    if (fit.kind === 'fits') return { object, file: fit.file };
    const { reason, detail } = fit.rejection;
    const message = `${table.url} cannot take the records: ${reason}: ${detail}`;
    throw new DeltaError('INVALID_SCHEMA', message, { table: table.url });
  });
  return [...shape.tableActions(), ...fitting.map(({ object, file }) => ({ add: shape.addFile(object, file) }))];
}

/** Checks that the table would take the rows, without writing any. Ends their writers. Throws `INVALID_SCHEMA`. */
export async function assertFits(
  table: TableRef,
  { target, files }: TableRows,
  head: Snapshot | undefined,
  now: number,
): Promise<void> {
  const made: DataFile[] = [];
  for (const [folder, rows] of files) {
    if (rows.rowCount === 0) continue;
    const body = await rows.finish();
    const path = `${folder === '' ? '' : `${folder}/`}dry-run.parquet`;
    made.push({ path, size: body.byteLength, rows: rows.rowCount, footer: parseFooter(body), time: now });
  }
  if (made.length > 0) fitFiles(table, target, head, made, now);
}
