import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { CREDENTIALS, REGION } from '../../../scripts/local-aws/ministack.ts';
import type { CommitInfo } from '../../../src/delta/actions.ts';
import { readHistory } from '../../../src/delta/history.ts';
import { Deployment } from '../../support/deployment.ts';
import { invokeFunction } from '../../support/deployment-control.ts';
import { type Rows, startDuckDb } from '../../support/interop/engines.ts';
import { mskEvent } from '../../support/kafka-events.ts';
import { parquet } from '../../support/landing.ts';
import type { S3Server } from '../../support/s3-server.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { poster } from './ingest.ts';
import type { SuitePart } from './suite.ts';

const CLUSTER = 'arn:aws:kafka:us-east-1:000000000000:cluster/events/751d2973-a626-431c-9d4e-d7975eb44dd7-2';
const SECRET = 'the-secret-of-the-visits';
const COLUMNS = { id: 'long', shop: 'string', total: 'long', changed: 'long' } as const;

/** What SQL would say more easily; as a user writes it, with types. */
const LABELS = `
export function transform(rows: readonly { readonly id: bigint; readonly shop: string }[]) {
  return rows.map(({ id, shop }) => ({ id, label: \`\${shop} \${id}\` }));
}
`;

/** Tables that follow from what lands, from a webhook and from Kafka. */
export const steps: SuitePart = {
  name: 'silver and gold',
  async config(server) {
    const secrets = new SecretsManager({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
    await secrets.createSecret({ Name: 'visits', SecretString: JSON.stringify([SECRET]) });
    const hooks = await server.createBucket();
    const labels = join(makeTempFolder(), 'labels.ts');
    writeFileSync(labels, LABELS);
    return {
      landing: { prefixes: ['sold'] },
      queues: [{ name: 'visits', bucketName: hooks, table: 'bronze/visits', batchingWindow: 1 }],
      webhooks: [{ path: '/visits', queue: 'visits', secretName: 'visits', signature: 'bearer' }],
      kafka: { clusterArn: CLUSTER, topics: ['clients'], tables: { topics: [{ topic: 'clients', format: 'json' }] } },
      medallion: {
        // Of this machine, on which the functions of the local AWS run.
        architecture: process.arch === 'x64' ? 'x86_64' : 'arm64',
        batchingWindow: 1,
        every: 0,
        steps: [
          {
            target: 'silver/orders',
            source: 'sold/orders',
            sql: "SELECT id, shop, total, changed FROM orders WHERE shop <> 'test'",
            mode: 'merge',
            keys: ['id'],
            orderBy: 'changed',
            properties: { 'delta.enableChangeDataFeed': 'true' },
            quality: [{ check: 'range', column: 'total', min: 0, action: 'quarantine' }],
          },
          {
            target: 'gold/shops',
            source: { step: 'silver-orders' },
            sql: 'SELECT shop, sum(total) AS total, count(*) AS orders FROM orders GROUP BY shop',
            mode: 'aggregate',
            keys: ['shop'],
            combine: { total: 'sum', orders: 'sum' },
            rowCount: 'orders',
          },
          { target: 'silver/labels', source: 'sold/orders', function: labels, columns: 'id BIGINT, label STRING' },
          {
            target: 'gold/pages',
            source: { bucket: hooks, prefix: 'bronze/visits' },
            sql: 'SELECT page, count(*) AS visits FROM visits GROUP BY page',
            mode: 'aggregate',
            keys: ['page'],
            combine: { visits: 'sum' },
          },
          {
            target: { bucket: 'kafka', prefix: 'silver/clients' },
            source: { bucket: 'kafka', prefix: 'bronze/clients' },
            sql: 'SELECT id, name FROM clients',
            mode: 'merge',
            keys: ['id'],
          },
        ],
      },
    };
  },

  beside(suite) {
    it('follow from files that land, each change once', async () => {
      const { server, outputs, stack, output, sql, untilRows, handled } = suite();
      const duckDb = await startDuckDb();
      await duckDb.call('sql', { statement: secretFor(server) });
      const duckDbRows = async (statement: string) => ((await duckDb.call('sql', { statement })) as Rows).rows;
      const untilGold = (expected: Rows['rows']) =>
        untilRows('gold/shops', 'SELECT shop, total, orders FROM t ORDER BY shop', expected);

      await stack.store.put(
        'sold/orders/1.parquet',
        parquet(
          [
            { id: 1, shop: 'Lisbon', total: 10, changed: 1 },
            { id: 2, shop: 'Lisbon', total: 20, changed: 1 },
            { id: 3, shop: 'Porto', total: 5, changed: 1 },
            { id: 4, shop: 'test', total: 1_000, changed: 1 },
            { id: 5, shop: 'Porto', total: -1, changed: 1 },
          ],
          COLUMNS,
        ),
      );
      await untilGold([
        ['Lisbon', '30', '2'],
        ['Porto', '5', '1'],
      ]);
      // An order that moved, one that came late, a new one.
      await stack.store.put(
        'sold/orders/2.parquet',
        parquet(
          [
            { id: 2, shop: 'Porto', total: 21, changed: 3 },
            { id: 1, shop: 'Porto', total: 999, changed: 0 },
            { id: 6, shop: 'Faro', total: 7, changed: 2 },
          ],
          COLUMNS,
        ),
      );
      await untilGold([
        ['Faro', '7', '1'],
        ['Lisbon', '10', '1'],
        ['Porto', '26', '2'],
      ]);

      const silver = 'SELECT id, shop, total FROM';
      const orders = [
        ['1', 'Lisbon', '10'],
        ['2', 'Porto', '21'],
        ['3', 'Porto', '5'],
        ['6', 'Faro', '7'],
      ];
      assert.deepEqual(await sql('silver/orders', `${silver} t ORDER BY id`), orders);
      assert.deepEqual(await duckDbRows(`${silver} delta_scan('${stack.url('silver/orders')}') ORDER BY id`), orders);
      const shops = `SELECT shop, total FROM delta_scan('${stack.url('gold/shops')}') ORDER BY shop`;
      assert.deepEqual(await duckDbRows(shops), [
        ['Faro', '7'],
        ['Lisbon', '10'],
        ['Porto', '26'],
      ]);
      await untilRows('silver/labels', 'SELECT count(*), min(label), max(label) FROM t', [['8', 'Faro 6', 'test 4']]);
      assert.deepEqual(await sql('silver/orders__quarantine', 'SELECT count(*) FROM t'), [['1']]);
      assert.deepEqual(await lineage(stack, 'gold/shops'), [
        { step: 'gold-shops', source: stack.url('silver/orders') },
        { step: 'gold-shops', source: stack.url('silver/orders') },
      ]);

      // What the queue delivers again changes nothing.
      const version = await stack.version('gold/shops');
      const events = new Deployment(server, { ...outputs, QueueUrl: output('MedallionEventsQueueUrl') });
      await events.send(commitEvent(stack, 'sold/orders'), commitEvent(stack, 'silver/orders'));
      await handled('MedallionEventsQueueUrl', 'MedallionQueueUrl');
      assert.equal(await stack.version('gold/shops'), version);
    });

    it('follow from requests to a webhook', async () => {
      const { server, output, untilRows } = suite();
      const post = poster(server, output('WebhookUrl'));
      const untilPages = (expected: Rows['rows']) =>
        untilRows('gold/pages', 'SELECT page, visits FROM t ORDER BY page', expected);
      const visit = (page: string) => post('/visits', JSON.stringify({ page }), { authorization: `Bearer ${SECRET}` });
      assert.equal(await visit('/home'), 200);
      await untilPages([['/home', '1']]);
      assert.deepEqual(await Promise.all(['/home', '/about', '/home'].map(visit)), [200, 200, 200]);
      await untilPages([
        ['/about', '1'],
        ['/home', '3'],
      ]);
    });

    it('follow from records of Kafka', async () => {
      const { server, output, tablesIn, untilRows } = suite();
      const tables = tablesIn(output('BronzeBucketName'));
      // The local AWS does not poll Kafka: as the mapping invokes the function.
      const arrive = (offset: number, client: { readonly id: number; readonly name: string }) =>
        invokeFunction(
          server,
          output('BronzeFunctionName'),
          mskEvent([
            {
              topic: 'clients',
              partition: 0,
              offset,
              timestamp: Date.now(),
              timestampType: 'CREATE_TIME',
              key: undefined,
              value: Buffer.from(JSON.stringify(client)),
              headers: [],
            },
          ]),
        );
      const untilClients = (expected: Rows['rows']) =>
        untilRows('silver/clients', 'SELECT id, name FROM t ORDER BY id', expected, tables);
      await arrive(0, { id: 1, name: 'Ana' });
      await untilClients([['1', 'Ana']]);
      await arrive(1, { id: 1, name: 'Ana Lima' });
      await arrive(2, { id: 2, name: 'Rui' });
      await untilClients([
        ['1', 'Ana Lima'],
        ['2', 'Rui'],
      ]);
    });
  },
};

function secretFor({ endpoint }: S3Server): string {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  return (
    `CREATE OR REPLACE SECRET local (TYPE s3, KEY_ID '${accessKeyId}', SECRET '${secretAccessKey}', REGION '${REGION}', ` +
    `ENDPOINT '${endpoint.replace(/^https?:\/\//, '')}', URL_STYLE 'path', USE_SSL false)`
  );
}

function commitEvent({ bucket }: Deployment, table: string): string {
  const key = `${table}/_delta_log/00000000000000000000.json`;
  const s3 = { bucket: { name: bucket }, object: { key, size: 1, eTag: 'e' } };
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    eventTime: new Date().toISOString(),
  };
  return JSON.stringify({ Records: [{ ...record, s3 }] });
}

/** What the commits of a step that wrote rows say of where these come from. */
async function lineage(tables: Deployment, root: string): Promise<{ step: unknown; source: unknown }[]> {
  const snapshot = await tables.snapshot(root);
  assert.ok(snapshot, `there is no table ${root}`);
  const commits: { step: unknown; source: unknown }[] = [];
  for await (const { actions } of readHistory(snapshot)) {
    if (!actions.some((action) => 'add' in action)) continue;
    const info = actions.flatMap((action) => ('commitInfo' in action ? [action.commitInfo as CommitInfo] : []))[0];
    const { step, source, sourceFromVersion, sourceUntilVersion } = (info?.operationParameters ?? {}) as Record<
      string,
      unknown
    >;
    assert.ok(sourceFromVersion !== undefined && sourceUntilVersion !== undefined, JSON.stringify(info));
    commits.push({ step, source });
  }
  return commits;
}
