import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { PERIOD, type PipelineMetric, serviceMetric } from './pipeline-metrics.ts';

/** Names of what the bronze function reports; `quarantined` are records in the dead letters, `skipped` known ones. */
export type BronzeMetric = Exclude<PipelineMetric, 'filesRemoved'> | 'recordsWritten';

/** A metric of a bronze function, over all its tables: a sum, of `freshnessLag` the maximum (ms). */
export function bronzeMetric(
  { pipelineName }: { readonly pipelineName: string },
  name: BronzeMetric,
  options: MetricOptions = {},
): Metric {
  return serviceMetric('bronze', pipelineName, name, options);
}

/** What Lambda counts of one mapping, where it counts (Lambda guide, "Event source mapping metrics"). */
export function mappingMetric(
  mappingId: string,
  name: 'DroppedEventCount' | 'OnFailureDestinationDeliveredEventCount',
) {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName: name,
    dimensionsMap: { EventSourceMappingUUID: mappingId },
    statistic: 'Sum',
    period: PERIOD,
  });
}
