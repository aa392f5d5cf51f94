import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { EventFunction } from './event-function.ts';
import { type AlarmSpec, createAlarm } from './pipeline-alarms.ts';
import { messageAge, messagesWaiting, PERIOD } from './pipeline-metrics.ts';

export interface EventFunctionAlarmsProps {
  readonly events: EventFunction;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Beginning of the names, and of the headings in the runbook. */
  readonly name: 'Grouping' | 'Tagging';
  /** What is true of the objects of messages that could not be handled. */
  readonly consequence: string;
  /** That the oldest message waits. @default 30 minutes */
  readonly maxMessageAge?: Duration;
}

const RUNBOOK = 'docs/operations.md';

/** Says that events of a bucket are not handled: dead letters, what EventBridge did not deliver, age and errors. */
export class EventFunctionAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: EventFunctionAlarmsProps) {
    super(scope, id);
    const { pipelineName } = props.events;
    this.alarms = alarmSpecs(props).map((spec) =>
      createAlarm(this, props.topic, spec, { pipelineName, runbook: RUNBOOK }),
    );
  }
}

function alarmSpecs({ events, name, consequence, maxMessageAge }: EventFunctionAlarmsProps): AlarmSpec[] {
  const maxAge = maxMessageAge ?? Duration.minutes(30);
  return [
    {
      id: `${name}DeadLetters`,
      description: `Messages could not be handled; ${consequence}.`,
      metric: messagesWaiting(events.deadLetters),
      threshold: 0,
    },
    ...(events.undelivered === undefined
      ? []
      : [
          {
            id: `${name}Undelivered`,
            description: `EventBridge could not deliver events to the queue; ${consequence}.`,
            metric: messagesWaiting(events.undelivered),
            threshold: 0,
          },
        ]),
    {
      id: `${name}MessageAge`,
      description: `A message waits longer than ${maxAge.toMinutes({ integral: false })} minutes.`,
      metric: messageAge(events.queue),
      threshold: maxAge.toSeconds(),
    },
    {
      id: `${name}Errors`,
      description: 'Invocations of the function ended with an error or were cut off.',
      metric: events.function.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
  ];
}
