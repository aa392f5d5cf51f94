import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { PYTHON_PACKAGES, type Rows, SPARK_PACKAGES, startWriters, type Value } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { startReadingEngines } from '../support/interop/reading-engines.ts';
import { isAllowed, type Policy } from '../support/interop/reading-policy.ts';
import { type S3Request, startRecorder } from '../support/interop/reading-recorder.ts';
import { dataFiles, EXPECTED, historyIn, type Result, rowsIn } from '../support/interop/reading-results.ts';
import { parseSnippets, type Snippet } from '../support/interop/reading-snippets.ts';
import { makeWebRequests, ROOT, type WebRequests } from '../support/interop/reading-table.ts';
import { newColumns, parquetSchema, type ReadableCase, widerColumns } from '../support/interop/type-cases.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { REPOSITORY } from '../support/source-files.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const DOCUMENT = await readFile(join(REPOSITORY, 'docs/reading.md'), 'utf8');
const snippets = parseSnippets(DOCUMENT);

const found = await resource(async () => {
  const server = await startS3Server();
  const recorder = await startRecorder(server.endpoint);
  const { endpoint } = recorder;
  const engines = await startReadingEngines({
    ...server.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
  });
  const bucket = await server.createBucket();
  return { server, recorder, engines, bucket };
});
const skip = found.skip ?? false;

/** Snippets that need more than reading. */
const WRITERS = ['delta-rs checkpoint'];

describe('docs/reading.md', () => {
  const sections = new Map(
    [...DOCUMENT.matchAll(/^\| \[([^\]]+)\]\(#[^)]+\) \| ([^|]+) \|/gm)].map(([, name = '', seen = '']) => [
      name,
      seen,
    ]),
  );

  it('runs each snippet of the engines that run here, and no other is left out', () => {
    assert.deepEqual(marksOf('run'), Object.keys(EXPECTED).sort());
    for (const { section, language, mark, line } of snippets) {
      const seen = sections.get(section);
      if (seen === 'not run here') assert.equal(mark.kind, 'not run', `line ${line}`);
      else if (seen === undefined) assert.notEqual(mark.kind, 'not run', `line ${line}`);
      else assert.equal(mark.kind, language === 'sh' ? 'check' : 'run', `line ${line}`);
    }
  });

  it('has a section for every engine of its table', () => {
    assert.deepEqual(
      [...sections.keys()].filter((name) => !DOCUMENT.includes(`\n## ${name}\n`)),
      [],
    );
  });

  it('names the versions that run', async () => {
    const pom = await readFile(join(REPOSITORY, 'test/support/interop/pom.xml'), 'utf8');
    const jars = [
      ...pom.matchAll(/<groupId>(.+)<\/groupId>\s*<artifactId>(.+)<\/artifactId>\s*<version>(.+)<\/version>/g),
    ];
    const coordinates = jars.map(([, group, artifact, version]) => `${group}:${artifact}:${version}`);
    const [, packages = ''] = /--packages (\S+)/.exec(textOf('check', 'spark packages')) ?? [];
    assert.deepEqual(
      packages.split(',').filter((jar) => !coordinates.includes(jar)),
      [],
    );
    const delta = jars.find(([, , artifact]) => artifact === 'delta-storage')?.[3];
    const pinned = [...PYTHON_PACKAGES, ...SPARK_PACKAGES, `delta-spark==${delta}`].map((name) =>
      name.replace('==', ' '),
    );
    const named = [...sections.values()].filter((seen) => seen !== 'not run here').flatMap((seen) => seen.split(', '));
    assert.deepEqual(
      named.filter((name) => !pinned.includes(name.toLowerCase())),
      [],
    );
  });
});

describe('The snippets of docs/reading.md', { skip }, () => {
  let table: WebRequests;
  before(async () => {
    const { server, bucket } = available(found);
    table = await makeWebRequests(createS3Store({ client: server.client(), bucket }));
  });

  for (const snippet of snippets) {
    const { mark, section, line } = snippet;
    if (mark.kind !== 'run') continue;
    const name = `${mark.engine} ${mark.name}`;
    it(`run: ${name} in "${section}", line ${line}`, async () => {
      const { rows, files } = EXPECTED[name] ?? { rows: null };
      const { result, requests } = await run(snippet, table);
      assert.deepEqual(mark.name === 'history' ? historyIn(result) : rowsIn(result), rows);
      if (files !== undefined) assert.deepEqual(dataFiles(requests), files);
      if (WRITERS.includes(name)) return;
      const refused = requests.filter((request) => !isAllowed(policy(), request));
      assert.deepEqual(refused, [], 'what the policy of the page does not allow');
    });
  }

  it('see a commit by their next query, unless they hold an older version', async () => {
    const { server, bucket, engines } = available(found);
    const python = (code: string, section: string) => engines.reading.call('python', { code, section });
    const store = createS3Store({ client: server.client(), bucket });
    await store.put(`${ROOT}/ds=2026-11-26/5.parquet`, parquet([{ id: 10 }], { id: 'long' }));
    await python(`held = DeltaTable("s3://${bucket}/${ROOT}")`, 'delta-rs');
    await table.pipeline.append(`${ROOT}/ds=2026-11-26/5.parquet`);

    for (const snippet of snippets) {
      if (snippet.mark.kind !== 'run' || snippet.mark.name !== 'read') continue;
      const text = snippet.text.replace(/^CREATE SECRET .*\n/, '');
      const { result } = await run({ ...snippet, text }, table);
      assert.deepEqual([rowsIn(result)].flat(2), ['10'], snippet.section);
    }
    const sql = async (statements: string) => rowsIn((await engines.reading.call('sql', { statements })) as Result);
    assert.deepEqual(await sql('SELECT count(*) FROM web_requests'), [['10']]);
    const rows = await engines.spark.call('sql', { statement: 'SELECT count(*) FROM web_requests' });
    assert.deepEqual(rowsIn(rows as Result), [['10']]);
    assert.equal(await python('held.to_pyarrow_table().num_rows', 'delta-rs'), '9');
    // delta-rs counts the commits of a history back from the version that is held.
    const versions = await python('[commit["version"] for commit in held.history()]', 'delta-rs');
    assert.deepEqual(versions, ['2', '1', '0', '-1']);
    assert.equal(await python('held.update_incremental()\nheld.to_pyarrow_table().num_rows', 'delta-rs'), '10');
  });
});

describe('Polars', { skip }, () => {
  const folder = makeTempFolder();
  const pipeline = createPipeline(createFolderStore(folder));

  /** In files that add the column to a table, and in files that are narrower than the table. */
  const NOT_READ = ['int32_decimal', 'int64_decimal', 'json', 'map_of_structs', 'nulls_string', 'uint64'];

  it('reads every type that is taken, but those that the page names', async () => {
    const failed: string[] = [];
    for (const column of [...newColumns, ...widerColumns]) {
      const root = await landColumn(column, widerColumns.includes(column));
      const values = column.values.map(([, value]) => value);
      const expected = widerColumns.includes(column) ? [values[0] ?? null, ...values] : values;
      const read = await polarsColumn(root).catch(() => undefined);
      if (read === undefined) failed.push(column.name);
      assert.deepEqual(read ?? (await polarsColumn(root, { use_pyarrow: true })), expected, column.name);
    }
    assert.deepEqual(failed.sort(), NOT_READ);
  });

  it('reads a bare = in a partition value as null, and an escaped one right', async () => {
    for (const [segment, expected] of [
      ['a=b', null],
      ['a%3Db', 'a=b'],
    ] as const) {
      const root = `equals-${segment.length}`;
      const store = createFolderStore(folder);
      await store.put(`${root}/part=${segment}/1.parquet`, parquet(rowsOf(1, 1)));
      await pipeline.append(`${root}/part=${segment}/1.parquet`);
      assert.deepEqual((await polarsColumn(root)).at(-1), expected);
    }
  });

  const features: Readonly<Record<string, { readonly property: string; readonly refused?: RegExp }>> = {
    deletionVectors: { property: "'delta.enableDeletionVectors' = 'true'" },
    v2Checkpoint: { property: "'delta.checkpointPolicy' = 'v2'", refused: /v2Checkpoint/ },
    typeWidening: { property: "'delta.enableTypeWidening' = 'true'", refused: /typeWidening/ },
  };
  for (const [feature, { property, refused }] of Object.entries(features)) {
    it(`${refused ? 'refuses' : 'reads'} tables with the feature ${feature}`, async () => {
      const { spark } = available(found).engines;
      const target = `delta.\`${join(folder, feature)}\``;
      await spark.call('sql', {
        statement: `CREATE TABLE ${target} (id BIGINT) USING delta TBLPROPERTIES (${property})`,
      });
      await spark.call('sql', { statement: `INSERT INTO ${target} VALUES (1), (2), (3)` });
      await spark.call('sql', { statement: `DELETE FROM ${target} WHERE id = 2` });
      if (refused) await assert.rejects(polarsColumn(feature), refused);
      else assert.deepEqual(await polarsColumn(feature), ['1', '3']);
    });
  }

  /** A table of this column; where it is wider than the file, a first file makes it so. Gives its root. */
  async function landColumn(column: ReadableCase, wider: boolean): Promise<string> {
    const { name, type, values } = column;
    const root = `${wider ? 'wider' : 'new'}-${name}`;
    if (wider) {
      const columns = [
        { name: 'id', type: 'long', values: ['-1'] },
        { name, type, values: [values[0]?.[1] ?? null] },
      ];
      const writers = await startWriters();
      await writers.call('write', { path: join(folder, root, '1.parquet'), columns });
      await pipeline.append(`${root}/1.parquet`);
    }
    const rows = values.map(([raw], index) => ({ id: index, [name]: raw }));
    const path = join(folder, root, '2.parquet');
    await available(found).engines.spark.call('writeExact', { path, schema: parquetSchema([column]), rows });
    await pipeline.append(`${root}/2.parquet`);
    return root;
  }

  /** The values of the last column. */
  async function polarsColumn(root: string, options: object = {}): Promise<(Value | undefined)[]> {
    const { reading } = available(found).engines;
    const { rows } = (await reading.call('polarsRows', { table: join(folder, root), ...options })) as Rows;
    return rows.map((row) => row.at(-1));
  }
});

async function run(snippet: Snippet, table: WebRequests): Promise<{ result: Result; requests: S3Request[] }> {
  const { engines, bucket, recorder } = available(found);
  recorder.take();
  const result = await engines.run(snippet, { BUCKET: bucket, '2026-11-24T06:00:00Z': table.momentOfVersion1 });
  return { result, requests: recorder.take() };
}

function policy(): Policy {
  return JSON.parse(textOf('check', 'policy').replaceAll('BUCKET', available(found).bucket));
}

function textOf(kind: 'check', name: string): string {
  const snippet = snippets.find(({ mark }) => mark.kind === kind && mark.name === name);
  assert.ok(snippet, `there is no snippet <!-- ${kind}: ${name} -->`);
  return snippet.text;
}

function marksOf(kind: 'run'): string[] {
  return snippets.flatMap(({ mark }) => (mark.kind === kind ? [`${mark.engine} ${mark.name}`] : [])).sort();
}
