import { Duration, Size, Stack } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { MedallionConfigInput } from '../../src/medallion/config.ts';
import { announcedTables, commitFilters, type MedallionDeployment } from '../config/medallion-config.ts';
import { duckDbLibrary, duckDbPackage } from './duckdb-library.ts';
import { EventQueue } from './event-queue.ts';
import type { FunctionFiles } from './function-code.ts';
import { LandingEvents } from './landing-events.ts';
import { medallionPolicy } from './medallion-policy.ts';
import { sendStatements } from './policies.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';
import type { SparkJobs } from './spark-jobs.ts';

export interface MedallionPipelineProps extends Omit<FunctionSettings, 'timeout' | 'memorySize'> {
  readonly medallion: MedallionDeployment;
  /** By the names that the steps have for them: `landing`, `kafka`, or their own. */
  readonly buckets: ReadonlyMap<string, Bucket | IBucket>;
  /** For batches that are beyond the function. @default there is none */
  readonly spark?: SparkJobs;
  /** Of the queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** Events of an invocation: each is small, and all of a window become one message a step. */
const BATCH_SIZE = 1_000;
const BATCH_WITHOUT_WINDOW = 10;
/** Deliveries of a run that fails; in between it waits 30 s, 2 min, 8 min and 32 min. */
const MAX_RECEIVE_COUNT = 5;
/** Beyond the function's time-out, so that a run that was cut off is not begun again beside itself. */
const VISIBILITY_MARGIN = Duration.minutes(1);
/** Folder of the modules of functions, beside the bundle. */
const MODULES = 'transforms';

/**
 * Commits of sources -> a queue that gathers them -> the medallion function, which puts one message for each step that they
 * concern into a FIFO queue, from which it makes the runs: one of a target at a time.
 */
export class MedallionPipeline extends Construct {
  /** Of commits. */
  readonly events: EventQueue;
  /** Of runs. */
  readonly work: EventQueue;
  /** What EventBridge could not deliver. */
  readonly undelivered: readonly Queue[];
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;
  /** Whether there is Spark for batches that are beyond the function. */
  readonly hasSpark: boolean;

  /** Throws Error where DuckDB for the function's architecture cannot be had. */
  constructor(scope: Construct, id: string, props: MedallionPipelineProps) {
    super(scope, id);
    const { medallion, buckets, spark, encryptionKey, ...settings } = props;
    this.hasSpark = spark !== undefined;
    const timeout = Duration.seconds(medallion.timeout);
    const keys = encryptionKey === undefined ? {} : { encryptionKey };
    const visibilityTimeout = timeout.plus(VISIBILITY_MARGIN);
    this.events = new EventQueue(this, 'Commits', { ...keys, functionTimeout: timeout, visibilityTimeout });
    this.work = new EventQueue(this, 'Steps', {
      ...keys,
      functionTimeout: timeout,
      visibilityTimeout,
      fifo: true,
      maxReceiveCount: MAX_RECEIVE_COUNT,
    });
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const { config, files } = deployedModules(medallion.config);
    const library = medallion.architecture === 'arm64' ? 'arm64' : 'x64';
    const own = new ResacaFunction(this, 'Function', {
      ...settings,
      name: 'medallion',
      config,
      files: { ...files, [`node_modules/${duckDbPackage(library)}`]: duckDbLibrary(library) },
      architecture: library === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      memorySize: medallion.memorySize,
      ephemeralStorageSize: Size.mebibytes(medallion.ephemeralStorage),
      // The names of new buckets are known at the deployment only.
      environment: {
        RESACA_STEP_BUCKETS: Stack.of(this).toJsonString(
          Object.fromEntries([...buckets].map(([name, { bucketName }]) => [name, bucketName])),
        ),
        RESACA_STEP_QUEUE_URL: this.work.queue.queueUrl,
        RESACA_STEP_DISK: String(medallion.ephemeralStorage),
        ...spark?.stepEnvironment,
      },
      timeout,
      pipelineName: this.pipelineName,
    });
    this.function = own.function;
    this.role = own.role;
    this.logGroup = own.logGroup;
    own.grant(
      ...[...buckets].map(([name, bucket], index) =>
        medallionPolicy(this, `Tables${index}`, { bucket, name }, medallion.steps),
      ),
    );
    spark?.grantRun('Spark', this.role);
    for (const statement of sendStatements(this.work.queue)) this.role.addToPolicy(statement);
    this.events.queue.grantConsumeMessages(this.role);
    this.work.queue.grantConsumeMessages(this.role);
    this.addSources(medallion);
    this.undelivered = this.announce(medallion, buckets);
    if (medallion.every > 0) this.addSchedule(medallion);
  }

  private addSources({ batchingWindow, maxConcurrency }: MedallionDeployment): void {
    this.function.addEventSource(
      new SqsEventSource(this.events.queue, {
        batchSize: batchingWindow === 0 ? BATCH_WITHOUT_WINDOW : BATCH_SIZE,
        ...(batchingWindow > 0 && { maxBatchingWindow: Duration.seconds(batchingWindow) }),
        maxConcurrency: 2,
        reportBatchItemFailures: true,
      }),
    );
    this.function.addEventSource(
      new SqsEventSource(this.work.queue, { batchSize: 1, maxConcurrency, reportBatchItemFailures: true }),
    );
  }

  private announce(
    { steps, notifications }: MedallionDeployment,
    buckets: MedallionPipelineProps['buckets'],
  ): readonly Queue[] {
    const byBucket = Map.groupBy(announcedTables(steps), ({ bucket }) => bucket);
    return [...byBucket].flatMap(([name, tables], index) => {
      const bucket = buckets.get(name);
      if (bucket === undefined)
        throw new Error(`the steps read the bucket "${name}", which the pipeline was not given`);
      const { undelivered } = new LandingEvents(this, `Announced${index}`, {
        bucket,
        queue: this.events.queue,
        through: notifications,
        filters: commitFilters(tables),
        removals: false,
      });
      return undelivered === undefined ? [] : [undelivered];
    });
  }

  private addSchedule({ steps, every }: MedallionDeployment): void {
    const event = RuleTargetInput.fromObject({ steps: steps.map(({ name }) => name), time: EventField.time });
    new Rule(this, 'Every', {
      schedule: Schedule.rate(Duration.minutes(every)),
      targets: [new LambdaTarget(this.function, { event, retryAttempts: 2 })],
    });
  }
}

/** The configuration with the modules of functions where they are deployed, of a kind that Node takes for modules. */
function deployedModules({ steps }: MedallionConfigInput): { config: MedallionConfigInput; files: FunctionFiles } {
  const files: Record<string, string> = {};
  const deployed = steps.map((step, index) => {
    if (step.function === undefined) return step;
    const path = `${MODULES}/${index}${step.function.endsWith('ts') ? '.mts' : '.mjs'}`;
    files[path] = step.function;
    return { ...step, function: path };
  });
  return { config: { steps: deployed }, files };
}
