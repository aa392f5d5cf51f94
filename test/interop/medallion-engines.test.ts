import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import type { Rows, Value } from '../support/interop/engines.ts';
import { enginesOf, findEngines } from '../support/interop/readers.ts';
import { createSparkSessionJobs } from '../support/interop/spark-session-jobs.ts';
import { createStepTables, reader, type StepTables, stepRule } from '../support/interop/step-tables.ts';

const found = await findEngines();

async function sql(...statements: readonly string[]): Promise<Rows> {
  let rows: unknown;
  for (const statement of statements) rows = await enginesOf(found).spark.call('sql', { statement });
  return rows as Rows;
}

const duckDb = (statement: string) => enginesOf(found).duckDb.call('sql', { statement }) as Promise<Rows>;
const sorted = ({ rows }: Rows) => rows.map((row) => JSON.stringify(row)).sort();

const COLUMNS =
  'id BIGINT, shop STRING, price DECIMAL(12,2), at TIMESTAMP, day DATE, paid BOOLEAN, weight DOUBLE, n INT';
const JOINED = `SELECT id, shop, country, price, "at", day, paid, weight, n FROM orders LEFT JOIN shops USING (shop)`;

/** Orders of shops, with deletion vectors, as Databricks makes tables; among them some that the rules keep out. */
async function arrive(tables: StepTables): Promise<void> {
  const [orders, shops] = namesIn(tables);
  await sql(
    `CREATE TABLE ${orders} (${COLUMNS}) USING delta PARTITIONED BY (day) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`,
    `CREATE TABLE ${shops} (shop STRING, country STRING) USING delta`,
    `INSERT INTO ${shops} VALUES ('shop 0', 'CH'), ('shop 1', 'FR'), ('shop 2', 'CH'), ('shop 3', NULL)`,
    `INSERT INTO ${orders} SELECT id, concat('shop ', id % 5), IF(id % 10 = 7, -1, 1) * id / 4, timestamp_micros(id * 86400000001),
       DATE '2026-11-01' + CAST(id % 3 AS INT), id % 2 = 0, id / 8, CAST(id % 4 AS INT) FROM range(0, 60)`,
    `INSERT INTO ${orders} VALUES (60, 'shop 1', -2.50, TIMESTAMP '1969-12-31 23:59:59.999999', DATE '0001-01-01', NULL, DOUBLE('NaN'), NULL),
       (61, 'it''s "odd" é\\\\', 1, NULL, NULL, TRUE, DOUBLE('Infinity'), 0), (62, NULL, -1, TIMESTAMP '2026-11-01 12:00:00', NULL, FALSE, 1e300, 1),
       (63, 'shop 0', -9999999999.99, TIMESTAMP '2026-11-01 12:00:00.5', DATE '9999-12-31', TRUE, -0.1, -1)`,
  );
}

async function change(tables: StepTables): Promise<void> {
  const [orders, shops] = namesIn(tables);
  await sql(
    `UPDATE ${orders} SET price = price + 100, day = DATE '2026-11-09', at = at + INTERVAL 100 DAYS WHERE id IN (3, 30, 37)`,
    `DELETE FROM ${orders} WHERE id BETWEEN 10 AND 14`,
    `OPTIMIZE ${orders}`,
    `MERGE INTO ${orders} t USING (SELECT * FROM VALUES (4L, 'shop 2'), (45L, NULL), (99L, 'shop 3') AS s(id, shop)) s ON t.id = s.id
     WHEN MATCHED AND s.shop IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET t.shop = s.shop
     WHEN NOT MATCHED THEN INSERT (id, shop, price, day) VALUES (s.id, s.shop, 1, DATE '2026-11-02')`,
    `INSERT INTO ${orders} VALUES (100, 'shop 1', -7, TIMESTAMP '2027-01-01 00:00:00', DATE '2026-11-03', TRUE, 1.5, 2)`,
    `UPDATE ${shops} SET country = 'DE' WHERE shop = 'shop 2'`,
  );
}

function namesIn(tables: StepTables) {
  return ['bronze/orders', 'bronze/shops'].map((name) => `delta.\`${tables.tableAt(name).url}\``) as [string, string];
}

const QUALITY: StepRule['quality'] = [
  { name: 'price', check: { kind: 'range', column: 'price', min: '0' }, action: 'quarantine' },
  { name: 'paid', check: { kind: 'not-null', column: 'paid' }, action: 'warn' },
  {
    name: 'shop',
    check: { kind: 'references', columns: ['shop'], lookup: 'shops', lookupColumns: ['shop'] },
    action: 'quarantine',
  },
];

const MODES: Readonly<Record<string, { mode: StepMode; text?: string; more?: Partial<StepRule> }>> = {
  append: { mode: { kind: 'append' }, more: { changes: 'skip' } },
  merge: {
    mode: { kind: 'merge', keys: ['id'], orderBy: 'at', deletes: 'apply', lateness: 1_000 },
    more: { properties: { 'delta.enableChangeDataFeed': 'true' } },
  },
  aggregate: {
    mode: {
      kind: 'aggregate',
      keys: ['country'],
      combine: { orders: 'sum', total: 'sum', least: 'min', latest: 'max' },
      rowCount: 'orders',
    },
    text: `SELECT country, count(*) AS orders, CAST(sum(price) AS DECIMAL(20, 2)) AS total, min(price) AS least, max("at") AS latest
      FROM orders LEFT JOIN shops USING (shop) GROUP BY country`,
    // Rows that are sums are not kept out.
    more: { quality: [{ name: 'some', check: { kind: 'range', column: 'orders', min: '8' }, action: 'warn' }] },
  },
  'replace-partitions': {
    mode: { kind: 'replace-partitions', unchanged: ['day'] },
    text: `SELECT *, CAST(row_number() OVER (PARTITION BY day ORDER BY id) AS INT) AS place FROM (${JOINED}) AS j`,
    more: { partitionBy: ['day'] },
  },
  replace: { mode: { kind: 'replace' } },
};

describe('A step on Spark and on DuckDB', { skip: found.skip ?? false }, () => {
  let tables: StepTables;
  before(async () => {
    tables = createStepTables(createSparkSessionJobs(enginesOf(found).spark));
    await arrive(tables);
    // Targets that one engine has begun, and the other goes on with.
    for (const { duckdb, spark } of rulesOf().values()) {
      for (const rule of [duckdb, { ...spark, engine: 'duckdb' as const }]) await tables.run(rule);
    }
    await change(tables);
  });

  for (const [name, { duckdb, spark }] of rulesOf()) {
    it(`makes the same target, quarantine and position, with a lookup and rules of quality (${name})`, async () => {
      const before = await stateOf(tables, spark);
      const runs = [await tables.run(duckdb), await tables.run(spark)];
      const [expected, found] = [await stateOf(tables, duckdb), await stateOf(tables, spark)];
      assert.notDeepEqual(before, expected, 'the source has changed');
      assert.deepEqual(found, expected);
      const [own, other] = runs.map(({ state, metrics: { bytesAdded: _, ...metrics } }) => ({ state, metrics }));
      assert.equal(own?.state, 'done');
      assert.deepEqual(other, own);
    });
  }
});

/** A quarantined row with its JSON as values: engines write numbers that are none, and zeros at the end, in their own ways. */
function plainQuarantine([step, rules, row, ...where]: readonly Value[]): string {
  const json = String(row)
    .replaceAll(/:(NaN|-?Infinity)/g, ':"$1"')
    .replaceAll(/\.(\d*?)0*\+00"/g, '.$1+00"')
    .replaceAll('.+00"', '+00"');
  return JSON.stringify([step, rules, JSON.parse(json), ...where]);
}

/** The same step for each engine, into a target of its own. */
function rulesOf(): ReadonlyMap<string, Readonly<Record<'duckdb' | 'spark', StepRule>>> {
  const entries = Object.entries(MODES).map(([name, { mode, text = JOINED, more = {} }]) => {
    const input = { source: 'bronze/orders', sql: text, lookups: ['bronze/shops'] };
    const rule = stepRule(name, input, { mode, quality: QUALITY, ...more });
    const on = (engine: 'duckdb' | 'spark'): StepRule => ({
      ...rule,
      engine,
      target: { ...rule.target, prefix: `${engine}/${name}` },
    });
    return [name, { duckdb: on('duckdb'), spark: on('spark') }] as const;
  });
  return new Map(entries);
}

/** All that a step has made: rows, rows that are kept out, recorded changes, and how far it is, as all of these tables say. */
async function stateOf(tables: StepTables, { target, quality, properties }: StepRule) {
  const at = (suffix: string) => tables.tableAt(`${target.prefix}${suffix}`);
  const quarantines = quality.some(({ action }) => action === 'quarantine');
  const scan = (suffix: string) => `delta_scan('${at(suffix).url}')`;
  const position = async (suffix: string) => {
    const { txns, schema, version, metadata } = await loadSnapshot(at(suffix), reader);
    const versions = Object.fromEntries([...txns].map(([appId, txn]) => [appId, txn.version]));
    return { versions, schema, version, partitionColumns: metadata.partitionColumns };
  };
  return {
    rows: sorted(await duckDb(`SELECT * FROM ${scan('')}`)),
    position: await position(''),
    ...(quarantines && {
      quarantine: (await duckDb(`SELECT * FROM ${scan('__quarantine')}`)).rows.map(plainQuarantine).sort(),
      quarantinePosition: await position('__quarantine'),
    }),
    ...('delta.enableChangeDataFeed' in properties && {
      changes: sorted(await sql(`SELECT * EXCEPT (_commit_timestamp) FROM table_changes_by_path('${at('').url}', 0)`)),
    }),
  };
}
