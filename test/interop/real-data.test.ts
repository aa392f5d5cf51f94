import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Compression, readParquet, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { Rows } from '../support/interop/engines.ts';
import type { LineProcess } from '../support/interop/line-process.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { enginesOf, findEngines } from '../support/interop/readers.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
const store = createFolderStore(folder);

const WRITERS = ['pyarrow', 'polars', 'duckdb', 'spark', 'parquet-wasm'] as const;

describe('Real data, every part of which is written by another writer', { skip: found.skip ?? false }, () => {
  before(async () => {
    const { duckDb, writers } = enginesOf(found);
    await duckDb.call('execute', { statement: 'CALL dbgen(sf = 0.01)' });
    await duckDb.call('execute', { statement: `COPY lineitem TO '${join(folder, 'lineitem.parquet')}'` });
    await writers.call('flights', { path: join(folder, 'flights.parquet') });
  });

  it('has the same totals in all readers: the line items of TPC-H, appended at once', async () => {
    const keys = await writeParts('lineitem');
    await createPipeline(store).append(...keys);
    await assertTotals(
      'lineitem',
      `SELECT l_returnflag AS flag, l_linestatus AS status, count(*) AS n, count(DISTINCT l_orderkey) AS orders,
         sum(l_quantity) AS quantity, sum(l_extendedprice) AS price, min(l_discount) AS discount,
         min(l_shipdate) AS first, max(l_receiptdate) AS last, max(l_comment) AS comment
       FROM t WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus ORDER BY 1, 2`,
      4,
    );
  });

  it('has the same totals in all readers: the flights from New York in 2013, appended part by part', async () => {
    const pipeline = createPipeline(store);
    for (const key of await writeParts('flights')) await pipeline.append(key);
    await assertTotals(
      'flights',
      `SELECT origin, count(*) AS n, count(dep_delay) AS departed, sum(CAST(arr_delay AS BIGINT)) AS delay,
         sum(distance) AS distance, count(DISTINCT tailnum) AS planes, min(time_hour) AS first, max(time_hour) AS last
       FROM t WHERE carrier <> 'UA' AND month > 1 GROUP BY origin ORDER BY 1`,
      3,
    );
  });
});

/** Deals the rows out to one file a writer in the folder of the table, and gives their keys. */
async function writeParts(name: string): Promise<string[]> {
  const { spark, writers } = enginesOf(found);
  const parts = WRITERS.map((writer) => join(folder, 'parts', `${name}-${writer}.parquet`));
  await writers.call('split', { source: join(folder, `${name}.parquet`), targets: parts });
  for (const [index, writer] of WRITERS.entries()) {
    const source = parts[index] ?? '';
    const key = `${name}/${writer}.parquet`;
    const target = join(folder, key);
    if (writer === 'spark') await spark.call('rewrite', { source, target });
    else if (writer === 'parquet-wasm') await store.put(key, rewriteWithWasm(await readFile(source)));
    else await writers.call('rewrite', { source, target, writer });
  }
  return WRITERS.map((writer) => `${name}/${writer}.parquet`);
}

function rewriteWithWasm(bytes: Uint8Array): Uint8Array {
  const properties = new WriterPropertiesBuilder().setCompression(Compression.ZSTD).build();
  return writeParquet(readParquet(bytes), properties);
}

/** Compares with DuckDB on the source, before it came apart. */
async function assertTotals(name: string, query: string, groups: number): Promise<void> {
  const { spark, deltaRs, duckDb } = enginesOf(found);
  assert.deepEqual(await createPipeline(store).quarantined(name), []);
  const table = join(folder, name);
  const sql = async (engine: LineProcess, source: string, values: object = {}) =>
    (await engine.call('sql', { statement: query.replace('FROM t', `FROM ${source}`), ...values })) as Rows;

  const { rows: expected } = await sql(duckDb, `read_parquet('${join(folder, `${name}.parquet`)}')`);
  assert.equal(expected.length, groups);
  assert.deepEqual((await sql(duckDb, `delta_scan('${table}')`)).rows, expected, 'DuckDB');
  assert.deepEqual((await sql(deltaRs, 't', { table })).rows, expected, 'delta-rs');
  assert.deepEqual((await sql(spark, `delta.\`${table}\``)).rows, expected, 'Spark');
}
