import { Stack } from 'aws-cdk-lib';
import { Dashboard, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { BronzeAlarms } from './bronze-alarms.ts';
import { bronzeMetric, mappingMetric } from './bronze-metrics.ts';
import type { BronzePipeline } from './bronze-pipeline.ts';
import { failuresByTable, functionHealth, graph, header, logTable } from './pipeline-dashboard.ts';
import { PERIOD } from './pipeline-metrics.ts';
import type { ScheduledConsumer, ScheduledConsumerAlarms } from './scheduled-consumer.ts';

export interface BronzeDashboardProps {
  readonly pipeline: BronzePipeline | ScheduledConsumer;
  readonly alarms?: BronzeAlarms | ScheduledConsumerAlarms;
}

/** Topics whose discarded records are drawn; a graph holds 100 metrics. */
const MAX_DRAWN_TOPICS = 50;

/** One page that says whether records get into their tables, how fast, and what is left out. */
export class BronzeDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { pipeline, alarms }: BronzeDashboardProps) {
    super(scope, id);
    const { pipelineName, bucket, logGroup } = pipeline;
    this.dashboard = new Dashboard(this, 'Dashboard', {
      // Dashboards are the same in all regions.
      dashboardName: `${pipelineName}-${Stack.of(this).region}`,
      widgets: [
        ...header(`# ${pipelineName}\nKafka records become Delta tables in **${bucket.bucketName}**.`, alarms?.alarms),
        ...graphs(pipeline),
        [
          failuresByTable(logGroup),
          logTable(logGroup, 'By table', [
            'filter ispresent(commits) and not ispresent(message)',
            'stats sum(recordsWritten) as records, sum(bytesAppended) as bytes, sum(commits) as commits, sum(quarantined) as dead_letters, max(freshnessLag) as lag_ms by table',
            'sort lag_ms desc',
          ]),
        ],
      ],
    });
  }
}

function graphs(pipeline: BronzeDashboardProps['pipeline']): IWidget[][] {
  const lambda = pipeline.function;
  const ours = (name: Parameters<typeof bronzeMetric>[1]) => bronzeMetric(pipeline, name);
  return [
    [
      graph('Freshness lag, ms (slowest)', [ours('freshnessLag')]),
      // Of a function on a schedule nobody but the brokers knows how many wait; a turn that is longer leaves more.
      'mappings' in pipeline
        ? graph('Records that wait (of the topic with most)', [
            lambda.metric('OffsetLag', { statistic: 'Maximum', period: PERIOD }),
          ])
        : graph('Turns, ms (longest)', [lambda.metricDuration({ statistic: 'Maximum', period: PERIOD })]),
    ],
    [
      graph('Into tables', [ours('recordsWritten'), ours('filesAppended')], [ours('bytesAppended')]),
      graph('Left out', [ours('quarantined'), ours('skipped'), ours('failures')], discards(pipeline)),
    ],
    [graph('Commits and lost races', [ours('commits'), ours('conflicts')]), functionHealth('Bronze', lambda)],
  ];
}

/** Records that Lambda gave up; on the right, as they are in no table and no dead letters. */
function discards(pipeline: BronzeDashboardProps['pipeline']) {
  if (!('mappings' in pipeline && pipeline.countsDiscards)) return [];
  return [...pipeline.mappings]
    .slice(0, MAX_DRAWN_TOPICS)
    .flatMap(([topic, { attrId }]) => [
      mappingMetric(attrId, 'DroppedEventCount').with({ label: `${topic}: lost` }),
      mappingMetric(attrId, 'OnFailureDestinationDeliveredEventCount').with({ label: `${topic}: discarded` }),
    ]);
}
