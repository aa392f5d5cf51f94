import { isDeepStrictEqual } from 'node:util';
import { propertyProblem } from '../delta/new-table.ts';
import type { PrimitiveType } from '../delta/schema.ts';

/** How a table takes files whose schema is not the table's. */
export type SchemaPolicy =
  /** New columns are added to the table; types widen where the protocol lets them. */
  | 'evolve'
  /** A file with any other column is quarantined. */
  | 'strict'
  /** Columns that the table does not have are ignored. */
  | 'fixed';

export type DeletePolicy =
  /** A deleted object becomes a `remove`, if the file is active. */
  | 'apply'
  /** Delete events are ignored. */
  | 'ignore';

export interface PartitionColumn {
  readonly name: string;
  readonly type: PrimitiveType;
}

/** What can be said of a table, by a rule or as the default for all. */
export interface TableSettings {
  /** @default 'evolve' */
  readonly schemaPolicy: SchemaPolicy;
  /** @default 'apply' */
  readonly deletes: DeletePolicy;
  /** When the table is created, take the files that are under its prefix already. @default false */
  readonly adoptExisting: boolean;
  /** Table properties (`delta.*` and others) of a new table. @default {} */
  readonly properties: Readonly<Record<string, string>>;
}

/** Which keys belong to a table, and how that table is kept. */
export interface TableRule extends TableSettings {
  /** Bucket the rule is for. @default any */
  readonly bucket?: string;
  /**
   * Prefix of the keys, in whole path segments. `{name}` stands for one segment, each value being a table of its own:
   * `tenants/{tenant}/orders`.
   */
  readonly prefix: string;
  /** The table's root; may use the prefix's `{name}`s, and must be the prefix or a parent of it. @default the prefix */
  readonly root: string;
  /** Partition columns of a new table, in order. @default those of the first file's path, as strings */
  readonly partitionColumns?: readonly PartitionColumn[];
  /** Globs (`*` within a segment, `**` over segments) on the path below the root; such keys are left alone. @default [] */
  readonly exclude: readonly string[];
  /** Comment of a new table. */
  readonly description?: string;
  /** Comments of a new table's columns, by column name. @default {} */
  readonly columnComments: Readonly<Record<string, string>>;
}

export interface AppendConfig {
  /** Tried in order before the convention; the first that fits wins. @default [] */
  readonly tables: readonly TableRule[];
  /**
   * What keys without a rule mean. `hive`: the table's root is the path before the first `name=value` segment, or the
   * file's folder. `none`: they are ignored. @default 'hive'
   */
  readonly convention: 'hive' | 'none';
  /** For the tables found by convention, and what rules leave out. */
  readonly defaults: TableSettings;
  /** Footers read at the same time by one invocation. @default 32 */
  readonly footerConcurrency: number;
  /** Tables committed at the same time by one invocation. @default 8 */
  readonly tableConcurrency: number;
  /** Largest Parquet footer taken, bytes. @default 16 MiB */
  readonly maxFooterBytes: number;
  /**
   * How much the clocks of the event and of the log's objects may differ, ms. Both are S3's own, in whole seconds.
   * Commits newer than the oldest event less this margin are searched for duplicates. @default 60,000
   */
  readonly clockMargin: number;
}

/** Every mistake found in a configuration, by its path in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n- ${problems.join('\n- ')}`,
    );
    this.problems = problems;
  }
}

const PARTITION_TYPES =
  /^(string|long|integer|short|byte|float|double|boolean|binary|date|timestamp|timestamp_ntz|decimal\(\d{1,2},\d{1,2}\))$/;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseAppendConfig(value: unknown): AppendConfig {
  const problems: string[] = [];
  const root = new Reader(value, '', problems);
  root.onlyKnows([
    'tables',
    'convention',
    'defaults',
    'footerConcurrency',
    'tableConcurrency',
    'maxFooterBytes',
    'clockMargin',
  ]);
  const defaults = readSettings(root.child('defaults'), BUILT_IN_SETTINGS, ['defaults']);
  const config: AppendConfig = {
    tables: root.children('tables').map((rule) => readRule(rule, defaults)),
    convention: root.choice('convention', ['hive', 'none'], 'hive'),
    defaults,
    footerConcurrency: root.integer('footerConcurrency', 1, 256, 32),
    tableConcurrency: root.integer('tableConcurrency', 1, 64, 8),
    maxFooterBytes: root.integer('maxFooterBytes', 1024, 256 * 2 ** 20, 16 * 2 ** 20),
    clockMargin: root.integer('clockMargin', 1_000, 86_400_000, 60_000),
  };
  // Only of rules that could be read: what is missing in others would look the same.
  if (problems.length === 0) problems.push(...conflictingRules(config.tables));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** What must be the same in all rules for a table: else the table would be kept by whichever rule's file came first. */
const SHARED_BY_TABLE = [
  'schemaPolicy',
  'deletes',
  'adoptExisting',
  'properties',
  'partitionColumns',
  'description',
  'columnComments',
] as const satisfies readonly (keyof TableRule)[];

/** The rules that give one table different settings, each named with the first rule before it that it differs from. */
function conflictingRules(rules: readonly TableRule[]): string[] {
  return rules.flatMap((rule, index) => {
    for (const [earlier, other] of rules.slice(0, index).entries()) {
      if (!canShareTable(other, rule)) continue;
      const different = SHARED_BY_TABLE.filter((name) => !isDeepStrictEqual(other[name], rule[name]));
      if (different.length === 0) continue;
      const names = different.join(', ');
      return [`tables[${index}]: has the same root as tables[${earlier}], but differs from it in ${names}`];
    }
    return [];
  });
}

function canShareTable(earlier: TableRule, later: TableRule): boolean {
  if (earlier.bucket !== undefined && later.bucket !== undefined && earlier.bucket !== later.bucket) return false;
  if (withoutNames(earlier.root) !== withoutNames(later.root)) return false;
  // A rule for one bucket before the one for the others: in its bucket the later one gets no keys.
  return !(earlier.bucket !== undefined && later.bucket === undefined && coversPrefix(earlier.prefix, later.prefix));
}

/** The pattern whatever its captures are called. */
function withoutNames(pattern: string): string {
  return pattern.replaceAll(/\{\w+\}/g, '{}');
}

/** Whether every key that fits the prefix `narrow` also fits `wide`. */
function coversPrefix(wide: string, narrow: string): boolean {
  const segments = narrow === '' ? [] : narrow.split('/');
  const pattern = wide === '' ? [] : wide.split('/');
  if (pattern.length > segments.length) return false;
  return pattern.every((expected, index) => expected.startsWith('{') || expected === segments[index]);
}

const BUILT_IN_SETTINGS: TableSettings = {
  schemaPolicy: 'evolve',
  deletes: 'apply',
  adoptExisting: false,
  properties: {},
};
const SETTING_NAMES = ['schemaPolicy', 'deletes', 'adoptExisting', 'properties'];

function readSettings(reader: Reader, fallback: TableSettings, kind: readonly string[] = []): TableSettings {
  if (kind.length > 0) reader.onlyKnows(SETTING_NAMES);
  const properties = reader.strings('properties');
  for (const [key, value] of Object.entries(properties)) {
    const problem = propertyProblem(key, value);
    if (problem !== undefined) reader.problem('properties', problem);
  }
  return {
    schemaPolicy: reader.choice('schemaPolicy', ['evolve', 'strict', 'fixed'], fallback.schemaPolicy),
    deletes: reader.choice('deletes', ['apply', 'ignore'], fallback.deletes),
    adoptExisting: reader.boolean('adoptExisting', fallback.adoptExisting),
    properties: { ...fallback.properties, ...properties },
  };
}

function readRule(reader: Reader, defaults: TableSettings): TableRule {
  reader.onlyKnows([
    ...SETTING_NAMES,
    'bucket',
    'prefix',
    'root',
    'partitionColumns',
    'exclude',
    'description',
    'columnComments',
  ]);
  const prefix = readPrefix(reader, 'prefix');
  if (prefix === undefined) reader.problem('prefix', 'is required');
  const root = readPrefix(reader, 'root') ?? prefix ?? '';
  if (prefix !== undefined && root !== '' && !`${prefix}/`.startsWith(`${root}/`)) {
    reader.problem('root', `expected the prefix "${prefix}" or a parent of it, got "${root}"`);
  }
  const bucket = reader.optionalText('bucket');
  const description = reader.optionalText('description');
  const partitionColumns = readPartitionColumns(reader);
  return {
    ...readSettings(reader, defaults),
    prefix: prefix ?? '',
    root,
    exclude: reader.texts('exclude'),
    columnComments: reader.strings('columnComments'),
    ...(bucket !== undefined && { bucket }),
    ...(description !== undefined && { description }),
    ...(partitionColumns !== undefined && { partitionColumns }),
  };
}

function readPrefix(reader: Reader, name: string): string | undefined {
  const text = reader.optionalText(name);
  if (text === undefined) return undefined;
  const trimmed = text.replace(/^\/+|\/+$/g, '');
  const names = new Set<string>();
  for (const segment of trimmed === '' ? [] : trimmed.split('/')) {
    const capture = /^\{([A-Za-z_]\w*)\}$/.exec(segment)?.[1];
    const bad =
      segment === '' || segment === '.' || segment === '..' || (capture === undefined && /[{}]/.test(segment));
    if (bad) reader.problem(name, `has the segment "${segment}"; expected text, or one {name} alone`);
    if (capture !== undefined && names.has(capture)) reader.problem(name, `has {${capture}} twice`);
    if (capture !== undefined) names.add(capture);
  }
  return trimmed;
}

function readPartitionColumns(reader: Reader): readonly PartitionColumn[] | undefined {
  if (!reader.has('partitionColumns')) return undefined;
  const columns = reader.children('partitionColumns').map((column) => {
    column.onlyKnows(['name', 'type']);
    const name = column.optionalText('name') ?? '';
    if (name === '') column.problem('name', 'is required');
    const type = column.optionalText('type') ?? 'string';
    if (!PARTITION_TYPES.test(type))
      column.problem('type', `expected a Delta type such as string, date, long, got "${type}"`);
    return { name, type: type as PrimitiveType };
  });
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (seen.has(name.toLowerCase())) reader.problem('partitionColumns', `names "${name}" twice`);
    seen.add(name.toLowerCase());
  }
  return columns;
}

/** Reads the fields of one plain object, collecting what is wrong with them under the object's path. */
class Reader {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly path: string;
  private readonly problems: string[];

  constructor(value: unknown, path: string, problems: string[]) {
    this.path = path;
    this.problems = problems;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.fields = isObject ? (value as Record<string, unknown>) : {};
    if (!isObject && value !== undefined) this.problem('', `expected an object, got ${describe(value)}`);
  }

  problem(name: string, text: string): void {
    const at = [this.path, name].filter((part) => part !== '').join('.');
    this.problems.push(`${at === '' ? 'the configuration' : at}: ${text}`);
  }

  has(name: string): boolean {
    return this.fields[name] !== undefined;
  }

  onlyKnows(names: readonly string[]): void {
    for (const name of Object.keys(this.fields)) {
      if (!names.includes(name)) this.problem(name, `is not a setting; known here: ${names.join(', ')}`);
    }
  }

  child(name: string): Reader {
    return new Reader(this.fields[name], this.at(name), this.problems);
  }

  children(name: string): Reader[] {
    const value = this.fields[name] ?? [];
    if (!Array.isArray(value)) {
      this.problem(name, `expected a list, got ${describe(value)}`);
      return [];
    }
    return value.map((item, index) => new Reader(item ?? null, `${this.at(name)}[${index}]`, this.problems));
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.fields[name] ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problem(name, `expected ${choices.join(' or ')}, got ${describe(value)}`);
    return found ?? fallback;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.fields[name] ?? fallback;
    if (typeof value !== 'boolean') this.problem(name, `expected true or false, got ${describe(value)}`);
    return value === true;
  }

  integer(name: string, min: number, max: number, fallback: number): number {
    const value = this.fields[name] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `expected a whole number from ${min} to ${max}, got ${describe(value)}`);
    return fallback;
  }

  optionalText(name: string): string | undefined {
    const value = this.fields[name];
    if (value === undefined || typeof value === 'string') return value;
    this.problem(name, `expected text, got ${describe(value)}`);
    return undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.fields[name] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.problem(name, `expected a list of texts, got ${describe(value)}`);
    return [];
  }

  strings(name: string): Readonly<Record<string, string>> {
    const value = this.fields[name] ?? {};
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject && Object.values(value).every((item) => typeof item === 'string'))
      return value as Record<string, string>;
    this.problem(name, `expected an object whose values are texts, got ${describe(value)}`);
    return {};
  }

  private at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

function describe(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
