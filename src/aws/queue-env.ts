import { parseQueueConfig, type QueueConfig } from '../queue/config.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

export interface QueueEnvironment extends FunctionEnvironment<QueueConfig> {
  /** URL of the queue, where more messages are received than an invocation is given. */
  readonly queueUrl: string | undefined;
}

/**
 * The environment of the queue ingest; see `readEnvironment`. `RESACA_BUCKET` is the bucket of the table, whose name is often
 * known at the deployment only; the configuration may name it instead. `RESACA_QUEUE_URL` is the queue.
 */
export function queueEnvironment(env: NodeJS.ProcessEnv = process.env): QueueEnvironment {
  const { RESACA_BUCKET: bucket, RESACA_QUEUE_URL: queueUrl, ...rest } = env;
  const environment = readEnvironment(rest, (value) =>
    parseQueueConfig(bucket && isObject(value) ? { bucket, ...value } : value),
  );
  return { ...environment, queueUrl: queueUrl || undefined };
}
