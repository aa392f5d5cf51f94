import { Duration, Stack } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { type ExportRuleInput, parseCdfExportConfig } from '../../src/cdf/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { trimSlashes } from '../prefixes.ts';
import { EventQueue } from './event-queue.ts';
import { exportPolicy } from './export-policy.ts';
import { sendStatements } from './policies.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

/** Tables whose changes are exported, and where to. */
export interface TableExport extends Omit<ExportRuleInput, 'bucket' | 'to'> {
  /** Of the tables. */
  readonly bucket: Bucket | IBucket;
  readonly to: {
    readonly bucket: Bucket | IBucket;
    readonly prefix: string;
  };
  /** Time between two exports, whole minutes. @default an hour */
  readonly every?: Duration;
}

export interface CdfExportProps extends Omit<FunctionSettings, 'timeout' | 'maintenanceQueue'> {
  readonly exports: readonly TableExport[];
  /** Tables that are exported at the same time at most, from 2. @default 2 */
  readonly maxConcurrency?: number;
  /** Of the queue. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** The longest that a function may run. */
const TIMEOUT = Duration.minutes(15);
/** Deliveries of an export that fails; the next schedule tries again in any case. */
const MAX_RECEIVE_COUNT = 3;

/**
 * Exports the changes of tables as files, at times. Not with each commit: an export costs the same few requests for one
 * version as for a hundred, and many small files cost whoever loads them.
 */
export class CdfExport extends Construct {
  readonly work: EventQueue;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: CdfExportProps) {
    super(scope, id);
    const { exports, encryptionKey, maxConcurrency = 2, ...settings } = props;
    const rules = exports.map(({ bucket: _, every: __, to, ...rule }) => ({
      ...rule,
      name: rule.name ?? trimSlashes(rule.prefix),
      to: trimSlashes(to.prefix),
    }));
    checkExports(exports, rules);
    this.work = new EventQueue(this, 'Work', {
      functionTimeout: TIMEOUT,
      fifo: true,
      maxReceiveCount: MAX_RECEIVE_COUNT,
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const own = new ResacaFunction(this, 'Function', {
      memorySize: 2048,
      ...settings,
      name: 'cdf-export',
      config: { exports: rules },
      // The names of new buckets are known at the deployment only.
      environment: {
        RESACA_EXPORT_BUCKETS: Stack.of(this).toJsonString(
          Object.fromEntries(
            exports.map(({ bucket, to }, index) => [
              rules[index]?.name,
              { tables: bucket.bucketName, to: to.bucket.bucketName },
            ]),
          ),
        ),
        RESACA_EXPORT_QUEUE_URL: this.work.queue.queueUrl,
      },
      timeout: TIMEOUT,
      pipelineName: this.pipelineName,
    });
    this.function = own.function;
    this.role = own.role;
    this.logGroup = own.logGroup;
    own.grant(exportPolicy(this, exports));
    for (const statement of sendStatements(this.work.queue)) this.role.addToPolicy(statement);
    this.work.queue.grantConsumeMessages(this.role);
    this.function.addEventSource(new SqsEventSource(this.work.queue, { batchSize: 1, maxConcurrency }));
    this.addSchedules(exports, rules);
  }

  private addSchedules(exports: readonly TableExport[], rules: readonly { readonly name: string }[]): void {
    const minutesOf = ({ every = Duration.hours(1) }: TableExport) => every.toMinutes();
    const byRate = Map.groupBy(rules.keys(), (index) => minutesOf(exports[index] as TableExport));
    for (const [minutes, indices] of byRate) {
      const names = indices.map((index) => rules[index]?.name);
      const event = RuleTargetInput.fromObject({ exports: names, time: EventField.time });
      new Rule(this, `Every${minutes}Minutes`, {
        schedule: Schedule.rate(Duration.minutes(minutes)),
        targets: [new LambdaTarget(this.function, { event, retryAttempts: 2 })],
      });
    }
  }
}

function checkExports(exports: readonly TableExport[], rules: readonly { readonly name: string }[]): void {
  const problems: string[] = [];
  for (const [index, { every = Duration.hours(1) }] of exports.entries()) {
    const minutes = every.toMinutes({ integral: false });
    if (!Number.isInteger(minutes) || minutes < 1) {
      problems.push(`exports[${index}].every: expected whole minutes from 1 on, got ${every.toHumanString()}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  // Names of buckets that are not there yet are tokens: which are the same is all that counts.
  const names = exports.map(({ bucket, to }) => ({
    tables: 'tables',
    to: bucket.bucketName === to.bucket.bucketName ? 'tables' : 'exports',
  }));
  parseCdfExportConfig({ exports: rules }, Object.fromEntries(names.map((name, index) => [rules[index]?.name, name])));
}
