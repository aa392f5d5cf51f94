import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { appendCommitRules, parseAppendConfig } from '../../src/ingest/config.ts';
import { kafkaCommitRules } from '../config/commit-tables.ts';
import { type Deployment, parseResacaConfig } from '../config/parse-config.ts';
import type { ResacaConfig } from '../config/types.ts';
import { AppendPipeline } from '../constructs/append-pipeline.ts';
import type { CdfExport } from '../constructs/cdf-export.ts';
import { CommitTable } from '../constructs/commit-table.ts';
import type { EventGrouping } from '../constructs/event-grouping.ts';
import { LandingBucket } from '../constructs/landing-bucket.ts';
import type { LoadPipeline } from '../constructs/load-pipeline.ts';
import { MaintenanceAlarms } from '../constructs/maintenance-alarms.ts';
import type { MedallionPipeline } from '../constructs/medallion-pipeline.ts';
import type { MergePipeline } from '../constructs/merge-pipeline.ts';
import type { ObjectTagging } from '../constructs/object-tagging.ts';
import { PipelineAlarms } from '../constructs/pipeline-alarms.ts';
import { PipelineDashboard } from '../constructs/pipeline-dashboard.ts';
import type { QueueIngestPipeline } from '../constructs/queue-ingest-pipeline.ts';
import { SparkJobs } from '../constructs/spark-jobs.ts';
import { CatalogQueue, type TableCatalog } from '../constructs/table-catalog.ts';
import { type MaintainedTables, MaintenanceQueue, TableMaintenance } from '../constructs/table-maintenance.ts';
import type { WebhookEndpoint } from '../constructs/webhook-endpoint.ts';
import { addCatalog } from './catalog-parts.ts';
import { dashboardParts } from './dashboard-parts.ts';
import { addExports } from './export-parts.ts';
import { addKafka, type BronzeReader } from './kafka-parts.ts';
import { addGrouping, addLoader, addMerge, addTagging } from './landing-parts.ts';
import { addMedallion, type MedallionParts, withTargets } from './medallion-parts.ts';
import { addQueues, queueTables } from './queue-parts.ts';
import { addWebhooks } from './webhook-parts.ts';

export interface ResacaStackProps extends StackProps {
  /** @default a landing bucket in which any table lands by the path convention */
  readonly config?: ResacaConfig;
}

/** By the rules and the announced suffixes of the landing. */
function reconcileSettings(
  { minAge, deletes }: NonNullable<NonNullable<Deployment['maintenance']>['reconcile']>,
  { suffixes }: Deployment['landing'],
  append: Deployment['tables'],
) {
  return { minAge, suffixes, append, ...(deletes !== undefined && { deletes }) };
}

/** A landing bucket, the pipeline that appends its files to tables, one for Kafka if wanted, and what watches them. */
export class ResacaStack extends Stack {
  readonly bucket: Bucket | IBucket;
  readonly append: AppendPipeline;
  readonly alarms: PipelineAlarms;
  /** Where events are grouped by table. */
  readonly grouping: EventGrouping | undefined;
  /** Where the configuration has tags. */
  readonly tagging: ObjectTagging | undefined;
  /** Where the configuration has a Kafka. */
  readonly bronze: BronzeReader | undefined;
  /** By name. */
  readonly queues: ReadonlyMap<string, QueueIngestPipeline>;
  /** Where the configuration has webhooks. */
  readonly webhooks: WebhookEndpoint | undefined;
  /** Where the configuration has a loader. */
  readonly load: LoadPipeline | undefined;
  /** Where the configuration has small files merged. */
  readonly merge: MergePipeline | undefined;
  /** Where the configuration has steps. */
  readonly medallion: MedallionPipeline | undefined;
  /** Unless the configuration turns it off. */
  readonly maintenance: TableMaintenance | undefined;
  /** Where the configuration has a catalog. */
  readonly catalog: TableCatalog | undefined;
  /** Where the configuration has exports. */
  readonly cdfExport: CdfExport | undefined;

  /** Throws ConfigError naming every mistake of the configuration. */
  constructor(scope: Construct, id: string, props: ResacaStackProps = {}) {
    const { config, ...stackProps } = props;
    const deployment = parseResacaConfig(config ?? {});
    super(scope, id, {
      description: `resaca (${deployment.stage}): files that land in S3 become Delta tables`,
      ...stackProps,
    });
    // Two, because the policy of the queue's key names the bucket, and the bucket its own key.
    const keyOf = (id: string) =>
      deployment.encryption === 'kms' ? { encryptionKey: new Key(this, id, { enableKeyRotation: true }) } : {};
    const eventsKey = keyOf('EventsKey');
    this.bucket = this.landingBucket(deployment, keyOf);
    const { append, alarms } = deployment;
    const work =
      deployment.maintenance === undefined ? undefined : new MaintenanceQueue(this, 'MaintenanceQueue', eventsKey);
    const changes = deployment.catalog && new CatalogQueue(this, 'CatalogQueue', eventsKey);
    const asksFor = {
      ...(work !== undefined && { maintenanceQueue: work.queue }),
      ...(changes !== undefined && { catalogQueue: changes.queue }),
    };
    const { queue, timeout, batchingWindow, groups, ...settings } = append;
    this.append = new AppendPipeline(this, 'Append', {
      ...settings,
      ...eventsKey,
      ...asksFor,
      pipelineName: this.stackName,
      bucket: this.bucket,
      config: deployment.tables,
      notifications: queue === 'grouped' ? 'none' : deployment.landing.notifications,
      prefixes: deployment.prefixes,
      suffixes: deployment.landing.suffixes,
      fifo: queue !== 'standard',
      timeout: Duration.seconds(timeout),
      ...(queue === 'standard' && batchingWindow !== undefined && { batchingWindow: Duration.seconds(batchingWindow) }),
    });
    this.alarms = new PipelineAlarms(this, 'Alarms', {
      ...eventsKey,
      pipeline: this.append,
      maxLag: Duration.seconds(alarms.maxLag),
      maxMessageAge: Duration.seconds(alarms.maxMessageAge),
      maxConflictsPerCommit: alarms.maxConflictsPerCommit,
      ...(alarms.email !== undefined && { email: alarms.email }),
    });
    const landingParts = { bucket: this.bucket, topic: this.alarms.topic, eventsKey };
    this.grouping =
      groups === undefined ? undefined : addGrouping(this, deployment, this.append.queue, { ...landingParts, groups });
    this.tagging = deployment.tagging && addTagging(this, deployment, deployment.tagging, landingParts);
    for (const tableName of deployment.commitTables) new CommitTable(this, `Commits-${tableName}`, { tableName });
    const { kafka } = deployment;
    if (kafka !== undefined) {
      const keys = { data: () => keyOf('TablesKey'), events: eventsKey };
      this.bronze = addKafka(this, deployment, kafka, { keys, ...asksFor });
    }
    const { topic } = this.alarms;
    this.queues = addQueues(this, deployment, {
      data: () => keyOf('QueueTablesKey'),
      events: eventsKey,
      topic,
      ...asksFor,
    });
    this.webhooks = addWebhooks(this, deployment, this.queues, topic);
    const { loader } = deployment;
    if (loader !== undefined) this.load = addLoader(this, deployment, loader, landingParts);
    const { merge } = deployment;
    if (merge !== undefined) this.merge = addMerge(this, deployment, merge, { ...landingParts, asksFor });
    const { medallion } = deployment;
    let medallionParts: MedallionParts | undefined;
    if (medallion !== undefined) {
      const buckets = { landing: this.bucket, kafka: this.bronze?.bucket };
      medallionParts = addMedallion(this, deployment, medallion, { buckets, eventsKey, topic, ...asksFor });
      this.medallion = medallionParts.pipeline;
    }
    if (work !== undefined) {
      this.maintenance = this.addMaintenance(deployment, work, medallionParts?.tables ?? []);
      new CfnOutput(this, 'MaintenanceQueueUrl', { value: work.queue.queueUrl });
      new CfnOutput(this, 'MaintenanceDeadLetterQueueUrl', { value: work.deadLetters.queueUrl });
      new CfnOutput(this, 'MaintenanceFunctionName', { value: this.maintenance.function.functionName });
    }
    if (changes !== undefined) {
      const others = [...(this.bronze === undefined ? [] : [this.bronze]), ...this.queues.values()];
      const targets = medallionParts?.tables ?? [];
      const buckets = [...new Set([this.bucket, ...[...others, ...targets].map(({ bucket }) => bucket)])];
      this.catalog = addCatalog(this, deployment, { work: changes, buckets, topic: this.alarms.topic });
    }
    if (deployment.exports.length > 0) {
      const buckets = { landing: this.bucket, kafka: this.bronze?.bucket, queues: this.queues };
      this.cdfExport = addExports(this, deployment, { buckets, topic: this.alarms.topic, ...eventsKey });
    }
    if (deployment.dashboard) {
      new PipelineDashboard(this, 'Dashboard', {
        pipeline: this.append,
        alarms: this.alarms,
        ...(this.grouping !== undefined && { grouping: this.grouping }),
        parts: dashboardParts(this),
      });
    }
    new CfnOutput(this, 'LandingBucketName', { value: this.bucket.bucketName });
    new CfnOutput(this, 'QueueUrl', { value: this.append.queue.queueUrl });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: this.append.deadLetters.queueUrl });
    new CfnOutput(this, 'AlarmTopicArn', { value: this.alarms.topic.topicArn });
    if (this.bucket.encryptionKey !== undefined) {
      new CfnOutput(this, 'LandingKeyArn', { value: this.bucket.encryptionKey.keyArn });
    }
    if (this.append.undelivered !== undefined) {
      new CfnOutput(this, 'UndeliveredQueueUrl', { value: this.append.undelivered.queueUrl });
    }
    new CfnOutput(this, 'LogGroupName', { value: this.append.logGroup.logGroupName });
  }

  private addMaintenance(
    { maintenance, append, prefixes, kafka, tables, landing }: Deployment,
    work: MaintenanceQueue,
    targets: readonly MaintainedTables[],
  ): TableMaintenance {
    const { optimize, vacuum, cleanLog, reconcile, spark, maxConcurrency = 2, memorySize = 2048 } = maintenance ?? {};
    const { logLevel, tracing, metricsByTable, logRetention } = append;
    const bronze =
      this.bronze === undefined
        ? []
        : [{ bucket: this.bronze.bucket, prefixes: this.bronze.tableFolders, commits: kafkaCommitRules(kafka ?? {}) }];
    const commits = appendCommitRules(parseAppendConfig(tables));
    const all = withTargets(
      [{ bucket: this.bucket, prefixes, commits, landing: true }, ...bronze, ...queueTables(this.queues.values())],
      targets,
    );
    const construct = new TableMaintenance(this, 'Maintenance', {
      work,
      tables: all,
      ...(spark !== undefined && { spark: new SparkJobs(this, 'Spark', { tables: all, ...spark }) }),
      schedules: {
        ...(optimize !== undefined && { optimize: Duration.hours(optimize.every) }),
        ...(vacuum !== undefined && { vacuum: Duration.hours(vacuum.every) }),
        ...(cleanLog !== undefined && { cleanLog: Duration.hours(cleanLog.every) }),
        ...(reconcile !== undefined && { reconcile: Duration.hours(reconcile.every) }),
      },
      ...(reconcile !== undefined && { reconcile: reconcileSettings(reconcile, landing, tables) }),
      ...(optimize !== undefined && { optimize: optimize.settings }),
      maxConcurrency,
      memorySize,
      logLevel,
      tracing,
      metricsByTable,
      logRetention,
      pipelineName: this.stackName,
    });
    new MaintenanceAlarms(this, 'MaintenanceAlarms', { maintenance: construct, topic: this.alarms.topic });
    return construct;
  }

  private landingBucket({ landing }: Deployment, keyOf: (id: string) => { encryptionKey?: Key }): Bucket | IBucket {
    const { bucketName, keyArn, accessLogsBucketName, enforceConditionalCommits } = landing;
    if (bucketName !== undefined) {
      return Bucket.fromBucketAttributes(this, 'Landing', {
        bucketName,
        ...(keyArn !== undefined && { encryptionKey: Key.fromKeyArn(this, 'LandingKey', keyArn) }),
      });
    }
    const logs = accessLogsBucketName;
    return new LandingBucket(this, 'Landing', {
      ...keyOf('DataKey'),
      enforceConditionalCommits,
      ...(logs !== undefined && { accessLogsBucket: Bucket.fromBucketName(this, 'AccessLogs', logs) }),
    }).bucket;
  }
}
