import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms } from './alarms.ts';
import { PERIOD } from './pipeline-metrics.ts';
import type { WebhookEndpoint } from './webhook-endpoint.ts';

export interface WebhookAlarmsProps {
  readonly endpoint: WebhookEndpoint;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Requests refused with 4xx in five minutes. @default 100 */
  readonly maxRefused?: number;
}

/** The alarms of a webhook function. Those about answers are for a function that has a URL of its own. */
export class WebhookAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: WebhookAlarmsProps) {
    super(scope, id);
    this.alarms = createAlarms(this, props.topic, alarmSpecs(props), props.endpoint);
  }
}

function alarmSpecs({ endpoint, maxRefused = 100 }: WebhookAlarmsProps): AlarmSpec[] {
  const lambda = endpoint.function;
  return [
    ...(endpoint.url === undefined
      ? []
      : [
          {
            id: 'WebhookRefused',
            description: `More than ${maxRefused} requests in five minutes were refused: unsigned, or not JSON.`,
            metric: urlMetric(endpoint, 'Url4xxCount'),
            threshold: maxRefused,
          },
          {
            id: 'WebhookFailed',
            description: 'Requests were answered with 5xx; what they brought is in no queue, and senders try again.',
            metric: urlMetric(endpoint, 'Url5xxCount'),
            threshold: 0,
          },
        ]),
    {
      id: 'WebhookErrors',
      description: 'Invocations of the webhook function ended with an error or were cut off.',
      metric: lambda.metricErrors({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
    {
      id: 'WebhookThrottles',
      description: 'Requests were refused with 429: there is no concurrency left.',
      metric: lambda.metricThrottles({ statistic: 'Sum', period: PERIOD }),
      threshold: 0,
    },
  ];
}

/** Lambda guide, "Monitoring Lambda function URLs". */
function urlMetric({ function: { functionName } }: WebhookEndpoint, metricName: string): Metric {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: functionName },
    statistic: 'Sum',
    period: PERIOD,
  });
}
