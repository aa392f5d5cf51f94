import assert from 'node:assert/strict';
import { available, type Resource, resource } from '../unavailable.ts';
import { type Rows, startDeltaRs, startDuckDb, startSpark, startWriters, type Value } from './engines.ts';
import type { LineProcess } from './line-process.ts';

/** The engines of the interop tests. */
export interface Engines {
  readonly spark: LineProcess;
  readonly deltaRs: LineProcess;
  readonly duckDb: LineProcess;
  readonly writers: LineProcess;
  /** Every way in which a table on disk is read. */
  readonly readers: readonly Reader[];
}

export interface Reader {
  readonly name: string;
  /** All rows of a table in a local folder. */
  read(table: string): Promise<Rows>;
}

/** All engines, or the reason why they cannot run here. They start while the first call waits. */
export function findEngines(): Promise<Resource<Engines>> {
  return resource(async () => {
    const [spark, deltaRs, duckDb, writers] = await Promise.all([
      startSpark(),
      startDeltaRs(),
      startDuckDb(),
      startWriters(),
    ]);
    const reader = (name: string, engine: LineProcess, command: string): Reader => ({
      name,
      read: (table) => engine.call(command, { table }) as Promise<Rows>,
    });
    const readers = [
      reader('Spark', spark, 'read'),
      reader('delta-rs through PyArrow', deltaRs, 'readWithPyarrow'),
      reader('delta-rs through DataFusion', deltaRs, 'readWithDatafusion'),
      reader('DuckDB', duckDb, 'read'),
    ];
    return { spark, deltaRs, duckDb, writers, readers };
  });
}

export function enginesOf(found: Resource<Engines>): Engines {
  return available(found);
}

/** Asserts that every reader finds exactly these rows in the table, in whatever order. */
export async function assertRows({ readers }: Pick<Engines, 'readers'>, table: string, expected: Rows): Promise<void> {
  for (const { name, read } of readers) {
    const found = await read(table);
    assert.deepEqual(found.columns, expected.columns, `the columns that ${name} reads`);
    assert.deepEqual(sorted(found.rows), sorted(expected.rows), `the rows that ${name} reads`);
  }
}

function sorted(rows: readonly (readonly Value[])[]): (readonly Value[])[] {
  const keyed = rows.map((row) => ({ row, key: JSON.stringify(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ row }) => row);
}
