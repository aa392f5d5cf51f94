import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { REGION } from '../../scripts/local-aws/ministack.ts';
import { createGlueCatalog } from '../../src/aws/glue-catalog.ts';
import type { CatalogTable } from '../../src/catalog/catalog.ts';
import { Deployment } from '../support/deployment.ts';
import { invokeFunction } from '../support/deployment-control.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';
import { waitFor } from '../support/wait-for.ts';

const found = await resource(startS3Server);

/** Time in ms for a function that is started cold on a busy machine. */
const PATIENCE = 120_000;
const PATTERN = 'lake/{database}/{table}';
const COLUMNS = { id: 'long', Name: 'string', to: { struct: { City: 'string', tags: { list: 'string' } } } } as const;

function file(first: number, more: Readonly<Record<string, 'long'>> = {}): Uint8Array {
  const rows = rowsOf(first, 5).map(({ id, name }) => {
    return { id, Name: name, to: { City: 'Bern', tags: ['a'] }, ...(more.price && { price: 2 }) };
  });
  return parquet(rows, { ...COLUMNS, ...more });
}

/** The catalog function as it is deployed, beside the append function, on a local AWS with a Glue catalog. */
describe('the catalog of a deployment', { skip: found.skip ?? false }, () => {
  it('has tables as they are made and change, and those that a schedule finds', async () => {
    const server = available(found);
    Object.assign(process.env, server.env);
    const glue = createGlueCatalog({ region: REGION, endpoint: server.endpoint });
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'catalog.json');
    const tables = [
      {
        prefix: 'lake/{area}/orders',
        partitionColumns: [{ name: 'ds', type: 'date' }],
        description: 'Orders',
        columnComments: { id: 'of the order' },
      },
    ];
    writeFileSync(config, JSON.stringify({ tables, catalog: { pattern: PATTERN, createDatabase: true } }));
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'catalog' }, cdk);
    const { CatalogFunctionName = '', CatalogQueueUrl = '', CatalogDeadLetterQueueUrl = '' } = outputs;
    const landing = new Deployment(server, outputs);
    const untilTable = async (database: string, name: string, fits: (table: CatalogTable) => boolean) => {
      let table: CatalogTable | undefined;
      const isThere = async () => {
        table = await glue.getTable(database, name);
        return table !== undefined && fits(table);
      };
      await waitFor(isThere, `${database}.${name}`, PATIENCE);
      return table ?? assert.fail();
    };
    const untilIdle = async () => {
      await landing.assertHandled(0);
      await landing.untilDepth(CatalogQueueUrl, 0);
      assert.equal(await landing.depth(CatalogDeadLetterQueueUrl), 0);
    };
    const root = 'lake/Sales-EU/orders';
    const paths = ['a', 'b', 'c'].map((name) => `ds=2026-11-20/${name}.parquet`);
    const columns = [
      { Name: 'id', Type: 'bigint', Comment: 'of the order' },
      { Name: 'name', Type: 'string' },
      { Name: 'to', Type: 'struct<city:string,tags:array<string>>' },
    ];

    // A table that is new.
    await landing.store.put(`${root}/${paths[0]}`, file(0));
    const made = await untilTable('sales_eu', 'orders', () => true);
    assert.deepEqual(made.StorageDescriptor?.Columns, [...columns, { Name: 'ds', Type: 'date' }]);
    assert.deepEqual([made.Description, made.VersionId, made.PartitionKeys], ['Orders', '1', []]);
    assert.equal(made.StorageDescriptor?.Location, `${landing.url(root)}/`);

    // Files that change nothing about it.
    await landing.store.put(`${root}/${paths[1]}`, file(10));
    await landing.untilFiles(root, paths.slice(0, 2));
    await untilIdle();
    assert.equal((await glue.getTable('sales_eu', 'orders'))?.VersionId, '1');

    // A column more.
    await landing.store.put(`${root}/${paths[2]}`, file(20, { price: 'long' }));
    const wider = await untilTable('sales_eu', 'orders', ({ VersionId }) => VersionId !== '1');
    const names = wider.StorageDescriptor?.Columns?.map(({ Name, Type }) => `${Name} ${Type}`);
    assert.ok(names?.includes('price bigint'), names?.join());
    assert.equal(names?.length, columns.length + 2);
    assert.equal(wider.VersionId, '2');

    // A table whose name is taken, and one that another writer makes, of which nobody tells.
    const taken = 'lake/sales_eu/orders';
    await landing.store.put(`${taken}/${paths[0]}`, parquet(rowsOf(0, 1)));
    await landing.untilFiles(taken, paths.slice(0, 1));
    await untilIdle();
    await copyTable(landing, root, 'lake/others/hits');
    await invokeFunction(server, CatalogFunctionName, { sweep: true });
    const swept = await untilTable('others', 'hits', () => true);
    assert.deepEqual(swept.StorageDescriptor?.Columns, wider.StorageDescriptor?.Columns);
    await untilIdle();
    const after = await glue.getTable('sales_eu', 'orders');
    assert.deepEqual([after?.VersionId, after?.StorageDescriptor], ['2', wider.StorageDescriptor]);

    // The command sees the same.
    const { stdout, stderr } = await runCli(['glue', 'sync', landing.url(root), '--pattern', PATTERN, '--json'], {
      env: server.env,
    });
    assert.equal(stderr, '');
    const { outcome, database, table } = JSON.parse(stdout);
    assert.deepEqual([outcome, database, table], ['unchanged', 'sales_eu', 'orders']);
    const refused = await runCli(['glue', 'sync', landing.url(taken), '--pattern', PATTERN], { env: server.env });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /sales_eu\.orders is in Glue already, as s3:\/\/.*\/lake\/Sales-EU\/orders\//);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=catalog'], cdk);
  });
});

/** The log of a table, under another root. */
async function copyTable({ store }: Deployment, from: string, to: string): Promise<void> {
  for await (const { key } of store.list(`${from}/_delta_log/`)) {
    await store.putIfAbsent(`${to}${key.slice(from.length)}`, (await store.get(key)).body);
  }
}
