import { Duration, Stack } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { CommitRule } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import {
  type MaintenanceConfigInput,
  type OptimizeSettings,
  parseMaintenanceConfig,
} from '../../src/maintenance/config.ts';
import type { ReconcileInput } from '../../src/maintenance/reconcile-config.ts';
import { outermost, trimSlashes } from '../prefixes.ts';
import { commitPolicy } from './commit-policy.ts';
import { EventQueue } from './event-queue.ts';
import { maintenancePolicy } from './maintenance-policy.ts';
import { sendStatements } from './policies.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';
import type { SparkJobs } from './spark-jobs.ts';
import { prefixesOfEach } from './spark-policy.ts';

/** Tables that are looked after. */
export interface MaintainedTables {
  readonly bucket: Bucket | IBucket;
  /** Key prefixes, in whole path segments, in which they lie. @default the whole bucket */
  readonly prefixes?: readonly string[];
  /** How they commit; the same as their writers do. @default by conditional PUT */
  readonly commits?: readonly CommitRule[];
  /** Whether files land there that become tables by events; what these miss is looked for by `reconcile`. @default false */
  readonly landing?: boolean;
}

/** Work that is done at times, beside the checkpoints, which the writers ask for. */
export interface MaintenanceSchedules {
  /** Time between two compactions of small files, whole hours. @default never */
  readonly optimize?: Duration;
  /** Time between two deletions of files that no version needs any more, whole hours. @default never */
  readonly vacuum?: Duration;
  /** Time between two deletions of expired log files, whole hours. @default never */
  readonly cleanLog?: Duration;
  /** Time between two comparisons of landing tables with what lies there, whole hours; needs `reconcile`. @default never */
  readonly reconcile?: Duration;
}

export interface MaintenanceQueueProps {
  /** @default 15 minutes */
  readonly functionTimeout?: Duration;
  /** @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** The longest that a function may run. */
const TIMEOUT = Duration.minutes(15);
/** Deliveries of work that fails: it blocks its table meanwhile, and comes again with the next interval or schedule. */
const MAX_RECEIVE_COUNT = 3;

/** Where work on tables waits, in a message group for each table: the pipelines' functions send, one function takes. */
export class MaintenanceQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly functionTimeout: Duration;
  private readonly encryption: Pick<MaintenanceQueueProps, 'encryptionKey'>;
  private postponedWork?: EventQueue;

  constructor(scope: Construct, id: string, props: MaintenanceQueueProps = {}) {
    super(scope, id);
    this.functionTimeout = props.functionTimeout ?? TIMEOUT;
    this.encryption = props.encryptionKey === undefined ? {} : { encryptionKey: props.encryptionKey };
    const { queue, deadLetters } = new EventQueue(this, 'Work', {
      functionTimeout: this.functionTimeout,
      fifo: true,
      maxReceiveCount: MAX_RECEIVE_COUNT,
      ...this.encryption,
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
  }

  /** The queue of work that waits for something else, made when it is first asked for. */
  get postponed(): EventQueue {
    this.postponedWork ??= new EventQueue(this, 'Postponed', {
      functionTimeout: this.functionTimeout,
      ...this.encryption,
    });
    return this.postponedWork;
  }
}

export interface TableMaintenanceProps extends Omit<FunctionSettings, 'timeout' | 'maintenanceQueue'> {
  readonly tables: readonly MaintainedTables[];
  /** The queue whose work is done; give it to the pipelines, too. @default a new one, to which nobody sends but the schedules */
  readonly work?: MaintenanceQueue;
  /** @default none: checkpoints only */
  readonly schedules?: MaintenanceSchedules;
  readonly optimize?: Partial<OptimizeSettings>;
  /** Rules of the append function, by which it is made up for what events missed in places with `landing`. */
  readonly reconcile?: ReconcileInput;
  /** Compacts tables that are beyond the function; it must know the same tables. @default nothing does */
  readonly spark?: SparkJobs;
  /** Tables that are worked on at the same time at most, from 2. @default 2 */
  readonly maxConcurrency?: number;
}

/**
 * Looks after tables: checkpoints, which the pipelines ask for as commits come, and at times compaction, vacuum and
 * clean-up of the log. One function; a table is worked on once at a time.
 */
export class TableMaintenance extends Construct {
  readonly work: MaintenanceQueue;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;
  /** MB. */
  readonly memorySize: number;
  /** Whether tables that are beyond the function go to Spark. */
  readonly hasSpark: boolean;
  /** Whether what events missed is looked for. */
  readonly reconciles: boolean;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: TableMaintenanceProps) {
    super(scope, id);
    const { schedules = {}, optimize, reconcile, spark, ...settings } = props;
    const places = props.tables.map(({ bucket, prefixes = [], commits = [], landing = false }) => ({
      bucket,
      landing: landing && reconcile !== undefined,
      commits: commits.some(({ commitProtocol }) => commitProtocol !== undefined) ? commits : [],
      prefixes: outermost(prefixes.map(trimSlashes)),
    }));
    const config = { ...(optimize !== undefined && { optimize }), ...(reconcile !== undefined && { reconcile }) };
    checkProps(schedules, {
      ...config,
      places: places.map(({ prefixes, commits, landing }) => ({ bucket: 'any-bucket', prefixes, commits, landing })),
    });
    this.reconciles = schedules.reconcile !== undefined;
    this.work = props.work ?? new MaintenanceQueue(this, 'Queue');
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const maintenance = new ResacaFunction(this, 'Function', {
      // Compaction and checkpoints of a million files; docs/maintenance.md has the measurements.
      memorySize: 2048,
      ...settings,
      name: 'maintenance',
      config,
      // The names of new buckets are known at the deployment only.
      environment: {
        RESACA_PLACES: Stack.of(this).toJsonString(
          places.map(({ bucket, prefixes, commits, landing }) => ({
            bucket: bucket.bucketName,
            prefixes,
            ...(commits.length > 0 && { commits }),
            ...(landing && { landing }),
          })),
        ),
        ...(spark !== undefined && {
          ...spark.environment,
          RESACA_POSTPONED_QUEUE_URL: this.work.postponed.queue.queueUrl,
        }),
      },
      timeout: this.work.functionTimeout,
      pipelineName: this.pipelineName,
      maintenanceQueue: this.work.queue,
    });
    this.function = maintenance.function;
    this.role = maintenance.role;
    this.logGroup = maintenance.logGroup;
    this.memorySize = maintenance.memorySize;
    for (const [index, { bucket, prefixes, commits, landing }] of places.entries()) {
      maintenance.grant(
        maintenancePolicy(this, `Tables${index}`, {
          bucket,
          prefixes,
          maxPrefixes: prefixesOfEach(places.length),
          rewrites: schedules.optimize !== undefined,
          deletesFiles: schedules.vacuum !== undefined,
          deletesLog: schedules.cleanLog !== undefined,
          reconciles: landing && this.reconciles,
        }),
        commitPolicy(this, `Commits${index}`, { bucket, rules: commits, prefixes }),
      );
    }
    this.work.queue.grantConsumeMessages(this.role);
    this.function.addEventSource(
      new SqsEventSource(this.work.queue, { batchSize: 1, maxConcurrency: props.maxConcurrency ?? 2 }),
    );
    this.hasSpark = spark !== undefined;
    if (spark !== undefined) this.waitFor(spark);
    this.addSchedule('Reconcile', schedules.reconcile, ['reconcile']);
    this.addSchedule('Optimize', schedules.optimize, ['optimize', 'checkpoint']);
    this.addSchedule('Vacuum', schedules.vacuum, ['vacuum']);
    this.addSchedule('CleanLog', schedules.cleanLog, ['cleanLog']);
  }

  /** Lets the function start jobs, and come back to them: looking at one again is a message that is kept back. */
  private waitFor(spark: SparkJobs): void {
    const { queue } = this.work.postponed;
    spark.grantRun('Spark', this.role);
    for (const statement of sendStatements(queue)) this.role.addToPolicy(statement);
    queue.grantConsumeMessages(this.role);
    this.function.addEventSource(new SqsEventSource(queue, { batchSize: 1, maxConcurrency: 2 }));
  }

  private addSchedule(id: string, every: Duration | undefined, tasks: readonly string[]): void {
    if (every === undefined) return;
    const event = RuleTargetInput.fromObject({ tasks, time: EventField.time });
    new Rule(this, id, {
      schedule: Schedule.rate(every),
      targets: [new LambdaTarget(this.function, { event, retryAttempts: 2 })],
    });
  }
}

function checkProps(
  schedules: MaintenanceSchedules,
  config: Pick<MaintenanceConfigInput, 'places' | 'optimize' | 'reconcile'>,
): void {
  const problems: string[] = [];
  for (const [name, every] of Object.entries(schedules) as [string, Duration | undefined][]) {
    const hours = every?.toHours({ integral: false }) ?? 1;
    if (!Number.isInteger(hours) || hours < 1) {
      problems.push(`schedules.${name}: expected whole hours from 1 on, got ${every?.toHumanString()}`);
    }
  }
  const { places, reconcile } = config;
  if (schedules.reconcile !== undefined && (reconcile === undefined || !places.some(({ landing }) => landing))) {
    problems.push('schedules.reconcile: expected the rules in `reconcile`, and `landing` for some of the tables');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  parseMaintenanceConfig(config);
}
