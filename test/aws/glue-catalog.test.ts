import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGlueCatalog } from '../../src/aws/glue-catalog.ts';
import type { CatalogTable } from '../../src/catalog/catalog.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

const tableOf = (columns: readonly string[]): CatalogTable => ({
  Name: 'orders',
  TableType: 'EXTERNAL_TABLE',
  Parameters: { table_type: 'DELTA' },
  PartitionKeys: [],
  StorageDescriptor: {
    Columns: columns.map((Name) => ({ Name, Type: 'bigint' })),
    Location: 's3://lake/orders/',
    SerdeInfo: { Parameters: { path: 's3://lake/orders/' } },
  },
});

describe('the Glue Data Catalog', { skip: aws.skip ?? false }, () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const open = () => createGlueCatalog({ region: 'us-east-1', endpoint: available(aws).endpoint });

  it('has a table once, in a database that is there', async () => {
    const catalog = open();
    assert.equal(await catalog.getTable('new', 'orders'), undefined);
    assert.equal(await catalog.createTable('new', tableOf(['a'])), 'noDatabase');
    await catalog.createDatabase('new');
    await catalog.createDatabase('new');
    assert.equal(await catalog.getTable('new', 'orders'), undefined);
    assert.equal(await catalog.createTable('new', tableOf(['a'])), 'created');
    assert.equal(await catalog.createTable('new', tableOf(['b'])), 'exists');
    const { StorageDescriptor: storage, Parameters } = (await catalog.getTable('new', 'orders')) ?? {};
    assert.deepEqual(
      { storage, Parameters },
      { storage: tableOf(['a']).StorageDescriptor, Parameters: { table_type: 'DELTA' } },
    );
  });

  it('replaces a table of the version that was looked at, and of no other', async () => {
    const catalog = open();
    await catalog.createDatabase('versions');
    await catalog.createTable('versions', tableOf(['a']));
    const seen = (await catalog.getTable('versions', 'orders')) ?? assert.fail('there is no table');
    const wider = { ...seen, Owner: 'someone', StorageDescriptor: tableOf(['a', 'b']).StorageDescriptor };
    assert.equal(await catalog.updateTable('versions', wider), 'updated');
    assert.equal(await catalog.updateTable('versions', { ...seen, Owner: 'late' }), 'changed');
    const now = await catalog.getTable('versions', 'orders');
    assert.deepEqual([now?.Owner, now?.StorageDescriptor?.Columns?.length], ['someone', 2]);
    assert.equal(await catalog.updateTable('versions', { ...seen, Name: 'gone' }), 'changed');
  });

  it('tells what keeps it from answering', async () => {
    const catalog = createGlueCatalog({ region: 'us-east-1', endpoint: 'http://127.0.0.1:9' });
    await assert.rejects(catalog.getTable('a', 'b'), /AWS Glue could not be asked for the table a\.b: .*ECONNREFUSED/);
  });
});
