import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { Deployment } from '../support/deployment.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Time in ms for functions that are started cold on a busy machine. */
const PATIENCE = 120_000;
/** Messages, of which every tenth is sent twice by its sender, under one name. */
const MESSAGES = 400;

/** Queues as they are deployed, on a local AWS. */
describe('the queues of a deployment', { skip: found.skip ?? false }, () => {
  it('bring each message into its table once, and what does not fit to the dead letters', async () => {
    const { server, deltaRs } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'ingest.json');
    const queues = [
      {
        name: 'orders',
        table: 'bronze/orders',
        drain: true,
        schemaPolicy: 'strict',
        columns: { id: 'bigint', text: 'string', amount: 'decimal(10,2)' },
        batchSize: 50,
        batchingWindow: 1,
      },
    ];
    writeFileSync(config, JSON.stringify({ queues, dashboard: false, maintenance: false }));
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'ingest' }, cdk);
    const { QueueordersQueueUrl = '', QueueordersBucketName = '', QueueordersDeadLetterQueueUrl = '' } = outputs;
    const deployed = new Deployment(server, { ...outputs, LandingBucketName: QueueordersBucketName });
    const sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
    const rowsOf = async (table: string, statement: string): Promise<Rows['rows']> => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: deployed.url(table), statement, storage });
      return (answer as Rows).rows;
    };
    const send = async (bodies: readonly { readonly body: string; readonly key?: string }[]): Promise<void> => {
      for (let first = 0; first < bodies.length; first += 10) {
        const Entries = bodies.slice(first, first + 10).map(({ body, key }, index) => ({
          Id: `${index}`,
          MessageBody: body,
          ...(key !== undefined && {
            MessageAttributes: { 'resaca-key': { DataType: 'String', StringValue: key } },
          }),
        }));
        await sqs.send(new SendMessageBatchCommand({ QueueUrl: QueueordersQueueUrl, Entries }));
      }
    };
    const order = (id: number) => ({ id, text: `order ${id}`, amount: id / 4 });
    const isTwice = (id: number) => id % 10 === 0;

    const singles = Array.from({ length: MESSAGES }, (_, id) => ({
      body: JSON.stringify(order(id)),
      ...(isTwice(id) && { key: `order-${id}` }),
    }));
    const poison = ['hello', '{"id":"seven"}', '{"id":1,"unknown":true}', '[1]'].map((body) => ({ body }));
    const lines = [order(1_000), order(1_001)].map((row) => JSON.stringify(row)).join('\n');
    const several = [{ body: JSON.stringify([order(1_002), order(1_003)]) }, { body: lines }];
    await send([...singles.slice(0, MESSAGES / 2), ...poison, ...several]);
    await send(singles.slice(MESSAGES / 2));
    await send(singles.filter(({ key }) => key !== undefined));
    await deployed.untilDepth(QueueordersQueueUrl, 0);

    const expected = [[String(MESSAGES + 4), String(MESSAGES + 4)]];
    const count = () => rowsOf('bronze/orders', 'SELECT count(*), count(DISTINCT id) FROM t');
    await eventually(async () => String(await count()) === String(expected), 'all rows');
    assert.deepEqual(await count(), expected);
    const [typed] = await rowsOf('bronze/orders', 'SELECT sum(amount) FROM t WHERE id < 1000');
    assert.equal(Number(typed?.[0]), (MESSAGES * (MESSAGES - 1)) / 8);
    const letters = await rowsOf(
      'bronze/orders__dead_letters',
      'SELECT error_code, count(*) FROM t GROUP BY 1 ORDER BY 1',
    );
    assert.deepEqual(letters, [
      ['INVALID_JSON', '2'],
      ['TYPE_MISMATCH', '1'],
      ['UNKNOWN_COLUMN', '1'],
    ]);
    assert.equal(await deployed.depth(QueueordersDeadLetterQueueUrl), 0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=ingest'], cdk);
  });
});

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(200)) if (await condition()) return;
  assert.fail(`waited in vain for ${what}`);
}
