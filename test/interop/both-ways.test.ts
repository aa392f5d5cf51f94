import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { Value } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
/** One execution environment that stays warm, as the other writers come and go. */
const pipeline = createPipeline(createFolderStore(folder));

describe('A table that others write to as well', { skip: found.skip ?? false }, () => {
  it('is ours, and Spark appends, deletes and writes checkpoints', async () => {
    const { spark } = enginesOf(found);
    const table = join(folder, 'ours-spark');
    const rows: Value[][] = [];
    const append = appendTo('ours-spark', rows);

    await append(1, 2);
    await spark.call('sql', { statement: `INSERT INTO delta.\`${table}\` VALUES (3, 'spark'), (4, NULL)` });
    rows.push(['3', 'spark'], ['4', null]);
    await append(5, 6);
    await spark.call('checkpoint', { table });
    await append(7);
    await spark.call('sql', { statement: `DELETE FROM delta.\`${table}\` WHERE id IN (2, 4)` });
    rows.splice(0, rows.length, ...rows.filter(([id]) => id !== '2' && id !== '4'));
    await append(8);
    await assertRows(enginesOf(found), table, { columns: ['id', 'name'], rows });
  });

  it('is ours, and delta-rs appends, compacts and writes checkpoints', async () => {
    const { deltaRs, writers } = enginesOf(found);
    const table = join(folder, 'ours-rs');
    const rows: Value[][] = [];
    const append = appendTo('ours-rs', rows);

    await append(1, 2);
    const source = join(folder, 'rs-source.parquet');
    await writers.call('write', { path: source, columns: columnsOf([3, 4]) });
    await deltaRs.call('append', { table, source });
    rows.push(...rowsOf([3, 4]));
    await append(5);
    await deltaRs.call('compact', { table });
    // What was compacted away is not brought back by an event that comes twice.
    await pipeline.append('ours-rs/1.parquet', 'ours-rs/5.parquet');
    await append(6);
    await deltaRs.call('checkpoint', { table });
    await append(7);
    await createPipeline(createFolderStore(folder)).append('ours-rs/1.parquet', 'ours-rs/7.parquet');
    await assertRows(enginesOf(found), table, { columns: ['id', 'name'], rows });
  });

  it('is of delta-rs', async () => {
    const { deltaRs, writers } = enginesOf(found);
    const table = join(folder, 'theirs-rs');
    const rows: Value[][] = [];
    const append = appendTo('theirs-rs', rows);
    const source = join(folder, 'rs-first.parquet');
    await writers.call('write', { path: source, columns: columnsOf([1]) });
    await deltaRs.call('append', { table, source, options: { configuration: { 'delta.checkpointInterval': '2' } } });
    rows.push(...rowsOf([1]));

    await append(2);
    await deltaRs.call('append', { table, source });
    await deltaRs.call('append', { table, source });
    rows.push(...rowsOf([1]), ...rowsOf([1]));
    await append(3, 4);
    await assertRows(enginesOf(found), table, { columns: ['id', 'name'], rows });
  });

  /** Tables of Spark that may be appended to, by their properties; every one has a checkpoint. */
  const properties: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'no properties': {},
    'V2 checkpoints': { 'delta.checkpointPolicy': 'v2' },
    'deletion vectors': { 'delta.enableDeletionVectors': 'true' },
    'in-commit timestamps': { 'delta.enableInCommitTimestamps': 'true' },
    'a change data feed': { 'delta.enableChangeDataFeed': 'true' },
    'append only': { 'delta.appendOnly': 'true' },
    'few indexed columns': { 'delta.dataSkippingNumIndexedCols': '1' },
    'statistics as structs only': {
      'delta.checkpoint.writeStatsAsJson': 'false',
      'delta.checkpoint.writeStatsAsStruct': 'true',
    },
    'type widening': { 'delta.enableTypeWidening': 'true' },
  };
  for (const [name, settings] of Object.entries(properties)) {
    it(`is of Spark, with ${name}`, async () => {
      const { spark, readers } = enginesOf(found);
      const root = `spark-${name.replaceAll(' ', '-')}`;
      const table = join(folder, root);
      const rows: Value[][] = [];
      const append = appendTo(root, rows);
      const list = Object.entries({ ...settings, 'delta.checkpointInterval': '2' });
      const text = list.map(([key, value]) => `'${key}' = '${value}'`).join(', ');
      await spark.call('sql', {
        statement: `CREATE TABLE delta.\`${table}\` (id BIGINT, name STRING) USING delta TBLPROPERTIES (${text})`,
      });
      await spark.call('sql', { statement: `INSERT INTO delta.\`${table}\` VALUES (1, 'a'), (2, 'b'), (3, 'c')` });
      rows.push(['1', 'a'], ['2', 'b'], ['3', 'c']);
      if (settings['delta.appendOnly'] === undefined) {
        await spark.call('sql', { statement: `DELETE FROM delta.\`${table}\` WHERE id = 2` });
        rows.splice(1, 1);
      }
      await append(4, 5);
      await spark.call('sql', { statement: `INSERT INTO delta.\`${table}\` VALUES (6, 'f')` });
      rows.push(['6', 'f']);
      await append(7);

      const able = readers.filter((reader) => !(NOT_READ_BY[name] ?? []).includes(reader.name));
      await assertRows({ readers: able }, table, { columns: ['id', 'name'], rows });
    });
  }

  /** Tables of Spark whose rules a writer of files that it did not write itself cannot keep. */
  const refused: Readonly<
    Record<string, { readonly columns: string; readonly properties?: string; readonly alter?: string }>
  > = {
    columnMapping: { columns: 'id BIGINT, name STRING', properties: "'delta.columnMapping.mode' = 'name'" },
    rowTracking: { columns: 'id BIGINT, name STRING', properties: "'delta.enableRowTracking' = 'true'" },
    checkConstraints: { columns: 'id BIGINT, name STRING', alter: 'ADD CONSTRAINT positive CHECK (id > 0)' },
  };
  for (const [feature, { columns, properties, alter }] of Object.entries(refused)) {
    it(`is of Spark, and is refused because of ${feature}`, async () => {
      const { spark } = enginesOf(found);
      const table = join(folder, feature);
      const settings = properties === undefined ? '' : `TBLPROPERTIES (${properties})`;
      await spark.call('sql', { statement: `CREATE TABLE delta.\`${table}\` (${columns}) USING delta ${settings}` });
      if (alter !== undefined) await spark.call('sql', { statement: `ALTER TABLE delta.\`${table}\` ${alter}` });
      await assert.rejects(appendTo(feature, [])(1), new RegExp(feature));
    });
  }
});

/** Readers that do not support the features of a table. */
const NOT_READ_BY: Readonly<Record<string, readonly string[]>> = {
  'V2 checkpoints': ['delta-rs through PyArrow'],
  'deletion vectors': ['delta-rs through PyArrow'],
  'type widening': ['delta-rs through PyArrow', 'delta-rs through DataFusion'],
};

/** Lands a file for each id in the table and has it appended; `rows` is what the table is to hold. */
function appendTo(root: string, rows: Value[][]): (...ids: number[]) => Promise<void> {
  return async (...ids) => {
    const { writers } = enginesOf(found);
    for (const id of ids) {
      await writers.call('write', { path: join(folder, root, `${id}.parquet`), columns: columnsOf([id]) });
    }
    await pipeline.append(...ids.map((id) => `${root}/${id}.parquet`));
    rows.push(...rowsOf(ids));
  };
}

function rowsOf(ids: readonly number[]): Value[][] {
  return ids.map((id) => [String(id), `row ${id}`]);
}

function columnsOf(ids: readonly number[]): object[] {
  return [
    { name: 'id', type: 'long', values: ids.map(String) },
    { name: 'name', type: 'string', values: ids.map((id) => `row ${id}`) },
  ];
}
