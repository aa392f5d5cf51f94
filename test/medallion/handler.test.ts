import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { medallionEnvironment } from '../../src/aws/medallion-env.ts';
import { notificationBody } from '../../src/ingest/notification-body.ts';
import type { TableMetrics } from '../../src/ingest/telemetry.ts';
import { parseMedallionConfig } from '../../src/medallion/config.ts';
import { StepError } from '../../src/medallion/errors.ts';
import { createMedallionHandler } from '../../src/medallion/handler.ts';
import { type StepMessage, stepDeduplication, stepGroup } from '../../src/medallion/messages.ts';
import type { StepRun } from '../../src/medallion/step-run.ts';
import { SparkWorkError } from '../../src/spark/errors.ts';

const NOTHING: StepRun['metrics'] = {
  batches: 0,
  commits: 0,
  conflicts: 0,
  filesRead: 0,
  bytesRead: 0,
  filesAdded: 0,
  bytesAdded: 0,
  filesRemoved: 0,
  rowsInserted: 0,
  rowsUpdated: 0,
  rowsDeleted: 0,
  rowsCopied: 0,
  rowsQuarantined: 0,
  rowsLate: 0,
  violations: {},
};
const DONE: Omit<StepRun, 'step'> = {
  state: 'done',
  position: { version: 4, files: 0 },
  backfill: undefined,
  sourceVersion: 3,
  versionsBehind: 0,
  metrics: NOTHING,
};
const CONFIG = parseMedallionConfig(
  {
    steps: [
      {
        name: 'silver',
        target: 'silver/a',
        source: 'bronze/a',
        sql: 'SELECT 1',
        quality: [{ check: 'not-null', column: 'x' }],
      },
      { name: 'other', target: 'silver/b', source: 'bronze/a', sql: 'SELECT 1' },
      { name: 'gold', target: 'gold/a', source: { step: 'silver' }, sql: 'SELECT 1' },
    ],
  },
  { landing: 'lake' },
);

/** The function beside a queue that keeps what is sent, and a run that `outcome` decides. */
function createFunction(outcome: (step: string) => Partial<StepRun> | Error = () => ({})) {
  const sent: StepMessage[] = [];
  const occasions: string[] = [];
  const ran: string[] = [];
  const delays: number[] = [];
  const logs: string[] = [];
  const metrics: Partial<TableMetrics>[] = [];
  const queue = { isBroken: false };
  const handler = createMedallionHandler({
    config: CONFIG,
    queue: {
      async send(message, _rule, occasion) {
        if (queue.isBroken) throw new Error('no queue');
        sent.push(message);
        occasions.push(occasion);
      },
      showAfter: async (_receipt, seconds) => void delays.push(seconds),
    },
    telemetry: { log: (_level, message) => logs.push(message), metrics: (_table, values) => metrics.push(values) },
    async run({ name }) {
      ran.push(name);
      const result = outcome(name);
      if (result instanceof Error) throw result;
      return { ...DONE, step: name, ...result };
    },
    urlOf: ({ bucket, prefix }) => `s3://${bucket}/${prefix}`,
    now: () => 10_000,
  });
  const context = { awsRequestId: 'request', getRemainingTimeInMillis: () => 900_000 };
  const invoke = (bodies: readonly (string | object)[], received = 1) =>
    handler(
      {
        Records: bodies.map((body, index) => ({
          messageId: `m${index}`,
          body: typeof body === 'string' ? body : JSON.stringify(body),
          receiptHandle: `r${index}`,
          attributes: { ApproximateReceiveCount: String(received) },
        })),
      },
      context,
    );
  return {
    sent,
    occasions,
    ran,
    delays,
    logs,
    metrics,
    queue,
    invoke,
    schedule: (event: object) => handler(event, context),
  };
}

function created(key: string, time = 5_000, bucket = 'lake'): string {
  const event = { kind: 'created', bucket, key, size: 1, time } as const;
  return notificationBody([event], { awsRegion: 'eu-west-1', configurationId: 'c' });
}

function removed(key: string): string {
  const event = { kind: 'removed', bucket: 'lake', key, time: 1 } as const;
  return notificationBody([event], { awsRegion: 'eu-west-1', configurationId: 'c' });
}

const commit = (table: string, version: number, time?: number) =>
  created(`${table}/_delta_log/${String(version).padStart(20, '0')}.json`, time);

describe('the medallion function', () => {
  it('makes one message for each step of many commits, with the time of the oldest', async () => {
    const { invoke, sent, occasions, ran } = createFunction();
    const bodies = [commit('bronze/a', 8, 7_000), commit('bronze/a', 7, 6_000), commit('silver/a', 3, 9_000)];
    assert.deepEqual(await invoke(bodies), { batchItemFailures: [] });
    assert.deepEqual(sent, [
      { step: 'silver', since: 6_000 },
      { step: 'other', since: 6_000 },
      { step: 'gold', since: 9_000 },
    ]);
    assert.deepEqual(new Set(occasions), new Set(['request']));
    assert.deepEqual(ran, []);
  });

  it('leaves out what is no commit of a source', async () => {
    const { invoke, sent } = createFunction();
    const other = [
      created('bronze/a/_delta_log/00000000000000000010.checkpoint.0b5a1a52-ca86-45b1-8f1d-5b0e2d3c9f60.json'),
      created('bronze/a/_delta_log/00000000000000000000.00000000000000000009.compacted.json'),
      created('bronze/a/data.json'),
      created('bronze/a/_delta_log/00000000000000000001.json', 1, 'another-bucket'),
      commit('gold/a', 1),
      removed('bronze/a/_delta_log/00000000000000000001.json'),
    ];
    assert.deepEqual(await invoke(other), { batchItemFailures: [] });
    assert.deepEqual(sent, []);
  });

  it('puts the steps of a schedule into the queue, for the time of the schedule', async () => {
    const { schedule, sent, occasions } = createFunction();
    await schedule({ steps: ['silver', 'gold'], time: '2026-11-30T21:00:00Z' });
    assert.deepEqual(sent, [{ step: 'silver' }, { step: 'gold' }]);
    assert.deepEqual(new Set(occasions), new Set(['2026-11-30T21:00:00Z']));
  });

  it('runs a step, and tells how long its oldest commit waited', async () => {
    const { invoke, ran, metrics, sent } = createFunction(() => ({
      metrics: { ...NOTHING, commits: 1, filesAdded: 2, rowsQuarantined: 3, violations: { 'not-null_x': 4 } },
    }));
    assert.deepEqual(await invoke([{ step: 'silver', since: 4_000 }]), { batchItemFailures: [] });
    assert.deepEqual(ran, ['silver']);
    assert.deepEqual(sent, []);
    assert.deepEqual(
      metrics.map(({ commits, filesAppended, rowsQuarantined, qualityWarnings, freshnessLag }) => ({
        commits,
        filesAppended,
        rowsQuarantined,
        qualityWarnings,
        freshnessLag,
      })),
      [{ commits: 1, filesAppended: 2, rowsQuarantined: 3, qualityWarnings: 4, freshnessLag: 6_000 }],
    );
  });

  it('puts a run into the queue again that had too little time, until it came to no end', async () => {
    const { invoke, sent } = createFunction(() => ({ state: 'more' }));
    await invoke([{ step: 'silver', since: 4_000, turn: 7 }]);
    assert.deepEqual(sent, [{ step: 'silver', since: 4_000, turn: 8 }]);
    assert.deepEqual(await invoke([{ step: 'silver', turn: 500 }]), { batchItemFailures: [{ itemIdentifier: 'm0' }] });
  });

  it('has a run delivered again whose rest could not be put into the queue', async () => {
    const { invoke, queue } = createFunction(() => ({ state: 'more' }));
    queue.isBroken = true;
    assert.deepEqual(await invoke([{ step: 'silver' }]), { batchItemFailures: [{ itemIdentifier: 'm0' }] });
  });

  it('has a failed run come again, later each time', async () => {
    const { invoke, delays, metrics } = createFunction(() => new StepError('QUALITY', 'a rule was broken'));
    for (const received of [1, 2, 3, 9]) {
      assert.deepEqual(await invoke([{ step: 'silver' }], received), { batchItemFailures: [{ itemIdentifier: 'm0' }] });
    }
    assert.deepEqual(delays, [30, 120, 480, 3_600]);
    assert.deepEqual(
      metrics,
      Array.from({ length: 4 }, () => ({ failures: 1 })),
    );
  });

  it('tells by a metric of its own that Spark is not asked any more', async () => {
    const error = new SparkWorkError('SPARK_GIVEN_UP', 'three jobs came to nothing', {});
    const { invoke, metrics } = createFunction(() => error);
    await invoke([{ step: 'silver' }]);
    assert.deepEqual(metrics, [{ failures: 1, stepsGivenUp: 1 }]);
  });

  it('keeps the message of a step back that waits for Spark, and sends another before it came too often', async () => {
    const { invoke, delays, sent, metrics, logs } = createFunction(() => ({ state: 'waiting' }));
    for (const received of [1, 2]) {
      assert.deepEqual(await invoke([{ step: 'silver' }], received), { batchItemFailures: [{ itemIdentifier: 'm0' }] });
    }
    assert.deepEqual([delays, sent], [[300, 300], []]);
    assert.deepEqual(await invoke([{ step: 'silver' }], 3), { batchItemFailures: [] });
    assert.deepEqual(sent, [{ step: 'silver', turn: 1 }]);
    assert.deepEqual(logs, Array(3).fill('step waits for Spark'));
    assert.ok(metrics.every(({ failures }) => failures === undefined));
  });

  it('leaves a step alone whose source is not there yet', async () => {
    const { invoke, logs } = createFunction(() => new StepError('SOURCE_NOT_FOUND', 'there is no table'));
    assert.deepEqual(await invoke([{ step: 'gold' }]), { batchItemFailures: [] });
    assert.deepEqual(logs, ['step left out']);
  });

  it('answers for each message: one that is wrong does not hold up the others', async () => {
    const { invoke, sent } = createFunction();
    const answer = await invoke(['{', { step: 7 }, { step: 'unknown' }, commit('silver/a', 1)]);
    assert.deepEqual(
      answer.batchItemFailures,
      ['m0', 'm1', 'm2'].map((itemIdentifier) => ({ itemIdentifier })),
    );
    assert.deepEqual(sent, [{ step: 'gold', since: 5_000 }]);
  });

  it('has events delivered again whose steps could not be put into the queue', async () => {
    const { invoke, queue } = createFunction();
    queue.isBroken = true;
    assert.deepEqual(await invoke([commit('silver/a', 1)]), { batchItemFailures: [{ itemIdentifier: 'm0' }] });
  });
});

describe('the messages of steps', () => {
  it('have a group for each target, so that no two write to it at a time', () => {
    const [silver, other] = CONFIG.steps;
    assert.ok(silver && other);
    assert.equal(stepGroup({ ...other, target: silver.target }), stepGroup(silver));
    assert.notEqual(stepGroup(other), stepGroup(silver));
    assert.match(stepGroup(silver), /^[0-9a-f]{64}$/);
  });

  it('are the same for one step, turn and occasion', () => {
    const ids = [
      stepDeduplication({ step: 'a', since: 1 }, 'x'),
      stepDeduplication({ step: 'a', since: 2, turn: 0 }, 'x'),
      stepDeduplication({ step: 'a', turn: 1 }, 'x'),
      stepDeduplication({ step: 'a' }, 'y'),
      stepDeduplication({ step: 'b' }, 'x'),
    ];
    assert.equal(new Set(ids).size, 4);
    assert.equal(ids[0], ids[1]);
  });
});

describe('the environment of the medallion function', () => {
  const steps = [{ target: 'silver/a', source: 'bronze/a', function: 'transforms/a.mts', columns: 'id BIGINT' }];
  const env = {
    RESACA_CONFIG: JSON.stringify({ steps }),
    RESACA_STEP_QUEUE_URL: 'https://sqs/steps.fifo',
    RESACA_STEP_BUCKETS: '{"landing": "lake"}',
    LAMBDA_TASK_ROOT: '/var/task',
  };

  it('has the names of buckets, and the modules beside the code', () => {
    const { config, queueUrl } = medallionEnvironment(env);
    assert.equal(queueUrl, env.RESACA_STEP_QUEUE_URL);
    assert.deepEqual(config.steps[0]?.source, { name: 'a', bucket: 'lake', prefix: 'bronze/a' });
    const transform = { kind: 'function', module: '/var/task/transforms/a.mts', columns: 'id BIGINT' };
    assert.deepEqual(config.steps[0]?.transform, transform);
  });

  it('has the application for steps that are beyond the function, where there is one', () => {
    const spark = {
      RESACA_SPARK_APPLICATION_ID: '00f',
      RESACA_SPARK_ROLE_ARN: 'arn:aws:iam::1:role/jobs',
      RESACA_SPARK_SCRIPT: 's3://assets/step.py',
      RESACA_SPARK_LIBRARY: 's3://assets/lib.zip',
    };
    assert.equal(medallionEnvironment({ ...env, ...spark }).spark?.script, 's3://assets/step.py');
    assert.equal(medallionEnvironment(env).spark, undefined);
  });

  it('leaves DuckDB what the function does not need of memory and disk', () => {
    const { engine } = medallionEnvironment({
      ...env,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '3008',
      RESACA_STEP_DISK: '4096',
    });
    const { memoryLimit, diskLimit, threads } = engine;
    assert.deepEqual(
      { memoryLimit, diskLimit, threads },
      { memoryLimit: 2_558 * 2 ** 20, diskLimit: 1_984 * 2 ** 20, threads: 2 },
    );
  });

  it('refuses what is missing or wrong, by name', () => {
    const without = (change: object) => () => medallionEnvironment({ ...env, ...change });
    assert.throws(without({ RESACA_STEP_QUEUE_URL: '' }), /RESACA_STEP_QUEUE_URL: is missing/);
    assert.throws(without({ RESACA_STEP_BUCKETS: '["lake"]' }), /RESACA_STEP_BUCKETS: expected/);
    assert.throws(without({ RESACA_STEP_BUCKETS: '{' }), /RESACA_STEP_BUCKETS: expected/);
    assert.throws(without({ RESACA_STEP_BUCKETS: '{}' }), /is "landing", and there is no such bucket/);
  });
});
