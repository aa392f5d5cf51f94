import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { type RunningFunction, startFunction } from '../../bench/lambda-runtime.ts';
import { BRONZE_BUNDLE, bundleOptions, copyPackages } from '../../scripts/bundles.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import { kafkaRecords } from '../support/bronze-world.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { mskEvent } from '../support/kafka-events.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/**
 * The bundle that is deployed, driven as Lambda drives it, over a local S3. What the event source mapping does is done
 * here: batches of several partitions, delivered again after failures and beside each other.
 */
describe('the bronze function, as it is deployed', { skip: found.skip ?? false }, () => {
  const { server, deltaRs } = available(found);
  const folder = makeTempFolder();
  let bucket = '';
  let functions: RunningFunction[] = [];

  const start = () =>
    startFunction(join(folder, BRONZE_BUNDLE.output), {
      env: { ...server.env, RESACA_BUCKET: bucket, RESACA_LOG_LEVEL: 'error' },
    });

  before(async () => {
    await build(bundleOptions(BRONZE_BUNDLE, folder));
    copyPackages(BRONZE_BUNDLE, folder);
    bucket = await server.createBucket();
    functions = await Promise.all([start(), start()]);
  });
  after(() => {
    for (const running of functions) running.stop();
  });

  const sql = (statement: string): Promise<Rows> =>
    deltaRs.call('sql', {
      table: `s3://${bucket}/bronze/web`,
      statement,
      storage: { ...server.env, AWS_ALLOW_HTTP: 'true' },
    }) as Promise<Rows>;

  it('writes each record once, whatever comes twice, and whatever is killed', async () => {
    const random = createRandom(11);
    const partitions = 4;
    const perPartition = 1_500;
    const batches = Array.from({ length: 40 }, () => {
      const partition = random.whole(0, partitions - 1);
      const first = random.whole(0, perPartition - 1);
      return { partition, first, end: Math.min(perPartition, first + random.whole(1, 300)) };
    });
    // The mapping gives the records of a partition in order, so each gets its batches one after the other, from where
    // the one before began: they overlap.
    const lanes = Array.from({ length: partitions }, async (_, partition) => {
      const running = functions[partition % functions.length] ?? assert.fail();
      return {
        running,
        partition,
        batches: overlapping(
          batches.filter((batch) => batch.partition === partition),
          perPartition,
        ),
      };
    });
    for (const { running, partition, batches: own } of await Promise.all(lanes)) {
      for (const { first, end } of own) {
        await running.invoke(mskEvent(kafkaRecords(first, end, { partition })));
      }
    }
    const { rows } = await sql(
      'SELECT "partition", count(*), count(DISTINCT "offset"), min("offset"), max("offset") FROM t GROUP BY 1 ORDER BY 1',
    );
    const expected = Array.from({ length: partitions }, (_, partition) =>
      [partition, perPartition, perPartition, 0, perPartition - 1].map(String),
    );
    assert.deepEqual(rows, expected);
  });

  it('keeps what the records hold', async () => {
    const { rows } = await sql(
      'SELECT arrow_cast(key, \'Utf8\'), arrow_cast(value, \'Utf8\'), topic, timestamp_type FROM t WHERE "offset" = 7 AND "partition" = 2',
    );
    assert.deepEqual(rows, [['key 7', 'value 7', 'web', 'CREATE_TIME']]);
  });

  it('writes each record once when two pollers have the same partition', async () => {
    const [a, b] = functions;
    assert.ok(a !== undefined && b !== undefined);
    for (let first = 0; first < 1_000; first += 100) {
      const event = (end: number) => mskEvent(kafkaRecords(first, end, { partition: 9 }));
      await Promise.all([a.invoke(event(first + 100)), b.invoke(event(first + 70))]);
    }
    const { rows } = await sql('SELECT count(*), count(DISTINCT "offset") FROM t WHERE "partition" = 9');
    assert.deepEqual(rows, [['1000', '1000']]);
  });
});

interface Range {
  readonly first: number;
  readonly end: number;
}

/** Batches that cover all offsets in order; each begins somewhere in the one before. */
function overlapping(batches: readonly Range[], count: number): Range[] {
  const ends = [...new Set([...batches.map(({ end }) => end), count])].sort((x, y) => x - y);
  return ends.map((end, index) => {
    const reached = ends[index - 1] ?? 0;
    const before = ends[index - 2] ?? 0;
    return { first: Math.floor((reached + before) / 2), end };
  });
}
