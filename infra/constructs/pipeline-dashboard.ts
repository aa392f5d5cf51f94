import { Stack } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { AppendPipeline } from './append-pipeline.ts';
import { type DashboardPart, partWidgets } from './dashboard-part.ts';
import type { EventGrouping } from './event-grouping.ts';
import type { PipelineAlarms } from './pipeline-alarms.ts';
import {
  costEstimate,
  messageAge,
  messagesOutstanding,
  messagesWaiting,
  outstandingBytes,
  PERIOD,
  pipelineMetric,
} from './pipeline-metrics.ts';

export interface PipelineDashboardProps {
  readonly pipeline: AppendPipeline;
  readonly alarms?: PipelineAlarms;
  /** What sends to the queue of the pipeline, in messages of many files each. @default S3 does, or EventBridge, one by one */
  readonly grouping?: EventGrouping;
  /** Other functions, each of which has a row. @default none */
  readonly parts?: readonly DashboardPart[];
}

const HALF = { width: 12, height: 6 };

/** One page that says whether files get into their tables, how fast, and at what cost. */
export class PipelineDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: PipelineDashboardProps) {
    super(scope, id);
    const { pipeline, alarms, parts = [] } = props;
    this.dashboard = new Dashboard(this, 'Dashboard', {
      // Dashboards are the same in all regions.
      dashboardName: `${pipeline.pipelineName}-${Stack.of(this).region}`,
      widgets: [
        ...header(
          `# ${pipeline.pipelineName}\nFiles that land in **${pipeline.bucket.bucketName}** become Delta tables.`,
          alarms?.alarms,
        ),
        ...graphs(props),
        [failuresByTable(pipeline.logGroup), lagByTable(pipeline.logGroup)],
        ...parts.flatMap(partWidgets),
      ],
    });
  }
}

/** What a dashboard begins with. */
export function header(markdown: string, alarms: readonly Alarm[] | undefined): IWidget[][] {
  const title = [new TextWidget({ markdown, width: 24, height: 2 })];
  if (alarms === undefined) return [title];
  return [title, [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 3 })]];
}

function graphs(props: PipelineDashboardProps): IWidget[][] {
  const { pipeline } = props;
  const lambda = pipeline.function;
  return [
    [
      graph('Freshness lag, ms (slowest)', [pipelineMetric(pipeline, 'freshnessLag')]),
      graph('Oldest message, s', [messageAge(pipeline.queue, { label: 'queue' })]),
    ],
    [
      outstandingGraph(props),
      graph(
        'Into tables',
        [pipelineMetric(pipeline, 'filesAppended'), pipelineMetric(pipeline, 'filesRemoved')],
        [pipelineMetric(pipeline, 'bytesAppended')],
      ),
    ],
    [
      graph('Commits and lost races', [pipelineMetric(pipeline, 'commits'), pipelineMetric(pipeline, 'conflicts')]),
      graph('Left out', [
        pipelineMetric(pipeline, 'quarantined'),
        pipelineMetric(pipeline, 'skipped'),
        pipelineMetric(pipeline, 'failures'),
      ]),
    ],
    [
      functionHealth('Append', lambda),
      graph(
        'Append function: invocations and cost of the requests in 5 minutes',
        [
          lambda.metricInvocations({ period: PERIOD }),
          lambda.metric('ConcurrentExecutions', { statistic: 'Maximum', period: PERIOD }),
        ],
        [costEstimate(pipeline)],
      ),
    ],
  ];
}

/** Of grouped events, those that wait to be grouped are files; afterwards a message may be about a hundred. */
function outstandingGraph({ pipeline, grouping }: PipelineDashboardProps): GraphWidget {
  const { queue, deadLetters } = pipeline;
  const letters = messagesWaiting(deadLetters, { label: 'dead letters' });
  if (grouping === undefined) {
    const files = messagesOutstanding(queue, 'files outstanding');
    return graph('Outstanding', [files, letters], [outstandingBytes(pipeline, queue)]);
  }
  return graph('Outstanding', [
    messagesOutstanding(grouping.queue, 'files to be grouped', '_grouping'),
    messagesOutstanding(queue, 'messages outstanding (of up to 100 files)'),
    letters,
  ]);
}

/** A graph of half a row. */
export function graph(title: string, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, left, right, ...HALF });
}

/** Errors, throttles and duration of a function. */
export function functionHealth(name: string, lambda: LambdaFunction): GraphWidget {
  return graph(
    `${name} function: errors, throttles, duration`,
    [lambda.metricErrors({ period: PERIOD }), lambda.metricThrottles({ period: PERIOD })],
    [
      lambda.metricDuration({ statistic: 'p50', period: PERIOD, label: 'ms, median' }),
      lambda.metricDuration({ statistic: 'Maximum', period: PERIOD, label: 'ms, slowest' }),
    ],
  );
}

/** From the log lines, which name the table; metrics of each table cost extra. */
function lagByTable(logGroup: LogGroup): LogQueryWidget {
  return logTable(logGroup, 'By table', [
    'filter ispresent(commits) and not ispresent(message)',
    'stats sum(filesAppended) as files, sum(bytesAppended) as bytes, sum(commits) as commits, sum(conflicts) as conflicts, max(freshnessLag) as lag_ms by table',
    'sort lag_ms desc',
  ]);
}

/** What went wrong, from the log lines of a function. */
export function failuresByTable(logGroup: LogGroup): LogQueryWidget {
  return logTable(logGroup, 'Errors and warnings', [
    'filter level in ["ERROR", "WARN"]',
    'stats count(*) as times, latest(@timestamp) as last by message, table, error.code',
    'sort times desc',
  ]);
}

/** A table of half a row, of a query of Logs Insights. */
export function logTable(logGroup: LogGroup, title: string, queryLines: string[]): LogQueryWidget {
  return new LogQueryWidget({
    title,
    logGroupNames: [logGroup.logGroupName],
    view: LogQueryVisualizationType.TABLE,
    queryLines: [...queryLines, 'limit 50'],
    ...HALF,
  });
}
