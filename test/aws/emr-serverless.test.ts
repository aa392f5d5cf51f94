import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { emrServerlessEnvironment } from '../../src/aws/emr-env.ts';
import { createEmrServerlessJobs } from '../../src/aws/emr-serverless.ts';
import { type EmrServer, startEmrServer } from '../support/emr-server.ts';

const ROLE = 'arn:aws:iam::111122223333:role/jobs';
const JOB = {
  name: 'optimize s3://lake/orders',
  token: 'token-1',
  arguments: ['rewrite', '--table', 's3://lake/orders'],
};

/** Jobs on a server that is shaped as EMR Serverless, and a clock that only sleeping moves. */
async function createWorld(more: { sparkParameters?: string; timeoutMinutes?: number } = {}) {
  const emr: EmrServer = await startEmrServer();
  const clock = { time: 0, sleeps: [] as number[] };
  const jobs = createEmrServerlessJobs({
    applicationId: '00app',
    executionRoleArn: ROLE,
    script: 's3://assets/optimize.py',
    library: 's3://assets/lib.zip',
    region: 'us-east-1',
    endpoint: emr.endpoint,
    now: () => clock.time,
    async sleep(ms) {
      clock.time += ms;
      clock.sleeps.push(ms);
    },
    ...more,
  });
  return { emr, jobs, clock };
}

describe('Jobs on EMR Serverless', () => {
  before(() => {
    process.env.AWS_ACCESS_KEY_ID = 'test';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
  });

  it('are started with script, arguments, role, token and a limit', async () => {
    const { emr, jobs } = await createWorld({ sparkParameters: '--conf spark.executor.memory=16g' });
    assert.equal(await jobs.start(JOB), '00job1');
    assert.deepEqual(emr.requests, [
      {
        method: 'POST',
        url: '/applications/00app/jobruns',
        body: {
          clientToken: 'token-1',
          executionRoleArn: ROLE,
          executionTimeoutMinutes: 720,
          name: 'optimize s3://lake/orders',
          jobDriver: {
            sparkSubmit: {
              entryPoint: 's3://assets/optimize.py',
              entryPointArguments: ['rewrite', '--table', 's3://lake/orders'],
              sparkSubmitParameters: '--py-files s3://assets/lib.zip --conf spark.executor.memory=16g',
            },
          },
        },
      },
    ]);
  });

  it('are the same for the same token, and have names that are cut to what is allowed', async () => {
    const { emr, jobs } = await createWorld();
    const long = { ...JOB, name: 'x'.repeat(300) };
    assert.deepEqual([await jobs.start(long), await jobs.start(long)], ['00job1', '00job1']);
    assert.equal(await jobs.start({ ...long, token: 'token-2' }), '00job2');
    assert.equal(String(emr.requests[0]?.body.name).length, 256);
  });

  it('are waited for with longer and longer pauses', async () => {
    const { emr, jobs, clock } = await createWorld();
    emr.states = [
      ...['SUBMITTED', 'PENDING', 'SCHEDULED', 'RUNNING', 'RUNNING', 'SOMETHING_NEW'].map((state) => ({ state })),
      { state: 'SUCCESS' },
    ];
    const id = await jobs.start(JOB);
    assert.deepEqual(await jobs.wait(id, Number.POSITIVE_INFINITY), { kind: 'succeeded' });
    assert.deepEqual(clock.sleeps, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('are not waited for any longer than the deadline, and looked at once after it', async () => {
    const { emr, jobs, clock } = await createWorld();
    emr.states = [{ state: 'RUNNING' }];
    const id = await jobs.start(JOB);
    assert.deepEqual(await jobs.wait(id, 7_000), { kind: 'running', state: 'RUNNING' });
    assert.ok(clock.time < 7_000, `${clock.time} ms`);
    emr.states = [{ state: 'SUCCESS' }];
    assert.deepEqual(await jobs.wait(id, 0), { kind: 'succeeded' });
  });

  for (const [state, stateDetails, detail] of [
    ['FAILED', 'ExitCode: 1. Out of memory', 'ExitCode: 1. Out of memory'],
    ['CANCELLED', undefined, 'EMR Serverless does not say why'],
  ] as const) {
    it(`have ended with ${state}, and why`, async () => {
      const { emr, jobs } = await createWorld();
      emr.states = [{ state: 'CANCELLING' }, { state, ...(stateDetails !== undefined && { stateDetails }) }];
      const id = await jobs.start(JOB);
      assert.deepEqual(await jobs.wait(id, Number.POSITIVE_INFINITY), { kind: 'failed', state, detail });
    });
  }

  it('are cancelled; one that has ended already stays as it is', async () => {
    const { emr, jobs } = await createWorld();
    const id = await jobs.start(JOB);
    await jobs.cancel(id);
    assert.deepEqual(emr.requests.at(-1), { method: 'DELETE', url: '/applications/00app/jobruns/00job1', body: {} });
    emr.refusals = [{ status: 400, type: 'ValidationException' }];
    await jobs.cancel(id);
    emr.refusals = [{ status: 400, type: 'ValidationException' }];
    emr.states = [{ state: 'RUNNING' }];
    await assert.rejects(jobs.cancel(id), /asked to cancel the job run 00job1: ValidationException/);
  });

  it('survive failures that pass', async () => {
    const { emr, jobs } = await createWorld();
    emr.refusals = [
      { status: 500, type: 'InternalServerException' },
      { status: 429, type: 'ThrottlingException' },
    ];
    const id = await jobs.start(JOB);
    assert.deepEqual([id, emr.requests.length], ['00job1', 3]);
    const tokens = emr.requests.map(({ body }) => body.clientToken);
    assert.deepEqual(tokens, ['token-1', 'token-1', 'token-1']);
  });

  it('are refused with what was asked for', async () => {
    const { emr, jobs } = await createWorld();
    emr.refusals = [{ status: 402, type: 'ServiceQuotaExceededException' }];
    await assert.rejects(
      jobs.start(JOB),
      /asked to start "optimize s3:\/\/lake\/orders" in the application 00app: ServiceQuotaExceededException/,
    );
    await assert.rejects(jobs.wait('nix', 0), /asked for the job run nix: ResourceNotFoundException/);
  });
});

describe('The environment', () => {
  it('names an application with three variables, or none', () => {
    const env = {
      RESACA_SPARK_APPLICATION_ID: '00app',
      RESACA_SPARK_ROLE_ARN: ROLE,
      RESACA_SPARK_SCRIPT: 's3://a/b.py',
      RESACA_SPARK_LIBRARY: 's3://a/lib.zip',
    };
    assert.deepEqual(emrServerlessEnvironment(env), {
      applicationId: '00app',
      executionRoleArn: ROLE,
      script: 's3://a/b.py',
      library: 's3://a/lib.zip',
    });
    assert.equal(emrServerlessEnvironment({}), undefined);
    assert.throws(
      () => emrServerlessEnvironment({ ...env, RESACA_SPARK_SCRIPT: '' }),
      /RESACA_SPARK_SCRIPT: is missing/,
    );
  });
});
