import { type Duration, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { bronzeCommitRules, type KafkaConfig } from '../../src/kafka/config.ts';
import { BronzeCommitter, pendingPolicy } from './bronze-committer.ts';
import { failureBucket, failurePolicy } from './bronze-failures.ts';
import {
  countsDiscards,
  destinationOf,
  type MappingSettings,
  mappingProblems,
  mappingProps,
} from './bronze-mapping.ts';
import { registryPolicy, sourcePolicy } from './bronze-source-policy.ts';
import { type BronzeConfigInput, bronzeTablePolicy, readBronzeConfig, tableFolders } from './bronze-tables.ts';
import { commitPolicy } from './commit-policy.ts';
import { type KafkaSource, sourceProblems, sourceSecrets } from './kafka-source.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface BronzePipelineProps extends FunctionSettings, MappingSettings {
  /** Bucket of the tables: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** Cluster and topics. */
  readonly source: KafkaSource;
  /** Tables and formats. @default any topic becomes `bronze/{topic}`, as bytes */
  readonly config?: BronzeConfigInput;
  /** With `commits: 'deferred'`: time between two turns of the committer, whole minutes. @default 1 minute */
  readonly commitInterval?: Duration;
}

/** Topics of a Kafka cluster -> bronze function -> Delta tables, exactly once. */
export class BronzePipeline extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** With `commits: 'deferred'`. */
  readonly committer: BronzeCommitter | undefined;
  /** By topic. */
  readonly mappings: ReadonlyMap<string, CfnEventSourceMapping>;
  /** Gets the batches that are discarded; undefined where there is no such bucket. */
  readonly failureBucket: Bucket | IBucket | undefined;
  /** Whether Lambda may give up records, which it counts for each mapping then. */
  readonly countsDiscards: boolean;
  readonly bucket: Bucket | IBucket;
  /** In which the tables lie; none for the whole bucket. */
  readonly tableFolders: readonly string[];
  readonly pipelineName: string;
  /** MB. */
  readonly memorySize: number;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: BronzePipelineProps) {
    super(scope, id);
    const { bucket, source } = props;
    const config = checkProps(props);
    this.bucket = bucket;
    this.tableFolders = tableFolders(config);
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    this.countsDiscards = countsDiscards(props);
    const bronze = new ResacaFunction(this, 'Function', {
      memorySize: 1024,
      ...props,
      name: 'bronze',
      config: {
        ...props.config,
        ...(props.reportBatchItemFailures === true && { reportBatchItemFailures: true }),
      },
      environment: { RESACA_BUCKET: bucket.bucketName },
      pipelineName: this.pipelineName,
    });
    this.function = bronze.function;
    this.role = bronze.role;
    this.logGroup = bronze.logGroup;
    this.memorySize = bronze.memorySize;
    this.committer = config.commits === 'deferred' ? this.createCommitter(props, config) : undefined;
    const destination = destinationOf(props);
    if (destination === 'new-bucket') this.failureBucket = failureBucket(this);
    else this.failureBucket = destination === 'discard' ? undefined : destination;
    this.mappings = this.createMappings(props, this.grant(source, config));
  }

  /** Attaches what the function and its pollers may do; returns what has to be there before the mappings. */
  private grant(source: KafkaSource, config: KafkaConfig): Construct[] {
    const policies = [
      bronzeTablePolicy(this, this.bucket, config),
      commitPolicy(this, 'CommitPolicy', { bucket: this.bucket, rules: bronzeCommitRules(config) }),
      sourcePolicy(this, source),
      registryPolicy(this, config),
      this.failureBucket && failurePolicy(this, this.failureBucket),
      this.committer && pendingPolicy(this, this.bucket, ['s3:PutObject']),
    ].filter((policy) => policy !== undefined);
    for (const policy of policies) policy.attachToRole(this.role);
    for (const secret of sourceSecrets(source)) secret.grantRead(this.role);
    // The role has the policy with the secrets below it.
    return [...policies, this.role];
  }

  private createCommitter(props: BronzePipelineProps, parsed: KafkaConfig): BronzeCommitter {
    const {
      bucket,
      config = {},
      logRetention,
      logLevel,
      tracing,
      metricsByTable,
      commitInterval,
      maintenanceQueue,
    } = props;
    return new BronzeCommitter(this, 'Committer', {
      bucket,
      config,
      parsed,
      pipelineName: this.pipelineName,
      ...(logRetention !== undefined && { logRetention }),
      ...(logLevel !== undefined && { logLevel }),
      ...(tracing !== undefined && { tracing }),
      ...(metricsByTable !== undefined && { metricsByTable }),
      ...(maintenanceQueue !== undefined && { maintenanceQueue }),
      ...(commitInterval !== undefined && { interval: commitInterval }),
    });
  }

  private createMappings(props: BronzePipelineProps, before: Construct[]): Map<string, CfnEventSourceMapping> {
    const { functionName } = this.function;
    return new Map(
      props.source.topics.map((topic) => {
        const target = { functionName, topic, destination: this.failureBucket };
        const mapping = new CfnEventSourceMapping(this, `Mapping ${topic}`, mappingProps(props.source, props, target));
        // Lambda looks at the rights of the role when a mapping is made.
        mapping.node.addDependency(...before);
        return [topic, mapping];
      }),
    );
  }
}

function checkProps(props: BronzePipelineProps): KafkaConfig {
  const problems = [...sourceProblems(props.source), ...mappingProblems(props, props.source.topics.length)];
  const config = readBronzeConfig(props.config ?? {}, problems);
  if (props.commitInterval !== undefined && config.commits === 'direct') {
    problems.push("commitInterval: is for commits: 'deferred'");
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}
