import { type AppendConfig, ConfigError, parseAppendConfig } from '../ingest/config.ts';
import type { LogLevel } from '../ingest/telemetry.ts';

/** What the append function takes from its environment. The AWS SDK reads its own variables (region, credentials, endpoint). */
export interface AppendEnvironment {
  readonly config: AppendConfig;
  readonly logLevel: LogLevel;
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const KNOWN = ['RESACA_CONFIG', 'RESACA_LOG_LEVEL'];

/**
 * Reads the variables `RESACA_*`; an empty one counts as absent. Throws ConfigError naming each that is unknown or bad.
 *
 * - `RESACA_CONFIG`: the tables and settings as JSON, see `AppendConfig`. @default {}
 * - `RESACA_LOG_LEVEL`: debug, info, warn or error. @default info
 */
export function appendEnvironment(env: NodeJS.ProcessEnv = process.env): AppendEnvironment {
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('RESACA_') && !KNOWN.includes(name))
    .map((name) => `${name}: is not a variable of this function; known: ${KNOWN.join(', ')}`);
  const level = env.RESACA_LOG_LEVEL || 'info';
  const logLevel = LOG_LEVELS.find((known) => known === level.toLowerCase());
  if (logLevel === undefined) problems.push(`RESACA_LOG_LEVEL: expected ${LOG_LEVELS.join(' or ')}, got "${level}"`);
  let config: AppendConfig | undefined;
  try {
    config = parseAppendConfig(parseJson(env.RESACA_CONFIG || '{}'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems.map((problem) => `RESACA_CONFIG: ${problem}`));
  }
  if (problems.length > 0 || config === undefined || logLevel === undefined) throw new ConfigError(problems);
  return { config, logLevel };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError([`is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
}
