import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { oxbow, resaca } from '../../bench/append/contenders.ts';
import type { RunningFunction } from '../../bench/lambda-runtime.ts';
import { landedEvent } from '../../bench/sizing-events.ts';
import { CREDENTIALS } from '../../scripts/local-aws/ministack.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import type { SqsBatchResponse, SqsEvent } from '../../src/ingest/handler.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { unpackPeer } from '../support/peers.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const [s3, peer, reader] = await Promise.all([
  resource(startS3Server),
  resource(() => unpackPeer('oxbow-lambda')),
  resource(startDeltaRs),
]);
const ROWS = 10;

/** docs/from-oxbow.md, "Taking over a table": the steps that it names, with oxbow's own program. */
describe('a table of oxbow', { skip: s3.skip ?? peer.skip ?? reader.skip ?? false }, () => {
  const running: RunningFunction[] = [];
  after(() => {
    for (const each of running) each.stop();
  });

  it('is taken over while files arrive: each row is there once, and no event is lost', async () => {
    const { endpoint, client, createBucket } = available(s3);
    const bucket = await createBucket();
    const store = createS3Store({ client: client(), bucket });
    const deltaRs = available(reader);
    const table = { table: `s3://${bucket}/lake/orders`, storage: { ...available(s3).env, AWS_ALLOW_HTTP: 'true' } };
    const place = { name: 'S3', endpoint, credentials: CREDENTIALS };
    const theirs = await oxbow(available(peer), place).start(endpoint);
    const ours = await (await resaca(makeTempFolder(), place)).start(endpoint);
    running.push(theirs, ours);
    /** Files land; the messages about them, each of which is as it was whenever it is delivered. */
    const landAll = async (from: number, to: number): Promise<Messages> => {
      const numbers = Array.from({ length: to - from }, (_, index) => from + index);
      const landed = await Promise.all(
        numbers.map(async (number) => {
          const key = `lake/orders/ds=2026-11-${10 + (number % 3)}/${number}.parquet`;
          const body = parquet(rowsOf(number * ROWS, ROWS));
          await store.put(key, body);
          return { key, size: body.byteLength, etag: (await store.head(key))?.etag ?? '' };
        }),
      );
      return landedEvent(bucket, landed).Records;
    };

    // Oxbow has its table made by delta-rs, under a lock in a DynamoDB that it looks for at Amazon only; then it appends.
    const first = await landAll(0, 4);
    await deltaRs.call('convert', { ...table, partitions: ['ds'] });
    await theirs.invoke({ Records: await landAll(4, 6) });

    // Both get the events, in whatever order, while oxbow is still there.
    const both = await landAll(6, 12);
    await Promise.all([theirs.invoke({ Records: both.slice(0, 3) }), invoke(ours, both.slice(3))]);
    await Promise.all([theirs.invoke({ Records: both.slice(3) }), invoke(ours, both.slice(0, 3))]);

    // Ours alone: new files, and all events once more, which come from what oxbow's queue still had.
    await invoke(ours, await landAll(12, 15));
    await invoke(ours, [...first, ...both]);

    const statement = 'SELECT count(*) AS n, count(DISTINCT id) AS ids, count(DISTINCT ds) AS days FROM t';
    const { rows } = (await deltaRs.call('sql', { ...table, statement })) as Rows;
    assert.deepEqual(rows, [['150', '150', '3']]);
  });

  async function invoke(ours: RunningFunction, messages: Messages): Promise<void> {
    const { response } = await ours.invoke({ Records: messages });
    assert.deepEqual((response as SqsBatchResponse).batchItemFailures, []);
  }
});

type Messages = SqsEvent['Records'];
