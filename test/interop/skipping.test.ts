import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { type CountingEngine, countingEngines, type EngineName } from '../support/interop/counts.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import type { Predicate } from '../support/interop/predicate.ts';
import { type Engines, enginesOf, findEngines } from '../support/interop/readers.ts';
import { FILE_COUNT, fileColumns, type SkippingColumn, skippingColumns } from '../support/interop/skipping-cases.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
const table = join(folder, 'table');

describe('Skipping of files by our statistics', { skip: found.skip ?? false }, () => {
  before(() => makeTable(enginesOf(found)));

  for (const name of ['Spark', 'delta-rs through DataFusion', 'DuckDB'] as const) {
    it(`finds the same rows in ${name} as a look at all of them, for every type and writer`, async () => {
      await assertSameRows(engineOf(name), table, skippingColumns);
    });
  }

  it('finds the same rows in delta-rs through PyArrow, for columns of which every file has bounds', async () => {
    // delta-rs 1.6 leaves a file out for PyArrow when it has statistics, but not for the column (delta-rs #3173).
    const bounded = join(folder, 'bounded');
    const adds = await copyTable(table, bounded, (adds) => adds.filter(({ path }) => path !== 'bare.parquet'));
    const columns = skippingColumns.filter(({ path }) => adds.every(({ stats }) => hasBounds(JSON.parse(stats), path)));
    const names = columns.map(({ path }) => path.join('.'));
    // Spark writes timestamps as INT96, and those have no statistics.
    assert.deepEqual(names, ['number', 'small', 'amount', 'wide', 'local', 'day', 'nothing', 'sparse', ...INNER]);
    await assertSameRows(engineOf('delta-rs through PyArrow'), bounded, columns);
  });

  it('does happen: with the bounds of other files, rows are not found', async () => {
    const misleading = join(folder, 'misleading');
    await copyTable(table, misleading, (adds) =>
      adds.map((add, index) => ({ ...add, stats: adds[(index + 5) % adds.length]?.stats ?? '{}' })),
    );
    const predicates = skippingColumns.map(equalityOf);
    for (const { name, counts, fullCounts } of countingEngines(enginesOf(found))) {
      const [skipping, full] = [await counts(misleading, predicates), await fullCounts(misleading, predicates)];
      const skipped = predicates.filter((_, index) => skipping[index] !== full[index]);
      const columns = skipped.map(({ column }) => column.join('.'));
      assert.deepEqual(columns.sort(), [...SKIPPED_BY[name]].sort(), name);
    }
  });
});

const SCALARS = ['text', 'number', 'small', 'amount', 'wide', 'day', 'ratio', 'share'];
const INNER = ['inner.count', 'inner.name'];

/** Columns by whose bounds each engine is seen to skip files. */
const SKIPPED_BY: Readonly<Record<EngineName, readonly string[]>> = {
  Spark: [...SCALARS, 'at', 'local', 'sparse', ...INNER],
  'delta-rs through DataFusion': [...SCALARS, 'at', 'local', 'sparse', ...INNER],
  'delta-rs through PyArrow': [...SCALARS, 'at', 'local', 'flag', 'sparse'],
  DuckDB: [...SCALARS, 'sparse', ...INNER],
};

function engineOf(name: EngineName): CountingEngine {
  const engine = countingEngines(enginesOf(found)).find((engine) => engine.name === name);
  assert.ok(engine);
  return engine;
}

/** Asserts that no file is skipped that has rows for one of the columns' predicates. */
async function assertSameRows(
  { counts, fullCounts }: CountingEngine,
  table: string,
  columns: readonly SkippingColumn[],
): Promise<void> {
  const predicates = columns.flatMap(predicatesOf);
  const [skipping, full] = [await counts(table, predicates), await fullCounts(table, predicates)];
  assert.ok(full.some((count) => count > 0));
  const suspects = predicates
    .map((predicate, index) => ({ predicate, found: skipping[index], expected: full[index] }))
    .filter(({ found, expected }) => found !== expected);
  if (suspects.length === 0) return;

  // An engine may leave out rows of a Parquet file by itself; then it does so without our statistics too.
  const bare = `${table}-without-statistics`;
  await copyTable(table, bare, (adds) => adds.map((add) => ({ ...add, stats: '{}' })));
  const predicatesLeft = suspects.map(({ predicate }) => predicate);
  const without = await counts(bare, predicatesLeft);
  const ours = suspects.filter(({ found }, index) => found !== without[index]);
  assert.deepEqual(ours, []);
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
  const values = new Set([...files.flat(), ...others]);
  const edges = new Set([...files.map((values) => values[0] ?? null), files.at(-1)?.at(-1) ?? null, ...others]);
  return [
    { column: path, type, operator: 'IS NULL' },
    { column: path, type, operator: 'IS NOT NULL' },
    ...compare(path, type, '=', values),
    ...compare(path, type, '<', edges),
    ...compare(path, type, '>', edges),
  ];
}

function compare(
  column: Predicate['column'],
  type: Predicate['type'],
  operator: Predicate['operator'],
  values: Iterable<string | null>,
): Predicate[] {
  return [...values].filter((value) => value !== null).map((value) => ({ column, type, operator, value }));
}

function equalityOf({ path, type, files, others }: SkippingColumn): Predicate {
  const value = files.flat().find((value) => value !== null) ?? others[0] ?? '';
  return { column: path, type, operator: '=', value };
}

interface Add {
  readonly path: string;
  readonly stats: string;
}

/** Copies a table of one commit, with other adds, and gives those. */
async function copyTable(
  source: string,
  target: string,
  change: (adds: readonly Add[]) => readonly Add[],
): Promise<readonly Add[]> {
  await cp(source, target, { recursive: true, force: true });
  const path = join(target, '_delta_log/00000000000000000000.json');
  const actions = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const adds = change(actions.filter(({ add }) => add !== undefined).map(({ add }) => add));
  const changed = [...actions.filter(({ add }) => add === undefined), ...adds.map((add) => ({ add }))];
  await writeFile(path, `${changed.map((action) => JSON.stringify(action)).join('\n')}\n`);
  return adds;
}

function hasBounds(stats: Record<string, unknown>, path: readonly string[]): boolean {
  const has = (section: string) => valueAt(stats[section], path) !== undefined;
  return (has('minValues') && has('maxValues')) || valueAt(stats.nullCount, path) === stats.numRecords;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  return typeof value === 'object' && value !== null ? valueAt(Reflect.get(value, name), rest) : undefined;
}
