import { after } from 'node:test';
import type { StructType } from '../../../src/delta/schema.ts';
import type { TableRef } from '../../../src/delta/table.ts';
import { createDuckDbEngine, type DuckDbOptions } from '../../../src/medallion/engine/session.ts';
import type { EngineSession, Output, Relation, RelationFile, Statement } from '../../../src/medallion/engine.ts';
import type { CellValue } from '../../../src/parquet/write/cell.ts';
import { createMemoryStore } from '../../../src/storage/memory-store.ts';
import { parquetOf } from '../../cdf/cdf-world.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

export const MIB = 1024 * 1024;

/** A session in a folder of its own, closed after the test file. */
export async function openSession(
  options: Partial<DuckDbOptions> & { readonly deadline?: number } = {},
): Promise<EngineSession & { readonly folder: string }> {
  const folder = options.tempDir ?? makeTempFolder();
  const { deadline } = options;
  const engine = createDuckDbEngine({ memoryLimit: 256 * MIB, ...options, tempDir: folder });
  const session = await engine.open(deadline === undefined ? {} : { deadline });
  after(() => session.close());
  return { ...session, folder };
}

/** A table without a log: the engine knows of none. */
export function createTable(root = 'lake/people'): TableRef {
  return { store: createMemoryStore(), root, url: `s3://bucket/${root}` };
}

/** Writes a data file. */
export async function putFile(
  table: TableRef,
  path: string,
  { schema, rows }: { readonly schema: StructType; readonly rows: readonly (readonly CellValue[])[] },
): Promise<RelationFile> {
  return putBytes(table, path, await parquetOf(schema, rows));
}

export async function putBytes(table: TableRef, path: string, bytes: Uint8Array): Promise<RelationFile> {
  await table.store.put(`${table.root}/${path}`, bytes);
  return { table, path, size: bytes.length, partitionValues: {}, rows: { kind: 'all' }, constants: {} };
}

export function relationOf(
  schema: StructType,
  files: readonly RelationFile[],
  overrides: Partial<Relation> = {},
): Relation {
  return { name: 'source', schema, partitionColumns: [], extras: [], files, ...overrides };
}

export function statement(name: string, sql: string, materialized = false): Statement {
  return { name, sql, materialized };
}

export function outputOf(table: TableRef, schema: StructType, sql: string, overrides: Partial<Output> = {}): Output {
  return {
    name: 'target',
    sql,
    schema,
    partitionColumns: [],
    sortBy: [],
    table,
    targetFileBytes: 128 * MIB,
    ...overrides,
  };
}

export async function rowsOf(session: EngineSession, sql: string) {
  return (await session.query({ name: 'rows', sql })).map((row) => Object.values(row));
}
