import { randomUUID } from 'node:crypto';
import type { Action, Txn } from '../delta/actions.ts';
import type { Commit } from '../delta/commit-file.ts';
import { DeltaError, isDeltaError } from '../delta/errors.ts';
import { newTableActions } from '../delta/new-table.ts';
import type { StructType } from '../delta/schema.ts';
import { isOutdated, loadSnapshot, refreshSnapshot, type Snapshot } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { type CommitOptions, type CommitResult, commit, type Decision } from '../delta/transaction.ts';
import type { PartitionColumn, SchemaPolicy, TableRule } from '../ingest/config.ts';
import { TableShape } from '../ingest/table-shape.ts';
import { type Footer, footerLength, parseFooter, TRAILER_BYTES } from '../parquet/footer.ts';
import type { RowWriter } from '../parquet/write/row-writer.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { KafkaConfig } from './config.ts';
import type { RowEngine } from './engine.ts';
import { DATE_COLUMN } from './rows/layout.ts';

/** The usual partition column: the date (UTC) on which a record came into the table. */
export const DATE_PARTITION = { name: DATE_COLUMN, type: 'date' } as const;

/** A table into which rows are appended. */
export interface AppendTarget {
  readonly table: TableRef;
  /** Columns of the files, without the partition columns. */
  readonly schema: StructType;
  readonly schemaPolicy: SchemaPolicy;
  /** Of a new table. */
  readonly partitionColumns: readonly PartitionColumn[];
  /** Of a new table. */
  readonly properties: Readonly<Record<string, string>>;
  /** Comment of a new table. @default none */
  readonly description?: string;
  /** Comments of a new table's columns, by column name. @default none */
  readonly columnComments?: Readonly<Record<string, string>>;
}

/** A data file that was written and is in no commit yet. */
export interface DataFile {
  /** Below the root of the table. */
  readonly path: string;
  readonly size: number;
  readonly rows: number;
  readonly footer: Footer;
  /** The end of the file from its footer on. */
  readonly tail?: Uint8Array;
  /** ms since the epoch. */
  readonly time: number;
}

/** The table at a root in the bucket of the configuration. */
export function tableAt(store: ObjectStore, { bucket }: Pick<KafkaConfig, 'bucket'>, root: string): TableRef {
  return { store, root, url: `s3://${bucket}/${root}` };
}

/** The table as it is now, two HEADs where it is known and nothing is new; undefined when there is none. */
export async function currentSnapshot(
  engine: RowEngine,
  table: TableRef,
  cached: Snapshot | undefined,
): Promise<Snapshot | undefined> {
  if (cached !== undefined) {
    try {
      return await refreshSnapshot(cached, { now: engine.now() });
    } catch (error) {
      if (!isOutdated(error)) throw error;
    }
  }
  try {
    return await loadSnapshot(table, engine.reader);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return undefined;
    throw error;
  }
}

export interface Upload {
  readonly rows: RowWriter;
  /** `name=value` folders below the root of the table. */
  readonly folder: string;
  /** Of the file, without what makes it unique. */
  readonly name: string;
}

/** Writes rows as a file that no commit has yet. */
export async function uploadRows(
  engine: RowEngine,
  table: TableRef,
  { rows, folder, name }: Upload,
): Promise<DataFile> {
  const body = await rows.finish();
  // Each try has a file of its own: the one before may hold other rows, and may be in a commit after all.
  const path = `${folder === '' ? '' : `${folder}/`}${name}-${randomUUID()}.zstd.parquet`;
  await table.store.put(tableKey(table, path), body);
  const tail = body.subarray(body.length - footerLength(body) - TRAILER_BYTES);
  return { path, size: body.length, rows: rows.rowCount, footer: parseFooter(body), tail, time: engine.now() };
}

/** Rows by the folders of their partition, and the table that they are for. */
export interface TableRows {
  readonly target: Omit<AppendTarget, 'table'>;
  /** By `name=value` folders below the table's root. */
  readonly files: ReadonlyMap<string, RowWriter>;
}

/** Writes the files that have rows; no commit has them yet. */
export async function uploadFiles(
  engine: RowEngine,
  table: TableRef,
  files: TableRows['files'],
  name: string,
): Promise<DataFile[]> {
  const uploaded: DataFile[] = [];
  for (const [folder, rows] of files) {
    if (rows.rowCount > 0) uploaded.push(await uploadRows(engine, table, { rows, folder, name }));
  }
  return uploaded;
}

/** What a commit has besides the file. Called for every try; undefined when there is nothing to commit any more. */
export type DecideTxns = (head: Snapshot | undefined) => readonly Txn[] | undefined;

/**
 * Makes the table, or gives it the columns that files have, without the files: they are committed later. Returns what
 * `commit` does, or undefined when there is nothing to do. Throws as `commitRows` does.
 */
export async function commitColumns(
  engine: RowEngine,
  target: AppendTarget,
  head: Snapshot | undefined,
  {
    files,
    txns,
    deadline,
  }: Pick<RowCommit, 'files' | 'deadline'> & { readonly txns: (head: Snapshot | undefined) => Txn[] },
): Promise<CommitResult | undefined> {
  const newTableId = randomUUID();
  const columnsFor = (current: Snapshot | undefined): Action[] => [
    ...fileActions(target, current, files, { newTableId, now: engine.now() }).filter((action) => !('add' in action)),
    ...txns(current).map((txn) => ({ txn })),
  ];
  if (columnsFor(head).length === 0) return undefined;
  const decide = (current: Snapshot | undefined): Decision => {
    // What someone else did may fit the files or not: that is for a new plan.
    if (current?.version !== head?.version) return { kind: 'skip' };
    const actions = columnsFor(current);
    const operation = current === undefined ? 'CREATE TABLE' : 'ADD COLUMNS';
    return { kind: 'commit', actions, operation, operationParameters: {}, isBlindAppend: true };
  };
  return commit(head, target.table, engine.reader, decide, retryOptions(engine, deadline));
}

export interface RowCommit {
  readonly files: readonly DataFile[];
  readonly txns: DecideTxns;
  /** ms since the epoch. */
  readonly deadline: number;
  /** Of the `commitInfo`. @default none */
  readonly tags?: Readonly<Record<string, string>>;
  /** Called with the commits of other writers before `txns` is called again. */
  readonly onCommit?: (commit: Commit) => void;
}

/**
 * Commits files and the offsets that they bring the table to, together; makes the table where there is none. Throws the
 * errors of `commit`, and `INVALID_SCHEMA` when the table cannot take a file.
 */
export async function commitRows(
  engine: RowEngine,
  target: AppendTarget,
  head: Snapshot | undefined,
  { files, txns, deadline, tags, onCommit }: RowCommit,
): Promise<CommitResult> {
  const { application } = engine.config;
  const newTableId = randomUUID();
  const numOutputRows = files.reduce((sum, { rows }) => sum + rows, 0);
  const decide = (current: Snapshot | undefined): Decision => {
    const offsets = txns(current);
    if (offsets === undefined) return { kind: 'skip' };
    const now = engine.now();
    return {
      kind: 'commit',
      actions: [...fileActions(target, current, files, { newTableId, now }), ...offsets.map((txn) => ({ txn }))],
      operation: 'STREAMING UPDATE',
      operationParameters: { outputMode: 'Append', queryId: application, epochId: String(now) },
      operationMetrics: { numOutputRows, numAddedFiles: files.length },
      ...(tags !== undefined && { tags }),
      isBlindAppend: true,
    };
  };
  const options = { ...retryOptions(engine, deadline), ...(onCommit !== undefined && { onCommit }) };
  return commit(head, target.table, engine.reader, decide, options);
}

function retryOptions(engine: RowEngine, deadline: number): CommitOptions {
  return {
    deadline,
    now: () => engine.now(),
    sleep: (ms) => engine.sleep(ms),
    random: () => engine.random(),
    onDefinition: engine.onDefinition,
  };
}

function fileActions(
  target: AppendTarget,
  head: Snapshot | undefined,
  files: readonly DataFile[],
  { newTableId, now }: { readonly newTableId: string; readonly now: number },
): Action[] {
  if (files.length === 0) return head === undefined ? emptyTable(target, newTableId, now) : [];
  const rule = ruleOf(target);
  const shape = new TableShape({ head, settings: rule, rule, now, newTableId });
  const fitting = files.map(({ path, size, footer, time }) => {
    const object = { path, size, time };
    const fit = shape.fit({ kind: 'file', object, footer });
    if (fit.kind === 'fits') return { object, file: fit.file };
    const { reason, detail } = fit.rejection;
    const { url } = target.table;
    throw new DeltaError('INVALID_SCHEMA', `${url} cannot take the records: ${reason}: ${detail}`, { table: url });
  });
  const adds = fitting.map(({ object, file }) => ({ add: shape.addFile(object, file) }));
  return [...shape.tableActions(), ...adds];
}

/** A table without files, for offsets of which no record could be taken. */
function emptyTable({ schema, partitionColumns, properties }: AppendTarget, id: string, createdTime: number): Action[] {
  const partitions = partitionColumns.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} }));
  const inPath = new Set(partitions.map(({ name }) => name.toLowerCase()));
  const data = schema.fields.filter(({ name }) => !inPath.has(name.toLowerCase()));
  return newTableActions({
    schema: { type: 'struct', fields: [...data, ...partitions] },
    partitionColumns: partitions.map(({ name }) => name),
    configuration: properties,
    id,
    createdTime,
  });
}

function ruleOf({
  table,
  schemaPolicy,
  properties,
  partitionColumns,
  description,
  columnComments = {},
}: AppendTarget): TableRule {
  return {
    prefix: table.root,
    root: table.root,
    exclude: [],
    columnComments,
    ...(description !== undefined && { description }),
    partitionColumns,
    schemaPolicy,
    properties,
    deletes: 'ignore',
    adoptExisting: false,
  };
}
