import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { CREDENTIALS, REGION } from '../../../scripts/local-aws/ministack.ts';
import { parseNotification } from '../../../src/ingest/notifications.ts';
import { Deployment } from '../../support/deployment.ts';
import { enableMapping, logLines } from '../../support/deployment-control.ts';
import { parquet, rowsOf } from '../../support/landing.ts';
import { eventually, type SuitePart } from './suite.ts';

const TABLES = ['grouped/web', 'grouped/lake/orders', 'tenants/a/clicks', 'tenants/b/clicks'];
const FILES_OF_A_TABLE = 15;
const WEB = 'grouped/web';

/** The function that sorts events by table, in front of the append function. */
export const grouping: SuitePart = {
  name: 'grouped events',
  config: {
    append: { queue: 'grouped', batchingWindow: 1 },
    landing: { prefixes: ['grouped', 'tenants'] },
    tables: [{ prefix: 'tenants/{tenant}/clicks' }],
  },

  beside(suite) {
    it('come into their tables, one committer at a time each, with overwrites and deletions', async () => {
      const { server, stack, sql, output, handled } = suite();
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
        const count = async () => String((await sql(root, 'SELECT count(*) FROM t'))[0]?.[0]);
        await eventually(async () => (await count()) === String(7 * 10 + 4 * 3), `the rows of ${root}`);
      }
      await handled('GroupingQueueUrl', 'QueueUrl');
      // No two invocations ever worked on one table.
      const lines = (await logLines(server, output('LogGroupName'), 'conflicts')).map(({ message }) => message);
      const own = lines.filter((line) => TABLES.some((root) => line.includes(root)));
      assert.ok(own.length > 0);
      assert.deepEqual(
        own.filter((line) => !/"conflicts":0\b/.test(line)),
        [],
      );
    });
  },

  alone(suite) {
    it('are sent in few messages, in their order, and what comes twice changes nothing', async () => {
      const { server, stack, output, outputs, handled } = suite();
      await handled('GroupingQueueUrl', 'QueueUrl');
      const sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
      const arn = (url: string) => `arn:aws:sqs:${REGION}:000000000000:${url.split('/').at(-1)}`;
      const [queue, fifo] = [output('GroupingQueueUrl'), output('QueueUrl')];
      const version = await stack.version(WEB);
      await enableMapping(server, arn(queue), false);
      await enableMapping(server, arn(fifo), false);
      // One invocation takes them all, of ten messages here: between two of them, a standard queue keeps no order.
      const paths = Array.from({ length: 8 }, (_, index) => `ds=late/${index}.parquet`);
      for (const path of paths) await stack.store.put(`${WEB}/${path}`, parquet(rowsOf(1_000, 1)));
      await stack.store.delete(`${WEB}/${paths[0]}`);
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
      assert.deepEqual([...groups], [`${stack.bucket}/${WEB}`]);
      const events = messages.flatMap(({ Body = '' }) => parseNotification(Body).events);
      assert.ok(messages.length < events.length, `${messages.length} messages for ${events.length} events`);
      assert.deepEqual(
        events.map(({ key, kind }) => `${kind} ${key}`).filter((text) => text.endsWith(`/${paths[0]}`)),
        [`created ${WEB}/${paths[0]}`, `removed ${WEB}/${paths[0]}`],
      );
      await enableMapping(server, arn(fifo), true);
      await handled('GroupingQueueUrl', 'QueueUrl');
      const files = [...(await stack.files(WEB)).keys()].filter((path) => path.startsWith('ds=late/'));
      assert.deepEqual(files.sort(), paths.slice(1).sort());
      const after = await stack.version(WEB);
      assert.ok(after > version);
      // From the standard queue, as a redelivery brings them, they have other deduplication ids.
      const again = new Deployment(server, { ...outputs, QueueUrl: queue });
      await again.send(...messages.map(({ Body = '' }) => Body).reverse(), messages[0]?.Body ?? '');
      await handled('GroupingQueueUrl', 'QueueUrl');
      assert.equal(await stack.version(WEB), after);
    });

    it('go to the dead letters where they are no notifications', async () => {
      const queues = suite().queuesOf('Grouping');
      await queues.hideMessagesFor(1);
      await queues.send('by no means JSON');
      await queues.untilDepth(queues.deadLettersUrl, 1);
      await queues.untilDepth(queues.queueUrl, 0);
    });
  },
};
