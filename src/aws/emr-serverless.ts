import { setTimeout as wait } from 'node:timers/promises';
import {
  CancelJobRunCommand,
  EMRServerlessClient,
  GetJobRunCommand,
  type JobRun,
  StartJobRunCommand,
} from '@aws-sdk/client-emr-serverless';
import type { SparkJob, SparkJobOutcome, SparkJobs } from '../spark/jobs.ts';
import type { EmrServerlessApplication } from './emr-env.ts';
import { type ServiceAddress, serviceClientOptions } from './service-client.ts';

export interface EmrServerlessOptions extends EmrServerlessApplication, ServiceAddress {
  /** More for spark-submit, such as `--conf spark.executor.memory=16g`. @default what the application has */
  readonly sparkParameters?: string | undefined;
  /** Minutes after which EMR Serverless cancels the job. @default 720, which is EMR's own default */
  readonly timeoutMinutes?: number | undefined;
  /** ms since the epoch. @default Date.now */
  readonly now?: () => number;
  /** @default a timer */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

const PATIENCE = { connectTimeout: 2_000, responseTimeout: 15_000, maxAttempts: 6 };
/** Time between two looks at a job, ms: it doubles up to the longest. A job takes a minute or two to begin. */
const FIRST_POLL = 2_000;
const LONGEST_POLL = 30_000;
const DEFAULT_TIMEOUT_MINUTES = 720;
/** Characters of a job's name (EMR Serverless API reference, StartJobRun). */
const MAX_NAME = 256;

/**
 * Runs the jobs of `src/maintenance/spark` and `src/medallion/spark` on an EMR Serverless application, which starts by itself and holds the jars of
 * Delta Lake in its configuration (`infra/constructs/spark-jobs.ts`). Needs `emr-serverless:StartJobRun` on the
 * application, `GetJobRun` and `CancelJobRun` on its job runs, and `iam:PassRole` for the execution role.
 * Throws an Error that says what was asked for, with the SDK's as its cause.
 */
export function createEmrServerlessJobs(options: EmrServerlessOptions): SparkJobs {
  const { applicationId, region, endpoint, now = Date.now, sleep = wait } = options;
  const client = new EMRServerlessClient(serviceClientOptions({ region, endpoint }, PATIENCE));

  async function look(id: string): Promise<JobRun> {
    const { jobRun } = await asking(`for the job run ${id}`, () =>
      client.send(new GetJobRunCommand({ applicationId, jobRunId: id })),
    );
    if (jobRun === undefined) throw new Error(`EMR Serverless has told nothing of the job run ${id}`);
    return jobRun;
  }

  return {
    async start(job) {
      const { jobRunId } = await asking(`to start "${job.name}" in the application ${applicationId}`, () =>
        client.send(new StartJobRunCommand(jobRequest(options, job))),
      );
      if (jobRunId === undefined) throw new Error(`EMR Serverless has started "${job.name}" and not told its id`);
      return jobRunId;
    },
    async wait(id, deadline) {
      for (let delay = FIRST_POLL; ; delay = Math.min(2 * delay, LONGEST_POLL)) {
        const outcome = outcomeOf(await look(id));
        if (outcome.kind !== 'running' || now() + delay >= deadline) return outcome;
        await sleep(delay);
      }
    },
    async cancel(id) {
      try {
        await asking(`to cancel the job run ${id}`, () =>
          client.send(new CancelJobRunCommand({ applicationId, jobRunId: id })),
        );
      } catch (error) {
        // It may have ended meanwhile, which is as good.
        if (outcomeOf(await look(id)).kind === 'running') throw error;
      }
    },
  };
}

/** What `StartJobRun` is asked for. One attempt only: whoever waits for the job decides whether to start another. */
function jobRequest(options: EmrServerlessOptions, { name, token, arguments: args }: SparkJob) {
  const { applicationId, executionRoleArn, script, library, sparkParameters, timeoutMinutes } = options;
  return {
    applicationId,
    executionRoleArn,
    clientToken: token,
    name: name.slice(0, MAX_NAME),
    executionTimeoutMinutes: timeoutMinutes ?? DEFAULT_TIMEOUT_MINUTES,
    jobDriver: {
      sparkSubmit: {
        entryPoint: script,
        entryPointArguments: [...args],
        sparkSubmitParameters: [
          `--py-files ${library}`,
          ...(sparkParameters === undefined ? [] : [sparkParameters]),
        ].join(' '),
      },
    },
  };
}

/** A state that is not known yet is none that a job ends in. */
function outcomeOf({ state, stateDetails = '' }: JobRun): SparkJobOutcome {
  if (state === 'SUCCESS') return { kind: 'succeeded' };
  if (state === 'FAILED' || state === 'CANCELLED') {
    return { kind: 'failed', state, detail: stateDetails === '' ? 'EMR Serverless does not say why' : stateDetails };
  }
  return { kind: 'running', state: state ?? 'UNKNOWN' };
}

async function asking<T>(what: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new Error(`EMR Serverless was asked ${what}: ${reason}`, { cause });
  }
}
