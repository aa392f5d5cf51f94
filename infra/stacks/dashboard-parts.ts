import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { DashboardPart } from '../constructs/dashboard-part.ts';

/** A construct with a function, and the queue from which that takes its work where it has one. */
interface Watched {
  readonly function: LambdaFunction;
  readonly pipelineName: string;
  readonly queue?: IQueue;
  readonly deadLetters?: IQueue | undefined;
  readonly work?: { readonly queue: IQueue; readonly deadLetters: IQueue };
}

/** What a stack may have beside the append function and Kafka. */
export interface StackParts {
  readonly grouping: Watched | undefined;
  readonly tagging: Watched | undefined;
  readonly load: Watched | undefined;
  readonly merge: Watched | undefined;
  readonly webhooks: Watched | undefined;
  /** By name. */
  readonly queues: ReadonlyMap<string, Watched>;
  readonly maintenance: Watched | undefined;
  readonly catalog: Watched | undefined;
  readonly cdfExport: Watched | undefined;
  readonly medallion: Watched | undefined;
}

type Row = Pick<DashboardPart, 'title' | 'service' | 'metrics'>;

const QUEUE_METRICS = ['recordsWritten', 'quarantined', 'skipped', 'conflicts', 'failures'];
/** In the order of the dashboard. */
const ROWS: Readonly<Record<Exclude<keyof StackParts, 'queues'>, Row>> = {
  grouping: { title: 'Grouping', service: 'group', metrics: ['failures'] },
  tagging: { title: 'Tagging', service: 'tag', metrics: ['objectsTagged', 'tagsLeftOut', 'skipped', 'failures'] },
  load: {
    title: 'Loader',
    service: 'load',
    metrics: ['filesLoaded', 'rowsLoaded', 'rowsRejected', 'quarantined', 'failures'],
  },
  merge: {
    title: 'Merge',
    service: 'merge',
    metrics: ['filesCompacted', 'filesAppended', 'quarantined', 'conflicts', 'failures'],
  },
  medallion: {
    title: 'Steps',
    service: 'medallion',
    metrics: ['commits', 'versionsBehind', 'rowsQuarantined', 'qualityWarnings', 'conflicts', 'failures'],
  },
  webhooks: { title: 'Webhooks', service: 'webhook', metrics: [] },
  maintenance: {
    title: 'Maintenance',
    service: 'maintenance',
    metrics: ['checkpoints', 'filesCompacted', 'filesDeleted', 'filesMissed', 'filesUnknown', 'failures'],
  },
  catalog: { title: 'Catalog', service: 'catalog', metrics: ['catalogUpdates', 'catalogRefusals', 'failures'] },
  cdfExport: {
    title: 'Exports',
    service: 'cdf-export',
    metrics: ['versionsExported', 'changesExported', 'versionsBehind', 'failures'],
  },
};

/** The rows of the dashboard: one for each part that is there. */
export function dashboardParts({ queues, ...parts }: StackParts): DashboardPart[] {
  const rows = Object.entries(ROWS) as [keyof typeof ROWS, Row][];
  return [
    ...rows.flatMap(([name, row]) => partOf(row, parts[name])),
    ...[...queues].flatMap(([name, pipeline]) =>
      partOf({ title: `Queue ${name}`, service: 'queue', metrics: QUEUE_METRICS }, pipeline),
    ),
  ];
}

function partOf(row: Row, watched: Watched | undefined): DashboardPart[] {
  if (watched === undefined) return [];
  const { function: lambda, pipelineName } = watched;
  const { queue, deadLetters } = watched.work ?? watched;
  return [
    {
      ...row,
      function: lambda,
      pipelineName,
      ...(queue !== undefined && { queue }),
      ...(deadLetters !== undefined && { deadLetters }),
    },
  ];
}
