import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { AppendPipeline } from './append-pipeline.ts';

/** Names of what the functions report; see `TableMetrics` in `src/ingest/telemetry.ts`. */
export type PipelineMetric =
  | 'filesAppended'
  | 'bytesAppended'
  | 'filesRemoved'
  | 'commits'
  | 'conflicts'
  | 'quarantined'
  | 'skipped'
  | 'failures'
  | 'freshnessLag';

/** Over which alarms and graphs sum. */
export const PERIOD = Duration.minutes(5);

/** Messages that wait in a queue, the most of a period. */
export function messagesWaiting(queue: IQueue, options: MetricOptions = {}): IMetric {
  return queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: PERIOD, ...options });
}

/** Seconds that the oldest message of a queue waits, the most of a period. */
export function messageAge(queue: IQueue, options: MetricOptions = {}): IMetric {
  return queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: PERIOD, ...options });
}

/** A metric of the append function, over all its tables: a sum, of `freshnessLag` the maximum (ms). */
export function pipelineMetric(pipeline: AppendPipeline, name: PipelineMetric, options: MetricOptions = {}): Metric {
  return serviceMetric('append', pipeline.pipelineName, name, options);
}

/** Values of the dimension `service`, by which the functions tell their metrics apart. */
export type Service =
  | 'append'
  | 'bronze'
  | 'catalog'
  | 'cdf-export'
  | 'group'
  | 'load'
  | 'maintenance'
  | 'medallion'
  | 'merge'
  | 'queue'
  | 'tag'
  | 'webhook';

/** Metrics of which the most counts, not the sum. */
const MAXIMA = ['freshnessLag', 'versionsBehind'];

/** A metric of one of the functions of a pipeline; see `pipelineMetric`. */
export function serviceMetric(service: Service, pipeline: string, name: string, options: MetricOptions = {}): Metric {
  return new Metric({
    namespace: 'resaca',
    metricName: name,
    dimensionsMap: { service, pipeline },
    statistic: MAXIMA.includes(name) ? 'Maximum' : 'Sum',
    period: PERIOD,
    ...options,
  });
}

/** Messages of a queue that wait or are being handled. In one graph, those of another queue need another `id`. */
export function messagesOutstanding(queue: IQueue, label: string, id = ''): MathExpression {
  const { waiting, handled } = outstanding(queue);
  return new MathExpression({
    expression: `waiting${id} + handled${id}`,
    usingMetrics: { [`waiting${id}`]: waiting, [`handled${id}`]: handled },
    label,
    period: PERIOD,
  });
}

/** The files of a queue whose messages are about one object each, at the mean size of those that were appended in the same time. */
export function outstandingBytes(pipeline: AppendPipeline, queue: IQueue): MathExpression {
  return new MathExpression({
    // The size that files had when some were appended last.
    expression: '(waiting + handled) * FILL(bytes / files, REPEAT)',
    usingMetrics: {
      ...outstanding(queue),
      bytes: pipelineMetric(pipeline, 'bytesAppended'),
      files: pipelineMetric(pipeline, 'filesAppended'),
    },
    label: 'bytes outstanding (estimate)',
    period: PERIOD,
  });
}

function outstanding(queue: IQueue) {
  return {
    waiting: messagesWaiting(queue),
    handled: queue.metricApproximateNumberOfMessagesNotVisible({ statistic: 'Maximum', period: PERIOD }),
  };
}

/** Races lost for each commit, of metrics of one period. */
export function conflictsPerCommit(commits: IMetric, conflicts: IMetric, period: Duration): MathExpression {
  return new MathExpression({
    expression: 'IF(commits > 0, conflicts / commits, 0)',
    usingMetrics: { commits, conflicts },
    label: 'conflicts per commit',
    period,
  });
}

/** USD for a million, us-east-1 list prices of 2026-11 before any free tier; docs/operations.md says what is in them. */
const PRICE = {
  lambdaRequests: 0.2,
  lambdaGbSeconds: 13.3334,
  sqsRequests: 0.4,
  s3Writes: 5,
  s3Reads: 0.4,
};

/** What the requests of one period cost in USD: Lambda, SQS and S3, without storage, logs and metrics. */
export function costEstimate(pipeline: AppendPipeline): MathExpression {
  const gbSeconds = (PRICE.lambdaGbSeconds * pipeline.memorySize) / 1024 / 1000;
  const terms = [
    `FILL(invocations, 0) * ${PRICE.lambdaRequests}`,
    `FILL(duration, 0) * ${gbSeconds.toFixed(6)}`,
    `(FILL(sent, 0) + FILL(received, 0) / 10 + FILL(empty, 0) + FILL(deleted, 0) / 10) * ${PRICE.sqsRequests}`,
    // A commit is a LIST and a PUT, a quarantined file a PUT, an appended one a ranged GET.
    `(FILL(commits, 0) * 2 + FILL(quarantined, 0)) * ${PRICE.s3Writes}`,
    `(FILL(files, 0) + FILL(quarantined, 0) + FILL(removed, 0)) * ${PRICE.s3Reads}`,
  ];
  return new MathExpression({
    expression: `(${terms.join(' + ')}) / 1000000`,
    usingMetrics: {
      invocations: pipeline.function.metricInvocations({ period: PERIOD }),
      duration: pipeline.function.metricDuration({ statistic: 'Sum', period: PERIOD }),
      sent: pipeline.queue.metricNumberOfMessagesSent({ period: PERIOD }),
      received: pipeline.queue.metricNumberOfMessagesReceived({ period: PERIOD }),
      empty: pipeline.queue.metricNumberOfEmptyReceives({ period: PERIOD }),
      deleted: pipeline.queue.metricNumberOfMessagesDeleted({ period: PERIOD }),
      commits: pipelineMetric(pipeline, 'commits'),
      quarantined: pipelineMetric(pipeline, 'quarantined'),
      files: pipelineMetric(pipeline, 'filesAppended'),
      removed: pipelineMetric(pipeline, 'filesRemoved'),
    },
    label: 'USD (estimate)',
    period: PERIOD,
  });
}
