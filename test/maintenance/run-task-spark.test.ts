import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMaintenanceConfig } from '../../src/maintenance/config.ts';
import { runTask } from '../../src/maintenance/run-task.ts';
import type { TaskEngine } from '../../src/maintenance/tasks.ts';
import type { SparkJobOutcome, SparkJobs } from '../../src/spark/jobs.ts';
import { createSparkStandIn } from '../support/spark-stand-in.ts';
import { assertRowsAreThere, createSparkWorld, FILES } from './spark-world.ts';

/** The compaction of the maintenance function, over a table of six small files, with a Spark beside it. */
async function upkeepWith({ maxBacklog }: { maxBacklog: number }) {
  const { world, engine, table, ...spark } = await createSparkWorld();
  world.advance(1);
  let outcome: SparkJobOutcome = { kind: 'succeeded' };
  const { jobs, started } = createSparkStandIn({ table, outcome: () => outcome });
  const deadlines: number[] = [];
  const watched: SparkJobs = {
    ...jobs,
    wait(id, deadline) {
      deadlines.push(deadline);
      return jobs.wait(id, deadline);
    },
  };
  const config = parseMaintenanceConfig({ optimize: { minAge: 0, targetFileSize: 2 ** 20, maxBacklog } });
  const taskEngine: TaskEngine = { ...engine, config, openSpark: async () => watched };
  return {
    ...spark,
    table,
    started,
    deadlines,
    optimize: (own: TaskEngine = taskEngine) => runTask('optimize', own, table, world.now() + 60_000, 0),
    engineWith: (maxBytes: number) => ({
      ...taskEngine,
      config: { ...config, optimize: { ...config.optimize, maxBacklog: maxBytes } },
    }),
    jobsEnd: (how: SparkJobOutcome) => {
      outcome = how;
    },
  };
}

const RUNNING: SparkJobOutcome = { kind: 'running', state: 'RUNNING' };

describe('compaction in the maintenance function, with Spark for what is beyond it', () => {
  it('does itself what is within the limit', async () => {
    const { optimize, started, activePaths, ...spark } = await upkeepWith({ maxBacklog: 2 ** 30 });
    const { state, metrics } = await optimize();
    assert.deepEqual([state, metrics.filesCompacted], ['done', FILES]);
    assert.equal(started.length, 0);
    assert.equal((await activePaths()).length, 2);
    await assertRowsAreThere(spark);
  });

  it('starts a job for what is beyond, does not wait for it, and commits its work in a later turn', async () => {
    const { optimize, started, deadlines, jobsEnd, activePaths, leftOvers, ...spark } = await upkeepWith({
      maxBacklog: 1,
    });
    jobsEnd(RUNNING);
    assert.equal((await optimize()).state, 'waiting');
    assert.equal((await optimize()).state, 'waiting');
    assert.equal((await activePaths()).length, FILES);
    jobsEnd({ kind: 'succeeded' });
    const { state, metrics } = await optimize();
    assert.deepEqual([state, metrics.filesCompacted], ['done', FILES]);
    assert.equal(started.length, 1);
    assert.deepEqual(deadlines, [0, 0, 0]);
    assert.equal((await activePaths()).length, 2);
    assert.deepEqual(await leftOvers(), []);
    await assertRowsAreThere(spark);
  });

  it('goes on with a job that there is, also when the rest is within the limit', async () => {
    const { optimize, engineWith, started, jobsEnd, activePaths, ...spark } = await upkeepWith({ maxBacklog: 1 });
    jobsEnd(RUNNING);
    await optimize();
    jobsEnd({ kind: 'succeeded' });
    const { state, details } = await optimize(engineWith(2 ** 30));
    assert.deepEqual([state, details.resumed, details.job], ['done', true, 'job-1']);
    assert.equal(started.length, 1);
    await assertRowsAreThere(spark);
  });

  it('fails with a job that failed, and begins anew the next time', async () => {
    const { optimize, started, jobsEnd, activePaths, ...spark } = await upkeepWith({ maxBacklog: 1 });
    jobsEnd({ kind: 'failed', state: 'FAILED', detail: 'no capacity' });
    await assert.rejects(optimize(), { code: 'SPARK_JOB_FAILED', message: /no capacity; nothing was committed/ });
    assert.equal((await activePaths()).length, FILES);
    jobsEnd({ kind: 'succeeded' });
    assert.equal((await optimize()).state, 'done');
    assert.equal(started.length, 2);
    await assertRowsAreThere(spark);
  });
});
