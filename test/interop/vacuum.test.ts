import assert from 'node:assert/strict';
import { copyFileSync, globSync, mkdirSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { TableRef } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { cleanLog } from '../../src/maintenance/log-cleanup/clean-log.ts';
import { type VacuumOptions, vacuumTable } from '../../src/maintenance/vacuum/vacuum.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { DAY, HOUR } from '../support/history-world.ts';
import type { Rows, Value } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();

/** `ahead`: ms by which its clock is. */
function engine(ahead = 0): MaintenanceEngine {
  return {
    reader: createCheckpointReader(),
    now: () => Date.now() + ahead,
    random: Math.random,
    sleep: async () => undefined,
  };
}

function tableAt(path: string): TableRef {
  return { store: createFolderStore(path), root: '', url: path };
}

async function sql(...statements: readonly string[]): Promise<Rows> {
  const { spark } = enginesOf(found);
  let rows: unknown;
  for (const statement of statements) rows = await spark.call('sql', { statement });
  return rows as Rows;
}

/** The files that Spark's VACUUM would delete, below the table; the folders that it names, too, are left out. */
async function sparkWouldDelete(path: string, retention: '' | 'RETAIN 0 HOURS'): Promise<string[]> {
  const { rows } = await sql(
    'SET spark.databricks.delta.retentionDurationCheck.enabled = false',
    // It would list the folders in 10,000 tasks.
    'SET spark.sql.sources.parallelPartitionDiscovery.parallelism = 1',
    `VACUUM delta.\`${path}\` ${retention} DRY RUN`,
  );
  // A path with a scheme before it, not encoded.
  const files = rows.map(([uri]) => String(uri).replace(/^file:\/*/, '/'));
  return files
    .filter((file) => statSync(file).isFile())
    .map((file) => file.slice(path.length + 1))
    .sort();
}

async function weWouldDelete(path: string, options: VacuumOptions = {}): Promise<string[]> {
  const files: string[] = [];
  await vacuumTable(engine(), tableAt(path), {
    ...options,
    dryRun: true,
    onFile: (file) => files.push(file.path),
  });
  return files.sort();
}

function olderBy(ms: number, ...files: readonly string[]): void {
  const time = (Date.now() - ms) / 1000;
  for (const file of files) utimesSync(file, time, time);
}

describe('What a vacuum deletes', { skip: found.skip ?? false }, () => {
  const tables: Readonly<
    Record<string, { readonly properties: Readonly<Record<string, string>>; readonly minimum: number }>
  > = {
    'a plain table': { properties: {}, minimum: 5 },
    'a table with deletion vectors': { properties: { 'delta.enableDeletionVectors': 'true' }, minimum: 3 },
    'a table with a change data feed': { properties: { 'delta.enableChangeDataFeed': 'true' }, minimum: 5 },
    'a table with V2 checkpoints': { properties: { 'delta.checkpointPolicy': 'v2' }, minimum: 5 },
    'a table with mapped columns': { properties: { 'delta.columnMapping.mode': 'name' }, minimum: 5 },
    'a table with random prefixes': { properties: { 'delta.randomizeFilePrefixes': 'true' }, minimum: 5 },
  };
  for (const [name, { properties, minimum }] of Object.entries(tables)) {
    it(`is what Spark's VACUUM deletes, in ${name}`, async () => {
      const path = join(folder, name.replaceAll(' ', '-'));
      const list = Object.entries({
        ...properties,
        'delta.checkpointInterval': '3',
        // Spark ignores other numbers of hours than 0 in the statement.
        'delta.deletedFileRetentionDuration': 'interval 1 hour',
      });
      await sql(
        `CREATE TABLE delta.\`${path}\` (id BIGINT, part STRING) USING delta PARTITIONED BY (part)
         TBLPROPERTIES (${list.map(([key, value]) => `'${key}' = '${value}'`).join(', ')})`,
        `INSERT INTO delta.\`${path}\` SELECT id, part FROM range(0, 100, 1, 2) CROSS JOIN VALUES ('a b'), ('é%/+'), (NULL) AS parts(part)`,
        `DELETE FROM delta.\`${path}\` WHERE id < 10`,
        `UPDATE delta.\`${path}\` SET id = id + 1000 WHERE id BETWEEN 20 AND 25`,
        `DELETE FROM delta.\`${path}\` WHERE part = 'a b'`,
        `INSERT INTO delta.\`${path}\` VALUES (5000, 'a b')`,
        `OPTIMIZE delta.\`${path}\``,
        `INSERT INTO delta.\`${path}\` VALUES (5001, 'z')`,
      );
      const [source = ''] = globSync('**/part-*.parquet', { cwd: path });
      const strays = [
        'stray.parquet',
        'part=a b/stray é.parquet',
        '_hidden.parquet',
        '.hidden.parquet',
        'other/x.parquet',
      ];
      for (const stray of [...strays, 'young.parquet']) {
        mkdirSync(dirname(join(path, stray)), { recursive: true });
        copyFileSync(join(path, source), join(path, stray));
      }
      // All files are old, and all removals are of now.
      olderBy(2 * HOUR, ...globSync('**/*.{parquet,bin}', { cwd: path }).map((file) => join(path, file)));
      olderBy(0, join(path, 'young.parquet'));

      const now = await weWouldDelete(path, { retention: 0, allowShortRetention: true });
      assert.deepEqual(now, await sparkWouldDelete(path, 'RETAIN 0 HOURS'));
      assert.ok(now.length >= minimum + 4, `${now.length} files`);
      const hourOld = await weWouldDelete(path);
      assert.deepEqual(hourOld, await sparkWouldDelete(path, ''));
      assert.ok(hourOld.length >= 3 && !hourOld.includes('young.parquet'), `${hourOld.length} files`);

      const { spark, readers } = enginesOf(found);
      const rows = (await spark.call('read', { table: path })) as Rows;
      await vacuumTable(engine(), tableAt(path), { retention: 0, allowShortRetention: true });
      const able = readers.filter((reader) => !(NOT_READ_BY[name] ?? []).includes(reader.name));
      await assertRows({ readers: able }, path, rows);
    });
  }
});

/** Readers that do not support the features of a table, or read its paths otherwise. */
const NOT_READ_BY: Readonly<Record<string, readonly string[]>> = {
  'a table with V2 checkpoints': ['delta-rs through PyArrow'],
  'a table with deletion vectors': ['delta-rs through PyArrow'],
  'a table with mapped columns': ['delta-rs through PyArrow', 'delta-rs through DataFusion', 'DuckDB'],
};

describe('A table that is vacuumed and whose log is cleaned up', { skip: found.skip ?? false }, () => {
  it('has the same rows for all, and the versions within the retention', async () => {
    const { spark, writers, deltaRs } = enginesOf(found);
    const path = join(folder, 'ours');
    // Spark reads no version that is older than removed files are kept.
    const properties = { 'delta.deletedFileRetentionDuration': 'interval 50 days' };
    const pipeline = createPipeline(createFolderStore(folder), { defaults: { properties } });
    const land = async (...ids: number[]) => {
      for (const id of ids)
        await writers.call('write', { path: join(path, `${id}.parquet`), columns: columnsOf([id]) });
      await pipeline.append(...ids.map((id) => `ours/${id}.parquet`));
    };
    await land(1, 2);
    await land(3, 4);
    await sql(`OPTIMIZE delta.\`${path}\``);
    await spark.call('checkpoint', { table: path });
    await land(5);
    await land(6);
    // What there is up to here, version 4, is 40 days old but for what the log says of it.
    olderBy(40 * DAY, ...globSync('**/*.{parquet,json}', { cwd: path }).map((file) => join(path, file)));
    for (const version of [0, 1, 2, 3, 4])
      olderBy(40 * DAY - version * HOUR, join(path, `_delta_log/${`${version}`.padStart(20, '0')}.json`));
    await land(7);
    await sql(`DELETE FROM delta.\`${path}\` WHERE id = 6`);
    await deltaRs.call('checkpoint', { table: path });

    const expected = rowsOf([1, 2, 3, 4, 5, 7]);
    const cleaned = await cleanLog(engine(), tableAt(path));
    assert.deepEqual([cleaned.keptFrom, cleaned.neededFrom, cleaned.deleted.commits], [2, 4, 2]);
    // Files 1 to 4 were removed today, and file 6, too.
    assert.equal((await vacuumTable(engine(), tableAt(path))).removed.files, 0);
    await assertRows(enginesOf(found), path, expected);
    for (const [version, ids] of [
      [2, [1, 2, 3, 4]],
      [4, [1, 2, 3, 4, 5, 6]],
      [5, [1, 2, 3, 4, 5, 6, 7]],
    ] as const) {
      const { rows } = (await spark.call('read', { table: path, version })) as Rows;
      assert.deepEqual(rows.map(([id]) => Number(id)).sort(), ids, `version ${version}`);
    }

    // In 51 days.
    const vacuumed = await vacuumTable(engine(51 * DAY), tableAt(path));
    assert.deepEqual([vacuumed.removed.files, vacuumed.sample.includes('6.parquet')], [5, true]);
    await assertRows(enginesOf(found), path, expected);
    await cleanLog(engine(60 * DAY), tableAt(path));
    await assertRows(enginesOf(found), path, expected);
    await sql(`INSERT INTO delta.\`${path}\` VALUES (8, 'row 8')`);
    await assertRows(enginesOf(found), path, rowsOf([1, 2, 3, 4, 5, 7, 8]));
  });

  for (const name of ['spark', 'deltaRs'] as const) {
    it(`is known as one into which files land by a checkpoint of ${name}`, async () => {
      const { writers, [name]: writer } = enginesOf(found);
      const root = `landed-${name}`;
      const path = join(folder, root);
      for (const id of [1, 2])
        await writers.call('write', { path: join(path, `${id}.parquet`), columns: columnsOf([id]) });
      await createPipeline(createFolderStore(folder)).append(`${root}/1.parquet`);
      await writer.call('checkpoint', { table: path });
      const { keptSample, orphans } = await vacuumTable(engine(60 * DAY), tableAt(path));
      assert.deepEqual([keptSample, orphans.files], [['2.parquet'], 0]);
    });
  }
});

function rowsOf(ids: readonly number[]): Rows {
  return { columns: ['id', 'name'], rows: ids.map((id): Value[] => [String(id), `row ${id}`]) };
}

function columnsOf(ids: readonly number[]): object[] {
  return [
    { name: 'id', type: 'long', values: ids.map(String) },
    { name: 'name', type: 'string', values: ids.map((id) => `row ${id}`) },
  ];
}
