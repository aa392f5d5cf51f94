import { type MergeConfig, parseMergeConfig } from '../merge/config.ts';
import { type FunctionEnvironment, readEnvironment } from './env.ts';

/** The environment of the merge function; see `readEnvironment`. */
export function mergeEnvironment(env: NodeJS.ProcessEnv = process.env): FunctionEnvironment<MergeConfig> {
  return readEnvironment(env, parseMergeConfig);
}
