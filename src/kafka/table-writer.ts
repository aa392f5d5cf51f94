import { randomUUID } from 'node:crypto';
import type { Action, Txn } from '../delta/actions.ts';
import { DeltaError, isDeltaError } from '../delta/errors.ts';
import { newTableActions } from '../delta/new-table.ts';
import type { StructType } from '../delta/schema.ts';
import { loadSnapshot, refreshSnapshot, type Snapshot } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { type CommitResult, commit, type Decision } from '../delta/transaction.ts';
import type { SchemaPolicy, TableRule } from '../ingest/config.ts';
import { TableShape } from '../ingest/table-shape.ts';
import { type Footer, parseFooter } from '../parquet/footer.ts';
import type { RowWriter } from '../parquet/write/row-writer.ts';
import type { KafkaEngine } from './engine.ts';

/** The partition column of the tables: the date (UTC) on which a record came into the table. */
export const DATE_COLUMN = 'ingest_date';

/** A table into which rows are appended. */
export interface AppendTarget {
  readonly table: TableRef;
  /** Columns of the files, without the partition column. */
  readonly schema: StructType;
  readonly schemaPolicy: SchemaPolicy;
  /** Of a new table. */
  readonly properties: Readonly<Record<string, string>>;
}

/** A data file that was written and is in no commit yet. */
export interface DataFile {
  /** Below the root of the table. */
  readonly path: string;
  readonly size: number;
  readonly rows: number;
  readonly footer: Footer;
  /** ms since the epoch. */
  readonly time: number;
}

/** The table as it is now, one LIST where it is known; undefined when there is none. */
export async function currentSnapshot(
  engine: KafkaEngine,
  table: TableRef,
  cached: Snapshot | undefined,
): Promise<Snapshot | undefined> {
  if (cached !== undefined) {
    try {
      return await refreshSnapshot(cached);
    } catch (error) {
      const isOutdated = ['VERSION_NOT_FOUND', 'LOG_GAP', 'TABLE_NOT_FOUND'] as const;
      if (!isOutdated.some((code) => isDeltaError(error, code))) throw error;
    }
  }
  try {
    return await loadSnapshot(table, engine.reader);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Writes rows as a file that no commit has yet, in the partition of today; undefined for no rows. */
export async function uploadRows(
  engine: KafkaEngine,
  table: TableRef,
  rows: RowWriter,
  name: string,
): Promise<DataFile | undefined> {
  if (rows.rowCount === 0) return undefined;
  const time = engine.now();
  const body = await rows.finish();
  // Each try has a file of its own: the one before may hold other rows, and may be in a commit after all.
  const path = `${DATE_COLUMN}=${new Date(time).toISOString().slice(0, 10)}/${name}-${randomUUID()}.zstd.parquet`;
  await table.store.put(tableKey(table, path), body);
  return { path, size: body.byteLength, rows: rows.rowCount, footer: parseFooter(body), time };
}

/** What a commit has besides the file. Called for every try; undefined when there is nothing to commit any more. */
export type DecideTxns = (head: Snapshot | undefined) => readonly Txn[] | undefined;

/**
 * Commits a file and the offsets that it brings the table to, together; makes the table where there is none.
 * Throws the errors of `commit`, and `INVALID_SCHEMA` when the table cannot take the file.
 */
export async function commitRows(
  engine: KafkaEngine,
  target: AppendTarget,
  head: Snapshot | undefined,
  {
    file,
    txns,
    deadline,
  }: { readonly file: DataFile | undefined; readonly txns: DecideTxns; readonly deadline: number },
): Promise<CommitResult> {
  const { application } = engine.config;
  const newTableId = randomUUID();
  const decide = (current: Snapshot | undefined): Decision => {
    const offsets = txns(current);
    if (offsets === undefined) return { kind: 'skip' };
    const now = engine.now();
    return {
      kind: 'commit',
      actions: [...fileActions(target, current, file, { newTableId, now }), ...offsets.map((txn) => ({ txn }))],
      operation: 'STREAMING UPDATE',
      operationParameters: { outputMode: 'Append', queryId: application, epochId: String(now) },
      operationMetrics: { numOutputRows: file?.rows ?? 0, numAddedFiles: file === undefined ? 0 : 1 },
      isBlindAppend: true,
    };
  };
  return commit(head, target.table, engine.reader, decide, {
    deadline,
    now: () => engine.now(),
    sleep: (ms) => engine.sleep(ms),
    random: () => engine.random(),
  });
}

function fileActions(
  target: AppendTarget,
  head: Snapshot | undefined,
  file: DataFile | undefined,
  { newTableId, now }: { readonly newTableId: string; readonly now: number },
): Action[] {
  if (file === undefined) return head === undefined ? emptyTable(target, newTableId, now) : [];
  const rule = ruleOf(target);
  const shape = new TableShape({ head, settings: rule, rule, now, newTableId });
  const { path, size, footer, time } = file;
  const object = { path, size, time };
  const fit = shape.fit({ kind: 'file', object, footer });
  if (fit.kind === 'rejected') {
    const { reason, detail } = fit.rejection;
    const { url } = target.table;
    throw new DeltaError('INVALID_SCHEMA', `${url} cannot take the records: ${reason}: ${detail}`, { table: url });
  }
  const add = shape.addFile(object, fit.file);
  return [...shape.tableActions(), { add }];
}

/** A table without files, for offsets of which no record could be taken. */
function emptyTable({ schema, properties }: AppendTarget, id: string, createdTime: number): Action[] {
  const partition = { name: DATE_COLUMN, type: 'date', nullable: true, metadata: {} } as const;
  return newTableActions({
    schema: { type: 'struct', fields: [...schema.fields, partition] },
    partitionColumns: [DATE_COLUMN],
    configuration: properties,
    id,
    createdTime,
  });
}

function ruleOf({ table, schemaPolicy, properties }: AppendTarget): TableRule {
  return {
    prefix: table.root,
    root: table.root,
    exclude: [],
    columnComments: {},
    partitionColumns: [{ name: DATE_COLUMN, type: 'date' }],
    schemaPolicy,
    properties,
    deletes: 'ignore',
    adoptExisting: false,
  };
}
