import { Duration } from 'aws-cdk-lib';
import type { CfnEventSourceMappingProps } from 'aws-cdk-lib/aws-lambda';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { groupOf, type KafkaSource, mappingSource } from './kafka-source.ts';

/** Pollers of a mapping that are there all the time: "provisioned mode", billed by the hour. */
export interface ProvisionedPollers {
  /** 1-200. @default 1 */
  readonly minimum?: number;
  /** 1-2000; Lambda takes no more than the topic has partitions. @default 200 */
  readonly maximum?: number;
  /** Mappings of one name, in one VPC, share their pollers' units: 100 mappings with 2000 pollers at most. @default none */
  readonly groupName?: string;
}

/** How Lambda reads the topics and what becomes of batches that fail; the same for each topic. */
export interface MappingSettings {
  /** Records of one invocation at most, to 10000. @default 10000 */
  readonly batchSize?: number;
  /** How long a batch is gathered, to 5 minutes. Longer: fewer and larger files. @default 60 seconds */
  readonly batchingWindow?: Duration;
  /** Needed for all that bounds retries, below. @default pollers on demand, which cost nothing themselves */
  readonly provisionedPollers?: ProvisionedPollers;
  /** Retries of a batch, 0-10000, until it is discarded. @default without end; 10, AWS's limit, where `onFailure` keeps it */
  readonly maximumRetryAttempts?: number;
  /** Age at which a record is discarded, 1 minute to 7 days. @default none */
  readonly maximumRecordAge?: Duration;
  /** Whether a batch that failed is tried again in halves. @default false */
  readonly bisectBatchOnError?: boolean;
  /** Whether the function names the partitions that failed, so that only these come again. @default false */
  readonly reportBatchItemFailures?: boolean;
  /**
   * Where batches go that are discarded, records and all: a new bucket, or one of yours, under `aws/lambda/`, which Lambda
   * gives. `discard` for nowhere.
   * @default 'new-bucket' where `maximumRetryAttempts` or `maximumRecordAge` are given, else none
   */
  readonly onFailure?: 'new-bucket' | 'discard' | Bucket | IBucket;
  /** Patterns, of which a record must fit one: others are left out. Up to 10. @default none */
  readonly filters?: readonly Readonly<Record<string, unknown>>[];
}

/** AWS counts 100 mappings and 2000 pollers in a group (Lambda guide, "Apache Kafka event poller scaling modes"). */
const GROUP_LIMITS = { mappings: 100, pollers: 2_000 };
const DEFAULT_MAXIMUM_POLLERS = 200;
/** What AWS makes of endless retries with a destination (Lambda guide, "Configuring error handling controls for Kafka"). */
const RETRIES_WITH_DESTINATION = 10;
/** Lambda quotas: five filters of a mapping, ten on request. */
const MAX_FILTERS = 10;

/** What AWS would refuse in the settings, each with its name. */
export function mappingProblems(settings: MappingSettings, mappings: number): string[] {
  const problems = [
    ...range('batchSize', settings.batchSize, 1, 10_000),
    ...range('batchingWindow', seconds(settings.batchingWindow), 0, 300, ' seconds'),
    ...range('maximumRetryAttempts', settings.maximumRetryAttempts, 0, 10_000),
    ...range('maximumRecordAge', seconds(settings.maximumRecordAge), 60, 604_800, ' seconds'),
    ...pollerProblems(settings.provisionedPollers, mappings),
  ];
  if (settings.filters !== undefined) problems.push(...range('filters', settings.filters.length, 1, MAX_FILTERS));
  if (settings.provisionedPollers === undefined) {
    for (const name of ['maximumRetryAttempts', 'maximumRecordAge'] as const) {
      if (settings[name] !== undefined) problems.push(`${name}: needs provisionedPollers`);
    }
    for (const name of ['bisectBatchOnError', 'reportBatchItemFailures'] as const) {
      if (settings[name] === true) problems.push(`${name}: needs provisionedPollers`);
    }
  }
  return problems;
}

function pollerProblems(pollers: ProvisionedPollers | undefined, mappings: number): string[] {
  if (pollers === undefined) return [];
  const { minimum = 1, maximum = DEFAULT_MAXIMUM_POLLERS, groupName } = pollers;
  const problems = [
    ...range('provisionedPollers.minimum', minimum, 1, 200),
    ...range('provisionedPollers.maximum', maximum, 1, 2_000),
  ];
  if (minimum > maximum) {
    problems.push(`provisionedPollers.minimum: expected at most the maximum, ${maximum}, got ${minimum}`);
  }
  if (groupName === undefined) return problems;
  if (!/^[\w-]{1,128}$/.test(groupName)) {
    problems.push(`provisionedPollers.groupName: expected 1-128 letters, digits, "_" and "-", got "${groupName}"`);
  }
  if (mappings > GROUP_LIMITS.mappings) {
    problems.push(`provisionedPollers.groupName: expected ${GROUP_LIMITS.mappings} topics at most, got ${mappings}`);
  }
  if (maximum * mappings > GROUP_LIMITS.pollers) {
    const got = `${maximum} for each of ${mappings} topics`;
    problems.push(`provisionedPollers.maximum: a group has ${GROUP_LIMITS.pollers} at most, got ${got}`);
  }
  return problems;
}

function range(name: string, value: number | undefined, min: number, max: number, unit = ''): string[] {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return [];
  return [`${name}: expected a whole number from ${min} to ${max}${unit}, got ${value}`];
}

function seconds(duration: Duration | undefined): number | undefined {
  return duration?.toSeconds({ integral: false });
}

/** Where discarded batches go, with the default. */
export function destinationOf(settings: MappingSettings): 'new-bucket' | 'discard' | Bucket | IBucket {
  const isBounded = settings.maximumRetryAttempts !== undefined || settings.maximumRecordAge !== undefined;
  return settings.onFailure ?? (isBounded ? 'new-bucket' : 'discard');
}

/** Whether Lambda may give up records and counts them, which it does in provisioned mode. */
export function countsDiscards(settings: MappingSettings): boolean {
  const { provisionedPollers, maximumRetryAttempts, maximumRecordAge } = settings;
  const isBounded = maximumRetryAttempts !== undefined || maximumRecordAge !== undefined;
  return provisionedPollers !== undefined && (isBounded || destinationOf(settings) !== 'discard');
}

export interface MappingTarget {
  readonly functionName: string;
  readonly topic: string;
  readonly destination: Bucket | IBucket | undefined;
}

/** The properties of the mapping of one topic. */
export function mappingProps(
  source: KafkaSource,
  settings: MappingSettings,
  { functionName, topic, destination }: MappingTarget,
): CfnEventSourceMappingProps {
  const { startingPosition = 'TRIM_HORIZON', consumerGroupId } = source;
  const kafka = consumerGroupId === undefined ? undefined : { consumerGroupId: groupOf(consumerGroupId, topic) };
  const { filters } = settings;
  return {
    ...mappingSource(source),
    functionName,
    topics: [topic],
    ...(startingPosition instanceof Date
      ? {
          startingPosition: 'AT_TIMESTAMP',
          startingPositionTimestamp: Math.floor(startingPosition.getTime() / 1_000),
        }
      : { startingPosition }),
    ...(kafka !== undefined &&
      (source.kind === 'msk'
        ? { amazonManagedKafkaEventSourceConfig: kafka }
        : { selfManagedKafkaEventSourceConfig: kafka })),
    batchSize: settings.batchSize ?? 10_000,
    maximumBatchingWindowInSeconds: (settings.batchingWindow ?? Duration.seconds(60)).toSeconds(),
    ...(filters !== undefined && {
      filterCriteria: { filters: filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })) },
    }),
    ...(destination !== undefined && { destinationConfig: { onFailure: { destination: destination.bucketArn } } }),
    ...provisionedProps(settings, destination),
  };
}

/** What Lambda has in provisioned mode only (Lambda guide, "Advanced error handling and performance features"). */
function provisionedProps(
  settings: MappingSettings,
  destination: Bucket | IBucket | undefined,
): Partial<CfnEventSourceMappingProps> {
  const { provisionedPollers: pollers, maximumRecordAge } = settings;
  if (pollers === undefined) return {};
  const retries = settings.maximumRetryAttempts ?? (destination === undefined ? undefined : RETRIES_WITH_DESTINATION);
  return {
    provisionedPollerConfig: {
      minimumPollers: pollers.minimum ?? 1,
      maximumPollers: pollers.maximum ?? DEFAULT_MAXIMUM_POLLERS,
      ...(pollers.groupName !== undefined && { pollerGroupName: pollers.groupName }),
    },
    ...(retries !== undefined && { maximumRetryAttempts: retries }),
    ...(maximumRecordAge !== undefined && { maximumRecordAgeInSeconds: maximumRecordAge.toSeconds() }),
    ...(settings.bisectBatchOnError === true && { bisectBatchOnFunctionError: true }),
    ...(settings.reportBatchItemFailures === true && { functionResponseTypes: ['ReportBatchItemFailures'] }),
    ...(countsDiscards(settings) && { metricsConfig: { metrics: ['EventCount'] } }),
  };
}
