/**
 * Checkpoints for tests, of every shape and any size: Parquet files whose rows are actions, with the columns that Spark
 * and delta-rs write, made with apache-arrow and parquet-wasm (parquet-rs, which is also delta-rs's writer).
 */
import type { Action, Sidecar } from '../../src/delta/actions.ts';
import { type TableRef, tableKey } from '../../src/delta/table.ts';
import { type ColumnType, type ParquetWriteOptions, writeRowsParquet } from './parquet-rows.ts';

export { type ColumnType, type ParquetWriteOptions, writeRowsParquet } from './parquet-rows.ts';

/** One row of a checkpoint. Actions that a checkpoint does not hold (`commitInfo`, `cdc`) are left out. */
export type CheckpointRow =
  | Action
  | { readonly sidecar: Sidecar }
  | { readonly checkpointMetadata: { readonly version: number } };

export interface CheckpointWriteOptions extends ParquetWriteOptions {
  /** Columns, in this order. @default checkpointColumns */
  readonly columns?: Readonly<Record<string, ColumnType>>;
}

const stringMap: ColumnType = { map: 'string' };
const deletionVector: ColumnType = {
  struct: { storageType: 'string', pathOrInlineDv: 'string', offset: 'int', sizeInBytes: 'int', cardinality: 'long' },
};

/** Every column that a checkpoint may have by PROTOCOL.md, "Checkpoint Schema". */
export const checkpointColumns = {
  txn: { struct: { appId: 'string', version: 'long', lastUpdated: 'long' } },
  add: {
    struct: {
      path: 'string',
      partitionValues: stringMap,
      size: 'long',
      modificationTime: 'long',
      dataChange: 'boolean',
      stats: 'string',
      tags: stringMap,
      deletionVector,
      baseRowId: 'long',
      defaultRowCommitVersion: 'long',
      clusteringProvider: 'string',
    },
  },
  remove: {
    struct: {
      path: 'string',
      deletionTimestamp: 'long',
      dataChange: 'boolean',
      extendedFileMetadata: 'boolean',
      partitionValues: stringMap,
      size: 'long',
      stats: 'string',
      tags: stringMap,
      deletionVector,
      baseRowId: 'long',
      defaultRowCommitVersion: 'long',
    },
  },
  metaData: {
    struct: {
      id: 'string',
      name: 'string',
      description: 'string',
      format: { struct: { provider: 'string', options: stringMap } },
      schemaString: 'string',
      partitionColumns: { list: 'string' },
      configuration: stringMap,
      createdTime: 'long',
    },
  },
  protocol: {
    struct: {
      minReaderVersion: 'int',
      minWriterVersion: 'int',
      readerFeatures: { list: 'string' },
      writerFeatures: { list: 'string' },
    },
  },
  domainMetadata: { struct: { domain: 'string', configuration: 'string', removed: 'boolean' } },
  checkpointMetadata: { struct: { version: 'long', tags: stringMap } },
  sidecar: { struct: { path: 'string', sizeInBytes: 'long', modificationTime: 'long', tags: stringMap } },
} as const satisfies Record<string, ColumnType>;

/** The bytes of a Parquet file with one row an action, in the order given. */
export async function writeActionsParquet(
  actions: Iterable<CheckpointRow>,
  options: CheckpointWriteOptions = {},
): Promise<Uint8Array> {
  return writeRowsParquet(checkpointRows(actions), options.columns ?? checkpointColumns, options);
}

/** Writes the classic single-file checkpoint of a version. Returns its key. */
export async function putClassicCheckpoint(
  table: TableRef,
  version: number,
  actions: Iterable<CheckpointRow>,
  options: CheckpointWriteOptions = {},
): Promise<string> {
  const key = logKey(table, `${versionName(version)}.checkpoint.parquet`);
  await table.store.put(key, await writeActionsParquet(actions, options));
  return key;
}

/** Writes a multi-part checkpoint, the rows dealt out in turn. Returns the keys of the parts in order. */
export async function putMultiPartCheckpoint(
  table: TableRef,
  version: number,
  parts: number,
  actions: Iterable<CheckpointRow>,
  options: CheckpointWriteOptions = {},
): Promise<string[]> {
  const rows = [...actions];
  const keys: string[] = [];
  for (let part = 0; part < parts; part++) {
    const name = `${versionName(version)}.checkpoint.${padded(part + 1, 10)}.${padded(parts, 10)}.parquet`;
    const own = rows.filter((_, index) => index % parts === part);
    keys.push(logKey(table, name));
    await table.store.put(logKey(table, name), await writeActionsParquet(own, options));
  }
  return keys;
}

export interface V2CheckpointOptions extends CheckpointWriteOptions {
  /** Sidecars for the file actions; 0 leaves them in the top level. @default 1 */
  readonly sidecars?: number;
  /** The top level as JSON lines instead of Parquet. @default 'parquet' */
  readonly topLevel?: 'parquet' | 'json';
  /** The UUID in the name of the top level. */
  readonly uuid?: string;
}

/** Writes a V2 checkpoint (UUID name). Returns the keys of the top level and of its sidecars. */
export async function putV2Checkpoint(
  table: TableRef,
  version: number,
  actions: Iterable<CheckpointRow>,
  options: V2CheckpointOptions = {},
): Promise<{ readonly key: string; readonly sidecars: readonly string[] }> {
  const { sidecars = 1, topLevel = 'parquet', uuid = '80a083e8-7026-4e79-81be-64bd76c43a11' } = options;
  const rows = [...actions];
  const fileRows = rows.filter(isFileRow);
  const top: CheckpointRow[] = [{ checkpointMetadata: { version } }, ...rows.filter((row) => !isFileRow(row))];
  const sidecarKeys: string[] = [];
  if (sidecars === 0) {
    top.push(...fileRows);
  }
  for (let index = 0; index < sidecars; index++) {
    const own = fileRows.filter((_, row) => row % sidecars === index);
    const body = await writeActionsParquet(own, {
      columns: { add: checkpointColumns.add, remove: checkpointColumns.remove },
      ...options,
    });
    const path = `${versionName(version)}.${padded(index + 1, 10)}.${padded(sidecars, 10)}.${uuid}.parquet`;
    sidecarKeys.push(logKey(table, `_sidecars/${path}`));
    await table.store.put(logKey(table, `_sidecars/${path}`), body);
    top.push({ sidecar: { path, sizeInBytes: body.length, modificationTime: 1_700_000_000_000 } });
  }
  const key = logKey(table, `${versionName(version)}.checkpoint.${uuid}.${topLevel}`);
  const body =
    topLevel === 'json'
      ? new TextEncoder().encode(top.map((row) => `${JSON.stringify(row)}\n`).join(''))
      : await writeActionsParquet(top, options);
  await table.store.put(key, body);
  return { key, sidecars: sidecarKeys };
}

function logKey(table: TableRef, name: string): string {
  return tableKey(table, `_delta_log/${name}`);
}

function versionName(version: number): string {
  return padded(version, 20);
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

function isFileRow(row: CheckpointRow): boolean {
  return 'add' in row || 'remove' in row;
}

function* checkpointRows(actions: Iterable<CheckpointRow>): Iterable<CheckpointRow> {
  for (const action of actions) {
    if (!('commitInfo' in action) && !('cdc' in action)) {
      yield action;
    }
  }
}
