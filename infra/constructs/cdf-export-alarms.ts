import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { createAlarms } from './alarms.ts';
import type { CdfExport } from './cdf-export.ts';
import { messagesWaiting, serviceMetric } from './pipeline-metrics.ts';

export interface CdfExportAlarmsProps {
  readonly cdfExport: CdfExport;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Versions of a table that may be left after an invocation. @default 1000 */
  readonly maxVersionsBehind?: number;
}

/** Says that exports fail for good, or do not keep up; the tables can be written and read all the same. */
export class CdfExportAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { cdfExport, topic, maxVersionsBehind = 1_000 }: CdfExportAlarmsProps) {
    super(scope, id);
    const { work, pipelineName } = cdfExport;
    const specs = [
      {
        id: 'ExportFailures',
        description: 'The export of the changes of a table failed three times; the next schedule tries again.',
        metric: messagesWaiting(work.deadLetters),
        threshold: 0,
      },
      {
        id: 'ExportLag',
        description: `An export is more than ${maxVersionsBehind} versions behind its table, for an hour.`,
        metric: serviceMetric('cdf-export', pipelineName, 'versionsBehind'),
        threshold: maxVersionsBehind,
        periods: 12,
      },
    ];
    this.alarms = createAlarms(this, topic, specs, { pipelineName });
  }
}
