import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms, createAlarmTopic } from './alarms.ts';
import { bronzeMetric, mappingMetric } from './bronze-metrics.ts';
import type { BronzePipeline } from './bronze-pipeline.ts';
import { CONFLICT_PERIOD, type PipelineAlarmsProps } from './pipeline-alarms.ts';
import { conflictsPerCommit, PERIOD } from './pipeline-metrics.ts';

export interface BronzeAlarmsProps
  extends Pick<PipelineAlarmsProps, 'email' | 'encryptionKey' | 'maxConflictsPerCommit'> {
  readonly pipeline: BronzePipeline;
  /** From a record's time to the commit with it. @default 15 minutes */
  readonly maxLag?: Duration;
  /** Records that wait in the topics, for 15 minutes. @default 100000 */
  readonly maxOffsetLag?: number;
}

const RUNBOOK = 'docs/kafka-deploy.md';

/** The alarms of a bronze pipeline and the topic that they notify, also when they are over. */
export class BronzeAlarms extends Construct {
  readonly topic: Topic;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: BronzeAlarmsProps) {
    super(scope, id);
    this.topic = createAlarmTopic(this, props);
    const { pipelineName } = props.pipeline;
    this.alarms = createAlarms(this, this.topic, alarmSpecs(props), { pipelineName, runbook: RUNBOOK });
  }
}

/** Of what writes records of Kafka into tables, however it gets them. `maxLag`: 15 minutes unless told otherwise. */
export function tableAlarms(
  pipeline: { readonly pipelineName: string },
  maxLag: Duration = Duration.minutes(15),
): AlarmSpec[] {
  return [
    {
      id: 'TableFailures',
      description: 'Tables could not be written for 15 minutes; their records are tried again.',
      metric: bronzeMetric(pipeline, 'failures'),
      threshold: 0,
      periods: 3,
    },
    {
      id: 'Lag',
      description: `Records took longer than ${maxLag.toMinutes({ integral: false })} minutes to their commit.`,
      metric: bronzeMetric(pipeline, 'freshnessLag'),
      threshold: maxLag.toMilliseconds(),
    },
    {
      id: 'DeadLetters',
      description: 'Records could not be taken into their tables; they are in the tables of dead letters.',
      metric: bronzeMetric(pipeline, 'quarantined'),
      threshold: 0,
    },
  ];
}

function alarmSpecs(props: BronzeAlarmsProps): AlarmSpec[] {
  const { pipeline, maxLag, maxOffsetLag = 100_000, maxConflictsPerCommit = 3 } = props;
  const lambda = pipeline.function;
  const over = (name: 'commits' | 'conflicts') => bronzeMetric(pipeline, name, { period: CONFLICT_PERIOD });
  return [
    {
      id: 'Errors',
      description: 'Invocations of the bronze function ended with an error or were cut off.',
      metric: lambda.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
    {
      id: 'Throttles',
      description: 'Invocations of the bronze function were refused: the account has no concurrency left.',
      metric: lambda.metricThrottles({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
      periods: 3,
    },
    ...tableAlarms(pipeline, maxLag),
    {
      id: 'OffsetLag',
      description: `More than ${maxOffsetLag} records wait in a topic for 15 minutes.`,
      metric: lambda.metric('OffsetLag', { statistic: 'Maximum', period: PERIOD }),
      threshold: maxOffsetLag,
      periods: 3,
    },
    {
      id: 'Conflicts',
      description: 'Too many invocations or writers commit to the same tables.',
      metric: conflictsPerCommit(over('commits'), over('conflicts'), CONFLICT_PERIOD),
      threshold: maxConflictsPerCommit,
    },
    ...(pipeline.committer === undefined
      ? []
      : [
          {
            id: 'CommitterErrors',
            description: 'Turns of the committer ended with an error for 15 minutes; files wait for their commit.',
            metric: pipeline.committer.function.metricErrors({ statistic: 'Sum', period: PERIOD }),
            threshold: 0,
            periods: 3,
          },
        ]),
    ...(pipeline.failureBucket === undefined
      ? []
      : [
          {
            id: 'LostDiscards',
            description: 'Discarded batches could not be put into the bucket for them.',
            metric: lambda.metric('DestinationDeliveryFailures', { statistic: 'Sum', period: PERIOD }),
            threshold: 0,
          },
        ]),
    ...(pipeline.countsDiscards ? [...pipeline.mappings].map(discarded) : []),
  ];
}

function discarded([topic, mapping]: readonly [string, CfnEventSourceMapping]): AlarmSpec {
  return {
    id: 'Discarded',
    suffix: topic,
    description: `Records of ${topic} were given up after all tries; they are in no table.`,
    metric: new MathExpression({
      expression: 'FILL(dropped, 0) + FILL(kept, 0)',
      usingMetrics: {
        dropped: mappingMetric(mapping.attrId, 'DroppedEventCount'),
        kept: mappingMetric(mapping.attrId, 'OnFailureDestinationDeliveredEventCount'),
      },
      label: 'records discarded',
      period: PERIOD,
    }),
    threshold: 0,
  };
}
