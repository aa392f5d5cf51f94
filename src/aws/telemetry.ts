import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { LogLevel, TableMetrics, Telemetry } from '../ingest/telemetry.ts';

/** CloudWatch namespace of the project's metrics. */
const NAMESPACE = 'resaca';

const UNITS: Readonly<Record<keyof TableMetrics, (typeof MetricUnit)[keyof typeof MetricUnit]>> = {
  filesAppended: MetricUnit.Count,
  bytesAppended: MetricUnit.Bytes,
  filesRemoved: MetricUnit.Count,
  commits: MetricUnit.Count,
  conflicts: MetricUnit.Count,
  quarantined: MetricUnit.Count,
  skipped: MetricUnit.Count,
  failures: MetricUnit.Count,
  freshnessLag: MetricUnit.Milliseconds,
};

/** Structured JSON logs, and metrics as EMF lines with the dimensions `service` and `table`, both on standard output. */
export function createTelemetry(service: string, logLevel: LogLevel): Telemetry {
  const logger = new Logger({ serviceName: service, logLevel });
  return {
    log(level, message, data = {}) {
      logger[level](message, data);
    },
    metrics(table, values) {
      const metrics = new Metrics({ namespace: NAMESPACE, serviceName: service });
      metrics.addDimension('table', table);
      for (const name of Object.keys(values) as (keyof TableMetrics)[]) {
        const value = values[name];
        if (value !== undefined) metrics.addMetric(name, UNITS[name], value);
      }
      metrics.publishStoredMetrics();
    },
  };
}
