import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms, createAlarmTopic } from './alarms.ts';
import type { AppendPipeline } from './append-pipeline.ts';
import { eventAlarmSpecs } from './event-function-alarms.ts';
import { conflictsPerCommit, PERIOD, pipelineMetric } from './pipeline-metrics.ts';

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

/** Over which lost races are counted. */
export const CONFLICT_PERIOD = Duration.minutes(15);

/** The alarms of an append pipeline and the topic that they notify, also when they are over. */
export class PipelineAlarms extends Construct {
  readonly topic: Topic;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: PipelineAlarmsProps) {
    super(scope, id);
    this.topic = createAlarmTopic(this, props);
    this.alarms = createAlarms(this, this.topic, alarmSpecs(props), props.pipeline);
  }
}

function alarmSpecs(props: PipelineAlarmsProps): AlarmSpec[] {
  const { pipeline } = props;
  const maxLag = props.maxLag ?? Duration.minutes(15);
  return [
    ...eventAlarmSpecs(pipeline, props.maxMessageAge),
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
