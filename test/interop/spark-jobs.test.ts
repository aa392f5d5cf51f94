import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SparkJobs } from '../../infra/constructs/spark-jobs.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import type { AddFile } from '../../src/delta/actions.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { optimizeOnSpark, type SparkOptimizeOptions } from '../../src/maintenance/spark/optimize-on-spark.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { bucketOf, rightsOf } from '../infra/bronze-stacks.ts';
import { type Rows, startReading } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { type S3Request, startRecorder } from '../support/interop/reading-recorder.ts';
import { createLocalSparkJobs, s3aSettings } from '../support/interop/spark-jobs.ts';
import { parquet } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { createApp } from '../support/templates.ts';
import { available, resource } from '../support/unavailable.ts';

const engines = await findEngines();
// Without checksum files beside those of the table; S3A needs the usual one for what it buffers.
const found = await resource(() => createLocalSparkJobs({ 'fs.file.impl': 'org.apache.hadoop.fs.RawLocalFileSystem' }));
const skip = engines.skip ?? found.skip ?? false;

const engine: MaintenanceEngine = {
  reader: createCheckpointReader(),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
};
const folder = makeTempFolder();
const localTable = (name: string): TableRef => ({
  store: createFolderStore(folder),
  root: name,
  url: join(folder, name),
});
const options = (more: Partial<SparkOptimizeOptions> = {}): SparkOptimizeOptions => ({
  targetFileSize: 1 << 20,
  deadline: Date.now() + 300_000,
  ...more,
});

async function filesOf(table: TableRef): Promise<AddFile[]> {
  const files: AddFile[] = [];
  for await (const batch of activeFiles(await loadSnapshot(table, engine.reader), engine.reader, { stats: true })) {
    files.push(...batch);
  }
  return files;
}

async function keysOf({ store, root }: TableRef, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(`${root}/${prefix}`)) keys.push(key);
  return keys;
}

async function sql(statement: string): Promise<Rows> {
  return (await enginesOf(engines).spark.call('sql', { statement })) as Rows;
}

describe('A table whose compaction is handed to Spark', { skip }, () => {
  it('holds the same rows for all readers: types, partitions, deletion vectors, files of older schemas', async () => {
    const table = localTable('types');
    const name = `delta.\`${table.url}\``;
    await sql(
      `CREATE TABLE ${name} (id BIGINT, t TIMESTAMP, d DATE, m DECIMAL(20, 3), s STRUCT<a: INT, b: ARRAY<STRING>>, p STRING)
       USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`,
    );
    // One file for each partition, so that a DELETE leaves rows of it.
    for (let first = 0; first < 6; first += 2) {
      await sql(
        `INSERT INTO ${name} SELECT /*+ COALESCE(1) */ id, TIMESTAMP '1969-12-31 23:59:59.123456',
         DATE '0001-01-01', id + 0.125, named_struct('a', id, 'b', array('x', NULL)), IF(id % 2 = 0, 'a b/ü%:', NULL)
         FROM VALUES (${first}), (${first + 100}), (${first + 1}) AS rows(id)`,
      );
    }
    await sql(`DELETE FROM ${name} WHERE id = 102`);
    await sql(`ALTER TABLE ${name} ADD COLUMNS (late STRING)`);
    await sql(`INSERT INTO ${name} VALUES (50, NULL, NULL, NULL, NULL, NULL, 'new')`);
    const before = (await enginesOf(engines).spark.call('read', { table: table.url })) as Rows;
    assert.equal(before.rows.length, 9);
    assert.ok((await filesOf(table)).some(({ deletionVector }) => deletionVector !== undefined));
    const { version } = await loadSnapshot(table, engine.reader);

    const result = await optimizeOnSpark(engine, table, options(), available(found));
    assert.deepEqual([result.state, result.committedBins, result.failedBins], ['done', 2, 0], result.firstError);
    const files = await filesOf(table);
    assert.deepEqual([files.length, result.versions], [2, [version + 1]]);
    for (const { path, deletionVector } of files) {
      assert.match(path, /resaca-compacted-[0-9a-f-]{36}\.zstd\.parquet$/);
      assert.equal(deletionVector, undefined);
    }
    // PyArrow refuses a table with the feature, whether or not a file has a deletion vector.
    const readers = enginesOf(engines).readers.filter((reader) => !reader.name.includes('PyArrow'));
    await assertRows({ readers }, table.url, before);
    assert.deepEqual(await keysOf(table, '_resaca/'), []);
    const report = [...available(found).reports.values()].at(-1);
    assert.deepEqual(
      [report?.task, report?.bins, report?.failed, report?.files],
      ['rewrite', 2, 0, 2],
      JSON.stringify(report),
    );
  });

  it('can be laid out along a Z-order, in several files', async () => {
    const table = localTable('z');
    const name = `delta.\`${table.url}\``;
    await sql(
      `CREATE TABLE ${name} USING delta AS SELECT /*+ REPARTITION(4) */ pmod(hash(id), 1000) AS x, pmod(hash(id * 31), 1000) AS y,
       md5(CAST(id AS STRING)) AS text FROM range(20000)`,
    );
    const before = await sql(`SELECT count(*), sum(x), sum(y), count(DISTINCT text) FROM ${name}`);
    const bytes = (await filesOf(table)).reduce((sum, { size }) => sum + size, 0);
    const result = await optimizeOnSpark(
      engine,
      table,
      options({ targetFileSize: Math.ceil(bytes / 4), zOrderBy: ['x', 'y'] }),
      available(found),
    );
    assert.deepEqual([result.state, result.committedBins, result.filesAdded], ['done', 1, 4], result.firstError);
    assert.deepEqual(await sql(`SELECT count(*), sum(x), sum(y), count(DISTINCT text) FROM ${name}`), before);
    // A quarter of the rows each, by both columns: no file spans nearly all of both.
    for (const { stats } of await filesOf(table)) {
      const { minValues, maxValues } = JSON.parse(stats ?? '');
      const area = (maxValues.x - minValues.x) * (maxValues.y - minValues.y);
      assert.ok(area < 800_000, `${area} of 1,000,000`);
    }
  });

  it('keeps the files of a bin at which Spark fails, and says which', async () => {
    const table = localTable('failing');
    const pipeline = createPipeline(table.store);
    const land = async (key: string, id: number): Promise<void> => {
      await table.store.put(`failing/${key}`, parquet([{ id, name: key }]));
      await pipeline.append(`failing/${key}`);
    };
    for (const [index, key] of ['ds=1/a', 'ds=1/b', 'ds=2/c', 'ds=2/d'].entries()) await land(`${key}.parquet`, index);
    const jobs = available(found);
    const result = await optimizeOnSpark(engine, table, options(), {
      ...jobs,
      async start(job) {
        await rm(join(table.url, 'ds=2/d.parquet'));
        return jobs.start(job);
      },
    });
    assert.deepEqual([result.state, result.committedBins, result.failedBins], ['done', 1, 1]);
    assert.match(result.firstError ?? '', /^bin \d: .*FileNotFound.*d\.parquet/);
    assert.deepEqual((await filesOf(table)).map(({ path }) => path.replace(/-.*/, '')).sort(), [
      'ds=1/resaca',
      'ds=2/c.parquet',
      'ds=2/d.parquet',
    ]);
  });

  it('has its other upkeep done without a commit of Spark', async () => {
    const table = localTable('types');
    const commits = async () => (await keysOf(table, '_delta_log/')).filter((key) => /\d{20}\.json$/.test(key));
    const before = await commits();
    const jobs = available(found);
    const url = `file://${table.url}`;
    const checkpoint = await jobs.run(['checkpoint', '--table', url]);
    const { version, ...report } = JSON.parse(checkpoint.last);
    assert.deepEqual([checkpoint.code, report.task, report.table], [0, 'checkpoint', url]);
    assert.ok(
      (await keysOf(table, '_delta_log/')).includes(
        `types/_delta_log/${String(version).padStart(20, '0')}.checkpoint.parquet`,
      ),
    );
    const dataFiles = async () => (await keysOf(table, 'p=')).concat(await keysOf(table, 'deletion_vector'));
    const data = await dataFiles();
    const vacuum = await jobs.run(['vacuum', '--table', url, '--retention-hours', '1000']);
    assert.equal(vacuum.code, 0, vacuum.last);
    assert.deepEqual(JSON.parse(vacuum.last).retentionHours, 1000);
    assert.deepEqual(await commits(), before);
    assert.deepEqual(await dataFiles(), data, 'nothing is old enough');
    assert.ok(data.length > 2, data.join(', '));
  });

  it('fails with one line that says why, and refuses arguments that it does not know', async () => {
    const jobs = available(found);
    const run = '0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e';
    const { code, last } = await jobs.run(['rewrite', '--table', `file://${folder}`, '--run', run]);
    const report = JSON.parse(last);
    assert.deepEqual([code, report.task, report.table], [1, 'rewrite', `file://${folder}`]);
    assert.match(report.error, /FileNotFoundException: .*plan\.jsonl/);

    for (const [args, message] of [
      [[], /the following arguments are required: task/],
      [['optimise'], /invalid choice: 'optimise'/],
      [['rewrite', '--table', 's3://b/t'], /required: --run/],
      [['rewrite', '--table', 's3://b/t', '--run', '../x'], /expected a UUID, got '\.\.\/x'/],
      [['rewrite', '--table', 'hdfs://b/t', '--run', run], /expected s3:\/\/bucket\/prefix/],
      [['rewrite', '--table', 's3://b/t/', '--run', run], /without a slash at the end/],
      [['rewrite', '--table', 's3://b/t', '--run', run, '--para', '3'], /unrecognized arguments: --para 3/],
      [
        ['rewrite', '--table', 's3://b/t', '--run', run, '--parallel', '0'],
        /expected a whole number from 1 on, got '0'/,
      ],
      [['vacuum', '--table', 's3://b/t', '--retention-hours', '1.5'], /expected a whole number from 1 on, got '1\.5'/],
    ] as const) {
      const refused = await jobs.run(args);
      assert.equal(refused.code, 2, args.join(' '));
      assert.match(refused.errors, message);
    }
  });
});

const s3 = await resource(async () => {
  const server = await startS3Server();
  const recorder = await startRecorder(server.endpoint);
  const bucket = await server.createBucket();
  const jobs = await createLocalSparkJobs(s3aSettings(server, recorder.endpoint));
  const reading = await startReading({ ...server.env, AWS_ALLOW_HTTP: 'true' });
  return { server, recorder, bucket, jobs, reading };
});

describe('A table on S3 whose compaction is handed to Spark', { skip: s3.skip ?? false }, () => {
  it('is read as before, and the job asks for nothing that the role of the infrastructure may not', async () => {
    const { server, recorder, bucket, jobs, reading } = available(s3);
    const store = createS3Store({ client: server.client(), bucket });
    const table: TableRef = { store, root: 'lake/raw/web', url: `s3://${bucket}/lake/raw/web` };
    const pipeline = createPipeline(store);
    const rows: string[][] = [];
    for (let id = 0; id < 6; id++) {
      const key = `lake/raw/web/ds=2026-11-2${id % 2}/${id} +.parquet`;
      await store.put(key, parquet([{ id, name: `row ${id}` }]));
      await pipeline.append(key);
      rows.push([String(id), `row ${id}`, `2026-11-2${id % 2}`]);
    }
    recorder.take();
    const result = await optimizeOnSpark(engine, table, options(), jobs);
    assert.deepEqual([result.state, result.committedBins, result.failedBins], ['done', 2, 0], result.firstError);
    assert.deepEqual((await filesOf(table)).length, 2);
    const requests = recorder.take();
    assert.ok(requests.length > 20, 'the job went by the recorder');
    assert.deepEqual(
      requests.filter((request) => !isGranted(request)),
      [],
    );

    const commit = { method: 'PUT', bucket, key: `lake/raw/web/_delta_log/${'9'.padStart(20, '0')}.json`, query: {} };
    assert.equal(isGranted(commit), false, 'the policy has teeth');

    const expected = { columns: ['id', 'name', 'ds'], rows };
    const deltaRs = (await reading.call('python', {
      section: 'spark',
      code: `from deltalake import DeltaTable\nDeltaTable("${table.url}").to_pyarrow_table().sort_by("id")`,
    })) as Rows;
    assert.deepEqual(deltaRs, expected);
    const endpoint = new URL(server.endpoint).host;
    const duckDb = (await reading.call('sql', {
      statements: `CREATE SECRET (TYPE s3, PROVIDER credential_chain, ENDPOINT '${endpoint}', URL_STYLE 'path', USE_SSL false);
        SELECT id, name, ds FROM delta_scan('${table.url}') ORDER BY id`,
    })) as Rows;
    assert.deepEqual(duckDb, expected);
    // The function takes no notice of what compaction wrote, and does not bring back what it took out.
    await pipeline.append(...(await keysOf(table, 'ds=')));
    assert.equal((await filesOf(table)).length, 2);
  });
});

/** Whether the role of the construct, for the prefix `lake/raw`, may make a request. */
function isGranted({ method, key, query }: S3Request): boolean {
  // The keys of a DeleteObjects stand in its body.
  if (key === '') return method === 'GET' ? 'list-type' in query : 'delete' in query;
  const action =
    method === 'GET' || method === 'HEAD' ? 'GetObject' : method === 'DELETE' ? 'DeleteObject' : 'PutObject';
  return rightsOfJobs()
    .filter((right) => right.startsWith(`s3:${action} `))
    .map((right) => right.replace(/^.*:s3:::lake\//, ''))
    .some((pattern) => isLike(key, pattern));
}

let granted: readonly string[] | undefined;

function rightsOfJobs(): readonly string[] {
  if (granted === undefined) {
    const stack = new Stack(createApp(), 'spark');
    new SparkJobs(stack, 'Spark', { tables: [{ bucket: bucketOf(stack), prefixes: ['lake/raw'] }] });
    granted = rightsOf(Template.fromStack(stack));
  }
  return granted;
}

/** `*` stands for any text, also over slashes. */
function isLike(text: string, pattern: string): boolean {
  const expression = pattern.split('*').map((part) => part.replace(/[.?+^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${expression.join('.*')}$`, 's').test(text);
}
