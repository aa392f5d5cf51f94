import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmSpec, createAlarms } from './alarms.ts';
import { messagesWaiting, serviceMetric } from './pipeline-metrics.ts';
import type { TableMaintenance } from './table-maintenance.ts';

export interface MaintenanceAlarmsProps {
  readonly maintenance: TableMaintenance;
  /** Gets the alarms. */
  readonly topic: Topic;
}

/** Says that work on tables fails for good; the tables can be written and read all the same. */
export class MaintenanceAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { maintenance, topic }: MaintenanceAlarmsProps) {
    super(scope, id);
    const { work, pipelineName, hasSpark, reconciles } = maintenance;
    const specs: AlarmSpec[] = [
      {
        id: 'MaintenanceFailures',
        description: 'Checkpoints, compaction or clean-up of tables failed three times; writing goes on.',
        metric: messagesWaiting(work.deadLetters),
        threshold: 0,
      },
    ];
    if (hasSpark) {
      specs.push({
        id: 'SparkFailures',
        description: 'A Spark job that was to compact a table came to nothing; the next schedule tries again.',
        metric: serviceMetric('maintenance', pipelineName, 'sparkFailures'),
        threshold: 0,
      });
    }
    if (reconciles) {
      specs.push({
        id: 'MissedEvents',
        description: 'Files were found of which no event had come in time; they are in their tables now.',
        metric: serviceMetric('maintenance', pipelineName, 'filesMissed'),
        threshold: 0,
      });
    }
    this.alarms = createAlarms(this, topic, specs, { pipelineName });
  }
}
