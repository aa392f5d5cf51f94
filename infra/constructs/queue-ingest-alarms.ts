import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms } from './alarms.ts';
import { messageAge, messagesWaiting, PERIOD, serviceMetric } from './pipeline-metrics.ts';
import type { QueueIngestPipeline } from './queue-ingest-pipeline.ts';

export interface QueueIngestAlarmsProps {
  readonly pipeline: QueueIngestPipeline;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** That the oldest message waits. @default 30 minutes */
  readonly maxMessageAge?: Duration;
}

/** The alarms of a queue ingest. */
export class QueueIngestAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: QueueIngestAlarmsProps) {
    super(scope, id);
    this.alarms = createAlarms(this, props.topic, alarmSpecs(props), props.pipeline);
  }
}

function alarmSpecs({ pipeline, maxMessageAge = Duration.minutes(30) }: QueueIngestAlarmsProps): AlarmSpec[] {
  const { queue, deadLetters, pipelineName } = pipeline;
  const lambda = pipeline.function;
  return [
    ...(deadLetters === undefined
      ? []
      : [
          {
            id: 'QueueDeadLetters',
            description: 'Messages could not be handled; they are in no table.',
            metric: messagesWaiting(deadLetters),
            threshold: 0,
          },
        ]),
    {
      id: 'QueueMessageAge',
      description: `A message waits longer than ${maxMessageAge.toMinutes({ integral: false })} minutes.`,
      metric: messageAge(queue),
      threshold: maxMessageAge.toSeconds(),
    },
    {
      id: 'QueueErrors',
      description: 'Invocations of the queue ingest ended with an error or were cut off.',
      metric: lambda.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
    {
      id: 'QueueThrottles',
      description: 'Invocations of the queue ingest were refused: the account has no concurrency left.',
      metric: lambda.metricThrottles({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
      periods: 3,
    },
    {
      id: 'QueueFailures',
      description: 'Messages could not be taken for 15 minutes; they are tried again.',
      metric: serviceMetric('queue', pipelineName, 'failures'),
      threshold: 0,
      periods: 3,
    },
    {
      id: 'QueueRejects',
      description: 'Messages did not fit their table; they are in its dead letters.',
      metric: serviceMetric('queue', pipelineName, 'quarantined'),
      threshold: 0,
    },
  ];
}
