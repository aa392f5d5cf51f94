import { APPEND_SETTINGS, type AppendConfig, type AppendConfigInput, parseAppendConfig } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

export interface GroupConfig {
  /** The tables, as the append function knows them. */
  readonly append: AppendConfig;
  /**
   * Message groups of each table: as many batches of it can be handled at the same time. A key is always in the same one.
   * @default 1
   */
  readonly groups: number;
}

/** A configuration as a user writes it: that of the append function, and `groups`. */
export interface GroupConfigInput extends AppendConfigInput {
  readonly groups?: number;
}

/** More committers at one table lose more races than they make commits. */
export const MAX_GROUPS = 64;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseGroupConfig(value: unknown): GroupConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows([...APPEND_SETTINGS, 'groups']);
  const groups = root.integer('groups', 1, MAX_GROUPS, 1);
  try {
    const append = parseAppendConfig(root.pick(APPEND_SETTINGS));
    if (problems.length === 0) return { append, groups };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  throw new ConfigError(problems);
}
