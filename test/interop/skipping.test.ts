import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { type Dialect, type Predicate, predicateSql } from '../support/interop/predicate.ts';
import { type Engines, enginesOf, findEngines } from '../support/interop/readers.ts';
import { FILE_COUNT, fileColumns, type SkippingColumn, skippingColumns } from '../support/interop/skipping-cases.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
const table = join(folder, 'table');

/** Spark plans a query with many branches much faster than as many queries. */
const BATCH = 40;

describe('Skipping of files by our statistics', { skip: found.skip ?? false }, () => {
  it('finds the same rows as a look at all of them, for every type and every writer', async () => {
    await makeTable(enginesOf(found));
    const bare = join(folder, 'bare');
    await copyTable(table, bare, (statistics) => statistics.map(() => undefined));
    const predicates = skippingColumns.flatMap(predicatesOf);
    for (const { name, counts, fullCounts } of engines(enginesOf(found))) {
      const [skipping, full] = [await counts(table, predicates), await fullCounts(table, predicates)];
      assert.ok(full.some((count) => count > 0));
      const suspects = predicates
        .map((predicate, index) => ({ predicate, found: skipping[index], expected: full[index] }))
        .filter(({ found, expected }) => found !== expected);
      // An engine may leave out rows of a Parquet file by itself; then it does so without our statistics too.
      const without = await counts(
        bare,
        suspects.map(({ predicate }) => predicate),
      );
      assert.deepEqual(
        suspects.filter(({ found }, index) => found !== without[index]),
        [],
        name,
      );
    }
  });

  it('does happen: with the bounds of other files, rows are not found', async () => {
    const misleading = join(folder, 'misleading');
    await copyTable(table, misleading, (statistics) => [...statistics.slice(5), ...statistics.slice(0, 5)]);
    const predicates = skippingColumns.map(equalityOf);
    for (const { name, counts, fullCounts, skipsBy } of engines(enginesOf(found))) {
      const [skipping, full] = [await counts(misleading, predicates), await fullCounts(misleading, predicates)];
      const skipped = predicates.filter((_, index) => skipping[index] !== full[index]);
      assert.deepEqual(
        skipped.map(({ column }) => column.join('.')),
        skipsBy,
        name,
      );
    }
  });
});

interface Engine {
  readonly name: string;
  counts(table: string, predicates: readonly Predicate[]): Promise<readonly number[]>;
  fullCounts(table: string, predicates: readonly Predicate[]): Promise<readonly number[]>;
  /** Columns by whose bounds the engine is seen to skip files. */
  readonly skipsBy: readonly string[];
}

function engines({ spark, deltaRs, duckDb }: Engines): Engine[] {
  const sql = (predicates: readonly Predicate[], dialect: Dialect) =>
    predicates.map((predicate) => predicateSql(predicate, dialect));
  const call = async (engine: typeof spark, command: string, values: object) =>
    (await engine.call(command, values)) as readonly number[];
  return [
    {
      name: 'Spark',
      async counts(table, predicates) {
        const counts: number[] = [];
        for (let start = 0; start < predicates.length; start += BATCH) {
          const batch = sql(predicates.slice(start, start + BATCH), 'spark');
          counts.push(...(await call(spark, 'counts', { table, predicates: batch })));
        }
        return counts;
      },
      fullCounts: (table, predicates) => call(spark, 'fullCounts', { table, predicates: sql(predicates, 'spark') }),
      skipsBy: [],
    },
    {
      name: 'delta-rs through DataFusion',
      counts: (table, predicates) => call(deltaRs, 'counts', { table, predicates: sql(predicates, 'datafusion') }),
      fullCounts: (table, predicates) =>
        call(deltaRs, 'fullCounts', { table, predicates: sql(predicates, 'datafusion') }),
      skipsBy: [],
    },
    {
      name: 'delta-rs through PyArrow',
      counts: (table, predicates) => call(deltaRs, 'pyarrowCounts', { table, predicates, full: false }),
      fullCounts: (table, predicates) => call(deltaRs, 'pyarrowCounts', { table, predicates, full: true }),
      skipsBy: [],
    },
    {
      name: 'DuckDB',
      counts: (table, predicates) => call(duckDb, 'counts', { table, predicates: sql(predicates, 'duckdb') }),
      fullCounts: (table, predicates) => call(duckDb, 'fullCounts', { table, predicates: sql(predicates, 'duckdb') }),
      skipsBy: [],
    },
  ];
}

/** Files of the same rows by every writer: each has its own way with the statistics of a Parquet file. */
async function makeTable({ writers, spark }: Engines): Promise<void> {
  const keys: string[] = [];
  for (let file = 0; file < FILE_COUNT; file++) {
    const plain = join(table, `${file}.parquet`);
    await writers.call('write', { path: plain, columns: fileColumns(file) });
    for (const writer of ['polars', 'duckdb']) {
      await writers.call('rewrite', { source: plain, target: join(table, `${file}-${writer}.parquet`), writer });
    }
    await spark.call('rewrite', { source: plain, target: join(table, `${file}-spark.parquet`) });
    keys.push(...['', '-polars', '-duckdb', '-spark'].map((writer) => `table/${file}${writer}.parquet`));
  }
  const bare = { path: join(table, 'bare.parquet'), columns: fileColumns(0), options: { write_statistics: false } };
  await writers.call('write', bare);
  const pipeline = createPipeline(createFolderStore(folder));
  await pipeline.append(...keys, 'table/bare.parquet');
  assert.deepEqual(await pipeline.quarantined('table'), []);
}

function predicatesOf({ path, type, files, others }: SkippingColumn): Predicate[] {
  const values = new Set([...files.flat().filter((value) => value !== null), ...others]);
  return [
    { column: path, type, operator: 'IS NULL' },
    { column: path, type, operator: 'IS NOT NULL' },
    ...[...values].flatMap((value) =>
      (['=', '<', '>'] as const).map((operator) => ({ column: path, type, operator, value })),
    ),
  ];
}

function equalityOf({ path, type, files, others }: SkippingColumn): Predicate {
  const value = files.flat().find((value) => value !== null) ?? others[0] ?? '';
  return { column: path, type, operator: '=', value };
}

/** Copies a table of one commit, with other statistics for its files. */
async function copyTable(
  source: string,
  target: string,
  change: (statistics: readonly string[]) => readonly (string | undefined)[],
): Promise<void> {
  await cp(source, target, { recursive: true });
  const path = join(target, '_delta_log/00000000000000000000.json');
  const actions = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const adds = actions.filter(({ add }) => add !== undefined).map(({ add }) => add);
  const statistics = change(adds.map((add) => add.stats));
  for (const [index, add] of adds.entries()) add.stats = statistics[index];
  await writeFile(path, `${actions.map((action) => JSON.stringify(action)).join('\n')}\n`);
}
