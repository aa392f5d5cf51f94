import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { Deployment } from '../support/deployment.ts';
import { invokeFunction } from '../support/deployment-control.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(startS3Server);

/** Time in ms for a function that is started cold on a busy machine. */
const PATIENCE = 120_000;

/** The export function as it is deployed, beside the append function, on a local AWS. */
describe('the export of a deployment', { skip: found.skip ?? false }, () => {
  it('writes what landed since the last time to another bucket, once', async () => {
    const server = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'feed.json');
    const bucket = await server.createBucket();
    const feeds = createS3Store({ client: server.client(), bucket });
    const exports = [
      { prefix: 'lake', to: `s3://${bucket}/cdf`, compression: 'gzip', changeColumns: false, csv: { quote: 'all' } },
    ];
    writeFileSync(config, JSON.stringify({ exports, maintenance: false }));
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'feed' }, cdk);
    const { ExportFunctionName = '', ExportQueueUrl = '', ExportDeadLetterQueueUrl = '' } = outputs;
    const deployment = new Deployment(server, outputs);

    const objects = async (ending: string): Promise<string[]> => {
      const keys: string[] = [];
      for await (const { key } of feeds.list('cdf/lake/web/')) if (key.endsWith(ending)) keys.push(key);
      return keys;
    };
    const position = async (): Promise<number> => {
      const [key] = await objects('_position.json');
      return key === undefined ? -1 : JSON.parse(Buffer.from((await feeds.get(key)).body).toString()).version;
    };
    const exported = async (time: string): Promise<void> => {
      const version = await deployment.version('lake/web');
      await invokeFunction(server, ExportFunctionName, { exports: ['lake'], time });
      for (const end = Date.now() + PATIENCE; (await position()) < version; await sleep(200)) {
        assert.ok(Date.now() < end, `the position is ${await position()}, the table ${version}`);
      }
      await deployment.untilDepth(ExportQueueUrl, 0);
    };
    const rows = async (): Promise<number[]> => {
      const ids: number[] = [];
      for (const key of await objects('.csv.gz')) {
        const [header, ...lines] = gunzipSync((await feeds.get(key)).body)
          .toString()
          .trimEnd()
          .split('\n');
        assert.equal(header, '"id","name"');
        ids.push(...lines.map((line) => Number(/^"(\d+)"/.exec(line)?.[1])));
      }
      return ids.sort((a, b) => a - b);
    };

    await deployment.store.put('lake/web/first.parquet', parquet(rowsOf(0, 10)));
    await deployment.untilFiles('lake/web', ['first.parquet']);
    await exported('2026-11-30T00:00:00Z');
    assert.deepEqual(
      await rows(),
      Array.from({ length: 10 }, (_, id) => id),
    );
    await deployment.store.put('lake/web/second.parquet', parquet(rowsOf(10, 5)));
    await deployment.untilFiles('lake/web', ['first.parquet', 'second.parquet']);
    await exported('2026-11-30T01:00:00Z');
    // Nothing is new.
    await exported('2026-11-30T02:00:00Z');
    assert.deepEqual(
      await rows(),
      Array.from({ length: 15 }, (_, id) => id),
    );
    assert.equal((await objects('_SUCCESS')).length, (await objects('.csv.gz')).length);
    assert.equal(await deployment.depth(ExportDeadLetterQueueUrl), 0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=feed'], cdk);
  });
});
