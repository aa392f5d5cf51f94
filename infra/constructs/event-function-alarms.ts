import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms } from './alarms.ts';
import type { EventFunction } from './event-function.ts';
import { messageAge, messagesWaiting, PERIOD, serviceMetric } from './pipeline-metrics.ts';

export interface EventFunctionAlarmsProps {
  /** Other than an `AppendPipeline`, for which there are `PipelineAlarms`. */
  readonly events: EventFunction;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** That the oldest message waits. @default 30 minutes; of a `LoadPipeline`, which hands large files on as new messages, 2 hours */
  readonly maxMessageAge?: Duration;
}

interface Words {
  /** Beginning of the names, and of the headings in the runbook. */
  readonly name: string;
  /** What is true of the objects of messages that could not be handled. */
  readonly consequence: string;
  readonly maxMessageAge?: Duration;
  /** A metric of the function that counts what it left out. */
  readonly leftOut?: { readonly id: string; readonly metric: string; readonly description: string };
}

const WORDS: Readonly<Record<EventFunction['name'], Words>> = {
  append: { name: '', consequence: 'their files are in no table' },
  group: { name: 'Grouping', consequence: 'their files are in no table' },
  tag: {
    name: 'Tagging',
    consequence: 'their objects lack tags',
    leftOut: {
      id: 'TaggingLeftOut',
      metric: 'tagsLeftOut',
      description: 'Objects have no place for all tags of the rules; they lack some.',
    },
  },
  load: {
    name: 'Load',
    consequence: 'their rows are in no table',
    maxMessageAge: Duration.hours(2),
    leftOut: {
      id: 'LoadQuarantine',
      metric: 'quarantined',
      description: 'Files are left out, because rows or the files themselves cannot be read.',
    },
  },
  merge: {
    name: 'Merge',
    consequence: 'their rows are in no table',
    leftOut: {
      id: 'MergeQuarantine',
      metric: 'quarantined',
      description: 'Small files are left out, because they cannot be read or do not fit their table.',
    },
  },
};

/** Says that events of a bucket are not handled: dead letters, what EventBridge did not deliver, age, errors, what is left out. */
export class EventFunctionAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { events, topic, maxMessageAge }: EventFunctionAlarmsProps) {
    super(scope, id);
    this.alarms = createAlarms(this, topic, eventAlarmSpecs(events, maxMessageAge), events);
  }
}

/** What is said of every function that takes a bucket's events. */
export function eventAlarmSpecs(events: EventFunction, maxMessageAge?: Duration): AlarmSpec[] {
  const { name, consequence, leftOut, ...words } = WORDS[events.name];
  const maxAge = maxMessageAge ?? words.maxMessageAge ?? Duration.minutes(30);
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
      description: `Invocations of the ${events.name} function ended with an error or were cut off.`,
      metric: events.function.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
    ...(leftOut === undefined
      ? []
      : [
          {
            id: leftOut.id,
            description: leftOut.description,
            metric: serviceMetric(events.name, events.pipelineName, leftOut.metric),
            threshold: 0,
          },
        ]),
  ];
}
