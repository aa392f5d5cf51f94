import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { MergePipeline } from './merge-pipeline.ts';
import { type AlarmSpec, createAlarm } from './pipeline-alarms.ts';
import { messageAge, messagesWaiting, serviceMetric } from './pipeline-metrics.ts';

export interface MergeAlarmsProps {
  readonly pipeline: MergePipeline;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** That the oldest message waits; files wait for the batching window in any case. @default 30 minutes */
  readonly maxMessageAge?: Duration;
}

const RUNBOOK = 'docs/operations.md';

/** Says that small files are in no table. */
export class MergeAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(
    scope: Construct,
    id: string,
    { pipeline, topic, maxMessageAge = Duration.minutes(30) }: MergeAlarmsProps,
  ) {
    super(scope, id);
    const { pipelineName, deadLetters, undelivered, queue } = pipeline;
    const specs: AlarmSpec[] = [
      {
        id: 'MergeDeadLetters',
        description: 'Small files could not be merged; their rows are in no table.',
        metric: messagesWaiting(deadLetters),
        threshold: 0,
      },
      ...undelivered.map((one) => ({
        id: 'MergeUndelivered',
        description: 'EventBridge could not deliver events to the queue of the merge function.',
        metric: messagesWaiting(one),
        threshold: 0,
      })),
      {
        id: 'MergeMessageAge',
        description: `A small file waits longer than ${maxMessageAge.toMinutes({ integral: false })} minutes to be merged.`,
        metric: messageAge(queue),
        threshold: maxMessageAge.toSeconds(),
      },
      {
        id: 'MergeQuarantine',
        description: 'Small files are left out, because they cannot be read or do not fit their table.',
        metric: serviceMetric('merge', pipelineName, 'quarantined'),
        threshold: 0,
      },
    ];
    this.alarms = specs.map((spec) => createAlarm(this, topic, spec, { pipelineName, runbook: RUNBOOK }));
  }
}
