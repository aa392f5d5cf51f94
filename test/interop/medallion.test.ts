import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TableRef } from '../../src/delta/table.ts';
import { createDuckDbEngine } from '../../src/medallion/engine/session.ts';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import type { StepDeps, StepRun } from '../../src/medallion/step-run.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { Rows } from '../support/interop/engines.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
const store = createFolderStore(folder);
const engine = createDuckDbEngine({ tempDir: makeTempFolder(), memoryLimit: 256 * 1024 * 1024 });

const deps: StepDeps = {
  reader: createCheckpointReader(),
  tableAt: ({ prefix }): TableRef => ({ store, root: prefix, url: join(folder, prefix) }),
  openSession: () => engine.open(),
  log: () => {},
  now: Date.now,
  random: Math.random,
  sleep: async () => {},
};

async function sql(...statements: readonly string[]): Promise<Rows> {
  let rows: unknown;
  for (const statement of statements) rows = await enginesOf(found).spark.call('sql', { statement });
  return rows as Rows;
}

const at = (name: string) => `delta.\`${join(folder, name)}\``;
const sorted = ({ rows }: Rows) => rows.map((row) => JSON.stringify(row)).sort();

function run(rule: StepRule): Promise<StepRun> {
  return runStep(rule, deps, { deadline: Date.now() + 600_000 });
}

function ruleOf(
  source: string,
  target: string,
  mode: StepMode,
  text: string,
  overrides: Partial<StepRule> = {},
): StepRule {
  return {
    name: target,
    target: { bucket: 'lake', prefix: target },
    source: { bucket: 'lake', prefix: source, name: 'bronze' },
    lookups: [],
    transform: { kind: 'sql', sql: text },
    mode,
    partitionBy: [],
    properties: {},
    schema: 'evolve',
    changes: 'fail',
    start: 'beginning',
    quality: [],
    limits: { maxBytes: 2 ** 30, maxFiles: 1000, maxVersions: 3 },
    engine: 'duckdb',
    ...overrides,
  };
}

/** As odd as a name can be without column mapping. */
const ODD_NAME = '`It\'s_"odd"_é`';
const COLUMNS = `id BIGINT, shop STRING, price DECIMAL(12,2), at TIMESTAMP, day DATE, tags ARRAY<STRING>, ${ODD_NAME} INT`;

/** The same history by Spark, over each way in which it tells of changes. */
const SOURCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  recorded: { 'delta.enableChangeDataFeed': 'true', 'delta.enableDeletionVectors': 'false' },
  vectors: { 'delta.enableChangeDataFeed': 'false', 'delta.enableDeletionVectors': 'true' },
  rewritten: { 'delta.enableChangeDataFeed': 'false', 'delta.enableDeletionVectors': 'false' },
};

async function create(name: string, properties: Readonly<Record<string, string>>): Promise<void> {
  const texts = Object.entries(properties).map(([key, value]) => `'${key}' = '${value}'`);
  await sql(
    `CREATE TABLE ${at(name)} (${COLUMNS}) USING delta PARTITIONED BY (day) TBLPROPERTIES (${texts.join(', ')})`,
    `INSERT INTO ${at(name)} SELECT id, concat('shop ', id % 5), id / 4, timestamp_micros(id * 1000001), DATE '2026-11-01' + CAST(id % 3 AS INT),
       array('a', CAST(id AS STRING)), CAST(id % 2 AS INT) FROM range(0, 60)`,
    `INSERT INTO ${at(name)} VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  );
}

/** Changes of rows, by all means. */
async function change(name: string): Promise<void> {
  await sql(
    `UPDATE ${at(name)} SET price = price + 100, day = DATE '2026-11-09' WHERE id IN (3, 30, 31)`,
    `DELETE FROM ${at(name)} WHERE id BETWEEN 10 AND 14 OR id IS NULL`,
    `MERGE INTO ${at(name)} t USING (SELECT * FROM VALUES (4L, 'merged'), (45L, NULL), (99L, 'new') AS s(id, shop)) s ON t.id = s.id
     WHEN MATCHED AND s.shop IS NULL THEN DELETE
     WHEN MATCHED THEN UPDATE SET t.shop = s.shop
     WHEN NOT MATCHED THEN INSERT (id, shop, price, day) VALUES (s.id, s.shop, 1, DATE '2026-11-02')`,
    `OPTIMIZE ${at(name)}`,
    `DELETE FROM ${at(name)} WHERE id IN (20, 21)`,
    `INSERT INTO ${at(name)} (id, shop, price, day) VALUES (100, 'shop 1', 7, DATE '2026-11-03')`,
  );
}

const ALL = 'SELECT * FROM bronze';
const GOLD = `SELECT shop, count(*) AS sales, CAST(sum(price) AS DECIMAL(18, 2)) AS total, min(price) AS least, max(id) AS most
  FROM bronze GROUP BY shop`;
const FEED = { 'delta.enableChangeDataFeed': 'true' };
const MERGED = {
  mode: { kind: 'merge', keys: ['id'], deletes: 'apply', lateness: 0 },
  text: ALL,
  overrides: { partitionBy: ['day'], properties: FEED },
} as const;
const TARGETS: Readonly<
  Record<string, { readonly mode: StepMode; readonly text: string; readonly overrides?: Partial<StepRule> }>
> = {
  merged: MERGED,
  summed: {
    mode: {
      kind: 'aggregate',
      keys: ['shop'],
      combine: { sales: 'sum', total: 'sum', least: 'min', most: 'max' },
      rowCount: 'sales',
    },
    text: GOLD,
    overrides: { properties: FEED },
  },
  'by day': {
    mode: { kind: 'replace-partitions', unchanged: ['day'] },
    text: ALL,
    overrides: { partitionBy: ['day'] },
  },
  whole: { mode: { kind: 'replace' }, text: ALL },
};

describe('The targets of steps', { skip: found.skip ?? false }, () => {
  for (const [source, properties] of Object.entries(SOURCES)) {
    it(`are read alike by all, with Spark's changes of the source (${source})`, async () => {
      await create(source, properties);
      for (const [name, { mode, text, overrides = {} }] of Object.entries(TARGETS)) {
        await run(ruleOf(source, `${source}-${name}`.replace(' ', '-'), mode, text, overrides));
      }
      await change(source);
      for (const [name, { mode, text, overrides = {} }] of Object.entries(TARGETS)) {
        const target = `${source}-${name}`.replace(' ', '-');
        assert.equal((await run(ruleOf(source, target, mode, text, overrides))).state, 'done');
        const expected = await sql(text.replace('FROM bronze', `FROM ${at(source)}`));
        assert.deepEqual(sorted(await sql(`SELECT * FROM ${at(target)}`)), sorted(expected), target);
        await assertRows(enginesOf(found), join(folder, target), expected);
      }
    });
  }

  it('tell Spark their changes, which add up to their rows', async () => {
    const { mode, text, overrides } = MERGED;
    const rule = ruleOf('told', 'told-merged', mode, text, overrides);
    await create('told', { 'delta.enableDeletionVectors': 'false' });
    await run(rule);
    await change('told');
    await run(rule);
    const target = join(folder, 'told-merged');
    const changes = `table_changes_by_path('${target}', 0)`;
    const types = await sql(`SELECT DISTINCT _change_type FROM ${changes}`);
    assert.deepEqual(types.rows.flat().sort(), ['delete', 'insert', 'update_postimage', 'update_preimage']);
    const sums =
      await sql(`SELECT id, shop, price, day, ${ODD_NAME}, sum(CASE WHEN _change_type IN ('insert', 'update_postimage') THEN 1 ELSE -1 END) AS n
      FROM ${changes} GROUP BY ALL HAVING n <> 0`);
    const rows = await sql(`SELECT id, shop, price, day, ${ODD_NAME}, 1 AS n FROM ${at('told-merged')}`);
    assert.deepEqual(sorted(sums), sorted(rows));
  });

  it('follow an append-only source, and its new columns', async () => {
    await create('plain', { 'delta.enableDeletionVectors': 'false', 'delta.feature.timestampNtz': 'supported' });
    const rule = ruleOf('plain', 'appended', { kind: 'append' }, 'SELECT * FROM bronze WHERE id % 2 = 0');
    await run(rule);
    await sql(
      `ALTER TABLE ${at('plain')} ADD COLUMN extra TIMESTAMP_NTZ`,
      `INSERT INTO ${at('plain')} (id, day, extra) VALUES (200, DATE '2026-11-03', TIMESTAMP_NTZ '2026-03-29 02:30:00')`,
    );
    await run(rule);
    const expected = await sql(`SELECT * FROM ${at('plain')} WHERE id % 2 = 0`);
    await assertRows(enginesOf(found), join(folder, 'appended'), expected);
  });
});
