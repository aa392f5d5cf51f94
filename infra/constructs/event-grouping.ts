import { Duration } from 'aws-cdk-lib';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { parseGroupConfig } from '../../src/group/config.ts';
import type { AppendConfigInput } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { atMost, keyFilters, MAX_NOTIFIED_PREFIXES, outermost, prefixProblem, trimSlashes } from '../prefixes.ts';
import { EventFunction, type EventFunctionSettings, SMALL, type TableSettings } from './event-function.ts';
import { sendStatements } from './policies.ts';

export interface EventGroupingProps extends Omit<EventFunctionSettings, keyof TableSettings> {
  /** FIFO queue that gets the events: of an `AppendPipeline` with `fifo` and without notifications. */
  readonly target: Queue;
  /** Tables and settings; the same as the append function's. @default any table by the path convention */
  readonly config?: AppendConfigInput;
  /** Message groups of each table. More are handled at the same time, and lose races for commits. @default 1 */
  readonly groups?: number;
  /** Key prefixes, in whole path segments, whose objects are announced. @default the whole bucket */
  readonly prefixes?: readonly string[];
  /** Endings of the keys that are announced; an empty list announces all. @default ['.parquet'] */
  readonly suffixes?: readonly string[];
  /** How long a batch is gathered. Longer: fewer and larger commits. @default 30 seconds */
  readonly batchingWindow?: Duration;
}

/** Messages of an invocation: about as many events as a batch of the append function can have. */
const BATCH_SIZE = 1_000;

/** Events of a bucket -> queue with dead letters -> function that sends them on, with the table as message group. */
export class EventGrouping extends EventFunction {
  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: EventGroupingProps) {
    const { target, config = {}, groups = 1, notifications = 's3', suffixes = ['.parquet'] } = props;
    const prefixes = outermost((props.prefixes ?? []).map(trimSlashes));
    checkProps(props, prefixes);
    super(scope, id, {
      batchingWindow: Duration.seconds(30),
      ...SMALL,
      ...props,
      name: 'group',
      config: { ...config, groups },
      environment: { RESACA_TARGET_QUEUE_URL: target.queueUrl },
      batchSize: BATCH_SIZE,
      filters: keyFilters(notifications === 's3' ? atMost(MAX_NOTIFIED_PREFIXES, prefixes) : prefixes, suffixes),
      removals: true,
    });
    for (const statement of sendStatements(target)) this.role.addToPolicy(statement);
  }
}

function checkProps(
  { target, config, groups = 1, notifications = 's3' }: EventGroupingProps,
  prefixes: readonly string[],
): void {
  const problems = prefixes.flatMap((prefix) => {
    const problem = prefixProblem(prefix, notifications);
    return problem === undefined ? [] : [`prefixes: ${problem}`];
  });
  if (!target.fifo) problems.push('target: expected a FIFO queue');
  if (problems.length > 0) throw new ConfigError(problems);
  parseGroupConfig({ ...config, groups });
}
