import type { Action, AddFile, DeletionVector, RemoveFile } from '../../src/delta/actions.ts';
import { encodePath } from '../../src/delta/path.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { type TableRef, tableKey } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { add, createLogBuilder, FIRST_TIME, type LogBuilder, metaData, protocol, remove } from './delta-log-builder.ts';
import { listKeys } from './store-assertions.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A table whose data files are there, and whose time is under control. */
export interface HistoryWorld {
  readonly table: TableRef;
  readonly log: LogBuilder;
  readonly engine: MaintenanceEngine;
  now(): number;
  advance(ms: number): void;
  /** Writes a data file below the root, now. */
  write(path: string, content?: string): Promise<void>;
  /** Writes files and commits them, and removes others. Returns the version. */
  change(added: readonly string[], removed?: readonly string[], tags?: AddFile['tags']): Promise<number>;
  /** Commits actions as they are. */
  commit(...actions: readonly Action[]): Promise<number>;
  /** The files below the root, without the log. */
  files(): Promise<string[]>;
  /** The files of the log, by name. */
  logFiles(): Promise<string[]>;
  /** The same table over another store. */
  over(store: ObjectStore): TableRef;
}

export interface HistoryOptions {
  readonly configuration?: Readonly<Record<string, string>>;
  readonly partitionColumns?: readonly string[];
  readonly protocol?: Action;
  readonly root?: string;
}

/** Version 0 makes the table at `FIRST_TIME`, without files. */
export async function createHistoryWorld(options: HistoryOptions = {}): Promise<HistoryWorld> {
  const { configuration = {}, partitionColumns = [], root = 'lake/orders' } = options;
  let time = FIRST_TIME;
  const store = createMemoryStore({ now: () => time });
  const table: TableRef = { store, root, url: `s3://bucket/${root}` };
  const log = createLogBuilder(table);
  const world: HistoryWorld = {
    table,
    log,
    engine: { reader: createCheckpointReader(), now: () => time, random: () => 0.5, sleep: async () => undefined },
    now: () => time,
    advance(ms) {
      time += ms;
    },
    write: (path, content = path) => store.put(tableKey(table, path), new TextEncoder().encode(content)),
    async change(added, removed = [], tags) {
      for (const path of added) await world.write(path);
      return log.commit(
        ...removed.map((path) => remove(encodePath(path), { deletionTimestamp: time })),
        ...added.map((path) => add(encodePath(path), { modificationTime: time, ...(tags && { tags }) })),
      );
    },
    commit: (...actions) => log.commit(...actions),
    files: async () => (await belowRoot()).filter((path) => !path.startsWith('_delta_log/')),
    logFiles: async () =>
      (await belowRoot())
        .filter((path) => path.startsWith('_delta_log/'))
        .map((path) => path.slice('_delta_log/'.length)),
    over: (other) => ({ ...table, store: other }),
  };

  async function belowRoot(): Promise<string[]> {
    const prefix = root === '' ? '' : `${root}/`;
    return (await listKeys(store, prefix)).map((key) => key.slice(prefix.length));
  }

  await log.commit(options.protocol ?? protocol(), metaData({ configuration, partitionColumns, createdTime: time }));
  return world;
}

/** The active paths of a version, sorted; as logged. */
export async function activeAt(table: TableRef, version?: number): Promise<string[]> {
  const reader = createCheckpointReader();
  const snapshot = await loadSnapshot(table, reader, version === undefined ? {} : { version });
  const paths: string[] = [];
  for await (const batch of activeFiles(snapshot, reader)) paths.push(...batch.map(({ path }) => path));
  return paths.sort();
}

/** A deletion vector in a file of its own, and that file's path: PROTOCOL.md's example, with another prefix. */
export function deletionVector(prefix = ''): { readonly path: string; readonly vector: DeletionVector } {
  const name = 'deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin';
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    vector: {
      storageType: 'u',
      pathOrInlineDv: `${prefix}^-aqEH.-t@S}K{vb[*k^`,
      offset: 4,
      sizeInBytes: 40,
      cardinality: 6,
    },
  };
}

export type { AddFile, RemoveFile };
