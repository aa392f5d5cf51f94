/** A source table whose rows are known, and steps over it, in memory: for tests of what runs of steps do. */
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import type { StructType } from '../../src/delta/schema.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { filesOf, relationOf } from '../../src/medallion/commit/side-table.ts';
import { createDuckDbEngine } from '../../src/medallion/engine/session.ts';
import type { EngineSession, ResultValue } from '../../src/medallion/engine.ts';
import type { StepRule, TablePlace } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import type { RunOptions, StepDeps, StepRun } from '../../src/medallion/step-run.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parquetOf } from '../cdf/cdf-world.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const MIB = 1024 * 1024;
export const BUCKET = 'lake';
export type Row = readonly CellValue[];

const reader = createCheckpointReader();
/** One for all worlds of a test file: sessions share nothing but the folder. */
const engine = createDuckDbEngine({ tempDir: makeTempFolder(), memoryLimit: 256 * MIB });

export interface StepWorld {
  readonly store: ObjectStore;
  tableAt(prefix: string): TableRef;
  source(prefix: string, options: SourceOptions): Promise<SourceTable>;
  /** Runs a step; through `store`, where its calls are to be disturbed. */
  run(rule: StepRule, options?: Partial<RunOptions> & { readonly store?: ObjectStore }): Promise<StepRun>;
  deps(store?: ObjectStore): StepDeps;
  /** Rows of a table, sorted, as texts. */
  rows(prefix: string): Promise<readonly string[]>;
  /** What a query gives over tables, sorted, as texts. */
  compute(sql: string, tables: Readonly<Record<string, string>>): Promise<readonly string[]>;
  snapshot(prefix: string): Promise<Snapshot>;
  /** Commits actions to a table, as another writer does. */
  commit(prefix: string, actions: readonly Action[]): Promise<void>;
}

export function createStepWorld(store: ObjectStore = createMemoryStore()): StepWorld {
  let time = Date.parse('2026-11-24T06:00:00Z');
  const tableAt = (prefix: string, seen = store): TableRef => ({
    store: seen,
    root: prefix,
    url: `s3://${BUCKET}/${prefix}`,
  });
  const deps = (seen = store): StepDeps => ({
    reader,
    tableAt: ({ prefix }) => tableAt(prefix, seen),
    openSession: () => engine.open(),
    log: () => {},
    now: () => time++,
    random: () => 0,
    sleep: async (ms) => {
      time += ms;
    },
  });
  const snapshot = (prefix: string) => loadSnapshot(tableAt(prefix), reader);
  const world: StepWorld = {
    store,
    tableAt,
    deps,
    snapshot,
    source: (prefix, options) => createSource(world, prefix, options),
    run: (rule, { store: seen, ...options } = {}) =>
      runStep(rule, deps(seen), { deadline: time + 3_600_000, ...options }),
    rows: (prefix) => world.compute('SELECT * FROM "t"', { t: prefix }),
    async compute(sql, tables) {
      const session = await engine.open();
      try {
        for (const [name, prefix] of Object.entries(tables)) await addTable(session, name, await snapshot(prefix));
        return (await session.query({ name: 'rows', sql })).map(textOf).sort();
      } finally {
        await session.close();
      }
    },
    async commit(prefix, actions) {
      const { version } = await snapshot(prefix);
      await store.putIfAbsent(commitKey(tableAt(prefix), version + 1), serializeCommit(actions));
    },
  };
  return world;
}

async function addTable(session: EngineSession, name: string, snapshot: Snapshot): Promise<void> {
  await session.addRelation(relationOf(name, snapshot, await filesOf(snapshot, { reader })));
}

function textOf(row: Readonly<Record<string, ResultValue>>): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

export interface SourceOptions {
  readonly schema: StructType;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface SourceTable {
  readonly prefix: string;
  /** Rows by the files that have them. */
  readonly files: ReadonlyMap<string, readonly Row[]>;
  /** What each commit did: the rows that went, and those that came. */
  readonly changes: readonly { readonly went: readonly Row[]; readonly came: readonly Row[] }[];
  rows(): readonly Row[];
  /** One commit with a file for each list of rows. */
  append(...files: readonly (readonly Row[])[]): Promise<void>;
  /** One commit that changes rows, or removes those for which `change` gives undefined. */
  change(change: (row: Row) => Row | undefined, added?: readonly Row[]): Promise<void>;
  /** Puts all files together, without a change of rows. */
  compact(): Promise<void>;
}

async function createSource(world: StepWorld, prefix: string, options: SourceOptions): Promise<SourceTable> {
  const { schema, properties = {} } = options;
  const table = world.tableAt(prefix);
  const files = new Map<string, readonly Row[]>();
  const adds = new Map<string, AddFile>();
  const log: { went: readonly Row[]; came: readonly Row[] }[] = [];
  let serial = 0;
  let version = 0;
  const hasFeed = properties['delta.enableChangeDataFeed'] === 'true';
  const make = newTableActions({
    schema,
    partitionColumns: [],
    configuration: properties,
    id: `id-of-${prefix}`,
    createdTime: 0,
  });
  await world.store.putIfAbsent(
    commitKey(table, 0),
    serializeCommit([{ commitInfo: { operation: 'CREATE TABLE' } }, ...make]),
  );

  async function put(rows: readonly Row[], dataChange = true): Promise<Action> {
    const path = `part-${serial++}.parquet`;
    const bytes = await parquetOf(schema, rows);
    await world.store.put(`${prefix}/${path}`, bytes);
    files.set(path, rows);
    const add = { path, partitionValues: {}, size: bytes.length, modificationTime: serial, dataChange };
    adds.set(path, add);
    return { add };
  }
  function drop(path: string, dataChange = true): Action {
    const add = adds.get(path);
    files.delete(path);
    adds.delete(path);
    return { remove: { path, partitionValues: {}, size: add?.size ?? 0, dataChange, deletionTimestamp: 1 } };
  }
  async function cdc(rows: readonly Row[]): Promise<Action> {
    const path = `_change_data/cdc-${serial++}.parquet`;
    const fields = [...schema.fields, { name: '_change_type', type: 'string', nullable: true, metadata: {} } as const];
    const bytes = await parquetOf({ type: 'struct', fields }, rows);
    await world.store.put(`${prefix}/${path}`, bytes);
    return { cdc: { path, partitionValues: {}, size: bytes.length, dataChange: false } };
  }
  async function commit(actions: readonly Action[]): Promise<void> {
    const commitInfo = { operation: 'TEST', txnId: `${prefix}-${version}` };
    await world.store.putIfAbsent(commitKey(table, ++version), serializeCommit([{ commitInfo }, ...actions]));
  }

  return {
    prefix,
    files,
    changes: log,
    rows: () => [...files.values()].flat(),
    async append(...lists) {
      const actions: Action[] = [];
      for (const rows of lists) actions.push(await put(rows));
      log.push({ went: [], came: lists.flat() });
      await commit(actions);
    },
    async change(change, added = []) {
      const actions: Action[] = [];
      const changes: Row[] = [];
      const went: Row[] = [];
      const came: Row[] = [...added];
      for (const [path, rows] of [...files]) {
        const next = rows.map((row) => ({ row, to: change(row) }));
        if (next.every(({ row, to }) => row === to)) continue;
        for (const { row, to } of next) {
          if (to !== row) went.push(row);
          if (to !== row && to !== undefined) came.push(to);
          if (to === undefined) changes.push([...row, 'delete']);
          else if (to !== row) changes.push([...row, 'update_preimage'], [...to, 'update_postimage']);
        }
        actions.push(drop(path));
        const kept = next.flatMap(({ to }) => (to === undefined ? [] : [to]));
        if (kept.length > 0) actions.push(await put(kept));
      }
      if (added.length > 0) actions.push(await put(added));
      for (const row of added) changes.push([...row, 'insert']);
      if (hasFeed && changes.length > 0) actions.push(await cdc(changes));
      log.push({ went, came });
      await commit(actions);
    },
    async compact() {
      const rows = [...files.values()].flat();
      const actions = [...files.keys()].map((path) => drop(path, false));
      if (rows.length > 0) actions.push(await put(rows, false));
      await commit(actions);
    },
  };
}

export function ruleOf(overrides: Partial<StepRule> & Pick<StepRule, 'mode'>, sql: string): StepRule {
  const place = (prefix: string): TablePlace => ({ bucket: BUCKET, prefix });
  return {
    name: 'silver',
    target: place('silver'),
    source: { ...place('bronze'), name: 'bronze' },
    lookups: [],
    transform: { kind: 'sql', sql },
    partitionBy: [],
    properties: {},
    schema: 'evolve',
    changes: 'fail',
    start: 'beginning',
    quality: [],
    limits: { maxBytes: 64 * MIB, maxFiles: 100, maxVersions: 100 },
    engine: 'duckdb',
    ...overrides,
  };
}

/** Files that a table has. */
export async function addsOf(snapshot: Snapshot): Promise<readonly AddFile[]> {
  const files: AddFile[] = [];
  for await (const adds of activeFiles(snapshot, reader, { stats: true })) files.push(...adds);
  return files;
}
