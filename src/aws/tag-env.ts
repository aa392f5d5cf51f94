import { parseTagConfig, type TagConfig } from '../tag/config.ts';
import { type FunctionEnvironment, readEnvironment } from './env.ts';

/** The environment of the tag function; see `readEnvironment`. */
export function tagEnvironment(env: NodeJS.ProcessEnv = process.env): FunctionEnvironment<TagConfig> {
  return readEnvironment(env, parseTagConfig);
}
