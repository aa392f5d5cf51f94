import { type GroupConfig, parseGroupConfig } from '../group/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import { type FunctionEnvironment, readEnvironment } from './env.ts';

export interface GroupEnvironment extends FunctionEnvironment<GroupConfig> {
  /** URL of the FIFO queue that events are sent to. */
  readonly targetQueueUrl: string;
}

/** The environment of the group function; see `readEnvironment`. `RESACA_TARGET_QUEUE_URL` is the queue of the append function. */
export function groupEnvironment(env: NodeJS.ProcessEnv = process.env): GroupEnvironment {
  const { RESACA_TARGET_QUEUE_URL: targetQueueUrl = '', ...rest } = env;
  const environment = readEnvironment(rest, parseGroupConfig);
  if (!targetQueueUrl.endsWith('.fifo')) {
    throw new ConfigError([`RESACA_TARGET_QUEUE_URL: expected the URL of a FIFO queue, got "${targetQueueUrl}"`]);
  }
  return { ...environment, targetQueueUrl };
}
