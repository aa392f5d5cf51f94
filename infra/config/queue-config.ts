import type { CommitRule } from '../../src/ingest/config.ts';
import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { parseQueueConfig, type QueueConfigInput, queueCommitRules } from '../../src/queue/config.ts';

/** A queue whose messages, JSON, become rows of a table. */
export interface QueueDeploymentConfig extends Omit<QueueConfigInput, 'bucket'> {
  /** An existing bucket for the table, of this account and region. @default one for the tables of all queues */
  readonly bucketName?: string;
  /** ARN of a queue that is there, of this account and region. @default a new one */
  readonly queueArn?: string;
  /** ARN of the key with which that queue is encrypted. @default none, or SQS's own */
  readonly queueKeyArn?: string;
  /** Messages of one invocation at most: 1-10000, or 1-10 for FIFO. @default 1000; 10 for FIFO */
  readonly batchSize?: number;
  /** Seconds in which a batch is gathered: 0-300. Longer: fewer and larger files. @default 30; none for FIFO */
  readonly batchingWindow?: number;
  /** Invocations at the same time at most: 2-1000. @default 2 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters of a new queue: 1-1000. @default 5 */
  readonly maxReceiveCount?: number;
  /** MB: 512-10240. @default 1024 */
  readonly memorySize?: number;
  /** Seconds: 10-900. @default 120 */
  readonly timeout?: number;
}

/** One that was checked, with what it leaves out filled in. */
export interface QueueDeployment {
  readonly name: string;
  /** What the function reads. */
  readonly config: Omit<QueueConfigInput, 'bucket'>;
  readonly isFifo: boolean;
  readonly bucketName?: string;
  readonly queueArn?: string;
  readonly queueKeyArn?: string;
  readonly batchSize: number;
  readonly batchingWindow: number | undefined;
  readonly maxConcurrency: number;
  readonly maxReceiveCount: number | undefined;
  readonly memorySize: number;
  readonly timeout: number;
  readonly commits: readonly CommitRule[];
}

const OWN_SETTINGS = [
  'bucketName',
  'queueArn',
  'queueKeyArn',
  'batchSize',
  'batchingWindow',
  'maxConcurrency',
  'maxReceiveCount',
  'memorySize',
  'timeout',
] as const satisfies readonly (keyof QueueDeploymentConfig)[];

const QUEUE_ARN = /^arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]{1,80}(\.fifo)?$/;
const KEY_ARN = /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/;
/** A larger batch needs a window (Lambda guide, "Amazon SQS event source parameters"). */
const BATCH_WITHOUT_WINDOW = 10;

/**
 * Reads the queues. Their tables are in another bucket than the one in which files land: there, every file of theirs would
 * be taken as one that landed.
 */
export function readQueues(readers: readonly ConfigReader[], landingBucket: string | undefined): QueueDeployment[] {
  const queues = readers.map((reader) => readQueue(reader, landingBucket));
  for (const [index, { name, config, bucketName }] of queues.entries()) {
    const earlier = queues.slice(0, index);
    if (earlier.some((other) => other.name === name)) readers[index]?.problem('name', `"${name}" is there twice`);
    if (earlier.some((other) => other.config.table === config.table && other.bucketName === bucketName)) {
      readers[index]?.problem('table', `"${config.table}" is the table of another queue; expected one of its own`);
    }
  }
  return queues;
}

function readQueue(reader: ConfigReader, landingBucket: string | undefined): QueueDeployment {
  const all = reader.pick(reader.names());
  const config = Object.fromEntries(
    Object.entries(all).filter(([name]) => !(OWN_SETTINGS as readonly string[]).includes(name)),
  ) as unknown as QueueDeployment['config'];
  const isFifo = config.fifo === true;
  let commits: readonly CommitRule[] = [];
  if ('bucket' in config) reader.problem('bucket', 'is not a setting here; bucketName is');
  try {
    commits = queueCommitRules(parseQueueConfig({ ...config, bucket: 'any-bucket' }));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) {
      const [, setting = '', text = problem] = /^([^:]+): (.*)$/s.exec(problem) ?? [];
      reader.problem(setting, text);
    }
  }
  const bucketName = reader.has('bucketName')
    ? reader.matching('bucketName', /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket', '')
    : undefined;
  if (bucketName !== undefined && bucketName === landingBucket) {
    reader.problem('bucketName', 'expected another bucket than landing.bucketName, where each file is one that landed');
  }
  const queueArn = readArn(reader, 'queueArn', QUEUE_ARN, 'the ARN of a queue');
  if (queueArn?.endsWith('.fifo') === !isFifo && queueArn !== undefined) {
    reader.problem('fifo', `expected ${!isFifo} for the queue ${queueArn}`);
  }
  if (queueArn !== undefined && reader.has('maxReceiveCount')) {
    reader.problem('maxReceiveCount', 'is for a new queue; one that is there has its own');
  }
  const queueKeyArn = readArn(reader, 'queueKeyArn', KEY_ARN, 'the ARN of a KMS key, not of an alias');
  if (queueKeyArn !== undefined && queueArn === undefined) reader.problem('queueKeyArn', 'belongs to queueArn');
  const batchSize = reader.integer('batchSize', 1, isFifo ? 10 : 10_000, isFifo ? 10 : 1_000);
  const batchingWindow = reader.integer('batchingWindow', 0, 300, isFifo ? 0 : 30);
  if (isFifo && reader.has('batchingWindow')) reader.problem('batchingWindow', 'a FIFO queue has none');
  if (batchSize > BATCH_WITHOUT_WINDOW && batchingWindow === 0) {
    reader.problem('batchingWindow', `expected at least 1 s for a batchSize over ${BATCH_WITHOUT_WINDOW}, got 0`);
  }
  return {
    name: config.name,
    config,
    isFifo,
    batchSize,
    batchingWindow: isFifo ? undefined : batchingWindow,
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 2),
    maxReceiveCount: queueArn === undefined ? reader.integer('maxReceiveCount', 1, 1_000, 5) : undefined,
    memorySize: reader.integer('memorySize', 512, 10_240, 1_024),
    timeout: reader.integer('timeout', 10, 900, 120),
    commits,
    ...(bucketName !== undefined && { bucketName }),
    ...(queueArn !== undefined && { queueArn }),
    ...(queueKeyArn !== undefined && { queueKeyArn }),
  };
}

function readArn(reader: ConfigReader, name: string, form: RegExp, expected: string): string | undefined {
  return reader.has(name) ? reader.matching(name, form, expected, '') : undefined;
}
