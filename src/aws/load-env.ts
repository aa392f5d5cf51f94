import { ConfigError } from '../ingest/config-reader.ts';
import { type LoaderConfig, parseLoaderConfig } from '../loader/config.ts';
import { type FunctionEnvironment, readEnvironment } from './env.ts';

export interface LoadEnvironment extends FunctionEnvironment<LoaderConfig> {
  /** URL of the function's own queue, to which files go that need another invocation. */
  readonly queueUrl: string;
}

/** The environment of the load function; see `readEnvironment`. `RESACA_LOAD_QUEUE_URL` is the queue that it takes from. */
export function loadEnvironment(env: NodeJS.ProcessEnv = process.env): LoadEnvironment {
  const { RESACA_LOAD_QUEUE_URL: queueUrl, ...rest } = env;
  const environment = readEnvironment(rest, parseLoaderConfig);
  if (!queueUrl) throw new ConfigError(['RESACA_LOAD_QUEUE_URL: is missing']);
  return { ...environment, queueUrl };
}
