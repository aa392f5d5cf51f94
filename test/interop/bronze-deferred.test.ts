import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { type RunningFunction, startFunction } from '../../bench/lambda-runtime.ts';
import { BRONZE_BUNDLE, bundleOptions, COMMITTER_BUNDLE, copyPackages } from '../../scripts/bundles.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import { kafkaRecord } from '../support/bronze-world.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { mskEvent } from '../support/kafka-events.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

const POLLERS = 4;
const RECORDS = 800;

/** The bundles that are deployed, over a local S3: pollers that only write files, and a committer that may be killed. */
describe('deferred commits, as they are deployed', { skip: found.skip ?? false }, () => {
  const { server, deltaRs } = available(found);
  const folder = makeTempFolder();
  const config = { commits: 'deferred', topics: [{ topic: '*', format: 'json', headers: 'map' }] };
  let env: Readonly<Record<string, string>> = {};
  let bucket = '';
  const running: RunningFunction[] = [];

  const start = async (output: string): Promise<RunningFunction> => {
    const started = await startFunction(join(folder, output), { env });
    running.push(started);
    return started;
  };

  before(async () => {
    for (const bundle of [BRONZE_BUNDLE, COMMITTER_BUNDLE]) {
      await build(bundleOptions(bundle, folder));
      copyPackages(bundle, folder);
    }
    bucket = await server.createBucket();
    const settings = { RESACA_BUCKET: bucket, RESACA_LOG_LEVEL: 'error', RESACA_CONFIG: JSON.stringify(config) };
    env = { ...server.env, ...settings };
  });
  after(() => {
    for (const one of running) one.stop();
  });

  const sql = (statement: string): Promise<Rows> =>
    deltaRs.call('sql', {
      table: `s3://${bucket}/bronze/web`,
      statement,
      storage: { ...server.env, AWS_ALLOW_HTTP: 'true' },
    }) as Promise<Rows>;

  /** Some records have a field that others have not, and a value in it that is no text for all. */
  const batch = (partition: number, first: number, end: number) =>
    mskEvent(
      Array.from({ length: end - first }, (_, index) => {
        const offset = first + index;
        const row = { id: offset, ...(offset % 7 === 0 && { nested: { [`f${partition}`]: [offset] } }) };
        return kafkaRecord(offset, { partition, value: new TextEncoder().encode(JSON.stringify(row)) });
      }),
    );

  it('write each record once, whatever overlaps, and whatever is killed', async () => {
    const random = createRandom(5);
    let isWritten = false;
    const committing = (async () => {
      let committer = await start(COMMITTER_BUNDLE.output);
      for (let turn = 0; !isWritten; turn++) {
        const invoked = committer.invoke({}).catch(() => undefined);
        if (turn % 3 === 2) {
          committer.stop();
          committer = await start(COMMITTER_BUNDLE.output);
        }
        await invoked;
      }
      await committer.invoke({});
    })();
    await Promise.all(
      Array.from({ length: POLLERS }, async (_, partition) => {
        const poller = await start(BRONZE_BUNDLE.output);
        for (let first = 0; first < RECORDS; ) {
          const end = Math.min(RECORDS, first + random.whole(20, 120));
          // From somewhere in what was delivered before: the mapping was stopped before it knew.
          await poller.invoke(batch(partition, Math.max(0, first - random.whole(0, 60)), end));
          first = end;
        }
      }),
    );
    isWritten = true;
    await committing;
    const { rows } = await sql(
      'SELECT "partition", count(*), count(DISTINCT "offset"), min(id), max(id), count(nested) FROM t GROUP BY 1 ORDER BY 1',
    );
    const nested = Array.from({ length: RECORDS }, (_, offset) => offset).filter((offset) => offset % 7 === 0).length;
    assert.deepEqual(
      rows,
      Array.from({ length: POLLERS }, (_, partition) =>
        [partition, RECORDS, RECORDS, 0, RECORDS - 1, nested].map(String),
      ),
    );
    const waiting: string[] = [];
    for await (const { key } of createS3Store({ client: server.client(), bucket }).list('_resaca/')) waiting.push(key);
    assert.deepEqual(waiting, []);
  });
});
