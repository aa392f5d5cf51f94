import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetObjectTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { bootstrap, type CdkOptions, deployStack, type StackOutputs } from '../../scripts/local-aws/cdk.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { parseNotification } from '../../src/ingest/notifications.ts';
import { Deployment } from '../support/deployment.ts';
import { enableMapping, logLines } from '../support/deployment-control.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Time in ms for functions that are started cold on a busy machine. */
const PATIENCE = 120_000;
const TABLES = ['web', 'lake/orders', 'tenants/a/clicks', 'tenants/b/clicks'];
const FILES_OF_A_TABLE = 15;

const CONFIG = {
  stage: 'grouped',
  append: { queue: 'grouped', batchingWindow: 1 },
  tables: [{ prefix: 'tenants/{tenant}/clicks' }],
  maintenance: false,
  tagging: {
    rules: [
      { prefix: 'tenants/{tenant}', suffix: '.csv', tags: { tenant: '{tenant}', day: '{ds}', kind: '{extension}' } },
      { suffix: '.csv', tags: { team: 'data', kind: 'any' } },
    ],
  },
};

/** Both functions beside the append function, in one stack on a local AWS. */
describe('a deployment with grouped events and tags', { skip: found.skip ?? false }, () => {
  const { server, deltaRs } = available(found);
  const folder = makeTempFolder();
  const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
  const client = server.client();
  const sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
  let outputs: StackOutputs = {};
  let stack: Deployment;

  before(async () => {
    const file = join(folder, 'grouped.json');
    writeFileSync(file, JSON.stringify(CONFIG));
    await bootstrap(cdk);
    ({ outputs } = await deployStack({ config: file }, cdk));
    stack = new Deployment(server, outputs);
  });

  /** Of the functions beside the append function, one of their outputs. */
  const output = (name: string): string => outputs[name] ?? assert.fail(`the stack has no output ${name}`);

  async function untilQuiet(): Promise<void> {
    await stack.untilDepth(output('GroupingQueueUrl'), 0);
    await stack.untilDepth(output('QueueUrl'), 0);
    for (const name of ['GroupingDeadLetterQueueUrl', 'DeadLetterQueueUrl']) {
      assert.equal(await stack.depth(output(name)), 0, name);
    }
  }

  const rowCount = async (root: string): Promise<string> => {
    const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
    const statement = 'SELECT count(*) FROM t';
    const answer = await deltaRs.call('sql', { table: stack.url(root), statement, storage });
    return String((answer as Rows).rows[0]?.[0]);
  };

  const tagsOf = async (Key: string, VersionId?: string): Promise<Record<string, string>> => {
    const { TagSet = [] } = await client.send(
      new GetObjectTaggingCommand({ Bucket: stack.bucket, Key, ...(VersionId !== undefined && { VersionId }) }),
    );
    return Object.fromEntries(TagSet.map(({ Key: key = '', Value = '' }) => [key, Value]));
  };

  it('brings files into their tables, one committer at a time each, with overwrites and deletions', async () => {
    const paths = Array.from({ length: FILES_OF_A_TABLE }, (_, index) => `ds=2026-11-2${index % 3}/${index}.parquet`);
    const everywhere = (some: readonly string[], work: (key: string, index: number) => Promise<void>) =>
      Promise.all(TABLES.flatMap((root) => some.map((path, index) => work(`${root}/${path}`, index))));
    await everywhere(paths, (key, index) => stack.store.put(key, parquet(rowsOf(index * 10, 10))));
    const overwritten = paths.slice(0, 4);
    const deleted = paths.slice(4, 8);
    await everywhere(overwritten, (key, index) => stack.store.put(key, parquet(rowsOf(index * 10, 3))));
    await everywhere(deleted, (key) => stack.store.delete(key));
    const expected = paths.filter((path) => !deleted.includes(path));
    for (const root of TABLES) {
      await stack.untilFiles(root, expected);
      await eventually(async () => (await rowCount(root)) === String(7 * 10 + 4 * 3), `the rows of ${root}`);
    }
    await untilQuiet();
    // No two invocations ever worked on one table.
    const lines = (await logLines(server, output('LogGroupName'), 'conflicts')).map(({ message }) => message);
    assert.ok(lines.length > 0);
    assert.deepEqual(
      lines.filter((line) => !/"conflicts":0\b/.test(line)),
      [],
    );
  });

  it('sends a table’s events in few messages, in their order, and what comes twice changes nothing', async () => {
    const arn = (url: string) => `arn:aws:sqs:${REGION}:000000000000:${url.split('/').at(-1)}`;
    const [queue, fifo] = [output('GroupingQueueUrl'), output('QueueUrl')];
    const version = await stack.version('web');
    await enableMapping(server, arn(queue), false);
    await enableMapping(server, arn(fifo), false);
    // One invocation takes them all, of ten messages here: between two of them, a standard queue keeps no order.
    const paths = Array.from({ length: 8 }, (_, index) => `ds=late/${index}.parquet`);
    for (const path of paths) await stack.store.put(`web/${path}`, parquet(rowsOf(1_000, 1)));
    await stack.store.delete(`web/${paths[0]}`);
    await stack.untilDepth(queue, 9);
    await enableMapping(server, arn(queue), true);
    await stack.untilDepth(queue, 0);
    const { Messages: messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: fifo,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 0,
        MessageSystemAttributeNames: ['MessageGroupId'],
      }),
    );
    const groups = new Set(messages.map(({ Attributes }) => Attributes?.MessageGroupId));
    assert.deepEqual([...groups], [`${stack.bucket}/web`]);
    const events = messages.flatMap(({ Body = '' }) => parseNotification(Body).events);
    assert.ok(messages.length < events.length, `${messages.length} messages for ${events.length} events`);
    assert.deepEqual(
      events.map(({ key, kind }) => `${kind} ${key}`).filter((text) => text.endsWith(`/${paths[0]}`)),
      [`created web/${paths[0]}`, `removed web/${paths[0]}`],
    );
    await enableMapping(server, arn(fifo), true);
    await untilQuiet();
    const files = [...(await stack.files('web')).keys()].filter((path) => path.startsWith('ds=late/'));
    assert.deepEqual(files.sort(), paths.slice(1).sort());
    const after = await stack.version('web');
    assert.ok(after > version);
    // From the standard queue, as a redelivery brings them, they have other deduplication ids.
    const again = new Deployment(server, { ...outputs, QueueUrl: queue });
    await again.send(...messages.map(({ Body = '' }) => Body).reverse(), messages[0]?.Body ?? '');
    await untilQuiet();
    assert.equal(await stack.version('web'), after);
  });

  it('lets what is no notification go to the dead letters of the group function', async () => {
    const grouping = new Deployment(server, { ...outputs, QueueUrl: output('GroupingQueueUrl') });
    await grouping.hideMessagesFor(1);
    await grouping.send('by no means JSON');
    await stack.untilDepth(output('GroupingDeadLetterQueueUrl'), 1);
    await stack.untilDepth(output('GroupingQueueUrl'), 0);
  });

  it('tags what lands, keeps other tags, and makes no events of its own', async () => {
    const put = async (Key: string): Promise<string | undefined> =>
      (await client.send(new PutObjectCommand({ Bucket: stack.bucket, Key, Body: 'a,b', Tagging: 'cost=7' })))
        .VersionId;
    await put('tenants/acme/ds=2026-11-24/a b&.csv');
    await put('other/a.csv');
    await put('other/a.txt');
    const expected = { cost: '7', tenant: 'acme', day: '2026-11-24', kind: 'csv', team: 'data' };
    await eventually(async () => 'team' in (await tagsOf('tenants/acme/ds=2026-11-24/a b&.csv')), 'tags');
    assert.deepEqual(await tagsOf('tenants/acme/ds=2026-11-24/a b&.csv'), expected);
    await eventually(async () => 'team' in (await tagsOf('other/a.csv')), 'tags by the second rule');
    assert.deepEqual(await tagsOf('other/a.csv'), { cost: '7', team: 'data', kind: 'any' });
    await stack.untilDepth(output('TaggingQueueUrl'), 0);
    assert.deepEqual(await tagsOf('other/a.txt'), { cost: '7' });
    const TagSet = [{ Key: 'mine', Value: 'only' }];
    await client.send(new PutObjectTaggingCommand({ Bucket: stack.bucket, Key: 'other/a.csv', Tagging: { TagSet } }));
    assert.equal(await stack.depth(output('TaggingQueueUrl')), 0, 'setting tags calls nobody');

    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: stack.bucket, VersioningConfiguration }));
    const versions = [await put('tenants/b/v.csv'), await put('tenants/b/v.csv')];
    assert.notEqual(versions[0], versions[1]);
    for (const version of versions) {
      await eventually(async () => (await tagsOf('tenants/b/v.csv', version)).tenant === 'b', `tags of ${version}`);
    }
    await stack.untilDepth(output('TaggingQueueUrl'), 0);
    assert.equal(await stack.depth(output('TaggingDeadLetterQueueUrl')), 0);
  });
});

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(200)) if (await condition()) return;
  assert.fail(`waited in vain for ${what}`);
}
