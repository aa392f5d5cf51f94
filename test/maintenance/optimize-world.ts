/** A table in memory, made of small files, and the optimizer over it. */
import type { Action, AddFile, DeletionVector } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { canonicalPath, encodePath } from '../../src/delta/path.ts';
import { type StructType, serializeSchema } from '../../src/delta/schema.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { type TableRef, tableKey } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { readDeletionVector } from '../../src/maintenance/optimize/deletion-vector.ts';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import type { OptimizeOptions, OptimizeResult } from '../../src/maintenance/optimize/options.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { structField } from '../support/interop/type-cases.ts';
import { type PlainRow, readRows } from '../support/parquet-values.ts';

export const START = Date.parse('2026-11-24T06:00:00Z');

export interface OptimizeWorldOptions {
  /** Data and partition columns. @default `id` and `name`, and the partition column `ds` */
  readonly schema?: StructType;
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
}

const SCHEMA: StructType = {
  type: 'struct',
  fields: [structField('id', 'long'), structField('name', 'string'), structField('ds', 'date')],
};

export type OptimizeWorld = Awaited<ReturnType<typeof createOptimizeWorld>>;

export async function createOptimizeWorld({
  schema = SCHEMA,
  partitionColumns = ['ds'],
  configuration = {},
}: OptimizeWorldOptions = {}) {
  let time = START;
  const store = createMemoryStore({ now: () => time });
  const table: TableRef = { store, root: 'lake/t', url: 's3://bucket/lake/t' };
  const engine: MaintenanceEngine = {
    reader: createCheckpointReader(),
    now: () => time,
    random: () => 0.5,
    sleep: async (ms) => {
      time += ms;
    },
  };
  let files = 0;

  async function commit(actions: readonly Action[]): Promise<void> {
    for (;;) {
      const version = await loadSnapshot(table, engine.reader).then(
        (snapshot) => snapshot.version + 1,
        () => 0,
      );
      time += 1_000;
      const commitInfo = { timestamp: time, operation: 'WRITE', txnId: `foreign-${version}` };
      const body = serializeCommit([{ commitInfo }, ...actions]);
      if ((await store.putIfAbsent(commitKey(table, version), body)) === 'created') return;
    }
  }

  /** Writes a file of rows without the partition columns. Gives its add, which is in no commit yet. */
  async function write(
    rows: readonly (readonly CellValue[])[],
    partition: Record<string, string | null> = {},
  ): Promise<AddFile> {
    const columns = schema.fields.filter(({ name }) => !partitionColumns.includes(name));
    const writer = new RowWriter({ type: 'struct', fields: columns });
    for (const row of rows) writer.append(row);
    const folders = Object.entries(partition).map(
      ([name, value]) => `${name}=${value ?? '__HIVE_DEFAULT_PARTITION__'}/`,
    );
    return put(`${folders.join('')}part-${files++}.parquet`, await writer.finish(), partition);
  }

  async function put(path: string, bytes: Uint8Array, partition: Record<string, string | null>): Promise<AddFile> {
    await store.put(tableKey(table, path), bytes);
    const partitionValues = Object.fromEntries(partitionColumns.map((name) => [name, partition[name] ?? null]));
    return { path: encodePath(path), partitionValues, size: bytes.length, modificationTime: time, dataChange: true };
  }

  await commit(newTableActions({ schema, partitionColumns, configuration, id: 'e2f7', createdTime: time }));
  const world = {
    table,
    store,
    engine,
    write,
    put,
    commit,
    advance(ms: number): void {
      time += ms;
    },
    now: () => time,
    /** Appends a file. */
    async append(
      rows: readonly (readonly CellValue[])[],
      partition: Record<string, string | null> = {},
    ): Promise<AddFile> {
      const add = await write(rows, partition);
      await commit([{ add }]);
      return add;
    },
    /** Appends `count` files of `rows` rows with ascending ids to a partition. */
    async appendMany(count: number, rows: number, ds: string, first = 0): Promise<void> {
      for (let file = 0; file < count; file++) {
        const ids = Array.from({ length: rows }, (_, index) => first + file * rows + index);
        await world.append(
          ids.map((id) => [id, `row ${id}`]),
          { ds },
        );
      }
    },
    async remove({ path, partitionValues, size, deletionVector }: AddFile, dataChange = true): Promise<void> {
      const remove = { path, partitionValues, size, dataChange, deletionTimestamp: time, extendedFileMetadata: true };
      await commit([{ remove: { ...remove, ...(deletionVector !== undefined && { deletionVector }) } }]);
    },
    optimize: (options: OptimizeOptions = {}, seen: ObjectStore = store): Promise<OptimizeResult> =>
      optimizeTable(engine, { ...table, store: seen }, options),
    async files(): Promise<AddFile[]> {
      const found: AddFile[] = [];
      const snapshot = await loadSnapshot(table, engine.reader);
      for await (const adds of activeFiles(snapshot, engine.reader, { stats: true })) found.push(...adds);
      return found;
    },
    /** All rows, those of each file in their order, with the partition values behind the columns of the file. */
    async rows(): Promise<PlainRow[]> {
      const columns = schema.fields.filter(({ name }) => !partitionColumns.includes(name));
      const found: PlainRow[] = [];
      for (const add of await world.files()) {
        const { body } = await store.get(tableKey(table, canonicalPath(table, add.path)));
        const rows = readRows(body, { type: 'struct', fields: columns });
        const values = partitionColumns.map((name) => add.partitionValues[name] ?? null);
        const deleted = await deletedOf(table, add.deletionVector, rows.length);
        for (const [index, row] of rows.entries()) if (!deleted.has(index)) found.push([...row, ...values]);
      }
      return found;
    },
    async sortedRows(): Promise<PlainRow[]> {
      return sorted(await world.rows());
    },
    /** The actions of a version. */
    async actionsOf(version: number): Promise<Action[]> {
      const { body } = await store.get(commitKey(table, version));
      return new TextDecoder()
        .decode(body)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Action);
    },
    /** Changes the table's schema and properties. */
    async alter(next: StructType, properties: Readonly<Record<string, string>> = configuration): Promise<void> {
      const { metadata } = await loadSnapshot(table, engine.reader);
      await commit([{ metaData: { ...metadata, schemaString: serializeSchema(next), configuration: properties } }]);
    },
  };
  return world;
}

async function deletedOf(table: TableRef, dv: DeletionVector | undefined, rows: number): Promise<Set<number>> {
  if (dv === undefined) return new Set();
  const { bits } = await readDeletionVector(table, dv, rows);
  const all = Array.from({ length: rows }, (_, row) => row);
  return new Set(all.filter((row) => (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1));
}

export function sorted(rows: readonly PlainRow[]): PlainRow[] {
  const text = (row: PlainRow) => JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
  return [...rows].sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
}
