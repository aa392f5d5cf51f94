import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms } from './alarms.ts';
import type { MedallionPipeline } from './medallion-pipeline.ts';
import { messageAge, messagesWaiting, serviceMetric } from './pipeline-metrics.ts';

export interface MedallionAlarmsProps {
  readonly pipeline: MedallionPipeline;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Versions of a source that may be left after a run. @default 100 */
  readonly maxVersionsBehind?: number;
  /** That the oldest run waits; one that fails keeps the others of its target waiting. @default an hour */
  readonly maxMessageAge?: Duration;
}

/** Says that targets do not follow their sources, and that rows broke rules of quality. */
export class MedallionAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: MedallionAlarmsProps) {
    super(scope, id);
    const { pipelineName } = props.pipeline;
    this.alarms = createAlarms(this, props.topic, [...failures(props), ...quality(pipelineName)], { pipelineName });
  }
}

function failures({ pipeline, maxVersionsBehind = 100, maxMessageAge = Duration.hours(1) }: MedallionAlarmsProps) {
  const { work, events, undelivered, pipelineName, hasSpark } = pipeline;
  const specs: AlarmSpec[] = [
    {
      id: 'MedallionFailures',
      description: 'A step failed five times; its target does not follow its source until the reason is gone.',
      metric: messagesWaiting(work.deadLetters),
      threshold: 0,
    },
    ...(hasSpark
      ? [
          {
            id: 'MedallionGivenUp',
            description: 'Spark jobs of a step came to nothing three times at the same work; none is started any more.',
            metric: serviceMetric('medallion', pipelineName, 'stepsGivenUp'),
            threshold: 0,
          },
        ]
      : []),
    {
      id: 'MedallionDeadLetters',
      description: 'Events of commits could not be handled; the schedule makes up for them.',
      metric: messagesWaiting(events.deadLetters),
      threshold: 0,
    },
    ...undelivered.map((queue, index) => ({
      id: 'MedallionUndelivered',
      ...(index > 0 && { suffix: String(index) }),
      description: 'EventBridge could not deliver events of commits; the schedule makes up for them.',
      metric: messagesWaiting(queue),
      threshold: 0,
    })),
    {
      id: 'MedallionAge',
      description: `A run of a step waits longer than ${maxMessageAge.toMinutes({ integral: false })} minutes.`,
      metric: messageAge(work.queue),
      threshold: maxMessageAge.toSeconds(),
    },
    {
      id: 'MedallionLag',
      description: `A step is more than ${maxVersionsBehind} versions behind its source, for an hour.`,
      metric: serviceMetric('medallion', pipelineName, 'versionsBehind', { statistic: 'Maximum' }),
      threshold: maxVersionsBehind,
      periods: 12,
    },
  ];
  return specs;
}

function quality(pipelineName: string): AlarmSpec[] {
  return [
    {
      id: 'MedallionQuarantine',
      description: 'Rows broke a rule of quality and are in the quarantine table of a target, not in the target.',
      metric: serviceMetric('medallion', pipelineName, 'rowsQuarantined'),
      threshold: 0,
    },
    {
      id: 'MedallionQuality',
      description: 'Rows broke a rule of quality that only counts them; they are in the target.',
      metric: serviceMetric('medallion', pipelineName, 'qualityWarnings'),
      threshold: 0,
    },
  ];
}
