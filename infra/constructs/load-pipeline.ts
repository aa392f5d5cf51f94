import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type LoaderConfigInput, parseLoaderConfig } from '../../src/loader/config.ts';
import { announcedBy } from '../config/loader-config.ts';
import { keyFilters } from '../prefixes.ts';
import { EventFunction, type EventFunctionSettings } from './event-function.ts';
import { loadPolicy } from './load-policy.ts';
import { sendStatements } from './policies.ts';

/** In the bucket the files land and the tables live: an `AppendPipeline` has to append what lands in the tables. */
export interface LoadPipelineProps extends Omit<EventFunctionSettings, 'maintenanceQueue' | 'catalogQueue'> {
  readonly config: LoaderConfigInput;
  /** Files that are loaded at the same time at most, from 2. @default 4 */
  readonly maxConcurrency?: number;
}

/** The longest that a function may run. */
const TIMEOUT = Duration.minutes(15);

/** Events of a bucket -> queue with dead letters -> the function that makes Parquet files of other files. */
export class LoadPipeline extends EventFunction {
  /** Throws ConfigError naming every mistake of the configuration. */
  constructor(scope: Construct, id: string, props: LoadPipelineProps) {
    const parsed = parseLoaderConfig(props.config);
    super(scope, id, {
      // Parts of 64 MiB; docs/file-loader.md has the measurements.
      memorySize: 1024,
      timeout: TIMEOUT,
      maxConcurrency: 4,
      ...props,
      name: 'load',
      batchSize: 1,
      filters: announcedBy(parsed).flatMap(({ prefix, suffixes }) => keyFilters([prefix], suffixes)),
      removals: false,
    });
    // What of a file is left goes back there.
    this.function.addEnvironment('RESACA_LOAD_QUEUE_URL', this.queue.queueUrl);
    for (const statement of sendStatements(this.queue)) this.role.addToPolicy(statement);
    this.grant(loadPolicy(this, props.bucket, parsed));
  }
}
