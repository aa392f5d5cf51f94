import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coordinate } from '../../src/aws/coordinate.ts';
import { createDynamoCommitTable } from '../../src/aws/dynamo-commit-table.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey, logKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { createCommitTable, dynamoOptions } from '../support/dynamo-table.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const server = await resource(startS3Server);

describe('a command with RESACA_COMMIT_TABLE', { skip: server.skip ?? false }, () => {
  it('sees a commit whose writer died before it was in the log, under the scheme of the argument', async () => {
    const { bucket, env, table, commitTable } = await tableWithDeadWriter();
    const plain = await runCli(['inspect', `s3a://${bucket}/orders`, '--json'], { env });
    assert.equal(plain.code, 0, plain.stderr);
    assert.equal(JSON.parse(plain.stdout).version, 0);

    const withTable = { ...env, RESACA_COMMIT_TABLE: commitTable };
    const other = await runCli(['inspect', `s3://${bucket}/orders`, '--json'], { env: withTable });
    assert.equal(JSON.parse(other.stdout).version, 0, 'another table, for DynamoDB');
    const found = await runCli(['inspect', `s3a://${bucket}/orders`, '--json'], { env: withTable });
    assert.equal(found.code, 0, found.stderr);
    assert.equal(JSON.parse(found.stdout).version, 1);
    assert.ok(await table.store.head(commitKey(table, 1)));
  });

  it('says which variable is wrong, and which table is not there', async () => {
    const { bucket, env } = await tableWithDeadWriter();
    const location = `s3a://${bucket}/orders`;
    const bad = await runCli(['inspect', location], { env: { ...env, RESACA_COMMIT_TABLE: 'a b' } });
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /RESACA_COMMIT_TABLE: expected 3-255 letters/);
    const missing = await runCli(['inspect', location], { env: { ...env, RESACA_COMMIT_TABLE: 'no-such-table' } });
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /DynamoDB table "no-such-table": ResourceNotFoundException/);
  });
});

/** A table with version 0, and version 1 committed by a writer that died at once. */
async function tableWithDeadWriter() {
  const s3 = available(server);
  const [bucket, commitTable] = await Promise.all([s3.createBucket(), createCommitTable(s3)]);
  const store = createS3Store({ client: s3.client(), bucket });
  const table = { store, root: 'orders', url: `s3a://${bucket}/orders` };
  const entries = createDynamoCommitTable({ name: commitTable, ...dynamoOptions(s3) });
  const schema = { type: 'struct', fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }] } as const;
  const actions = newTableActions({
    schema,
    partitionColumns: [],
    configuration: {},
    id: crypto.randomUUID(),
    createdTime: 0,
  });
  const info = (operation: string) => ({ commitInfo: { timestamp: 0, operation, txnId: crypto.randomUUID() } });
  await store.putIfAbsent(commitKey(table, 0), serializeCommit([info('CREATE TABLE'), ...actions]));
  const fileName = '00000000000000000001.json';
  const tempPath = `.tmp/${fileName}.${crypto.randomUUID()}`;
  await store.put(logKey(table, tempPath), serializeCommit([info('WRITE')]));
  await entries.putIfAbsent({ tablePath: table.url, fileName, tempPath, complete: false });
  assert.equal(await coordinate(store, bucket, []).head(commitKey(table, 1)), undefined);
  return { bucket, commitTable, table, env: { ...s3.env } };
}
