import { Duration, Stack } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { Policy, type Role } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { bronzeCommitRules } from '../../src/kafka/config.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { type AlarmSpec, createAlarms, createAlarmTopic } from './alarms.ts';
import { tableAlarms } from './bronze-alarms.ts';
import { type BronzeConsumerConfig, consumerProblems } from './bronze-consumer-config.ts';
import { readStatements, registryPolicy } from './bronze-source-policy.ts';
import { bronzeTablePolicy, readBronzeConfig, tableFolders } from './bronze-tables.ts';
import { commitPolicy } from './commit-policy.ts';
import type { PipelineAlarmsProps } from './pipeline-alarms.ts';
import { PERIOD } from './pipeline-metrics.ts';
import { type FunctionNetwork, type FunctionSettings, ResacaFunction } from './resaca-function.ts';

/** A field of a secret, whose text is a JSON object. */
export interface SecretFieldOf {
  readonly secret: ISecret;
  readonly field: string;
}

export interface ScheduledConsumerProps extends FunctionSettings, Partial<FunctionNetwork> {
  /** From which the brokers can be reached. @default none: brokers that are public */
  readonly vpc?: IVpc;
  /** Bucket of the tables: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** As for a `BronzeConsumer`. */
  readonly config: BronzeConsumerConfig;
  /** What the variables are that `config` names. @default none */
  readonly secrets?: Readonly<Record<string, SecretFieldOf>>;
  /** ARN of the MSK cluster that is read with IAM. @default none */
  readonly clusterArn?: string;
  /** Time between two turns; rows come as much later. @default 1 minute */
  readonly interval?: Duration;
}

const MEMORY = 1_024;
/** What a turn is given to catch up; one that has less to do takes less. */
const TIMEOUT = Duration.minutes(10);

/**
 * A function that a schedule calls: it reads what Kafka has by itself, writes it into Delta tables, exactly once, and ends. It
 * costs no more than what came, and takes batches as large as its memory, where an event of Lambda's mapping holds 6 MB.
 */
export class ScheduledConsumer extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** What it reads, and into which tables. */
  readonly config: BronzeConsumerConfig;
  readonly bucket: Bucket | IBucket;
  /** In which the tables lie; none for the whole bucket. */
  readonly tableFolders: readonly string[];
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: ScheduledConsumerProps) {
    super(scope, id);
    const { bucket, config, secrets = {}, clusterArn, interval = Duration.minutes(1), vpc } = props;
    const problems = consumerProblems(config, secrets, clusterArn);
    const tables = readBronzeConfig(config.tables ?? {}, problems, 'config.tables');
    if (problems.length > 0) throw new ConfigError(problems);
    this.config = config;
    this.bucket = bucket;
    this.tableFolders = tableFolders(tables);
    const consumer = new ResacaFunction(this, 'Function', {
      timeout: TIMEOUT,
      memorySize: MEMORY,
      ...props,
      pipelineName: props.pipelineName ?? `${Stack.of(this).stackName}-${id}`,
      name: 'consumer',
      ...(vpc !== undefined && { network: { ...props, vpc } }),
      // A turn that is longer than the interval is not joined by the next one, which would take its partitions.
      reservedConcurrency: 1,
      environment: {
        RESACA_BUCKET: bucket.bucketName,
        ...(Object.keys(secrets).length > 0 && {
          RESACA_KAFKA_SECRETS: Stack.of(this).toJsonString(fieldsOf(secrets)),
        }),
      },
    });
    this.function = consumer.function;
    this.role = consumer.role;
    this.logGroup = consumer.logGroup;
    this.pipelineName = consumer.pipelineName;
    consumer.grant(
      bronzeTablePolicy(this, bucket, tables),
      commitPolicy(this, 'CommitPolicy', { bucket, rules: bronzeCommitRules(tables) }),
      registryPolicy(this, tables),
      this.clusterPolicy(props),
    );
    for (const { secret } of Object.values(secrets)) secret.grantRead(this.role);
    // The next turn comes in any case: one that could not begin, or failed, is not tried again.
    const target = new LambdaTarget(this.function, { retryAttempts: 0, maxEventAge: interval });
    new Rule(this, 'Schedule', { schedule: Schedule.rate(interval), targets: [target] });
    this.function.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: interval });
  }

  private clusterPolicy({ clusterArn, config }: ScheduledConsumerProps): Policy | undefined {
    if (clusterArn === undefined) return undefined;
    const wildcards: string[] = [];
    const statements = readStatements(clusterArn, config.topics, [config.group], wildcards);
    const policy = new Policy(this, 'ClusterPolicy', { statements });
    acknowledgeWildcards(policy, wildcards, 'The topics that are read are given by patterns, in the one cluster.');
    return policy;
  }
}

function fieldsOf(secrets: Readonly<Record<string, SecretFieldOf>>): Record<string, object> {
  const entries = Object.entries(secrets).map(([name, { secret, field }]) => {
    return [name, { secret: secret.secretArn, field }] as const;
  });
  return Object.fromEntries(entries);
}

export interface ScheduledConsumerAlarmsProps extends Pick<PipelineAlarmsProps, 'email' | 'encryptionKey'> {
  readonly consumer: ScheduledConsumer;
  /** From a record's time to the commit with it. @default 15 minutes */
  readonly maxLag?: Duration;
}

/** The alarms of a scheduled consumer and the topic that they notify, also when they are over. */
export class ScheduledConsumerAlarms extends Construct {
  readonly topic: Topic;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: ScheduledConsumerAlarmsProps) {
    super(scope, id);
    this.topic = createAlarmTopic(this, props);
    const { pipelineName } = props.consumer;
    const runbook = 'docs/kafka-deploy.md';
    this.alarms = createAlarms(this, this.topic, alarmSpecs(props), { pipelineName, runbook });
  }
}

function alarmSpecs({ consumer, maxLag }: ScheduledConsumerAlarmsProps): AlarmSpec[] {
  return [
    {
      id: 'Errors',
      description: 'Turns of the consumer failed, or were cut off, for 15 minutes.',
      metric: consumer.function.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
      periods: 3,
    },
    ...tableAlarms(consumer, maxLag),
  ];
}
