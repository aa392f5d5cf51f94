import type { Action, AddFile, RemoveFile } from '../../src/delta/actions.ts';
import { type StructType, serializeSchema } from '../../src/delta/schema.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createLogBuilder, FIRST_TIME, type LogBuilder, metaData, protocol } from '../support/delta-log-builder.ts';

export function structOf(fields: Readonly<Record<string, StructType['fields'][number]['type']>>): StructType {
  return {
    type: 'struct',
    fields: Object.entries(fields).map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
  };
}

export const PEOPLE = structOf({ id: 'long', name: 'string' });

export interface CdfWorld {
  readonly store: ObjectStore;
  readonly table: TableRef;
  readonly log: LogBuilder;
  /** Writes a data file, and gives its add. */
  file(path: string, rows: readonly (readonly CellValue[])[], overrides?: Partial<AddFile>): Promise<AddFile>;
  /** Writes a file of recorded changes: the last value of a row is its `_change_type`. */
  recorded(path: string, rows: readonly (readonly CellValue[])[], schema?: StructType): Promise<Action>;
}

/** A table in memory with real files; each commit is a minute after the one before. */
export async function createCdfWorld(
  options: {
    readonly schema?: StructType;
    readonly partitionColumns?: readonly string[];
    readonly configuration?: Readonly<Record<string, string>>;
    readonly protocol?: Action;
  } = {},
): Promise<CdfWorld> {
  const { schema = PEOPLE, partitionColumns = [], configuration = { 'delta.enableChangeDataFeed': 'true' } } = options;
  let time = FIRST_TIME;
  const store = createMemoryStore({ now: () => time });
  const table: TableRef = { store, root: 'lake/people', url: 's3://bucket/lake/people' };
  const builder = createLogBuilder(table, (ms) => {
    time = ms;
  });
  const log: LogBuilder = {
    ...builder,
    async commit(...actions) {
      const version = await builder.commit(...actions);
      time += 60_000;
      return version;
    },
  };
  await log.commit(
    options.protocol ?? protocol(),
    metaData({ schemaString: serializeSchema(schema), partitionColumns, configuration }),
  );
  const stored = partitionColumns.length === 0 ? schema : withoutColumns(schema, partitionColumns);
  return {
    store,
    table,
    log,
    async file(path, rows, overrides = {}) {
      const bytes = await parquetOf(stored, rows);
      await store.put(`lake/people/${path}`, bytes);
      const { length: size } = bytes;
      return { path, partitionValues: {}, size, modificationTime: time, dataChange: true, ...overrides };
    },
    async recorded(path, rows, own = stored) {
      const fields = [...own.fields, { name: '_change_type', type: 'string', nullable: true, metadata: {} } as const];
      const bytes = await parquetOf({ type: 'struct', fields }, rows);
      await store.put(`lake/people/${path}`, bytes);
      return { cdc: { path, partitionValues: {}, size: bytes.length, dataChange: false } };
    },
  };
}

export async function parquetOf(schema: StructType, rows: readonly (readonly CellValue[])[]): Promise<Uint8Array> {
  const writer = new RowWriter(schema);
  for (const row of rows) writer.append(row);
  return writer.finish();
}

export function removeOf({ path, partitionValues, size, deletionVector }: AddFile): Action {
  const remove: RemoveFile = { path, partitionValues, size, dataChange: true, deletionTimestamp: FIRST_TIME };
  return { remove: { ...remove, ...(deletionVector && { deletionVector }) } };
}

function withoutColumns({ fields }: StructType, names: readonly string[]): StructType {
  return { type: 'struct', fields: fields.filter(({ name }) => !names.includes(name)) };
}
