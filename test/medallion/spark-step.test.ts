import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { resetSteps } from '../../src/medallion/reset-step.ts';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { CrashError, createFaultyStore, type FaultPlan } from '../support/faulty-store.ts';
import { createStandInJobs, withSpark } from './spark-world.ts';
import { createStepWorld, type Row, ruleOf, type SourceTable } from './step-world.ts';

const EVENTS = structOf({ id: 'long', name: 'string', at: 'long' });
const ROWS = 'SELECT * FROM bronze';
const COUNTS =
  'SELECT name, COUNT(*) AS n, CAST(SUM("at") AS BIGINT) AS total, MAX("at") AS latest FROM bronze GROUP BY name';

const CASES: readonly (readonly [mode: StepMode, sql: string, more?: Partial<StepRule>])[] = [
  [{ kind: 'append' }, ROWS, { changes: 'skip' }],
  [
    { kind: 'merge', keys: ['id'], orderBy: 'at', deletes: 'apply', lateness: 0 },
    ROWS,
    { properties: { 'delta.enableChangeDataFeed': 'true' } },
  ],
  [{ kind: 'merge', keys: ['id'], orderBy: 'at', deletes: 'apply', lateness: 1_000 }, ROWS],
  [{ kind: 'aggregate', keys: ['name'], combine: { n: 'sum', total: 'sum', latest: 'max' }, rowCount: 'n' }, COUNTS],
  [{ kind: 'replace-partitions' }, ROWS, { partitionBy: ['name'] }],
];

function sparkRule([mode, sql, more = {}]: (typeof CASES)[number], engine: StepRule['engine'] = 'spark'): StepRule {
  const quality = [
    { name: 'known', check: { kind: 'not-null', column: 'name' }, action: 'quarantine' },
  ] as const satisfies StepRule['quality'];
  return ruleOf({ mode, ...(mode.kind !== 'aggregate' && { quality }), ...more, engine }, sql);
}

const row = (id: number, name: string | null, at: number): Row => [BigInt(id), name, BigInt(at)];

/** The same history in every world. */
async function history(source: SourceTable, part: number): Promise<void> {
  if (part === 0) await source.append([row(1, 'a', 1), row(2, 'b', 1)], [row(1, 'a', 2), row(4, null, 1)]);
  else if (part === 1) await source.append([row(3, 'a', 3), row(2, 'old', 0)]);
  else await source.change((one) => (one[0] === 1n ? undefined : one[0] === 2n ? row(2, 'c', 9) : one));
}

function createSparkWorld(store = createMemoryStore()) {
  const world = createStepWorld(store);
  const jobs = createStandInJobs(store);
  const run = (rule: StepRule, seen = store) => {
    const deps = withSpark(world.deps(seen), jobs);
    return runStep(rule, deps, { deadline: deps.now() + 3_600_000 });
  };
  return { world, jobs, run, store };
}

async function leftOvers(store: ReturnType<typeof createMemoryStore>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('silver')) if (key.includes('/_resaca/')) keys.push(key);
  return keys;
}

describe('A step on Spark', () => {
  for (const one of CASES) {
    const { kind } = one[0];
    const name = kind === 'merge' ? `merge with a lateness of ${one[0].lateness} ms` : kind;
    it(`has the rows that it has without (${name}), over several calls`, async () => {
      const spark = createSparkWorld();
      const other = createStepWorld();
      const sources = [
        await spark.world.source('bronze', { schema: EVENTS }),
        await other.source('bronze', { schema: EVENTS }),
      ];
      spark.jobs.plan.running = 1;
      for (let part = 0; part < 3; part++) {
        for (const source of sources) await history(source, part);
        await other.run({ ...sparkRule(one, 'duckdb') });
        let calls = 0;
        for (let state = ''; state !== 'done'; calls++) {
          ({ state } = await spark.run(sparkRule(one)));
          assert.ok(calls < 20, `it is ${state} for ever`);
        }
        // What an append leaves out is no work for a job.
        assert.ok(calls > 1 || (kind === 'append' && part === 2), 'it waited for the job');
        assert.deepEqual(await spark.world.rows('silver'), await other.rows('silver'), `after part ${part}`);
      }
      assert.deepEqual(await leftOvers(spark.store), []);
      if (kind !== 'aggregate') {
        assert.deepEqual(await spark.world.rows('silver__quarantine'), await other.rows('silver__quarantine'));
      }
    });
  }

  it('works on the batch as it was begun, whatever comes meanwhile', async () => {
    const { world, jobs, run } = createSparkWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    const rule = sparkRule(CASES[1] ?? assert.fail());
    const plain = { ...rule, quality: [] };
    await source.append([row(1, 'a', 1)]);
    jobs.plan.running = 1;
    assert.equal((await run(plain)).state, 'waiting');
    await source.append([row(2, 'b', 1)]);
    jobs.plan.running = 0;
    const { state, metrics } = await run(plain);
    assert.deepEqual([state, metrics.batches, metrics.rowsInserted], ['done', 2, 2]);
    assert.equal(jobs.started.length, 2);
    const { version } = await world.snapshot('silver');
    const { actions } = await readCommit(world.tableAt('silver'), {
      version: version - 1,
      key: commitKey(world.tableAt('silver'), version - 1),
    });
    const info = actions.flatMap((action) => ('commitInfo' in action ? [action.commitInfo] : []))[0];
    assert.equal(info?.operationParameters?.sourceUntilVersion, '1');
  });

  it('begins anew where another writer changed what was read', async () => {
    const { world, jobs, run } = createSparkWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    const rule = { ...sparkRule(CASES[1] ?? assert.fail()), quality: [] };
    const other = { ...rule, name: 'other', engine: 'duckdb', source: { ...rule.source, prefix: 'more' } } as const;
    await source.append([row(1, 'a', 1)]);
    await run(rule);
    const more = await world.source('more', { schema: EVENTS });
    await source.append([row(1, 'b', 2), row(2, 'b', 2)]);
    jobs.plan.running = 1;
    assert.equal((await run(rule)).state, 'waiting');
    await more.append([row(1, 'x', 5)]);
    await world.run(other);
    jobs.plan.running = 0;
    const { state, metrics } = await run(rule);
    assert.deepEqual([state, metrics.batches], ['done', 1]);
    assert.deepEqual(await world.rows('silver'), ['{"id":"1","name":"x","at":"5"}', '{"id":"2","name":"b","at":"2"}']);
    assert.equal(jobs.started.length, 3);
  });

  it('is given up after some jobs failed at the same work, and goes on when the step is changed', async () => {
    const { world, jobs, run } = createSparkWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    const rule = sparkRule(CASES[0] ?? assert.fail());
    await source.append([row(1, 'a', 1)]);
    jobs.plan.fails = 'no memory';
    for (let time = 0; time < 3; time++) {
      await assert.rejects(run(rule), { code: 'SPARK_JOB_FAILED', message: /no memory; nothing was committed/ });
    }
    for (let time = 0; time < 2; time++)
      await assert.rejects(run(rule), { code: 'SPARK_GIVEN_UP', message: /no memory/ });
    assert.equal(jobs.started.length, 3);
    await resetSteps([rule], world.deps(), { empties: false, deadline: Number.MAX_SAFE_INTEGER });
    await assert.rejects(run(rule), { code: 'SPARK_JOB_FAILED' });
    delete jobs.plan.fails;
    assert.equal((await run({ ...rule, changes: 'fail' })).state, 'done');
    assert.equal((await world.rows('silver')).length, 1);
    assert.deepEqual(await leftOvers(world.store as ReturnType<typeof createMemoryStore>), []);
  });

  it('is given up, too, where other writers make its jobs worthless again and again', async () => {
    const { world, jobs, run, store } = createSparkWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    const rule = sparkRule(CASES[1] ?? assert.fail());
    await source.append([row(1, 'a', 1)]);
    await run(rule);
    const before = jobs.started.length;
    await source.append([row(1, 'b', 2)]);
    const disturbing = {
      ...store,
      async putIfAbsent(key: string, body: Uint8Array) {
        if (key.startsWith('silver/_delta_log/')) {
          const { metadata, version } = await world.snapshot('silver');
          const configuration = { ...metadata.configuration, note: String(version) };
          await world.commit('silver', [{ metaData: { ...metadata, configuration } }]);
        }
        return store.putIfAbsent(key, body);
      },
    };
    await assert.rejects(run(rule, disturbing), { code: 'SPARK_GIVEN_UP', message: /other writers changed/ });
    assert.ok(jobs.started.length >= before + 3, `${jobs.started.length - before} jobs`);
    assert.equal((await run({ ...rule, changes: 'skip' })).state, 'done');
  });

  it('begins anew where the log no longer reaches back to where the batch began', async () => {
    const { world, jobs, run, store } = createSparkWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    const rule = sparkRule(CASES[0] ?? assert.fail());
    await source.append([row(1, 'a', 1)]);
    jobs.plan.running = 1;
    assert.equal((await run(rule)).state, 'waiting');
    const [note = ''] = (await leftOvers(store)).filter((key) => key.endsWith('note.json'));
    const text = new TextDecoder().decode((await store.get(note)).body);
    await store.put(note, new TextEncoder().encode(text.replace(/("[^"]*bronze":)1/, '$17')));
    jobs.plan.running = 0;
    await assert.rejects(run(rule), { code: 'VERSION_NOT_FOUND' });
    assert.equal((await run(rule)).state, 'done');
    assert.equal((await world.rows('silver')).length, 1);
  });

  it('takes over what is beyond the function, and only that', async () => {
    const { world, jobs, run } = createSparkWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    const rule = { ...sparkRule(CASES[1] ?? assert.fail(), 'auto'), quality: [] };
    await source.append([row(1, 'a', 1)]);
    await run(rule);
    assert.equal(jobs.started.length, 0);
    // What has to be read of the target is more than a batch may read.
    await source.append([row(1, 'b', 2)]);
    const small = { ...rule, limits: { ...rule.limits, maxBytes: 1 } };
    await assert.rejects(world.run(small), { code: 'BATCH_TOO_LARGE' });
    assert.equal((await run(small)).state, 'done');
    assert.ok(jobs.started.length > 0);
    assert.deepEqual(await world.rows('silver'), ['{"id":"1","name":"b","at":"2"}']);
  });

  it('is refused where there is no Spark', async () => {
    const world = createStepWorld();
    await assert.rejects(world.run(sparkRule(CASES[0] ?? assert.fail())), {
      code: 'UNSUPPORTED',
      message: /there is none/,
    });
  });

  it('has every row once, wherever the function dies', async () => {
    const one = CASES[1] ?? assert.fail();
    let crashes = 0;
    for (const when of ['before', 'after'] as const) {
      // Every second call before it, and the others after it.
      for (let number = when === 'before' ? 1 : 2; ; number += 2) {
        const { world, run, store } = createSparkWorld();
        const source = await world.source('bronze', { schema: EVENTS });
        await history(source, 0);
        await run(sparkRule(one));
        await history(source, 1);
        const plan: FaultPlan = (call) => (call.number === number ? { when, kind: 'crash' } : undefined);
        let died = false;
        try {
          await run(sparkRule(one), createFaultyStore(store, plan) as typeof store);
        } catch (error) {
          if (!(error instanceof CrashError) && !((error as Error).cause instanceof CrashError)) throw error;
          died = true;
        }
        if (!died) break;
        crashes += 1;
        await run(sparkRule(one));
        assert.deepEqual(
          await world.rows('silver'),
          ['{"id":"1","name":"a","at":"2"}', '{"id":"2","name":"b","at":"1"}', '{"id":"3","name":"a","at":"3"}'],
          `crash ${when} call ${number}`,
        );
        assert.deepEqual(
          (await leftOvers(store)).filter((key) => key.endsWith('plan.jsonl')),
          [],
        );
      }
    }
    assert.ok(crashes > 20, `${crashes} crashes`);
  });
});
