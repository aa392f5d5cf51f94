import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { createAlarm } from './pipeline-alarms.ts';
import type { TableMaintenance } from './table-maintenance.ts';

export interface MaintenanceAlarmsProps {
  readonly maintenance: TableMaintenance;
  /** Gets the alarms. */
  readonly topic: Topic;
}

const PERIOD = Duration.minutes(5);
const RUNBOOK = 'docs/operations.md';

/** Says that work on tables fails for good; the tables can be written and read all the same. */
export class MaintenanceAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { maintenance, topic }: MaintenanceAlarmsProps) {
    super(scope, id);
    const { work, pipelineName } = maintenance;
    const deadLetters = createAlarm(
      this,
      topic,
      {
        id: 'MaintenanceFailures',
        description: 'Checkpoints, compaction or clean-up of tables failed three times; writing goes on.',
        metric: work.deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: PERIOD }),
        threshold: 0,
      },
      { pipelineName, runbook: RUNBOOK },
    );
    this.alarms = [deadLetters];
  }
}
