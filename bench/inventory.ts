/**
 * What reading an S3 Inventory takes: `node bench/inventory.ts [rows] [parquet|csv.gz]`. DuckDB and pyarrow write it (needs Python), with
 * one row group for a million rows; it is read in a process of its own, whose time and most memory are told.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonEnv } from '../scripts/local-aws/python-env.ts';
import { readInventory } from '../src/cli/inventory/read-inventory.ts';
import { PYTHON_PACKAGES } from '../test/support/interop/engines.ts';

const [rows = '1000000', format = 'parquet', path] = process.argv.slice(2);

const QUERY = `SELECT 'lake' AS bucket, 'lake/orders/ds=' || strftime(DATE '2020-01-01' + (i // 1000)::INTEGER, '%Y-%m-%d') || '/part-' || i
  || '-' || md5(i::VARCHAR) || '.snappy.parquet' AS key, i * 7 AS size, (TIMESTAMP '2026-01-01' + to_seconds(i))::TIMESTAMP_MS AS last_modified_date,
  md5((i + 1)::VARCHAR) AS e_tag FROM range(${rows}) t(i)`;

const MAKE = `
import sys, duckdb, pyarrow.parquet as pq
query, format, file = sys.argv[1:]
names = {'bucket': 'Bucket', 'key': 'Key', 'size': 'Size', 'last_modified_date': 'LastModifiedDate', 'e_tag': 'ETag'}
rows = duckdb.sql(query)
if format == 'parquet':
    pq.write_table(rows.fetch_arrow_table(), file, compression='gzip', row_group_size=1000000)
else:
    named = ', '.join(f'{name} AS {csv}' for name, csv in names.items())
    rows.project(named).write_csv(file, compression='gzip', timestamp_format='%Y-%m-%dT%H:%M:%S.%gZ')
`;

async function makeInventory(file: string): Promise<void> {
  const python = join(await pythonEnv('interop', PYTHON_PACKAGES), 'bin', 'python');
  const { status } = spawnSync(python, ['-c', MAKE, QUERY, format, file], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`the inventory could not be made: Python ended with ${status}`);
}

/** In the process that is measured. */
async function measure(file: string): Promise<void> {
  const begin = process.hrtime.bigint();
  let count = 0;
  let bytes = 0;
  for await (const { size } of readInventory(file, { url: 's3://lake/lake/orders', root: 'lake/orders' })) {
    count += 1;
    bytes += size;
  }
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  console.log(JSON.stringify({ count, bytes, seconds, maxRSS: process.resourceUsage().maxRSS }));
}

if (path !== undefined) {
  await measure(path);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-inventory-'));
  try {
    const file = join(folder, `inventory.${format}`);
    await makeInventory(file);
    const { stdout, status } = spawnSync(process.execPath, [import.meta.filename, rows, format, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw new Error(`the process ended with ${status}`);
    const { count, seconds, maxRSS } = JSON.parse(String(stdout));
    const megabytes = (statSync(file).size / 1e6).toFixed(0);
    console.log(
      `${count} rows, ${megabytes} MB of ${format}: ${seconds.toFixed(1)} s, at most ${Math.round(maxRSS / 1024)} MiB`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}
