import type { AppendConfigInput } from '../../src/ingest/config.ts';
import type { CatalogDeploymentConfig } from './catalog-config.ts';
import type { ExportDeploymentConfig } from './exports-config.ts';
import type { KafkaDeploymentConfig } from './kafka-config.ts';
import type { LoaderDeploymentConfig } from './loader-config.ts';
import type { MaintenanceDeploymentConfig } from './maintenance-config.ts';
import type { MedallionDeploymentConfig } from './medallion-config.ts';
import type { MergeDeploymentConfig } from './merge-config.ts';
import type { QueueDeploymentConfig } from './queue-config.ts';
import type { TaggingDeploymentConfig } from './tagging-config.ts';
import type { WebhookDeploymentConfig, WebhookFunctionConfig } from './webhook-config.ts';

/** What a deployment is configured with: the tables and their settings, and what runs for them. */
export interface ResacaConfig extends AppendConfigInput {
  /** Name of the deployment; several live side by side in an account. 1-16 lower-case letters, digits, hyphens. @default 'dev' */
  readonly stage?: string;
  readonly landing?: LandingConfig;
  readonly append?: AppendFunctionConfig;
  readonly alarms?: AlarmConfig;
  /** Topics of a Kafka that become tables. @default none */
  readonly kafka?: KafkaDeploymentConfig;
  /** Objects of the landing bucket that get tags by rules. @default none */
  readonly tagging?: TaggingDeploymentConfig;
  /** Queues whose messages become rows of tables: docs/queue-ingest.md. @default none */
  readonly queues?: readonly QueueDeploymentConfig[];
  /** Addresses at which JSON is taken over HTTPS: docs/webhook.md. @default none */
  readonly webhooks?: readonly WebhookDeploymentConfig[];
  /** The function for all webhooks. */
  readonly webhookFunction?: WebhookFunctionConfig;
  /** CSV, JSON lines, Avro and other files that become rows of tables. @default none */
  readonly loader?: LoaderDeploymentConfig;
  /** Very small files that are merged before they come into tables. @default none */
  readonly merge?: MergeDeploymentConfig;
  /**
   * Whether the stack makes the DynamoDB tables that rules commit through, or they are there already. Those of another region
   * are never made. @default 'create'
   */
  readonly commitTables?: 'create' | 'existing';
  /** Checkpoints, and compaction, vacuum and clean-up of the log where wanted; false for none. @default checkpoints */
  readonly maintenance?: MaintenanceDeploymentConfig | false;
  /** Tables that follow from others, silver and gold: docs/medallion.md. @default none */
  readonly medallion?: MedallionDeploymentConfig;
  /** Tables are kept in the AWS Glue Data Catalog. @default they are not */
  readonly catalog?: CatalogDeploymentConfig;
  /** Tables whose changes are exported as files at times. @default none */
  readonly exports?: readonly ExportDeploymentConfig[];
  /** Whether there is a CloudWatch dashboard. An account's first three are free. @default true */
  readonly dashboard?: boolean;
  /**
   * `managed`: keys that S3 and SQS keep, free. `kms`: keys of the stack's own, one for the new bucket, one for the
   * queues and the topic of the alarms. @default 'managed'
   */
  readonly encryption?: 'managed' | 'kms';
}

/** The bucket in which files land and tables live. */
export interface LandingConfig {
  /** An existing bucket of this account and region. @default a new bucket */
  readonly bucketName?: string;
  /** ARN of the key with which the existing bucket is encrypted. @default none, or S3's own */
  readonly keyArn?: string;
  /** How events come from the bucket to the queue. @default 's3'; 'eventbridge' for a FIFO queue */
  readonly notifications?: 's3' | 'eventbridge';
  /**
   * Key prefixes, in whole path segments, in which tables live; the function may touch nothing else.
   * @default those of the rules with `convention: 'none'`, otherwise the whole bucket
   */
  readonly prefixes?: readonly string[];
  /** Endings of the keys that are announced; an empty list announces all. @default ['.parquet'] */
  readonly suffixes?: readonly string[];
  /**
   * Whether the policy of the new bucket refuses commits that could overwrite another (a PUT without `If-None-Match`).
   * Writers that do not send it, such as Spark with its DynamoDB log store, cannot write then: with tables that commit through
   * DynamoDB it has to be false. A new bucket for Kafka's tables is open to them where its rules say so. @default true
   */
  readonly enforceConditionalCommits?: boolean;
  /** Bucket for the new bucket's server access logs. @default none */
  readonly accessLogsBucketName?: string;
}

/** The append function and its queue. */
export interface AppendFunctionConfig {
  /**
   * `standard`: invocations work on a table side by side. `fifo`: one at a time for each table rule's literal prefix,
   * for tables that very many files land in at once; needs `convention: 'none'` and takes 10 files a batch.
   * `grouped`: one at a time for each table, whatever the rules, and up to 100 files a message: a function of its own sorts
   * the events into a FIFO queue.
   * @default 'standard'
   */
  readonly queue?: 'standard' | 'fifo' | 'grouped';
  /** Only with `grouped`: invocations that work on one table at the same time at most: 1-64. @default 1 */
  readonly groups?: number;
  /** Messages of one invocation at most: 1-10000, or 1-10 for FIFO and grouped. @default 1000; 10 for FIFO and grouped */
  readonly batchSize?: number;
  /** Seconds in which a batch is gathered: 0-300. Longer: fewer and larger commits. @default 30; none for FIFO */
  readonly batchingWindow?: number;
  /** Invocations at the same time at most: 2-1000. @default 4 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters: 1-1000. @default 5 */
  readonly maxReceiveCount?: number;
  /** MB: 512-10240. Also decides the share of a CPU. @default 512 */
  readonly memorySize?: number;
  /** Seconds: 10-900. A message that failed comes again after six times this. @default 120 */
  readonly timeout?: number;
  /** @default 'info' */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Days that logs are kept; one of those that CloudWatch has. @default 30 */
  readonly logRetention?: number;
  /** X-Ray traces. @default false */
  readonly tracing?: boolean;
  /** Metrics of each table beside those of the pipeline, which CloudWatch bills by table. @default false */
  readonly metricsByTable?: boolean;
}

/** What is reported, and to whom. */
export interface AlarmConfig {
  /** Gets the alarms, once the subscription in the first e-mail is confirmed. @default alarms that notify a topic without subscribers */
  readonly email?: string;
  /** Seconds from event to commit. @default 900 */
  readonly maxLag?: number;
  /** Seconds that the oldest message waits. @default 1800 */
  readonly maxMessageAge?: number;
  /** Commit races lost for each commit, over 15 minutes. @default 3 */
  readonly maxConflictsPerCommit?: number;
}
