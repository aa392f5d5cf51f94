import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { AppendPipeline } from './append-pipeline.ts';
import { conflictsPerCommit, messageAge, messagesWaiting, PERIOD, pipelineMetric } from './pipeline-metrics.ts';

export interface PipelineAlarmsProps {
  readonly pipeline: AppendPipeline;
  /** Subscribed to the topic; the address has to be confirmed. @default nobody */
  readonly email?: string;
  /** From event to commit. @default 15 minutes */
  readonly maxLag?: Duration;
  /** That the oldest message waits. @default 30 minutes */
  readonly maxMessageAge?: Duration;
  /** Commit races lost for each commit, over 15 minutes. @default 3 */
  readonly maxConflictsPerCommit?: number;
  /** Key of the topic. @default none: CloudWatch cannot use the one that SNS keeps */
  readonly encryptionKey?: IKey;
}

export interface AlarmSpec {
  /** Also the heading in the runbook. */
  readonly id: string;
  /** Tells alarms of one heading apart. @default none */
  readonly suffix?: string;
  readonly description: string;
  readonly metric: IMetric;
  /** Fires above this. */
  readonly threshold: number;
  /** Periods in a row. @default 1 */
  readonly periods?: number;
}

const RUNBOOK = 'docs/operations.md';
/** Over which lost races are counted. */
export const CONFLICT_PERIOD = Duration.minutes(15);

/** The alarms of an append pipeline and the topic that they notify, also when they are over. */
export class PipelineAlarms extends Construct {
  readonly topic: Topic;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: PipelineAlarmsProps) {
    super(scope, id);
    this.topic = createAlarmTopic(this, props);
    const { pipelineName } = props.pipeline;
    this.alarms = alarmSpecs(props).map((spec) =>
      createAlarm(this, this.topic, spec, { pipelineName, runbook: RUNBOOK }),
    );
  }
}

/** A topic, in a construct, to which the alarms of this account may publish. */
export function createAlarmTopic(
  scope: Construct,
  { email, encryptionKey }: Pick<PipelineAlarmsProps, 'email' | 'encryptionKey'>,
): Topic {
  const topic = new Topic(scope, 'Topic', {
    enforceSSL: true,
    ...(encryptionKey !== undefined && { masterKey: encryptionKey }),
  });
  // A topic with a policy of its own loses the one by which the account's alarms may publish.
  const fromThisAccount = { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } };
  const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
  topic.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [cloudWatch],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: fromThisAccount,
    }),
  );
  encryptionKey?.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [cloudWatch],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: fromThisAccount,
    }),
  );
  if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
  return topic;
}

/** An alarm that notifies a topic, also when it is over; its description names a section of the runbook. */
export function createAlarm(
  scope: Construct,
  topic: Topic,
  { id, suffix, description, metric, threshold, periods = 1 }: AlarmSpec,
  { pipelineName, runbook }: { readonly pipelineName: string; readonly runbook: string },
): Alarm {
  const alarm = new Alarm(scope, suffix === undefined ? id : `${id} ${suffix}`, {
    alarmName: [pipelineName, id, ...(suffix === undefined ? [] : [suffix])].join('-'),
    alarmDescription: `${description} What to do: ${runbook}, "${id}".`,
    metric,
    threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: periods,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  return alarm;
}

function alarmSpecs(props: PipelineAlarmsProps): AlarmSpec[] {
  const { pipeline } = props;
  const maxLag = props.maxLag ?? Duration.minutes(15);
  const maxMessageAge = props.maxMessageAge ?? Duration.minutes(30);
  return [
    {
      id: 'DeadLetters',
      description: 'Messages could not be handled; their files are in no table.',
      metric: messagesWaiting(pipeline.deadLetters),
      threshold: 0,
    },
    ...(pipeline.undelivered === undefined
      ? []
      : [
          {
            id: 'Undelivered',
            description: 'EventBridge could not deliver events to the queue; their files are in no table.',
            metric: messagesWaiting(pipeline.undelivered),
            threshold: 0,
          },
        ]),
    {
      id: 'MessageAge',
      description: `A message waits longer than ${maxMessageAge.toMinutes({ integral: false })} minutes.`,
      metric: messageAge(pipeline.queue),
      threshold: maxMessageAge.toSeconds(),
    },
    {
      id: 'Errors',
      description: 'Invocations of the append function ended with an error or were cut off.',
      metric: pipeline.function.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
    {
      id: 'Throttles',
      description: 'Invocations of the append function were refused: the account has no concurrency left.',
      metric: pipeline.function.metricThrottles({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
      periods: 3,
    },
    {
      id: 'TableFailures',
      description: 'Tables could not be brought up to date for 15 minutes; their messages are tried again.',
      metric: pipelineMetric(pipeline, 'failures'),
      threshold: 0,
      periods: 3,
    },
    {
      id: 'Lag',
      description: `Files took longer than ${maxLag.toMinutes({ integral: false })} minutes from event to commit.`,
      metric: pipelineMetric(pipeline, 'freshnessLag'),
      threshold: maxLag.toMilliseconds(),
    },
    {
      id: 'Conflicts',
      description: 'Too many invocations or writers commit to the same tables.',
      metric: conflictsPerCommit(
        pipelineMetric(pipeline, 'commits', { period: CONFLICT_PERIOD }),
        pipelineMetric(pipeline, 'conflicts', { period: CONFLICT_PERIOD }),
        CONFLICT_PERIOD,
      ),
      threshold: props.maxConflictsPerCommit ?? 3,
    },
    {
      id: 'Quarantine',
      description: 'Files could not be taken into their tables.',
      metric: pipelineMetric(pipeline, 'quarantined'),
      threshold: 0,
    },
  ];
}
