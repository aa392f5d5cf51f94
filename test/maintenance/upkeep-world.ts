/** A table in memory whose files have rows, whose time is under control, and of which it is known what every version holds. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import type { StructType } from '../../src/delta/schema.ts';
import { activeFiles, findActive, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { type TableRef, tableKey } from '../../src/delta/table.ts';
import { type CommitResult, commit, type Decision } from '../../src/delta/transaction.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { cleanLog } from '../../src/maintenance/log-cleanup/clean-log.ts';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import { vacuumTable } from '../../src/maintenance/vacuum/vacuum.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { readRows } from '../support/parquet-values.ts';
import { slow } from '../support/slow-store.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const START = Date.parse('2026-01-10T06:00:00Z');

const FILE_SCHEMA: StructType = {
  type: 'struct',
  fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }],
};

export interface UpkeepWorldOptions {
  readonly configuration?: Readonly<Record<string, string>>;
  /** In [0, 1); how many turns of the event loop a store call takes. @default none */
  readonly random?: () => number;
}

/** Retentions: files 7 days, the log 30 days, the defaults of Delta. */
export async function createUpkeepWorld({ configuration = {}, random }: UpkeepWorldOptions = {}) {
  let time = START;
  const memory = createMemoryStore({ now: () => time });
  const store = random === undefined ? memory : slow(memory, random);
  const table: TableRef = { store, root: 'lake/t', url: 's3://bucket/lake/t' };
  const reader = createCheckpointReader();
  const engine: MaintenanceEngine = {
    reader,
    now: () => time,
    random: random ?? (() => 0.5),
    sleep: async () => undefined,
  };
  const options = { deadline: Number.POSITIVE_INFINITY, now: () => time, sleep: engine.sleep, random: engine.random };
  /** What each version adds and removes; compactions are none of it. */
  const changes = new Map<number, { readonly added: readonly number[]; readonly removed: readonly number[] }>();
  let nextId = 0;

  const actions = newTableActions({
    schema: {
      type: 'struct',
      fields: [...FILE_SCHEMA.fields, { name: 'p', type: 'string', nullable: true, metadata: {} }],
    },
    partitionColumns: ['p'],
    configuration,
    id: 'e2f7',
    createdTime: time,
  });
  await memory.putIfAbsent(
    commitKey(table, 0),
    serializeCommit([{ commitInfo: { operation: 'CREATE TABLE' } }, ...actions]),
  );

  async function decided(
    decide: (head: Snapshot) => Decision | Promise<Decision>,
  ): Promise<CommitResult & { kind: 'committed' | 'skipped' }> {
    const head = await loadSnapshot(table, reader);
    return commit(head, table, reader, (current) => decide(current ?? assert.fail('there is no table')), options);
  }

  async function idsOf(add: AddFile): Promise<number[]> {
    const { body } = await memory.get(tableKey(table, canonicalPath(table, add.path)));
    return readRows(body, FILE_SCHEMA).map(([id]) => Number(id));
  }

  async function idsAt(version?: number): Promise<number[]> {
    const snapshot = await loadSnapshot({ ...table, store: memory }, reader, version === undefined ? {} : { version });
    const ids: number[] = [];
    for await (const adds of activeFiles(snapshot, reader)) for (const add of adds) ids.push(...(await idsOf(add)));
    return ids.sort((a, b) => a - b);
  }

  const world = {
    table,
    engine,
    store: memory,
    now: () => time,
    advance(ms: number): void {
      time += ms;
    },

    /** Writes a file that no commit has. The function that it gives commits it. */
    async write(partition: string, rows: number): Promise<() => Promise<void>> {
      const ids = Array.from({ length: rows }, () => nextId++);
      const writer = new RowWriter(FILE_SCHEMA);
      for (const id of ids) writer.append([id]);
      const body = await writer.finish();
      const path = `p=${partition}/part-${randomUUID()}.parquet`;
      await store.put(tableKey(table, path), body);
      const modificationTime = time;
      return async () => {
        const add = { path, partitionValues: { p: partition }, size: body.length, modificationTime, dataChange: true };
        const result = await decided(() => write([{ add }], true));
        assert.equal(result.kind, 'committed');
        if (result.kind === 'committed') changes.set(result.version, { added: ids, removed: [] });
      };
    },

    /** Removes a file with its rows, as a DELETE does, unless somebody replaced it before. */
    async remove(pick: number): Promise<void> {
      const files: AddFile[] = [];
      const snapshot = await loadSnapshot(table, reader);
      for await (const adds of activeFiles(snapshot, reader)) files.push(...adds);
      const file = files[pick % Math.max(files.length, 1)];
      if (file === undefined) return;
      const ids = await idsOf(file);
      const { path, partitionValues, size } = file;
      const result = await decided(async (head) => {
        const isThere = (await findActive(head, reader, new Set([canonicalPath(table, path)]))).size > 0;
        if (!isThere) return { kind: 'skip' };
        const remove = {
          path,
          partitionValues,
          size,
          dataChange: true,
          deletionTimestamp: time,
          extendedFileMetadata: true,
        };
        return write([{ remove }], false);
      });
      if (result.kind === 'committed') changes.set(result.version, { added: [], removed: ids });
    },

    optimize: () => optimizeTable(engine, table, { targetSize: 1024 * 1024 }),
    checkpoint: () => checkpointTable(engine, table),
    vacuum: () => vacuumTable(engine, table, { orphans: 'delete' }),
    cleanLog: () => cleanLog(engine, table),

    /** The rows of the newest version are those that were added and not removed. */
    async assertRows(): Promise<void> {
      const { version } = await loadSnapshot({ ...table, store: memory }, reader);
      assert.deepEqual(await idsAt(), modelAt(version));
    },

    /** The same of every version that was the newest at some time within the retention of the files. */
    async assertTimeTravel(retention: number): Promise<number> {
      const { version: newest } = await loadSnapshot({ ...table, store: memory }, reader);
      let seen = 0;
      for (let version = newest; version >= 0; version--) {
        const next = version === newest ? undefined : await memory.head(commitKey(table, version + 1));
        if (version < newest && (next === undefined || next.modified <= time - retention)) break;
        assert.deepEqual(await idsAt(version), modelAt(version), `version ${version}`);
        seen += 1;
      }
      return seen;
    },

    /** Paths of all objects below the root, without the log. */
    async dataFiles(): Promise<string[]> {
      const keys = await Array.fromAsync(memory.list(tableKey(table, '')), ({ key }) => key);
      return keys.filter((key) => !key.includes('_delta_log/'));
    },
    idsAt,
  };

  function write(actions: readonly Action[], isBlindAppend: boolean): Decision {
    return { kind: 'commit', actions, operation: 'WRITE', operationParameters: {}, isBlindAppend };
  }

  function modelAt(version: number): number[] {
    const ids = new Set<number>();
    for (const [at, { added, removed }] of [...changes].sort(([a], [b]) => a - b)) {
      if (at > version) break;
      for (const id of added) ids.add(id);
      for (const id of removed) ids.delete(id);
    }
    return [...ids].sort((a, b) => a - b);
  }

  return world;
}
