import { type AppendConfig, type AppendConfigInput, parseAppendConfig, readPrefix } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

/** Which small files go into which table. */
export interface MergeRule {
  /** Prefix of the keys, in whole path segments. `{name}` stands for one segment. `name=value` folders below it are partitions. */
  readonly prefix: string;
  /** Root of the table in the same bucket; may use the `{name}`s of the prefix. */
  readonly table: string;
}

export interface MergeSettings {
  /** Tried in order; the first that fits wins. */
  readonly rules: readonly MergeRule[];
  /** Whether files are deleted once the commit with their rows is in the table. @default false */
  readonly deleteSources: boolean;
  /**
   * Bytes of files that become one commit at most, and are in memory as they are stored; more of them become several. A
   * larger file is merged alone. @default 64 MiB
   */
  readonly roundBytes: number;
  /** Files up to this size are read whole, by one request; larger ones by row group. @default 16 MiB */
  readonly wholeBytes: number;
  /** Files read at the same time. @default 32 */
  readonly readConcurrency: number;
}

export interface MergeConfig extends MergeSettings {
  /** Of the append function: the tables' settings are those of its rules. */
  readonly append: AppendConfig;
}

/** As a user writes it: what is left out has its default. */
export type MergeSettingsInput = Partial<Omit<MergeSettings, 'rules'>> & Pick<MergeSettings, 'rules'>;
export type MergeConfigInput = MergeSettingsInput & { readonly append?: AppendConfigInput };

export const MERGE_SETTINGS = ['rules', 'deleteSources', 'roundBytes', 'wholeBytes', 'readConcurrency'] as const;

/** As the writer is called in commits. */
export const APPLICATION = 'resaca-merge';

const MIB = 1024 * 1024;

/** Parses a configuration given as plain data; throws ConfigError naming all that is wrong. */
export function parseMergeConfig(value: unknown): MergeConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows([...MERGE_SETTINGS, 'append']);
  const settings = readMergeSettings(root);
  const append = readAppend(root);
  if (problems.length > 0 || append === undefined) throw new ConfigError(problems);
  return { ...settings, append };
}

/** Reads the settings; mistakes are collected by the reader. */
export function readMergeSettings(reader: ConfigReader): MergeSettings {
  const rules = reader.children('rules').map(readRule);
  if (rules.length === 0) reader.problem('rules', 'expected one at least');
  return {
    rules,
    deleteSources: reader.boolean('deleteSources', false),
    roundBytes: reader.integer('roundBytes', MIB, 1024 * MIB, 64 * MIB),
    wholeBytes: reader.integer('wholeBytes', 1024, 256 * MIB, 16 * MIB),
    readConcurrency: reader.integer('readConcurrency', 1, 256, 32),
  };
}

function readRule(reader: ConfigReader): MergeRule {
  reader.onlyKnows(['prefix', 'table']);
  const [prefix = '', table = ''] = [readPrefix(reader, 'prefix'), readPrefix(reader, 'table')];
  for (const [name, path] of Object.entries({ prefix, table })) {
    if (path === '') reader.problem(name, 'is required');
    if (path.includes('='))
      reader.problem(name, `has a partition folder; expected a prefix above these, got "${path}"`);
  }
  for (const name of namesIn(table)) {
    if (!namesIn(prefix).includes(name)) reader.problem('table', `uses ${name}, which the prefix does not have`);
  }
  return { prefix, table };
}

function namesIn(pattern: string): string[] {
  return pattern.split('/').filter((segment) => segment.startsWith('{'));
}

function readAppend(reader: ConfigReader): AppendConfig | undefined {
  try {
    return parseAppendConfig(reader.pick(['append']).append ?? {});
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) reader.problem('append', problem);
    return undefined;
  }
}
