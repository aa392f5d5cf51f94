import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { createAlarms } from './alarms.ts';
import { messagesWaiting, serviceMetric } from './pipeline-metrics.ts';
import type { TableCatalog } from './table-catalog.ts';

export interface CatalogAlarmsProps {
  readonly catalog: TableCatalog;
  /** Gets the alarms. */
  readonly topic: Topic;
}

/** Says that tables are not in the catalog as they are; they can be written and read all the same. */
export class CatalogAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { catalog, topic }: CatalogAlarmsProps) {
    super(scope, id);
    const { work, pipelineName } = catalog;
    const specs = [
      {
        id: 'CatalogFailures',
        description: 'Tables could not be brought up to date in the Glue catalog in five tries; writing goes on.',
        metric: messagesWaiting(work.deadLetters),
        threshold: 0,
      },
      {
        id: 'CatalogRefusals',
        description: 'A table cannot be in the Glue catalog as it is: a name is taken, for example.',
        metric: serviceMetric('catalog', pipelineName, 'catalogRefusals'),
        threshold: 0,
      },
    ];
    this.alarms = createAlarms(this, topic, specs, { pipelineName });
  }
}
