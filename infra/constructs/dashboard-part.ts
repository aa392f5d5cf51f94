import { GraphWidget, type IMetric, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { messageAge, messagesWaiting, PERIOD, type Service, serviceMetric } from './pipeline-metrics.ts';

/** A function that has a row of a dashboard. */
export interface DashboardPart {
  /** As a title: `Loader`. */
  readonly title: string;
  readonly function: LambdaFunction;
  readonly service: Service;
  readonly pipelineName: string;
  /** Names of what it reports; none for a function without metrics of its own. */
  readonly metrics: readonly string[];
  /** Whose messages it takes. @default it is invoked otherwise */
  readonly queue?: IQueue;
  /** @default none, or not known */
  readonly deadLetters?: IQueue;
}

const THIRD = { width: 8, height: 6 };

/** A heading and a row: what a function did, what waits for it, and how it is. */
export function partWidgets(part: DashboardPart): IWidget[][] {
  const { title, metrics, service, pipelineName, queue } = part;
  const row = [
    ...(metrics.length === 0
      ? []
      : [
          graphOf(
            `${title}: what it did`,
            metrics.map((name) => serviceMetric(service, pipelineName, name)),
          ),
        ]),
    ...(queue === undefined ? [] : [waiting(part, queue)]),
    health(title, part.function),
  ];
  return [[new TextWidget({ markdown: `## ${title}`, width: 24, height: 1 })], row];
}

function waiting({ title, deadLetters }: DashboardPart, queue: IQueue): GraphWidget {
  const left = [messagesWaiting(queue, { label: 'messages waiting' })];
  if (deadLetters !== undefined) left.push(messagesWaiting(deadLetters, { label: 'dead letters' }));
  return graphOf(`${title}: messages; age of the oldest, s`, left, [messageAge(queue, { label: 'oldest, s' })]);
}

function health(title: string, lambda: LambdaFunction): GraphWidget {
  return graphOf(
    `${title}: invocations, errors, throttles; ms`,
    [
      lambda.metricInvocations({ period: PERIOD }),
      lambda.metricErrors({ period: PERIOD }),
      lambda.metricThrottles({ period: PERIOD }),
    ],
    [lambda.metricDuration({ statistic: 'Maximum', period: PERIOD, label: 'ms, slowest' })],
  );
}

function graphOf(title: string, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, left, right, ...THIRD });
}
