import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import { createStepSpark } from '../../src/medallion/spark/step-spark.ts';
import { createStepDeps } from '../../src/medallion/step-deps.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { type Rows, startReading } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { createLocalSparkJobs, s3aSettings } from '../support/interop/spark-jobs.ts';
import { stepRule } from '../support/interop/step-tables.ts';
import { parquet } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const s3 = await resource(async () => {
  const server = await startS3Server();
  const bucket = await server.createBucket();
  const jobs = await createLocalSparkJobs(s3aSettings(server), 'step.py');
  const reading = await startReading({ ...server.env, AWS_ALLOW_HTTP: 'true' });
  return { server, bucket, jobs, reading };
});

/** As long as a job may take on a busy machine, ms. */
const PATIENCE = 600_000;

const RULE = stepRule(
  'silver-web',
  {
    source: 'bronze/web',
    sql: 'SELECT web.id, web.name, CAST(web.id * 1.5 AS DECIMAL(10, 2)) AS price, p.name AS page, web.ds FROM web JOIN pages p USING (id)',
    lookups: ['bronze/pages'],
  },
  { mode: { kind: 'append' }, partitionBy: ['ds'], engine: 'spark' },
);

describe('A step whose job is a process of its own, on S3', { skip: s3.skip ?? false }, () => {
  it('reads its plan from the folder of its target, is waited for, and is committed by who began it', async () => {
    const { server, bucket, jobs, reading } = available(s3);
    const store = createS3Store({ client: server.client(), bucket });
    const pipeline = createPipeline(store);
    const expected: string[][] = [];
    for (let id = 0; id < 4; id++) {
      const ds = `2026-11-2${id % 2}`;
      const keys = [`bronze/web/ds=${ds}/${id} +.parquet`, `bronze/pages/${id}.parquet`] as const;
      await store.put(keys[0], parquet([{ id, name: `row ${id}` }]));
      await store.put(keys[1], parquet([{ id, name: `page ${id}` }]));
      await pipeline.append(...keys);
      expected.push([String(id), `row ${id}`, String(id * 1.5), `page ${id}`, ds]);
    }

    const deps = createStepDeps({
      reader: createCheckpointReader(),
      storeFor: () => store,
      urlOf: ({ prefix }) => `s3://${bucket}/${prefix}`,
      engine: { tempDir: makeTempFolder(), memoryLimit: 256 * 2 ** 20 },
      openSpark: async () => createStepSpark({ jobs, now: Date.now }),
      log: () => {},
      now: Date.now,
      random: Math.random,
      sleep: (ms) => sleep(ms),
    });
    const run = () => runStep(RULE, deps, { deadline: Date.now() + PATIENCE });
    assert.equal((await run()).state, 'waiting');
    const outcome = await jobs.wait('job-1', Date.now() + PATIENCE);
    assert.deepEqual(outcome, { kind: 'succeeded' });
    const { state, metrics } = await run();
    assert.deepEqual([state, metrics.commits, metrics.rowsInserted], ['done', 1, 4]);

    const report = jobs.reports.get('job-1');
    assert.deepEqual([report?.task, report?.step, report?.files], ['run', 'silver-web', 2], JSON.stringify(report));
    assert.deepEqual([...jobs.reports.keys()], ['job-1'], 'a job that was waited for is not begun again');
    const left = (await Array.fromAsync(store.list('silver/web/_resaca/'))).map(({ key }) => key);
    assert.deepEqual(left, []);
    const rows = (await reading.call('python', {
      section: 'step',
      code: `from deltalake import DeltaTable\nDeltaTable("s3://${bucket}/silver/web").to_pyarrow_table().sort_by("id")`,
    })) as Rows;
    assert.deepEqual(rows, { columns: ['id', 'name', 'price', 'page', 'ds'], rows: expected });
  });

  it('ends with 2 for arguments that it does not know', async () => {
    const run = '0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e';
    const args = ['run', '--table', 's3://b/t', '--step', 'silver/web', '--run', run];
    const { code, errors } = await available(s3).jobs.run(args);
    assert.equal(code, 2);
    assert.match(errors, /expected lower-case letters, digits, - and _, got 'silver\/web'/);
  });
});
