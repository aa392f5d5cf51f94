import { MAX_GROUPS } from '../../src/group/config.ts';
import {
  APPEND_SETTINGS,
  type AppendConfig,
  type AppendConfigInput,
  appendCommitRules,
  type CommitRule,
  DEPLOYMENT_PARTS,
  parseAppendConfig,
  type TableRule,
} from '../../src/ingest/config.ts';
import { ConfigError, ConfigReader } from '../../src/ingest/config-reader.ts';
import { parseLoaderConfig } from '../../src/loader/config.ts';
import { keyFilters, literalPrefix, outermost, prefixProblem, suffixProblem, trimSlashes } from '../prefixes.ts';
import { type CatalogDeployment, readCatalogPart } from './catalog-config.ts';
import { commitProblems, commitTableNames, kafkaCommitRules } from './commit-tables.ts';
import { type ExportDeployment, readExports } from './exports-config.ts';
import { type KafkaDeployment, readKafka } from './kafka-config.ts';
import { announcedBy, type LoaderDeployment, loaderProblems, readLoader } from './loader-config.ts';
import { type MaintenanceDeployment, readMaintenance } from './maintenance-config.ts';
import { type MedallionDeployment, medallionProblems, readMedallion, stepCommitProblems } from './medallion-config.ts';
import { type MergeDeployment, mergeProblems, readMerge, stagedPrefixes } from './merge-config.ts';
import { type QueueDeployment, readQueues } from './queue-config.ts';
import { readTagging, type TaggingDeployment, taggingProblems } from './tagging-config.ts';
import type { AlarmConfig, AppendFunctionConfig, LandingConfig } from './types.ts';
import {
  checkTargets,
  impliedQueues,
  readWebhookFunction,
  readWebhooks,
  type WebhookDeployment,
  type WebhookFunction,
} from './webhook-config.ts';

/** A configuration that was checked, with what it leaves out filled in. */
export interface Deployment {
  readonly stage: string;
  readonly landing: LandingConfig &
    Required<Pick<LandingConfig, 'notifications' | 'suffixes' | 'enforceConditionalCommits'>>;
  /** Key prefixes in which tables live; empty for the whole bucket. */
  readonly prefixes: readonly string[];
  readonly append: Required<Omit<AppendFunctionConfig, 'batchingWindow' | 'groups'>> &
    Pick<AppendFunctionConfig, 'batchingWindow' | 'groups'>;
  readonly alarms: Required<Omit<AlarmConfig, 'email'>> & Pick<AlarmConfig, 'email'>;
  readonly kafka?: KafkaDeployment;
  readonly queues: readonly QueueDeployment[];
  readonly webhooks: readonly WebhookDeployment[];
  readonly webhookFunction: WebhookFunction;
  readonly loader?: LoaderDeployment;
  readonly merge?: MergeDeployment;
  readonly maintenance?: MaintenanceDeployment;
  /** Tables that follow from others. */
  readonly medallion?: MedallionDeployment;
  readonly tagging?: TaggingDeployment;
  readonly catalog?: CatalogDeployment;
  /** Tables whose changes are exported. */
  readonly exports: readonly ExportDeployment[];
  /** Names of the DynamoDB tables for commits that are to be made. */
  readonly commitTables: readonly string[];
  readonly dashboard: boolean;
  readonly encryption: 'managed' | 'kms';
  /** The part that the function reads, as it was written. */
  readonly tables: AppendConfigInput;
}

/** What CloudWatch Logs takes (API reference, PutRetentionPolicy). */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
/** Messages in a batch: of a standard queue, of a FIFO queue (Lambda guide, "Amazon SQS event source parameters"). */
const MAX_BATCH = { standard: 10_000, fifo: 10, grouped: 10 };
const DEFAULT_BATCH = { standard: 1_000, fifo: 10, grouped: 10 };
/** A larger batch needs a window (the same). */
const BATCH_WITHOUT_WINDOW = 10;

/** Each needs a rule of EventBridge; `grouped` is for more. */
const MAX_FIFO_GROUPS = 50;
/** Of the function's memory, what the footers may take: with copies it is three times as much for moments. */
const FOOTER_SHARE = 7;

/** Checks a configuration given as plain data; throws ConfigError naming all that is wrong. */
export function parseResacaConfig(value: unknown): Deployment {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows([...DEPLOYMENT_PARTS, ...APPEND_SETTINGS]);
  const stage = root.matching('stage', /^[a-z][a-z0-9-]{0,15}$/, '1-16 lower-case letters, digits and hyphens', 'dev');
  const append = readAppend(root.child('append'));
  const landing = readLanding(root.child('landing'), append.queue === 'fifo');
  const deployment = {
    alarms: readAlarms(root.child('alarms')),
    dashboard: root.boolean('dashboard', true),
    encryption: root.choice('encryption', ['managed', 'kms'], 'managed'),
  };
  const kafka = root.has('kafka') ? readKafka(root.child('kafka'), landing.bucketName) : undefined;
  const hooks = root.children('webhooks');
  const webhooks = readWebhooks(hooks);
  const queues = readQueues([...root.children('queues'), ...impliedQueues(hooks)], landing.bucketName);
  const queueNames = queues.map(({ name }) => name);
  checkTargets(hooks, webhooks, queueNames);
  const webhookFunction = readWebhookFunction(root.child('webhookFunction'));
  const known = problems.length;
  const loader = root.has('loader') ? readLoader(root.child('loader')) : undefined;
  const isLoaderRead = problems.length === known;
  const merge = root.has('merge') ? readMerge(root.child('merge')) : undefined;
  const maintenance = root.isFalse('maintenance') ? undefined : readMaintenance(root.child('maintenance'));
  const medallion = root.has('medallion')
    ? readMedallion(root.child('medallion'), medallionSurroundings(landing, kafka))
    : undefined;
  const tagging = root.has('tagging') ? readTagging(root.child('tagging'), landing) : undefined;
  const catalog = root.has('catalog') ? readCatalogPart(root.child('catalog')) : undefined;
  const exports = readExports(root, { hasKafka: kafka !== undefined, queues: queueNames });
  const tables = root.pick(APPEND_SETTINGS);
  const isExisting = root.choice('commitTables', ['create', 'existing'], 'create') === 'existing';
  let prefixes: readonly string[] = [];
  let commitRules: readonly CommitRule[] = [];
  try {
    const config = parseAppendConfig(tables);
    problems.push(...tableProblems(config, landing, append), ...commitProblems(config, landing));
    commitRules = appendCommitRules(config);
    prefixes = prefixesOf(config, landing, append.queue === 'fifo');
    if (loader !== undefined && isLoaderRead) {
      problems.push(...loaderProblems(loader.config, { tables: config, ...landing, prefixes }));
    }
    const loaded = loader !== undefined && isLoaderRead ? announcedBy(parseLoaderConfig(loader.config)) : [];
    if (merge !== undefined) {
      const others = loaded.map(({ prefix }) => prefix);
      problems.push(...mergeProblems(merge.settings, { ...landing, prefixes }, others));
    }
    if (tagging !== undefined) {
      const others = [
        { by: 'load function', filters: loaded.flatMap(({ prefix, suffixes }) => keyFilters([prefix], suffixes)) },
        {
          by: 'merge function',
          filters: merge === undefined ? [] : keyFilters(stagedPrefixes(merge.settings), ['.parquet']),
        },
      ];
      problems.push(...taggingProblems(tagging, landing, prefixes, others));
    }
    if (medallion !== undefined) {
      const loaded = loader !== undefined && isLoaderRead ? announcedBy(parseLoaderConfig(loader.config)) : [];
      const announced = [
        ...(landing.notifications === 's3' ? keyFilters(prefixes, landing.suffixes) : []),
        ...loaded.flatMap((one) => keyFilters([one.prefix], one.suffixes)),
      ];
      const names = medallionSurroundings(landing, kafka).buckets;
      problems.push(...medallionProblems(medallion, names.landing, announced));
      const rules = [
        [names.landing ?? 'landing', commitRules],
        [names.kafka ?? 'kafka', kafka === undefined ? [] : kafkaCommitRules(kafka)],
      ] as const;
      problems.push(...stepCommitProblems(medallion, new Map(rules)));
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  const { maxLag } = deployment.alarms;
  if (maxLag <= (append.batchingWindow ?? 0)) {
    root.problem(
      'alarms.maxLag',
      `expected more than append.batchingWindow (${append.batchingWindow} s), got ${maxLag}`,
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const allRules = [
    ...commitRules,
    ...(kafka === undefined ? [] : kafkaCommitRules(kafka)),
    ...queues.flatMap(({ commits }) => commits),
  ];
  return {
    stage,
    landing,
    append,
    ...deployment,
    ...(kafka !== undefined && { kafka }),
    queues,
    webhooks,
    webhookFunction,
    ...(loader !== undefined && { loader }),
    ...(merge !== undefined && { merge }),
    ...(maintenance !== undefined && { maintenance }),
    ...(medallion !== undefined && { medallion }),
    ...(tagging !== undefined && { tagging }),
    ...(catalog !== undefined && { catalog }),
    exports,
    prefixes,
    commitTables: isExisting ? [] : commitTableNames(allRules),
    tables: tables as AppendConfigInput,
  };
}

/** Buckets that are not there yet have the names by which steps know them. */
function medallionSurroundings({ bucketName, notifications }: Deployment['landing'], kafka?: KafkaDeployment) {
  return {
    notifications,
    buckets: {
      landing: bucketName ?? 'landing',
      ...(kafka !== undefined && { kafka: kafka.bucketName ?? 'kafka' }),
    },
  };
}

/** Key prefixes in which the tables are; none for the whole bucket. In a FIFO queue they are the message groups. */
function prefixesOf(
  { tables, convention }: AppendConfig,
  landing: Deployment['landing'],
  isFifo: boolean,
): readonly string[] {
  const ofRules = tables.map(tablePrefix);
  return outermost(isFifo ? ofRules : (landing.prefixes ?? (convention === 'none' ? ofRules : [])));
}

function tableProblems(
  { tables, convention, footerMemory }: AppendConfig,
  landing: Deployment['landing'],
  { queue, memorySize }: Deployment['append'],
): string[] {
  const problems: string[] = [];
  if (convention === 'none' && tables.length === 0) problems.push("tables: convention 'none' needs rules");
  if (queue === 'fifo' && convention !== 'none') {
    problems.push("append.queue: fifo needs convention 'none': the prefixes of the rules are the groups");
  }
  if (queue === 'fifo' && new Set(tables.map(tablePrefix)).size > MAX_FIFO_GROUPS) {
    problems.push(`append.queue: fifo takes rules with ${MAX_FIFO_GROUPS} literal prefixes at most`);
  }
  if (footerMemory > (memorySize * 2 ** 20) / FOOTER_SHARE) {
    problems.push(
      `footerMemory: expected a seventh of append.memorySize (${memorySize} MB) at most, got ${footerMemory}`,
    );
  }
  for (const [index, rule] of tables.entries()) {
    const prefix = tablePrefix(rule);
    if (landing.prefixes !== undefined && !isWithin(prefix, landing.prefixes)) {
      problems.push(`tables[${index}].root: expected it within landing.prefixes, got "${rule.root}"`);
    }
    const problem =
      prefix === '' ? undefined : prefixProblem(prefix, convention === 'none' ? landing.notifications : 'none');
    if (problem !== undefined) problems.push(`tables[${index}].root: ${problem}`);
    if (rule.bucket !== undefined && rule.bucket !== landing.bucketName) {
      problems.push(`tables[${index}].bucket: expected landing.bucketName, the one bucket of the stack, or none`);
    }
  }
  return problems;
}

function tablePrefix({ root }: TableRule): string {
  return literalPrefix(root);
}

function isWithin(prefix: string, outer: readonly string[]): boolean {
  return outer.some((candidate) => `${prefix}/`.startsWith(`${candidate}/`));
}

function readLanding(reader: ConfigReader, isFifo: boolean): Deployment['landing'] {
  reader.onlyKnows([
    'bucketName',
    'keyArn',
    'notifications',
    'prefixes',
    'suffixes',
    'enforceConditionalCommits',
    'accessLogsBucketName',
  ]);
  const notifications = reader.choice('notifications', ['s3', 'eventbridge'], isFifo ? 'eventbridge' : 's3');
  if (isFifo && notifications === 's3') {
    reader.problem(
      'notifications',
      's3 cannot send to a FIFO queue (S3 user guide, "Amazon SQS queue"); eventbridge can',
    );
  }
  const bucketName = readBucket(reader, 'bucketName');
  const accessLogsBucketName = readBucket(reader, 'accessLogsBucketName');
  const keyArn = reader.has('keyArn')
    ? reader.matching('keyArn', KEY_ARN, 'the ARN of a KMS key, not of an alias', '')
    : undefined;
  if (keyArn !== undefined && bucketName === undefined) {
    reader.problem('keyArn', "is for an existing bucket; for a new one set encryption to 'kms'");
  }
  if (bucketName !== undefined) {
    for (const name of ['enforceConditionalCommits', 'accessLogsBucketName']) {
      if (reader.has(name)) reader.problem(name, 'is for a new bucket; an existing one keeps its own policy and logs');
    }
  }
  const prefixes = reader.has('prefixes') ? reader.texts('prefixes').map(trimSlashes) : undefined;
  if (prefixes?.length === 0) reader.problem('prefixes', 'has none; leave it out for the whole bucket');
  for (const prefix of prefixes ?? []) {
    const problem = prefix.includes('=')
      ? `expected roots of tables or parents of them, not a partition, got "${prefix}"`
      : prefixProblem(prefix, notifications);
    if (problem !== undefined) reader.problem('prefixes', problem);
  }
  const suffixes = reader.has('suffixes') ? reader.texts('suffixes') : ['.parquet'];
  const problem = suffixProblem(suffixes);
  if (problem !== undefined) reader.problem('suffixes', problem);
  return {
    notifications,
    suffixes,
    enforceConditionalCommits: reader.boolean('enforceConditionalCommits', true),
    ...(bucketName !== undefined && { bucketName }),
    ...(keyArn !== undefined && { keyArn }),
    ...(accessLogsBucketName !== undefined && { accessLogsBucketName }),
    ...(prefixes !== undefined && { prefixes }),
  };
}

function readAppend(reader: ConfigReader): Deployment['append'] {
  reader.onlyKnows([
    'queue',
    'groups',
    'batchSize',
    'batchingWindow',
    'maxConcurrency',
    'maxReceiveCount',
    'memorySize',
    'timeout',
    'logLevel',
    'logRetention',
    'tracing',
    'metricsByTable',
  ]);
  const queue = reader.choice('queue', ['standard', 'fifo', 'grouped'], 'standard');
  if (queue !== 'grouped' && reader.has('groups')) reader.problem('groups', 'is for the queue "grouped"');
  const batchSize = reader.integer('batchSize', 1, MAX_BATCH[queue], DEFAULT_BATCH[queue]);
  const batchingWindow = reader.integer('batchingWindow', 0, 300, queue === 'fifo' ? 0 : 30);
  if (queue === 'fifo' && reader.has('batchingWindow')) reader.problem('batchingWindow', 'a FIFO queue has none');
  if (batchSize > BATCH_WITHOUT_WINDOW && batchingWindow === 0) {
    reader.problem('batchingWindow', `expected at least 1 s for a batchSize over ${BATCH_WITHOUT_WINDOW}, got 0`);
  }
  const logRetention = reader.integer('logRetention', 1, 3653, 30);
  if (!RETENTION_DAYS.includes(logRetention)) {
    reader.problem('logRetention', `expected one of ${RETENTION_DAYS.join(', ')} days, got ${logRetention}`);
  }
  return {
    queue,
    batchSize,
    ...(queue !== 'fifo' && { batchingWindow }),
    ...(queue === 'grouped' && { groups: reader.integer('groups', 1, MAX_GROUPS, 1) }),
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 4),
    maxReceiveCount: reader.integer('maxReceiveCount', 1, 1_000, 5),
    memorySize: reader.integer('memorySize', 512, 10_240, 512),
    timeout: reader.integer('timeout', 10, 900, 120),
    logLevel: reader.choice('logLevel', ['debug', 'info', 'warn', 'error'], 'info'),
    logRetention,
    tracing: reader.boolean('tracing', false),
    metricsByTable: reader.boolean('metricsByTable', false),
  };
}

function readAlarms(reader: ConfigReader): Deployment['alarms'] {
  reader.onlyKnows(['email', 'maxLag', 'maxMessageAge', 'maxConflictsPerCommit']);
  const email = reader.has('email')
    ? reader.matching('email', /^[^@\s]+@[^@\s]+\.[^@\s]+$/, 'an e-mail address', '')
    : undefined;
  return {
    maxLag: reader.integer('maxLag', 1, 86_400, 900),
    maxMessageAge: reader.integer('maxMessageAge', 60, 1_209_600, 1_800),
    maxConflictsPerCommit: reader.integer('maxConflictsPerCommit', 1, 1_000, 3),
    ...(email !== undefined && { email }),
  };
}

/** S3 user guide, "Bucket naming rules"; KMS developer guide, "Key ARN". */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const KEY_ARN = /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/;

function readBucket(reader: ConfigReader, name: string): string | undefined {
  return reader.has(name) ? reader.matching(name, BUCKET_NAME, 'the name of a bucket', '') : undefined;
}
