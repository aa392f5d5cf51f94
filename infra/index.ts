/** Constructs for CDK apps: `import { AppendPipeline, LandingBucket } from 'resaca/infra'`. */

export type { AppendConfigInput, TableRuleInput } from '../src/ingest/config.ts';
export { ConfigError } from '../src/ingest/config-reader.ts';
export type { KafkaConfigInput, TopicRule } from '../src/kafka/config.ts';
export { loadConfig } from './config/load-config.ts';
export type { AlarmConfig, AppendFunctionConfig, LandingConfig, ResacaConfig } from './config/types.ts';
export { AppendPipeline, type AppendPipelineProps } from './constructs/append-pipeline.ts';
export { BronzePipeline, type BronzePipelineProps } from './constructs/bronze-pipeline.ts';
export { LandingBucket, type LandingBucketProps } from './constructs/landing-bucket.ts';
export { PipelineAlarms, type PipelineAlarmsProps } from './constructs/pipeline-alarms.ts';
export { PipelineDashboard, type PipelineDashboardProps } from './constructs/pipeline-dashboard.ts';
export { type PipelineMetric, pipelineMetric } from './constructs/pipeline-metrics.ts';
export type { FunctionSettings } from './constructs/resaca-function.ts';
export { ResacaStack, type ResacaStackProps } from './stacks/resaca-stack.ts';
