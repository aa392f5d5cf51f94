import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { LoadPipeline } from './load-pipeline.ts';
import { type AlarmSpec, createAlarm } from './pipeline-alarms.ts';
import { messageAge, messagesWaiting, serviceMetric } from './pipeline-metrics.ts';

export interface LoadAlarmsProps {
  readonly pipeline: LoadPipeline;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** That the oldest message waits; a large file is handed on as a new one with each invocation. @default 2 hours */
  readonly maxMessageAge?: Duration;
}

const RUNBOOK = 'docs/operations.md';

/** Says that files are not loaded. */
export class LoadAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { pipeline, topic, maxMessageAge = Duration.hours(2) }: LoadAlarmsProps) {
    super(scope, id);
    const { pipelineName, deadLetters, undelivered, queue } = pipeline;
    const specs: AlarmSpec[] = [
      {
        id: 'LoadDeadLetters',
        description: 'Files could not be loaded; their rows are in no table.',
        metric: messagesWaiting(deadLetters),
        threshold: 0,
      },
      ...undelivered.map((one, index) => ({
        id: 'LoadUndelivered',
        ...(index > 0 && { suffix: String(index) }),
        description: 'EventBridge could not deliver events to the queue of the loader.',
        metric: messagesWaiting(one),
        threshold: 0,
      })),
      {
        id: 'LoadMessageAge',
        description: `A file waits longer than ${maxMessageAge.toMinutes({ integral: false })} minutes to be loaded.`,
        metric: messageAge(queue),
        threshold: maxMessageAge.toSeconds(),
      },
      {
        id: 'LoadQuarantine',
        description: 'Files are left out, because rows or the files themselves cannot be read.',
        metric: serviceMetric('load', pipelineName, 'quarantined'),
        threshold: 0,
      },
    ];
    this.alarms = specs.map((spec) => createAlarm(this, topic, spec, { pipelineName, runbook: RUNBOOK }));
  }
}
