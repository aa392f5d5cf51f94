import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../../src/local/demo/random.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import { vacuumTable } from '../../src/maintenance/vacuum/vacuum.ts';
import type { StepRule } from '../../src/medallion/rule.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { CrashError, createFaultyStore } from '../support/faulty-store.ts';
import type { Rows } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { createSparkSessionJobs } from '../support/interop/spark-session-jobs.ts';
import { createStepTables, reader, type StepTables } from '../support/interop/step-tables.ts';
import { LINE_ITEMS, LOG, LOOKUPS, ORDERS_LOG, QUERIES, RULES, SUMS } from '../support/interop/tpch.ts';
import { createStepProcesses } from '../support/step-processes.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
/** Of TPC-H: 60,000 line items of 15,000 orders. */
const SCALE = 0.01;
/** Parts in which the rows of a table arrive. */
const PORTIONS = 4;
/** ms after which a process that has begun a step is killed, at most: a run of one takes about as long. */
const LATEST_KILL = 600;
/** Deletes whatever the latest version does not have. */
const VACUUM = { retention: 0, allowShortRetention: true, orphans: 'delete' } as const;

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
      const played: string[] = [];
      try {
        await playHistory(tables, property, createRandom(seed), played);
        await finish(tables);
        await assertFromScratch(tables);
        await assertReaders(tables);
      } catch (error) {
        throw new Error(`seed ${seed}, after: ${played.join('; ')}`, { cause: error });
      }
    });
  }
});

type Action = readonly [name: string, play: () => Promise<unknown>];

/**
 * What happens to the tables, in an order that chance makes: what arrives, changes, is put together, deleted, and computed.
 * `played` gets the names of what was done.
 */
async function playHistory(tables: StepTables, property: string, random: Random, played: string[]): Promise<void> {
  const land = landing(tables);
  for (const table of LOOKUPS) await land(table, 'all');
  for (const table of ['lineitem', 'orders_log']) await land(table, '0', `${table}-0`);
  const lineItems = `delta.\`${tables.tableAt('bronze/lineitem').url}\``;
  await spark(`ALTER TABLE ${lineItems} SET TBLPROPERTIES ('${property}' = 'true')`);

  const actions: Action[] = [...changes(lineItems), ...upkeep(tables)];
  for (let portion = 1; portion < PORTIONS; portion++) {
    for (const table of ['lineitem', 'orders_log']) {
      actions.push([`land ${table} ${portion}`, () => land(table, String(portion), `${table}-${portion}`)]);
    }
  }
  for (const rule of Object.values(RULES).filter(({ mode }) => mode.kind !== 'replace')) {
    actions.push(...runsInProcess(tables, rule, random));
  }
  const processes = createStepProcesses(tables.folder);
  const killsOf = (count: number) => Array.from({ length: count }, () => random.whole(0, LATEST_KILL));
  for (const rule of [RULES.lineitem, RULES.orders, RULES.log, RULES.q1, RULES.q6, RULES.years, RULES.lineitem]) {
    // A commit of the source in a batch, so that there are many moments between two commits.
    const small = { ...rule, limits: { ...rule.limits, maxVersions: 1 } };
    const kills = killsOf(3);
    actions.push([`${rule.name}, killed after ${kills} ms`, () => processes.deliver(small, kills)]);
  }
  for (const rule of [RULES.lineitem, RULES.orders, RULES.log, RULES.q1, RULES.q6]) {
    const kills = killsOf(random.whole(0, 1));
    const twice = () => processes.deliverTwice(rule, kills);
    actions.push([`${rule.name} twice at once, the other killed after ${kills.join() || 'no'} ms`, twice]);
  }
  // The first thing is that a process dies before its step has a target.
  await processes.deliver(RULES.lineitem, [0]);
  for (const [name, play] of shuffled(actions, random)) {
    played.push(name);
    await play().catch(ignoreDeath);
  }
  assert.ok(processes.killed > 0, 'processes were killed at work');
}

/** Copies a part of TPC-H into the folder of a table, and has it appended. */
function landing(tables: StepTables) {
  const pipeline = createPipeline(createFolderStore(tables.folder));
  return async (table: string, part: string, name = table): Promise<void> => {
    const key = `bronze/${table}/${part}.parquet`;
    await mkdir(join(tables.folder, `bronze/${table}`), { recursive: true });
    await execute(`COPY (SELECT * FROM '${join(parts, `${name}.parquet`)}') TO '${join(tables.folder, key)}'`);
    await pipeline.append(key);
  };
}

/** Rows of line items that another writer changes. */
function changes(lineItems: string): Action[] {
  const some = (where: string) => `SELECT l_orderkey, * EXCEPT (l_orderkey) FROM ${lineItems} WHERE ${where}`;
  const moved = `SELECT l_orderkey + 10000000 AS l_orderkey, * EXCEPT (l_orderkey) FROM ${lineItems} WHERE l_orderkey % 17 = 4`;
  return [
    ['delete', () => spark(`DELETE FROM ${lineItems} WHERE l_orderkey % 13 = 0`)],
    ['update', () => spark(`UPDATE ${lineItems} SET l_quantity = l_quantity + 1 WHERE l_orderkey % 9 = 1`)],
    [
      'merge',
      () =>
        spark(`MERGE INTO ${lineItems} t USING (${some('l_orderkey % 17 = 3')} UNION ALL ${moved}) s
          ON t.l_orderkey = s.l_orderkey AND t.l_linenumber = s.l_linenumber
          WHEN MATCHED AND s.l_orderkey % 2 = 0 THEN DELETE
          WHEN MATCHED THEN UPDATE SET t.l_discount = 0.06 WHEN NOT MATCHED THEN INSERT *`),
    ],
  ];
}

function upkeep(tables: StepTables): Action[] {
  const names = ['bronze/lineitem', 'bronze/orders_log', 'silver/lineitem', 'silver/orders', 'gold/q1'];
  const made = ['bronze/orders_log', 'silver/lineitem', 'silver/orders', 'gold/q1'];
  return [
    ...names.map((name): Action => [`optimize ${name}`, () => optimize(tables, name)]),
    ...made.map((name): Action => [`checkpoint ${name}`, () => checkpointTable(engine, tables.tableAt(name))]),
    [
      'optimize silver/orders beside its step',
      () => Promise.all([tables.run(RULES.orders), optimize(tables, 'silver/orders')]),
    ],
    ['vacuum', () => vacuumAll(tables)],
  ];
}

/** Deletes all files that no latest version has, when no step needs them any more. */
async function vacuumAll(tables: StepTables): Promise<void> {
  for (const rule of Object.values(RULES)) await tables.run(rule);
  for (const name of [
    'bronze/lineitem',
    'bronze/orders_log',
    'silver/lineitem',
    'silver/orders',
    'gold/q1',
    'gold/years',
  ]) {
    await vacuumTable(engine, tables.tableAt(name), VACUUM);
  }
}

/** A run, and one that dies at some call of the store, which whoever comes next goes on with. */
function runsInProcess(tables: StepTables, rule: StepRule, random: Random): Action[] {
  const store = createFolderStore(tables.folder);
  const chosen = random.pick<StepRule['engine']>(['duckdb', 'duckdb', 'duckdb', 'duckdb', 'duckdb', 'spark']);
  const dies = random.whole(1, 40);
  const when = random.pick<'before' | 'after'>(['before', 'after']);
  const faulty = () =>
    createFaultyStore(store, ({ number }) => (number === dies ? { when, kind: 'crash' } : undefined));
  return [
    [`${rule.name} by ${chosen}`, () => tables.run({ ...rule, engine: chosen })],
    [`${rule.name}, dead ${when} call ${dies}`, () => tables.run(rule, faulty())],
  ];
}

/** A process that died, and what is not there yet. */
function ignoreDeath(error: unknown): void {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof CrashError) return;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'TABLE_NOT_FOUND' && code !== 'SOURCE_NOT_FOUND') throw error;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

const engine = { reader, now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) };

function optimize(tables: StepTables, name: string) {
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
  const all = [
    ...asIs,
    ['orders_log', `SELECT * FROM ${scan('bronze/orders_log')}`],
    ['orders', `SELECT ${names} FROM (${newest}) AS r WHERE place = 1 AND op <> 'D'`],
  ];
  return all.map(([name, query]) => `CREATE OR REPLACE TEMPORARY VIEW ${name} AS ${query}`);
}

async function assertFromScratch(tables: StepTables): Promise<void> {
  const url = (name: string) => tables.tableAt(name).url;
  for (const view of views((name) => `delta_scan('${url(name)}')`)) await execute(view);
  for (const view of views((name) => `delta.\`${url(name)}\``)) await spark(view);

  for (const [name, query] of [
    ['lineitem', LINE_ITEMS],
    ['orders', 'SELECT * FROM orders'],
    ['log', LOG],
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
    'silver/log': 'price',
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
