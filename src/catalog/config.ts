import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { type CatalogRule, placeholders } from './names.ts';

export interface CatalogConfig {
  /** Tried in order; the first that fits a table's root wins. Tables that none fits are not in the catalog. */
  readonly rules: readonly CatalogRule[];
  /** Whether a database that is not there is made. @default false */
  readonly createDatabase: boolean;
  /** Table properties that become parameters of the table in the catalog, by name. @default [] */
  readonly properties: readonly string[];
  /** Buckets in which the schedule looks for tables. */
  readonly buckets: readonly string[];
}

export interface CatalogRuleInput extends Partial<CatalogRule> {
  readonly root: string;
}

/** A configuration as a user writes it: what is left out has its default. */
export interface CatalogConfigInput extends Partial<Pick<CatalogConfig, 'createDatabase' | 'properties'>> {
  /** Short for one rule with this root: `lake/{database}/{table}`. */
  readonly pattern?: string;
  /** Instead of `pattern`. */
  readonly rules?: readonly CatalogRuleInput[];
}

/** The names of the settings, in a configuration that holds others beside them. */
export const CATALOG_SETTINGS = [
  'pattern',
  'rules',
  'createDatabase',
  'properties',
] as const satisfies readonly (keyof CatalogConfigInput)[];

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseCatalogConfig(value: unknown): CatalogConfig {
  const problems: string[] = [];
  const reader = new ConfigReader(value, '', problems);
  reader.onlyKnows([...CATALOG_SETTINGS, 'buckets']);
  const config = readCatalog(reader);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Reads the settings, also where they stand in the configuration of a deployment. */
export function readCatalog(reader: ConfigReader): CatalogConfig {
  const pattern = reader.optionalText('pattern');
  const readers = reader.children('rules');
  if ((pattern === undefined) === (readers.length === 0)) {
    reader.problem('pattern', 'expected it, such as "lake/{database}/{table}", or rules, and not both');
  }
  const rules =
    pattern === undefined ? readers.map(readRule) : [checkRule(reader, 'pattern', { root: pattern, ...DEFAULT_NAMES })];
  return {
    rules,
    createDatabase: reader.boolean('createDatabase', false),
    properties: reader.texts('properties'),
    buckets: reader.texts('buckets'),
  };
}

const DEFAULT_NAMES = { database: '{database}', table: '{table}' };

function readRule(reader: ConfigReader): CatalogRule {
  reader.onlyKnows(['root', 'database', 'table']);
  return checkRule(reader, 'root', {
    root: reader.optionalText('root') ?? '',
    database: reader.optionalText('database') ?? DEFAULT_NAMES.database,
    table: reader.optionalText('table') ?? DEFAULT_NAMES.table,
  });
}

function checkRule(reader: ConfigReader, name: 'pattern' | 'root', rule: CatalogRule): CatalogRule {
  const root = rule.root.replace(/^\/+|\/+$/g, '');
  for (const segment of root.split('/')) {
    const isFine = /^\{[A-Za-z_]\w*\}$/.test(segment) || (/^[^{}*]+$/.test(segment) && !/^\.{1,2}$/.test(segment));
    if (!isFine) reader.problem(name, `has the segment "${segment}"; expected text, or one {name} alone`);
  }
  const known = placeholders(root);
  if (new Set(known).size < known.length) reader.problem(name, `names a segment twice, got "${root}"`);
  for (const part of ['database', 'table'] as const) {
    const template = rule[part];
    if (template === '' || /[{}]/.test(template.replaceAll(/\{\w+\}/g, ''))) {
      reader.problem(part, `expected a name, in which {name} is a segment of the root, got "${template}"`);
    }
    for (const missing of placeholders(template).filter((one) => !known.includes(one))) {
      reader.problem(part, `needs {${missing}}, which "${root}" has not: give the rule a ${part}`);
    }
  }
  return { ...rule, root };
}
