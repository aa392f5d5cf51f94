import type { Action, AddFile, Metadata, Protocol, RemoveFile } from '../../src/delta/actions.ts';
import { versionName } from '../../src/delta/log-path.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import { type TableRef, tableKey } from '../../src/delta/table.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import {
  type CheckpointRow,
  putClassicCheckpoint,
  putMultiPartCheckpoint,
  putV2Checkpoint,
} from './checkpoint-fixtures.ts';
import { type CountingStore, createCountingStore } from './counting-store.ts';

export type CheckpointShape = 'classic' | 'multiPart' | 'v2Parquet' | 'v2Json' | 'v2ParquetInline' | 'v2JsonInline';

/** A log in a store, written commit by commit; checkpoints and compacted commits follow from what was committed. */
export interface LogBuilder {
  readonly table: TableRef;
  /** Time of the writes that follow, ms since the epoch. */
  setTime(ms: number): void;
  /** Writes the next version. Returns it. */
  commit(...actions: readonly Action[]): Promise<number>;
  /** Writes the checkpoint of a version that was committed. Returns the keys of its files. */
  checkpoint(version: number, shape?: CheckpointShape): Promise<readonly string[]>;
  /** Writes the compacted file of the commits `start` to `end`. */
  compact(start: number, end: number): Promise<void>;
  /** Writes `_last_checkpoint`: of this version, or with this content. */
  hint(content: number | string): Promise<void>;
  /** Writes a file of the log folder. */
  put(name: string, content: string): Promise<void>;
  /** Deletes a file of the log folder. */
  delete(name: string): Promise<void>;
}

/** A log in a store that counts requests; building it is not counted. */
export interface CountedLog extends LogBuilder {
  readonly store: CountingStore;
}

export function createCountedLog(root = 'lake/orders', pageSize = 1000): CountedLog {
  let time = FIRST_TIME;
  const inner = createMemoryStore({ now: () => time });
  const store = createCountingStore(inner, { pageSize });
  const builder = createLogBuilder({ store: inner, root, url: `s3://bucket/${root}` }, (ms) => {
    time = ms;
  });
  return { ...builder, table: { ...builder.table, store }, store };
}

export function createLogBuilder(table: TableRef, setTime: (ms: number) => void = () => {}): LogBuilder {
  const commits: (readonly Action[])[] = [];
  const key = (name: string) => tableKey(table, `_delta_log/${name}`);
  const put = (name: string, content: string) => table.store.put(key(name), new TextEncoder().encode(content));
  return {
    table,
    setTime,
    put,
    delete: (name) => table.store.delete(key(name)),
    async commit(...actions) {
      const version = commits.push(actions) - 1;
      await put(`${versionName(version)}.json`, toLines(actions));
      return version;
    },
    checkpoint: (version, shape = 'classic') =>
      putCheckpoint(
        table,
        version,
        shape,
        reconcile(table, commits.slice(0, version + 1), { tombstonesOfDomains: false }),
      ),
    compact: (start, end) =>
      put(
        `${versionName(start)}.${versionName(end)}.compacted.json`,
        toLines(reconcile(table, commits.slice(start, end + 1), { tombstonesOfDomains: true })),
      ),
    hint: (content) =>
      put('_last_checkpoint', typeof content === 'string' ? content : JSON.stringify({ version: content, size: 1 })),
  };
}

export function protocol(overrides: Partial<Protocol> = {}): Action {
  return { protocol: { minReaderVersion: 1, minWriterVersion: 2, ...overrides } };
}

/** A protocol that lists features. Those of `readerFeatures` are for writers, too. */
export function featureProtocol(readerFeatures: readonly string[], writerFeatures: readonly string[] = []): Action {
  return {
    protocol: {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures,
      writerFeatures: [...readerFeatures, ...writerFeatures],
    },
  };
}

export function metaData(overrides: Partial<Metadata> = {}): Action {
  return {
    metaData: {
      id: '5b8d0c1e-6f0a-4a52-9d57-0d3a3f2a6b11',
      format: { provider: 'parquet', options: {} },
      schemaString: '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}',
      partitionColumns: [],
      configuration: {},
      createdTime: FIRST_TIME,
      ...overrides,
    },
  };
}

export function add(path: string, overrides: Partial<AddFile> = {}): Action {
  const file = { path, partitionValues: {}, size: 100, modificationTime: FIRST_TIME, dataChange: true, ...overrides };
  return { add: file };
}

export function remove(path: string, overrides: Partial<RemoveFile> = {}): Action {
  return { remove: { path, dataChange: true, deletionTimestamp: FIRST_TIME, ...overrides } };
}

export function txn(appId: string, version: number): Action {
  return { txn: { appId, version, lastUpdated: FIRST_TIME } };
}

export function domain(name: string, configuration: string, removed = false): Action {
  return { domainMetadata: { domain: name, configuration, removed } };
}

/** 2026-01-01, ms since the epoch. */
export const FIRST_TIME = Date.UTC(2026, 0, 1);

async function putCheckpoint(
  table: TableRef,
  version: number,
  shape: CheckpointShape,
  rows: readonly CheckpointRow[],
): Promise<readonly string[]> {
  if (shape === 'classic') return [await putClassicCheckpoint(table, version, rows)];
  if (shape === 'multiPart') return putMultiPartCheckpoint(table, version, 3, rows);
  const sidecars = shape.endsWith('Inline') ? 0 : 2;
  const topLevel = shape.startsWith('v2Json') ? 'json' : 'parquet';
  const written = await putV2Checkpoint(table, version, rows, { sidecars, topLevel });
  return [written.key, ...written.sidecars];
}

/**
 * What is left of the actions of several commits (PROTOCOL.md "Action Reconciliation"), by one map that later actions
 * overwrite: simple on purpose, since tests compare the code with it.
 */
function reconcile(
  table: TableRef,
  commits: readonly (readonly Action[])[],
  { tombstonesOfDomains }: { readonly tombstonesOfDomains: boolean },
): Action[] {
  const newest = new Map<string, Action>();
  for (const action of commits.flat()) {
    const identity = identityOf(table, action);
    if (identity !== undefined) newest.set(identity, action);
  }
  const isLive = (action: Action) =>
    tombstonesOfDomains || !('domainMetadata' in action && action.domainMetadata.removed);
  return [...newest.values()].filter(isLive);
}

function identityOf(table: TableRef, action: Action): string | undefined {
  if ('protocol' in action) return 'protocol';
  if ('metaData' in action) return 'metaData';
  if ('txn' in action) return `txn ${action.txn.appId}`;
  if ('domainMetadata' in action) return `domain ${action.domainMetadata.domain}`;
  const file = 'add' in action ? action.add : 'remove' in action ? action.remove : undefined;
  if (file === undefined) return undefined;
  return `file ${canonicalPath(table, file.path)} ${file.deletionVector?.pathOrInlineDv ?? ''}`;
}

function toLines(actions: readonly Action[]): string {
  return actions.map((action) => `${JSON.stringify(action)}\n`).join('');
}

/** Reads all of an async iterable of batches. */
export async function collect<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}
