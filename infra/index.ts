/** Constructs for CDK apps: `import { AppendPipeline, LandingBucket } from 'resaca/infra'`. */

export type { CatalogConfigInput, CatalogRuleInput } from '../src/catalog/config.ts';
export type { AppendConfigInput, CommitRule, TableRuleInput } from '../src/ingest/config.ts';
export { ConfigError } from '../src/ingest/config-reader.ts';
export type { KafkaConfigInput } from '../src/kafka/config.ts';
export type { LoaderConfigInput, LoadRuleInput } from '../src/loader/config.ts';
export type {
  MedallionConfigInput,
  QualityInput,
  SourceInput,
  StepInput,
  TableInput,
} from '../src/medallion/config.ts';
export type { MergeConfigInput } from '../src/merge/config.ts';
export type { QueueConfigInput } from '../src/queue/config.ts';
export type { TagRuleInput } from '../src/tag/config.ts';
export type { CatalogDeploymentConfig } from './config/catalog-config.ts';
export type { ExportDeploymentConfig } from './config/exports-config.ts';
export type { KafkaDeploymentConfig } from './config/kafka-config.ts';
export { loadConfig } from './config/load-config.ts';
export type { LoaderDeploymentConfig } from './config/loader-config.ts';
export type { MaintenanceDeploymentConfig } from './config/maintenance-config.ts';
export type { MedallionDeploymentConfig } from './config/medallion-config.ts';
export type { MergeDeploymentConfig } from './config/merge-config.ts';
export type { QueueDeploymentConfig } from './config/queue-config.ts';
export type { TaggingDeploymentConfig } from './config/tagging-config.ts';
export type { AlarmConfig, AppendFunctionConfig, LandingConfig, ResacaConfig } from './config/types.ts';
export type { WebhookDeploymentConfig, WebhookFunctionConfig } from './config/webhook-config.ts';
export { AppendPipeline, type AppendPipelineProps } from './constructs/append-pipeline.ts';
export { BronzeAlarms, type BronzeAlarmsProps } from './constructs/bronze-alarms.ts';
export { BronzeCommitter, type BronzeCommitterProps } from './constructs/bronze-committer.ts';
export { BronzeConsumer, type BronzeConsumerProps } from './constructs/bronze-consumer.ts';
export type { BronzeConsumerConfig, SecretVariable } from './constructs/bronze-consumer-config.ts';
export { BronzeDashboard, type BronzeDashboardProps } from './constructs/bronze-dashboard.ts';
export { KafkaEndpoints, type KafkaEndpointsProps } from './constructs/bronze-endpoints.ts';
export type { MappingSettings, ProvisionedPollers } from './constructs/bronze-mapping.ts';
export { type BronzeMetric, bronzeMetric } from './constructs/bronze-metrics.ts';
export { BronzePipeline, type BronzePipelineProps } from './constructs/bronze-pipeline.ts';
export type { BronzeConfigInput, TopicRuleInput } from './constructs/bronze-tables.ts';
export { CatalogAlarms, type CatalogAlarmsProps } from './constructs/catalog-alarms.ts';
export { CdfExport, type CdfExportProps, type TableExport } from './constructs/cdf-export.ts';
export { CdfExportAlarms, type CdfExportAlarmsProps } from './constructs/cdf-export-alarms.ts';
export { CommitTable, type CommitTableProps } from './constructs/commit-table.ts';
export type { DashboardPart } from './constructs/dashboard-part.ts';
export { EventFunction, type EventFunctionSettings } from './constructs/event-function.ts';
export { EventFunctionAlarms, type EventFunctionAlarmsProps } from './constructs/event-function-alarms.ts';
export { EventGrouping, type EventGroupingProps } from './constructs/event-grouping.ts';
export type {
  KafkaNetwork,
  KafkaSource,
  KafkaTopics,
  MskAuthentication,
  MskSource,
  MutualTls,
  SelfManagedAuthentication,
  SelfManagedKafkaSource,
} from './constructs/kafka-source.ts';
export { LandingBucket, type LandingBucketProps } from './constructs/landing-bucket.ts';
export { LoadPipeline, type LoadPipelineProps } from './constructs/load-pipeline.ts';
export { MaintenanceAlarms, type MaintenanceAlarmsProps } from './constructs/maintenance-alarms.ts';
export { MedallionAlarms, type MedallionAlarmsProps } from './constructs/medallion-alarms.ts';
export { MedallionPipeline, type MedallionPipelineProps } from './constructs/medallion-pipeline.ts';
export { MergePipeline, type MergePipelineProps } from './constructs/merge-pipeline.ts';
export { ObjectTagging, type ObjectTaggingProps } from './constructs/object-tagging.ts';
export { PipelineAlarms, type PipelineAlarmsProps } from './constructs/pipeline-alarms.ts';
export { PipelineDashboard, type PipelineDashboardProps } from './constructs/pipeline-dashboard.ts';
export { type PipelineMetric, pipelineMetric } from './constructs/pipeline-metrics.ts';
export { QueueIngestAlarms, type QueueIngestAlarmsProps } from './constructs/queue-ingest-alarms.ts';
export { QueueIngestPipeline, type QueueIngestPipelineProps } from './constructs/queue-ingest-pipeline.ts';
export type { FunctionNetwork, FunctionSettings } from './constructs/resaca-function.ts';
export {
  ScheduledConsumer,
  ScheduledConsumerAlarms,
  type ScheduledConsumerAlarmsProps,
  type ScheduledConsumerProps,
  type SecretFieldOf,
} from './constructs/scheduled-consumer.ts';
export { SparkJobs, type SparkJobsProps } from './constructs/spark-jobs.ts';
export type { SparkTables } from './constructs/spark-policy.ts';
export {
  CatalogQueue,
  type CatalogQueueProps,
  TableCatalog,
  type TableCatalogProps,
} from './constructs/table-catalog.ts';
export {
  type MaintainedTables,
  MaintenanceQueue,
  type MaintenanceQueueProps,
  type MaintenanceSchedules,
  TableMaintenance,
  type TableMaintenanceProps,
} from './constructs/table-maintenance.ts';
export { WebhookAlarms, type WebhookAlarmsProps } from './constructs/webhook-alarms.ts';
export { WebhookEndpoint, type WebhookEndpointProps, type WebhookTargetProps } from './constructs/webhook-endpoint.ts';
export { ResacaStack, type ResacaStackProps } from './stacks/resaca-stack.ts';
