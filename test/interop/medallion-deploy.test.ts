import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import type { CommitInfo } from '../../src/delta/actions.ts';
import { readHistory } from '../../src/delta/history.ts';
import { Deployment } from '../support/deployment.ts';
import { type Rows, startDeltaRs, startDuckDb } from '../support/interop/engines.ts';
import { parquet } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({
  server: await startS3Server(),
  deltaRs: await startDeltaRs(),
  duckDb: await startDuckDb(),
}));

/** Time in ms for functions that are started cold, one behind the other, on a busy machine. */
const PATIENCE = 240_000;
const COLUMNS = { id: 'long', shop: 'string', total: 'long', changed: 'long' } as const;

/** What SQL would say more easily; as a user writes it, with types. */
const LABELS = `
export function transform(rows: readonly { readonly id: bigint; readonly shop: string }[]) {
  return rows.map(({ id, shop }) => ({ id, label: \`\${shop} \${id}\` }));
}
`;

/** Orders, newest version of each; then sums by shop, which follow the changes of orders; and labels by a function. */
const STEPS = [
  {
    target: 'silver/orders',
    source: 'bronze/orders',
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
  { target: 'silver/labels', source: 'bronze/orders', function: 'labels.ts', columns: 'id BIGINT, label STRING' },
];

/** The medallion function as it is deployed, beside the append function, on a local AWS. */
describe('the medallion of a deployment', { skip: found.skip ?? false }, () => {
  it('makes silver and gold of files that land, each change once', async () => {
    const { server, deltaRs, duckDb } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'medallion.json');
    writeFileSync(join(folder, 'labels.ts'), LABELS);
    writeFileSync(
      config,
      JSON.stringify({
        append: { batchingWindow: 1 },
        landing: { prefixes: ['bronze'] },
        maintenance: false,
        medallion: {
          // Of this machine, on which the functions of the local AWS run.
          architecture: process.arch === 'x64' ? 'x86_64' : 'arm64',
          batchingWindow: 1,
          every: 0,
          steps: STEPS,
        },
      }),
    );
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'medallion' }, cdk);
    const deployment = new Deployment(server, outputs);
    const { store } = deployment;
    const deltaRsRows = async (root: string, statement: string) => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: deployment.url(root), statement, storage });
      return (answer as Rows).rows;
    };
    await duckDb.call('sql', { statement: secretFor(server.endpoint) });
    const duckDbRows = async (statement: string) => ((await duckDb.call('sql', { statement })) as Rows).rows;
    /** Waits for what a table has to say; the assertion says what is not as expected. */
    const untilRows = async (root: string, statement: string, expected: readonly (readonly string[])[]) => {
      const rows = async () => ((await deployment.snapshot(root)) === undefined ? [] : deltaRsRows(root, statement));
      for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(500)) {
        if (JSON.stringify(await rows()) === JSON.stringify(expected)) break;
      }
      assert.deepEqual(await rows(), expected);
    };
    const untilGold = (expected: readonly (readonly string[])[]) =>
      untilRows('gold/shops', 'SELECT shop, total, orders FROM t ORDER BY shop', expected);

    await store.put(
      'bronze/orders/1.parquet',
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
    await store.put(
      'bronze/orders/2.parquet',
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
    assert.deepEqual(await deltaRsRows('silver/orders', `${silver} t ORDER BY id`), orders);
    assert.deepEqual(
      await duckDbRows(`${silver} delta_scan('${deployment.url('silver/orders')}') ORDER BY id`),
      orders,
    );
    const shops = `SELECT shop, total FROM delta_scan('${deployment.url('gold/shops')}') ORDER BY shop`;
    assert.deepEqual(await duckDbRows(shops), [
      ['Faro', '7'],
      ['Lisbon', '10'],
      ['Porto', '26'],
    ]);
    await untilRows('silver/labels', 'SELECT count(*), min(label), max(label) FROM t', [['8', 'Faro 6', 'test 4']]);
    const quarantined = await deltaRsRows('silver/orders__quarantine', 'SELECT count(*) FROM t');
    assert.deepEqual(quarantined, [['1']]);
    assert.deepEqual(await lineage(deployment, 'gold/shops'), [
      { step: 'gold-shops', source: deployment.url('silver/orders') },
      { step: 'gold-shops', source: deployment.url('silver/orders') },
    ]);

    // What the queue delivers again changes nothing.
    const version = await deployment.version('gold/shops');
    const again = new Deployment(server, {
      ...outputs,
      QueueUrl: outputs.MedallionEventsQueueUrl ?? '',
      DeadLetterQueueUrl: outputs.MedallionDeadLetterQueueUrl ?? '',
    });
    await again.send(commitEvent(deployment.bucket, 'bronze/orders'), commitEvent(deployment.bucket, 'silver/orders'));
    await again.assertHandled(0);
    await again.untilDepth(outputs.MedallionQueueUrl ?? '', 0);
    assert.equal(await deployment.version('gold/shops'), version);
    await deployment.assertHandled(0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=medallion'], cdk);
  });
});

function secretFor(endpoint: string): string {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  return (
    `CREATE OR REPLACE SECRET local (TYPE s3, KEY_ID '${accessKeyId}', SECRET '${secretAccessKey}', REGION '${REGION}', ` +
    `ENDPOINT '${endpoint.replace(/^https?:\/\//, '')}', URL_STYLE 'path', USE_SSL false)`
  );
}

function commitEvent(bucket: string, table: string): string {
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
async function lineage(deployment: Deployment, root: string): Promise<{ step: unknown; source: unknown }[]> {
  const snapshot = await deployment.snapshot(root);
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
