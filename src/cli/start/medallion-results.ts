import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeltaError } from '../../delta/errors.ts';
import { activeFiles, loadSnapshot } from '../../delta/snapshot.ts';
import { relationOf } from '../../medallion/commit/side-table.ts';
import { createDuckDbEngine } from '../../medallion/engine/session.ts';
import type { ResultValue } from '../../medallion/engine.ts';
import type { StepRule } from '../../medallion/rule.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { formatRows } from '../format.ts';
import type { Terminal } from '../terminal.ts';

/** Where the tables of the demo are. */
export interface DemoTables {
  readonly folder: string;
  readonly steps: readonly StepRule[];
  /** By the names of buckets. */
  readonly stores: ReadonlyMap<string, ObjectStore>;
}

const MEMORY = 256 * 2 ** 20;
const reader = createCheckpointReader();

/** Queries that are shown, by the tables that they read. */
const SHOWN = [
  {
    table: 'gold/customers',
    sql: 'SELECT customer, orders, CAST(revenue AS VARCHAR) AS revenue FROM gold_customers ORDER BY gold_customers.revenue DESC LIMIT 5',
  },
  {
    table: 'gold/pages',
    sql: "SELECT page, requests, bytes, slowest, round(100.0 * errors / requests, 1) || ' %' AS errors FROM gold_pages ORDER BY requests DESC",
  },
] as const;

/** Prints what the gold tables say, as DuckDB answers it. */
export async function showMedallion(tables: DemoTables, terminal: Terminal): Promise<void> {
  for (const { table, sql } of SHOWN) {
    const rows = await query(tables, sql);
    await terminal.print(`\n${terminal.style.bold(table)}  ${join(tables.folder, 'landing', table)}`);
    const [first] = rows;
    if (first === undefined) continue;
    const cells = [Object.keys(first), ...rows.map((row) => Object.values(row).map((value) => String(value)))];
    for (const line of formatRows(cells)) await terminal.print(`  ${line}`);
  }
}

/** How much is in the tables, so that it can be compared. All is 0 where there are none yet. */
export async function checkMedallion(tables: DemoTables) {
  const number = async (sql: string) => Number(Object.values((await query(tables, sql))[0] ?? {})[0] ?? 0);
  return {
    goldOrders: await number('SELECT coalesce(sum(orders), 0) FROM gold_customers'),
    goldRevenue: await number('SELECT coalesce(sum(revenue), 0) FROM gold_customers'),
    revenue: await number('SELECT coalesce(sum(total), 0) FROM silver_orders'),
    requests: await number("SELECT count(*) FROM bronze_web_requests WHERE method <> 'DELETE'"),
    goldRequests: await number('SELECT coalesce(sum(requests), 0) FROM gold_pages'),
  };
}

/** Runs a query over the tables of the demo, under names such as `gold_pages`; no rows where one of them is not there. */
async function query(tables: DemoTables, sql: string): Promise<readonly Readonly<Record<string, ResultValue>>[]> {
  const session = await createDuckDbEngine({ tempDir: tmpdir(), memoryLimit: MEMORY }).open();
  try {
    for (const { bucket, prefix } of tables.steps.flatMap(({ source, target }) => [source, target])) {
      const name = prefix.replaceAll('/', '_');
      if (!new RegExp(`\\b${name}\\b`).test(sql)) continue;
      const store = tables.stores.get(bucket);
      if (store === undefined) throw new Error(`there is no bucket "${bucket}"`);
      const snapshot = await loadSnapshot({ store, root: prefix, url: join(tables.folder, bucket, prefix) }, reader);
      const files = (await Array.fromAsync(activeFiles(snapshot, reader))).flat();
      await session.addRelation(relationOf(name, snapshot, files));
      break;
    }
    return await session.query({ name: 'shown', sql });
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return [];
    throw error;
  } finally {
    await session.close();
  }
}
