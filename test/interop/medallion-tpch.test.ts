import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import type { StepRule } from '../../src/medallion/rule.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { CrashError, createFaultyStore } from '../support/faulty-store.ts';
import type { Rows } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { createSparkSessionJobs } from '../support/interop/spark-session-jobs.ts';
import { createStepTables, reader, type StepTables, stepRule } from '../support/interop/step-tables.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
/** Of TPC-H: 12,000 line items of 3,000 orders. */
const SCALE = 0.002;
/** Parts in which the rows of a table arrive. */
const PORTIONS = 4;
const LOOKUPS = ['customer', 'supplier', 'nation', 'region'] as const;

/** What the portions of the changes of orders are cut from: orders that come, change and go, and some that come twice. */
const ORDERS_LOG = `
  SELECT *, CAST(1 AS BIGINT) AS seq, 'I' AS op FROM orders
  UNION ALL SELECT * REPLACE (CAST(o_totalprice + 10 AS DECIMAL(15, 2)) AS o_totalprice), 2, 'U' FROM orders WHERE o_orderkey % 5 = 0
  UNION ALL SELECT *, 3, 'D' FROM orders WHERE o_orderkey % 11 = 0
  UNION ALL SELECT *, 1, 'I' FROM orders WHERE o_orderkey % 7 = 0`;

const LINE_ITEMS = `SELECT l_orderkey, l_linenumber, l_suppkey, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag,
  l_linestatus, l_shipdate FROM lineitem`;
const ORDERS = `SELECT o_orderkey, o_custkey, o_orderstatus, o_totalprice, o_orderdate, seq, op = 'D' AS "_deleted" FROM orders_log`;

const QUERIES = {
  q1: `SELECT l_returnflag, l_linestatus, CAST(SUM(l_quantity) AS DECIMAL(30, 2)) AS sum_qty,
    CAST(SUM(l_extendedprice) AS DECIMAL(30, 2)) AS sum_base_price,
    CAST(SUM(l_extendedprice * (1 - l_discount)) AS DECIMAL(30, 4)) AS sum_disc_price,
    CAST(SUM(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS DECIMAL(30, 6)) AS sum_charge, COUNT(*) AS count_order
    FROM lineitem WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus`,
  q3: `SELECT l_orderkey, CAST(SUM(l_extendedprice * (1 - l_discount)) AS DECIMAL(30, 4)) AS revenue, o_orderdate
    FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
    WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
    GROUP BY l_orderkey, o_orderdate`,
  q5: `SELECT n_name, CAST(SUM(l_extendedprice * (1 - l_discount)) AS DECIMAL(30, 4)) AS revenue
    FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
    JOIN supplier ON l_suppkey = s_suppkey AND c_nationkey = s_nationkey JOIN nation ON s_nationkey = n_nationkey
    JOIN region ON n_regionkey = r_regionkey WHERE r_name IN ('ASIA', 'EUROPE') GROUP BY n_name`,
  q6: `SELECT CAST(EXTRACT(YEAR FROM l_shipdate) AS INT) AS y, CAST(SUM(l_extendedprice * l_discount) AS DECIMAL(30, 4)) AS revenue,
    MAX(l_extendedprice) AS top, COUNT(*) AS n FROM lineitem WHERE l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24
    GROUP BY CAST(EXTRACT(YEAR FROM l_shipdate) AS INT)`,
  years: `SELECT CAST(EXTRACT(YEAR FROM l_shipdate) AS INT) AS y, l_linestatus, CAST(SUM(l_quantity) AS DECIMAL(30, 2)) AS quantity
    FROM lineitem GROUP BY CAST(EXTRACT(YEAR FROM l_shipdate) AS INT), l_linestatus`,
} as const;

const SUMS = { q1: 'sum_charge', q3: 'revenue', q5: 'revenue', q6: 'revenue', years: 'quantity' } as const;

const lookups = LOOKUPS.map((name) => `bronze/${name}`);
const combine = {
  sum_qty: 'sum',
  sum_base_price: 'sum',
  sum_disc_price: 'sum',
  sum_charge: 'sum',
  count_order: 'sum',
} as const;

const RULES = {
  lineitem: stepRule(
    'silver-lineitem',
    { source: 'bronze/lineitem', sql: LINE_ITEMS },
    { mode: { kind: 'merge', keys: ['l_orderkey', 'l_linenumber'], deletes: 'apply', lateness: 0 } },
  ),
  orders: stepRule(
    'silver-orders',
    { source: 'bronze/orders_log', sql: ORDERS },
    {
      mode: {
        kind: 'merge',
        keys: ['o_orderkey'],
        orderBy: 'seq',
        deleteWhen: '"_deleted"',
        deletes: 'ignore',
        lateness: 1_000,
      },
      properties: { 'delta.enableChangeDataFeed': 'true' },
    },
  ),
  q1: stepRule(
    'gold-q1',
    { source: 'silver/lineitem', sql: QUERIES.q1 },
    { mode: { kind: 'aggregate', keys: ['l_returnflag', 'l_linestatus'], combine, rowCount: 'count_order' } },
  ),
  q6: stepRule(
    'gold-q6',
    { source: 'silver/lineitem', sql: QUERIES.q6 },
    { mode: { kind: 'aggregate', keys: ['y'], combine: { revenue: 'sum', top: 'max', n: 'sum' }, rowCount: 'n' } },
  ),
  years: stepRule(
    'gold-years',
    { source: 'silver/lineitem', sql: QUERIES.years },
    { mode: { kind: 'replace-partitions' }, partitionBy: ['y'] },
  ),
  q3: stepRule(
    'gold-q3',
    { source: 'silver/orders', sql: QUERIES.q3, lookups: ['silver/lineitem', ...lookups] },
    { mode: { kind: 'replace' } },
  ),
  q5: stepRule(
    'gold-q5',
    { source: 'silver/orders', sql: QUERIES.q5, lookups: ['silver/lineitem', ...lookups] },
    { mode: { kind: 'replace' } },
  ),
} as const satisfies Readonly<Record<string, StepRule>>;

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const parts = makeTempFolder();
const duckDb = (statement: string) => enginesOf(found).duckDb.call('sql', { statement }) as Promise<Rows>;
const execute = (statement: string) => enginesOf(found).duckDb.call('execute', { statement });
const spark = (statement: string) => enginesOf(found).spark.call('sql', { statement }) as Promise<Rows>;

describe('Silver and gold of TPC-H, after random histories', { skip: found.skip ?? false }, () => {
  before(async () => {
    await execute(`CALL dbgen(sf = ${SCALE})`);
    await execute(`CREATE TABLE orders_log AS ${ORDERS_LOG}`);
    for (const [table, key] of [
      ['lineitem', 'l_orderkey'],
      ['orders_log', 'o_orderkey * 8 + seq'],
    ]) {
      for (let portion = 0; portion < PORTIONS; portion++) {
        const rows = `SELECT * FROM ${table} WHERE hash(${key}) % ${PORTIONS} = ${portion}`;
        await execute(`COPY (${rows}) TO '${join(parts, `${table}-${portion}.parquet`)}'`);
      }
    }
    for (const table of LOOKUPS) await execute(`COPY ${table} TO '${join(parts, `${table}.parquet`)}'`);
    for (const table of ['lineitem', 'orders', 'orders_log', ...LOOKUPS]) await execute(`DROP TABLE ${table}`);
  });

  for (const [seed, property] of [
    [1, 'delta.enableDeletionVectors'],
    [2, 'delta.enableChangeDataFeed'],
  ] as const) {
    it(`equal what DuckDB and Spark compute from scratch (seed ${seed}, ${property})`, async () => {
      const tables = createStepTables(createSparkSessionJobs(enginesOf(found).spark));
      await playHistory(tables, property, randomOf(seed));
      await finish(tables);
      await assertFromScratch(tables);
      await assertReaders(tables);
    });
  }
});

/** What happens to the tables, in an order that chance makes: what arrives, changes, is put together, and is computed. */
async function playHistory(tables: StepTables, property: string, random: () => number): Promise<void> {
  const store = createFolderStore(tables.folder);
  const pipeline = createPipeline(store);
  const land = async (table: string, part: string, name = table): Promise<void> => {
    const key = `bronze/${table}/${part}.parquet`;
    await mkdir(join(tables.folder, `bronze/${table}`), { recursive: true });
    await execute(`COPY (SELECT * FROM '${join(parts, `${name}.parquet`)}') TO '${join(tables.folder, key)}'`);
    await pipeline.append(key);
  };
  for (const table of LOOKUPS) await land(table, 'all');
  for (const table of ['lineitem', 'orders_log']) await land(table, '0', `${table}-0`);
  const lineItems = `delta.\`${tables.tableAt('bronze/lineitem').url}\``;
  await spark(`ALTER TABLE ${lineItems} SET TBLPROPERTIES ('${property}' = 'true')`);

  const actions: (() => Promise<unknown>)[] = [];
  for (let portion = 1; portion < PORTIONS; portion++) {
    for (const table of ['lineitem', 'orders_log']) {
      actions.push(() => land(table, String(portion), `${table}-${portion}`));
    }
  }
  actions.push(() => spark(`DELETE FROM ${lineItems} WHERE l_orderkey % 13 = 0`));
  actions.push(() => spark(`UPDATE ${lineItems} SET l_quantity = l_quantity + 1 WHERE l_orderkey % 9 = 1`));
  actions.push(
    () => optimize(tables, 'bronze/lineitem'),
    () => optimize(tables, 'silver/lineitem'),
  );
  const engines: readonly StepRule['engine'][] = ['duckdb', 'duckdb', 'duckdb', 'duckdb', 'duckdb', 'spark'];
  for (const rule of [RULES.lineitem, RULES.orders, RULES.q1, RULES.q6, RULES.years, RULES.lineitem, RULES.q1]) {
    actions.push(() => tables.run(rule));
    actions.push(() => tables.run({ ...rule, engine: engines[Math.floor(random() * engines.length)] ?? 'duckdb' }));
    // Dies at some call, and is gone on with by whoever comes next.
    const dies = 1 + Math.floor(random() * 40);
    const when = random() < 0.5 ? 'before' : 'after';
    actions.push(() =>
      tables.run(
        rule,
        createFaultyStore(store, ({ number }) => (number === dies ? { when, kind: 'crash' } : undefined)),
      ),
    );
  }
  // Two of the same step at once, and one beside a compaction of its target.
  actions.push(() => Promise.all([tables.run(RULES.lineitem), tables.run(RULES.lineitem)]));
  actions.push(() => Promise.all([tables.run(RULES.orders), optimize(tables, 'silver/orders')]));

  for (const action of shuffled(actions, random)) await action().catch(ignoreDeath);
}

/** A process that died, and what is not there yet. */
function ignoreDeath(error: unknown): void {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof CrashError) return;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'TABLE_NOT_FOUND' && code !== 'SOURCE_NOT_FOUND') throw error;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

function optimize(tables: StepTables, name: string) {
  const engine = { reader, now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) };
  return optimizeTable(engine, tables.tableAt(name), { deadline: Date.now() + 60_000 });
}

/** Brings all tables up to their sources; one of them by Spark. */
async function finish(tables: StepTables): Promise<void> {
  for (const [name, rule] of Object.entries(RULES)) {
    const { state } = await tables.run(name === 'years' ? { ...rule, engine: 'spark' } : rule);
    assert.equal(state, 'done', name);
  }
}

/** The source tables under the names of the queries: the newest record of each order, and the line items as they are. */
function views(scan: (name: string) => string): string[] {
  const newest = `SELECT *, ROW_NUMBER() OVER (PARTITION BY o_orderkey ORDER BY seq DESC) AS place FROM ${scan('bronze/orders_log')}`;
  const names = 'o_orderkey, o_custkey, o_orderstatus, o_totalprice, o_orderdate, seq';
  const asIs = ['lineitem', ...LOOKUPS].map((name) => [name, `SELECT * FROM ${scan(`bronze/${name}`)}`]);
  const all = [...asIs, ['orders', `SELECT ${names} FROM (${newest}) AS r WHERE place = 1 AND op <> 'D'`]];
  return all.map(([name, query]) => `CREATE OR REPLACE TEMPORARY VIEW ${name} AS ${query}`);
}

async function assertFromScratch(tables: StepTables): Promise<void> {
  const url = (name: string) => tables.tableAt(name).url;
  for (const view of views((name) => `delta_scan('${url(name)}')`)) await execute(view);
  for (const view of views((name) => `delta.\`${url(name)}\``)) await spark(view);

  for (const [name, query] of [
    ['lineitem', LINE_ITEMS],
    ['orders', 'SELECT * FROM orders'],
  ] as const) {
    const silver = `SELECT * FROM delta_scan('${url(`silver/${name}`)}')`;
    const [differences] = (
      await duckDb(`SELECT (SELECT count(*) FROM (${silver} EXCEPT ALL (${query}))) AS more,
        (SELECT count(*) FROM ((${query}) EXCEPT ALL ${silver})) AS less, (SELECT count(*) > 1000 FROM (${query})) AS some`)
    ).rows;
    assert.deepEqual(differences, ['0', '0', 'true'], `silver ${name}`);
  }
  for (const [name, query] of Object.entries(QUERIES)) {
    const expected = await duckDb(query);
    assert.ok(expected.rows.length > 0, name);
    const other = await spark(query);
    assert.deepEqual(sorted(other), sorted(expected), `${name}, computed by Spark and by DuckDB`);
    await assertRows({ readers: enginesOf(found).readers }, url(`gold/${name}`), expected);
  }
}

function sorted({ rows }: Rows): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** Spark, delta-rs and DuckDB find as many rows and the same sums on every layer. */
async function assertReaders(tables: StepTables): Promise<void> {
  const { deltaRs } = enginesOf(found);
  const columns = {
    'bronze/lineitem': 'l_extendedprice',
    'bronze/orders_log': 'o_totalprice',
    'silver/lineitem': 'l_quantity',
    'silver/orders': 'o_totalprice',
    ...Object.fromEntries(Object.entries(SUMS).map(([name, column]) => [`gold/${name}`, column])),
  };
  for (const [name, column] of Object.entries(columns)) {
    const { url } = tables.tableAt(name);
    const query = (from: string) =>
      `SELECT count(*) AS n, CAST(sum(${column}) AS DECIMAL(38, 6)) AS total FROM ${from}`;
    const expected = (await duckDb(query(`delta_scan('${url}')`))).rows;
    assert.deepEqual((await spark(query(`delta.\`${url}\``))).rows, expected, `${name} by Spark`);
    const others = (await deltaRs.call('sql', { statement: query('t'), table: url })) as Rows;
    assert.deepEqual(others.rows, expected, `${name} by delta-rs`);
  }
}
