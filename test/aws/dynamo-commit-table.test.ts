import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createDynamoCommitTable } from '../../src/aws/dynamo-commit-table.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { type CommitEntry, type CommitTable, isCommitProtocolError } from '../../src/storage/commits/commit-table.ts';
import { createCoordinatedStore } from '../../src/storage/commits/coordinated-store.ts';
import { createCommitTable, dynamoClient, dynamoOptions } from '../support/dynamo-table.ts';
import { createMemoryCommitTable } from '../support/memory-commit-table.ts';
import { startS3Server } from '../support/s3-server.ts';
import { listKeys, rejectsWith } from '../support/store-assertions.ts';
import { available, resource } from '../support/unavailable.ts';

const server = await resource(startS3Server);
const options = () => dynamoOptions(available(server));
const client = () => dynamoClient(available(server));
const createTable = () => createCommitTable(available(server));

const PATH = 's3a://lake/orders';
const fileOf = (version: number): string => `${String(version).padStart(20, '0')}.json`;
const entryOf = (version: number, tempPath = `.tmp/${fileOf(version)}.x`): CommitEntry => ({
  tablePath: PATH,
  fileName: fileOf(version),
  tempPath,
  complete: false,
});

contract('the memory table of the tests', async () => createMemoryCommitTable(), {});
contract('the DynamoDB table', async () => createDynamoCommitTable({ name: await createTable(), ...options() }), {
  skip: server.skip,
});

describe('the DynamoDB table', { skip: server.skip ?? false }, () => {
  it('keeps items as Spark and delta-rs read them', async () => {
    const name = await createTable();
    const table = createDynamoCommitTable({ name, ...options() });
    await table.putIfAbsent(entryOf(7));
    const read = () => getItem(name, 7);
    const item = {
      tablePath: { S: PATH },
      fileName: { S: '00000000000000000007.json' },
      tempPath: { S: '.tmp/00000000000000000007.json.x' },
      complete: { S: 'false' },
    };
    assert.deepEqual(await read(), item);
    await table.complete(entryOf(7), 1_800_000_000);
    assert.deepEqual(await read(), { ...item, complete: { S: 'true' }, expireTime: { N: '1800000000' } });
  });

  it('reads what Spark writes when it completes an entry', async () => {
    const name = await createTable();
    const table = createDynamoCommitTable({ name, ...options() });
    await client().send(
      new PutItemCommand({
        TableName: name,
        Item: {
          tablePath: { S: PATH },
          fileName: { S: fileOf(3) },
          tempPath: { S: '.tmp/x' },
          complete: { S: 'true' },
          expireTime: { N: '1800000000' },
        },
      }),
    );
    const entry = { ...entryOf(3, '.tmp/x'), complete: true, expireTime: 1_800_000_000 };
    assert.deepEqual(await table.get(PATH, fileOf(3)), entry);
    assert.deepEqual(await table.latest(PATH), entry);
  });

  it('says what is wrong with a table that is not there, or holds something else', async () => {
    const missing = createDynamoCommitTable({ name: 'no-such-table', ...options() });
    await assert.rejects(missing.latest(PATH), (error) => {
      assert.ok(isCommitProtocolError(error, 'COMMIT_TABLE_UNUSABLE'));
      assert.match(error.message, /DynamoDB table "no-such-table": ResourceNotFoundException/);
      return true;
    });
    const name = await createTable();
    await client().send(
      new PutItemCommand({ TableName: name, Item: { tablePath: { S: PATH }, fileName: { S: fileOf(0) } } }),
    );
    const other = createDynamoCommitTable({ name, ...options() });
    await assert.rejects(other.get(PATH, fileOf(0)), /is no entry of a commit: .*tempPath/);
  });

  it('is UNAVAILABLE where nobody answers', async () => {
    const table = createDynamoCommitTable({ name: 'x', ...options(), endpoint: 'http://127.0.0.1:9' });
    await rejectsWith('UNAVAILABLE', table.get(PATH, fileOf(0)));
  });

  it('gives each version to one of many writers over S3', async () => {
    const s3 = available(server);
    const bucket = await s3.createBucket();
    const name = await createTable();
    const writers = Array.from({ length: 8 }, () => {
      const table = createDynamoCommitTable({ name, ...options() });
      const store = createS3Store({ client: s3.client(), bucket });
      return createCoordinatedStore({ store, coordinationOf: () => ({ table, tablePath: PATH }) });
    });
    const log = 'orders/_delta_log/';
    for (let version = 0; version < 5; version += 1) {
      const key = log + fileOf(version);
      const results = await Promise.all(
        writers.map((store, writer) => store.putIfAbsent(key, Buffer.from(`writer ${writer}`))),
      );
      const winners = results.flatMap((result, writer) => (result === 'created' ? [writer] : []));
      assert.equal(winners.length, 1);
      const [store] = writers;
      const object = await store?.get(key);
      assert.equal(Buffer.from(object?.body ?? []).toString(), `writer ${winners[0]}`);
      assert.equal((await getItem(name, version))?.complete?.S, 'true');
    }
    const [store] = writers;
    assert.deepEqual(
      store && (await listKeys(store, log)),
      [0, 1, 2, 3, 4].map((version) => log + fileOf(version)),
    );
  });
});

function contract(name: string, makeTable: () => Promise<CommitTable>, { skip }: { skip?: string | undefined }): void {
  describe(`${name} keeps the contract of a commit table`, { skip: skip ?? false }, () => {
    it('has no entry of a table that has none', async () => {
      const table = await makeTable();
      await table.putIfAbsent({ ...entryOf(0), tablePath: 's3://lake/orders' });
      assert.equal(await table.latest(PATH), undefined);
      assert.equal(await table.get(PATH, fileOf(0)), undefined);
    });

    it('finds the entry with the greatest version, and each by its name', async () => {
      const table = await makeTable();
      for (const version of [9, 11, 10]) assert.equal(await table.putIfAbsent(entryOf(version)), 'created');
      assert.deepEqual(await table.latest(PATH), entryOf(11));
      assert.deepEqual(await table.get(PATH, fileOf(10)), entryOf(10));
    });

    it('lets one of 20 have a version', async () => {
      const table = await makeTable();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, writer) => table.putIfAbsent(entryOf(1, `.tmp/${writer}`))),
      );
      assert.equal(results.filter((result) => result === 'created').length, 1);
      assert.equal((await table.get(PATH, fileOf(1)))?.tempPath, `.tmp/${results.indexOf('created')}`);
    });

    it('completes an entry once, and no other one in its place', async () => {
      const table = await makeTable();
      await table.putIfAbsent(entryOf(1));
      await table.complete(entryOf(1, '.tmp/another'), 5);
      assert.deepEqual(await table.get(PATH, fileOf(1)), entryOf(1));
      await table.complete(entryOf(1), 6);
      await table.complete(entryOf(1), 7);
      assert.deepEqual(await table.get(PATH, fileOf(1)), { ...entryOf(1), complete: true, expireTime: 6 });
      await table.complete(entryOf(2), 8);
      assert.equal(await table.get(PATH, fileOf(2)), undefined);
      assert.equal(await table.putIfAbsent(entryOf(1)), 'exists');
    });
  });
}

async function getItem(name: string, version: number) {
  const key = { tablePath: { S: PATH }, fileName: { S: fileOf(version) } };
  const { Item: item } = await client().send(new GetItemCommand({ TableName: name, Key: key, ConsistentRead: true }));
  return item;
}
