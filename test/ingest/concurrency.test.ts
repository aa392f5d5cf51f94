import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { createAppendHandler } from '../../src/ingest/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createLanding, parquet, rowsOf, sqsBatch } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const WRITERS = 10;
const COMMITS = 20;
const s3 = await resource(startS3Server);

/** An append function of its own, with nothing in common with the others but the store. */
function startWriter(store: ObjectStore) {
  return createAppendHandler({
    storeFor: () => store,
    urlOf: (bucket, root) => `s3://${bucket}/${root}`,
    reader: createCheckpointReader(),
    config: parseAppendConfig({}),
    telemetry: { log: () => {}, metrics: () => {} },
    now: Date.now,
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
}

async function raceOn(store: ObjectStore): Promise<void> {
  const landing = createLanding(store, Date.now);
  const body = parquet(rowsOf(0, 1));
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const handle = startWriter(store);
      for (let commit = 0; commit < COMMITS; commit++) {
        const record = await landing.land(`web/ds=${commit}/w${writer}.parquet`, body);
        const response = await handle(sqsBatch([record]), { getRemainingTimeInMillis: () => 300_000 });
        assert.deepEqual(response.batchItemFailures, []);
      }
    }),
  );
  const reader = createCheckpointReader();
  const snapshot = await loadSnapshot({ store, root: 'web', url: 's3://landing/web' }, reader);
  const paths: string[] = [];
  for await (const files of activeFiles(snapshot, reader)) paths.push(...files.map(({ path }) => path));
  assert.equal(snapshot.version, WRITERS * COMMITS - 1, 'one version for each commit');
  assert.equal(paths.length, WRITERS * COMMITS);
  assert.equal(new Set(paths).size, WRITERS * COMMITS);
}

describe(`${WRITERS} writers with ${COMMITS} commits each on one new table make ${WRITERS * COMMITS} versions`, () => {
  it('in memory', () => raceOn(createMemoryStore()));

  it('in a folder', () => raceOn(createFolderStore(makeTempFolder())));

  it('on S3', { skip: s3.skip ?? false }, async () => {
    const server = available(s3);
    await raceOn(createS3Store({ client: server.client(), bucket: await server.createBucket() }));
  });
});

describe('ten deliveries of the same events at the same time', () => {
  it('end with each file once', async () => {
    const store = createMemoryStore();
    const landing = createLanding(store, Date.now);
    const records: object[] = [];
    for (let file = 0; file < 20; file++)
      records.push(await landing.land(`web/f${file}.parquet`, parquet(rowsOf(0, 1))));
    const responses = await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const some = records.filter((_, index) => (index + writer) % 3 !== 0);
        return startWriter(store)(sqsBatch(some), { getRemainingTimeInMillis: () => 300_000 });
      }),
    );
    assert.ok(responses.every(({ batchItemFailures }) => batchItemFailures.length === 0));
    let adds = 0;
    for await (const { key } of store.list('web/_delta_log/')) {
      const text = new TextDecoder().decode((await store.get(key)).body);
      adds += text.split('\n').filter((line) => line.startsWith('{"add"')).length;
    }
    assert.equal(adds, 20);
  });
});
