import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CREDENTIALS, REGION } from '../../../scripts/local-aws/ministack.ts';
import { createGlueCatalog } from '../../../src/aws/glue-catalog.ts';
import type { CatalogTable } from '../../../src/catalog/catalog.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { invokeFunction } from '../../support/deployment-control.ts';
import { parquet, rowsOf } from '../../support/landing.ts';
import { runCli } from '../../support/run-cli.ts';
import type { S3Server } from '../../support/s3-server.ts';
import { eventually, type Suite, type SuitePart } from './suite.ts';

const PATTERN = 'lake/{database}/{table}';
const ROOT = 'lake/Sales-EU/orders';
/** Its name in the catalog would be the same. */
const TAKEN = 'lake/sales_eu/orders';
const COLUMNS = { id: 'long', Name: 'string', to: { struct: { City: 'string', tags: { list: 'string' } } } } as const;
const CATALOG_COLUMNS = [
  { Name: 'id', Type: 'bigint', Comment: 'of the order' },
  { Name: 'name', Type: 'string' },
  { Name: 'to', Type: 'struct<city:string,tags:array<string>>' },
];

/** Tables in a Glue catalog. */
export const catalog: SuitePart = {
  name: 'the catalog',
  config: {
    landing: { prefixes: ['lake'] },
    tables: [
      {
        prefix: 'lake/{area}/orders',
        partitionColumns: [{ name: 'ds', type: 'date' }],
        description: 'Orders',
        columnComments: { id: 'of the order' },
      },
    ],
    catalog: { pattern: PATTERN, createDatabase: true },
  },

  beside(suite) {
    it('has tables as they are made and change, and those that a schedule finds', async () => {
      const { server, stack, output, handled } = suite();
      const { table, untilTable } = tablesOf(suite());
      const untilIdle = () => handled('GroupingQueueUrl', 'QueueUrl', 'CatalogQueueUrl');
      const paths = ['a', 'b', 'c'].map((name) => `ds=2026-11-20/${name}.parquet`);

      // A table that is new.
      await stack.store.put(`${ROOT}/${paths[0]}`, file(0));
      const made = await untilTable('sales_eu', 'orders', () => true);
      assert.deepEqual(made.StorageDescriptor?.Columns, [...CATALOG_COLUMNS, { Name: 'ds', Type: 'date' }]);
      assert.deepEqual([made.Description, made.VersionId, made.PartitionKeys], ['Orders', '1', []]);
      assert.equal(made.StorageDescriptor?.Location, `${stack.url(ROOT)}/`);

      // Files that change nothing about it.
      await stack.store.put(`${ROOT}/${paths[1]}`, file(10));
      await stack.untilFiles(ROOT, paths.slice(0, 2));
      await untilIdle();
      assert.equal((await table('sales_eu', 'orders'))?.VersionId, '1');

      // A column more.
      await stack.store.put(`${ROOT}/${paths[2]}`, file(20, { price: 'long' }));
      const wider = await untilTable('sales_eu', 'orders', ({ VersionId }) => VersionId !== '1');
      const names = wider.StorageDescriptor?.Columns?.map(({ Name, Type }) => `${Name} ${Type}`);
      assert.ok(names?.includes('price bigint'), names?.join());
      assert.equal(names?.length, CATALOG_COLUMNS.length + 2);
      assert.equal(wider.VersionId, '2');

      // A table whose name is taken, and one that another writer makes, of which nobody tells.
      await stack.store.put(`${TAKEN}/${paths[0]}`, parquet(rowsOf(0, 1)));
      await stack.untilFiles(TAKEN, paths.slice(0, 1));
      await untilIdle();
      await copyTable(stack.store, ROOT, 'lake/others/hits');
      await invokeFunction(server, output('CatalogFunctionName'), { sweep: true });
      const swept = await untilTable('others', 'hits', () => true);
      assert.deepEqual(swept.StorageDescriptor?.Columns, wider.StorageDescriptor?.Columns);
      await untilIdle();
      const after = await table('sales_eu', 'orders');
      assert.deepEqual([after?.VersionId, after?.StorageDescriptor], ['2', wider.StorageDescriptor]);
      await assertCommandAgrees(server, stack.url(ROOT), stack.url(TAKEN));
    });
  },
};

function file(first: number, more: Readonly<Record<string, 'long'>> = {}): Uint8Array {
  const rows = rowsOf(first, 5).map(({ id, name }) => {
    return { id, Name: name, to: { City: 'Bern', tags: ['a'] }, ...(more.price && { price: 2 }) };
  });
  return parquet(rows, { ...COLUMNS, ...more });
}

function tablesOf({ server }: Suite) {
  process.env.AWS_ACCESS_KEY_ID = CREDENTIALS.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = CREDENTIALS.secretAccessKey;
  const glue = createGlueCatalog({ region: REGION, endpoint: server.endpoint });
  const table = (database: string, name: string) => glue.getTable(database, name);
  return {
    table,
    async untilTable(database: string, name: string, fits: (one: CatalogTable) => boolean): Promise<CatalogTable> {
      let seen: CatalogTable | undefined;
      const isThere = async () => {
        seen = await table(database, name);
        return seen !== undefined && fits(seen);
      };
      await eventually(isThere, `${database}.${name} in the catalog, as expected`);
      return seen ?? assert.fail();
    },
  };
}

/** The command sees the same. */
async function assertCommandAgrees({ env }: S3Server, url: string, taken: string): Promise<void> {
  const { stdout, stderr } = await runCli(['glue', 'sync', url, '--pattern', PATTERN, '--json'], { env });
  assert.equal(stderr, '');
  const { outcome, database, table } = JSON.parse(stdout);
  assert.deepEqual([outcome, database, table], ['unchanged', 'sales_eu', 'orders']);
  const refused = await runCli(['glue', 'sync', taken, '--pattern', PATTERN], { env });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /sales_eu\.orders is in Glue already, as s3:\/\/.*\/lake\/Sales-EU\/orders\//);
}

/** The log of a table, under another root. */
async function copyTable(store: ObjectStore, from: string, to: string): Promise<void> {
  for await (const { key } of store.list(`${from}/_delta_log/`)) {
    await store.putIfAbsent(`${to}${key.slice(from.length)}`, (await store.get(key)).body);
  }
}
