import { readPrefix } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { MAX_TAGS, tagKeyProblem, tagValueProblem } from './limits.ts';
import { parseTemplate, type ValueTemplate } from './template.ts';

/** Which objects get which tags. An object gets those of all rules that fit it; of two with one key, the earlier rule's. */
export interface TagRule {
  /** Prefix of the keys, in whole path segments; `{name}` stands for one segment: `tenants/{tenant}`. '' for all. */
  readonly prefix: string;
  /** Ending of the keys, '' for all. */
  readonly suffix: string;
  /** Glob on the key below the prefix: `*` within a segment, `**` over segments. @default any key */
  readonly glob?: string;
  readonly tags: readonly TagTemplate[];
}

export interface TagTemplate {
  readonly key: string;
  readonly value: ValueTemplate;
}

export interface TagConfig {
  readonly rules: readonly TagRule[];
}

/** A rule as a user writes it. */
export interface TagRuleInput {
  /** Prefix of the keys, in whole path segments; `{name}` stands for one segment: `tenants/{tenant}`. @default all keys */
  readonly prefix?: string;
  /** Ending of the keys, such as `.csv`. @default all keys */
  readonly suffix?: string;
  /** Glob on the key below the prefix: `*` within a segment, `**` over segments. @default any key */
  readonly glob?: string;
  /**
   * Value by key of the tag: text, in which `{extension}`, `{filename}`, the `{name}`s of the prefix and the columns of
   * `name=value` folders stand for the key's. A tag whose value the key does not have is left out.
   */
  readonly tags: Readonly<Record<string, string>>;
}

export interface TagConfigInput {
  readonly rules: readonly TagRuleInput[];
}

/** Names that every key has a value for, or may have. */
export const BUILT_IN_NAMES = ['extension', 'filename'];

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseTagConfig(value: unknown): TagConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['rules']);
  const rules = root.children('rules').map(readRule);
  if (rules.length === 0) root.problem('rules', 'has none');
  if (problems.length > 0) throw new ConfigError(problems);
  return { rules };
}

function readRule(reader: ConfigReader): TagRule {
  reader.onlyKnows(['prefix', 'suffix', 'glob', 'tags']);
  const prefix = readPrefix(reader, 'prefix') ?? '';
  for (const name of BUILT_IN_NAMES) {
    if (prefix.split('/').includes(`{${name}}`))
      reader.problem('prefix', `has {${name}}, which stands for the key's own`);
  }
  const glob = reader.optionalText('glob');
  if (glob === '' || glob?.startsWith('/') === true) {
    reader.problem('glob', `expected a glob on the key below the prefix, such as "**/*.csv", got "${glob}"`);
  }
  const tags = Object.entries(reader.strings('tags')).map(([key, text]) => readTag(reader, key, text));
  if (tags.length === 0) reader.problem('tags', 'has none');
  if (tags.length > MAX_TAGS) {
    reader.problem(
      'tags',
      `has ${tags.length}, but an object takes ${MAX_TAGS} (S3 user guide, "Categorizing your objects using tags")`,
    );
  }
  return {
    prefix,
    suffix: reader.optionalText('suffix') ?? '',
    ...(glob !== undefined && { glob }),
    tags,
  };
}

function readTag(reader: ConfigReader, key: string, text: string): TagTemplate {
  const keyProblem = tagKeyProblem(key);
  if (keyProblem !== undefined) reader.problem(`tags["${key}"]`, `as a key: ${keyProblem}`);
  const value = parseTemplate(text);
  if (value === undefined) {
    reader.problem(`tags["${key}"]`, `expected text with names in braces such as "{tenant}", got "${text}"`);
    return { key, value: [] };
  }
  const literal = value.map((part) => ('text' in part ? part.text : '')).join('');
  const problem = tagValueProblem(literal);
  if (problem !== undefined) reader.problem(`tags["${key}"]`, problem);
  return { key, value };
}
