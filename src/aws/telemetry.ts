import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { LogLevel, TableMetrics, Telemetry } from '../ingest/telemetry.ts';

/** CloudWatch namespace of the project's metrics. */
const NAMESPACE = 'resaca';

const UNITS: Readonly<Record<keyof TableMetrics, (typeof MetricUnit)[keyof typeof MetricUnit]>> = {
  recordsWritten: MetricUnit.Count,
  filesLoaded: MetricUnit.Count,
  rowsLoaded: MetricUnit.Count,
  rowsRejected: MetricUnit.Count,
  filesAppended: MetricUnit.Count,
  bytesAppended: MetricUnit.Bytes,
  filesRemoved: MetricUnit.Count,
  commits: MetricUnit.Count,
  checkpoints: MetricUnit.Count,
  filesCompacted: MetricUnit.Count,
  filesDeleted: MetricUnit.Count,
  filesMissed: MetricUnit.Count,
  filesUnknown: MetricUnit.Count,
  conflicts: MetricUnit.Count,
  quarantined: MetricUnit.Count,
  skipped: MetricUnit.Count,
  failures: MetricUnit.Count,
  sparkFailures: MetricUnit.Count,
  stepsGivenUp: MetricUnit.Count,
  objectsTagged: MetricUnit.Count,
  tagsLeftOut: MetricUnit.Count,
  catalogUpdates: MetricUnit.Count,
  catalogRefusals: MetricUnit.Count,
  changesExported: MetricUnit.Count,
  versionsExported: MetricUnit.Count,
  versionsBehind: MetricUnit.Count,
  rowsQuarantined: MetricUnit.Count,
  qualityWarnings: MetricUnit.Count,
  rowsLate: MetricUnit.Count,
  freshnessLag: MetricUnit.Milliseconds,
};

export interface TelemetryOptions {
  readonly service: string;
  /** Value of the dimension `pipeline`. */
  readonly pipeline: string;
  readonly logLevel: LogLevel;
  /**
   * Whether there are metrics of each table beside those of the pipeline. CloudWatch bills every combination of metric
   * and dimensions; without it the table stands in the log line only, where Logs Insights finds it.
   */
  readonly metricsByTable: boolean;
}

/** Structured JSON logs, and metrics as EMF lines with the dimensions `service` and `pipeline`, on standard output. */
export function createTelemetry({ service, pipeline, logLevel, metricsByTable }: TelemetryOptions): Telemetry {
  const logger = new Logger({ serviceName: service, logLevel });
  return {
    log(level, message, data = {}) {
      logger[level](message, data);
    },
    metrics(table, values) {
      const metrics = new Metrics({ namespace: NAMESPACE, serviceName: service, defaultDimensions: { pipeline } });
      if (metricsByTable) metrics.addDimensions({}).addDimensions({ table });
      else metrics.addMetadata('table', table);
      for (const name of Object.keys(values) as (keyof TableMetrics)[]) {
        const value = values[name];
        if (value !== undefined) metrics.addMetric(name, UNITS[name], value);
      }
      metrics.publishStoredMetrics();
    },
  };
}
