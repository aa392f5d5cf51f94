import { parseType } from '../delta/ddl.ts';
import { isPartitionType } from '../delta/partition.ts';
import type { DataType, PrimitiveType } from '../delta/schema.ts';
import type { SchemaPolicy } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { readColumns } from '../kafka/config-rule.ts';
import { compilePartition } from '../kafka/transform/partition.ts';
import { FILE_FORMATS, type FileFormat } from './formats.ts';
import type { CsvSettings } from './read/csv.ts';
import { namesIn } from './routing.ts';

export type { FileFormat } from './formats.ts';
export { endingsOf } from './formats.ts';
export type { CsvSettings } from './read/csv.ts';

/** A column that partitions a new table, and where its values come from. */
export interface PartitionRule {
  readonly name: string;
  /** @default 'string' */
  readonly type: PrimitiveType;
  /** JMESPath on the row. @default the row's field of that name, or the folder `name=value` of the source */
  readonly expression?: string;
}

/** How many rows may stay out without the file. */
export interface RejectLimit {
  readonly rows: number;
  /** Whole percent of the file's rows; undefined where `rows` is the limit. */
  readonly percent?: number;
}

/** How files become rows of a table. */
export interface LoadSettings {
  /** @default by the ending of the key */
  readonly format?: FileFormat;
  /** Types of columns that the table does not have, by name, as Spark SQL writes them; others are found out. @default {} */
  readonly columns: Readonly<Record<string, DataType>>;
  /** Most columns that a table gets by itself. @default 1000 */
  readonly maxColumns: number;
  /** How the table takes columns that it does not have. @default 'evolve' */
  readonly schemaPolicy: SchemaPolicy;
  /** What a number means that becomes a timestamp. @default 'ms' */
  readonly timestampUnit: 's' | 'ms' | 'us' | 'ns';
  /** Partition columns of a new table; values for those of one that is there. @default [] */
  readonly partitionBy: readonly PartitionRule[];
  /** @default none: one row that does not fit keeps the file out */
  readonly maxRejected: RejectLimit;
  readonly csv: Partial<Pick<CsvSettings, 'delimiter'>> & Omit<CsvSettings, 'delimiter'>;
}

/** Which files go into which table, and how. */
export interface LoadRule extends LoadSettings {
  /** Prefix of the keys, in whole path segments. `{name}` stands for one segment. */
  readonly prefix: string;
  /** Endings of the keys. @default those of the format */
  readonly suffixes?: readonly string[];
  /** Root of the table in the same bucket; may use the `{name}`s of the prefix. */
  readonly table: string;
}

/** Thresholds; see docs/file-loader.md for what they mean for memory. */
export interface LoadLimits {
  /** Bytes of rows in memory from which on an output file ends. @default 64 MiB */
  readonly partBytes: number;
  /** Rows of an output file at most, about. @default 2,000,000 */
  readonly partRows: number;
  /** Longest line, record or block, bytes. @default 32 MiB */
  readonly maxLineBytes: number;
}

export interface LoaderConfig extends LoadLimits {
  /** Tried in order; the first that fits wins. */
  readonly rules: readonly LoadRule[];
}

/** A rule as a user writes it: what is left out has its default. */
export interface LoadRuleInput
  extends Partial<Omit<LoadRule, 'prefix' | 'table' | 'columns' | 'partitionBy' | 'maxRejected' | 'csv'>>,
    Pick<LoadRule, 'prefix' | 'table'> {
  readonly columns?: Readonly<Record<string, string>>;
  readonly partitionBy?: readonly { readonly name: string; readonly type?: string; readonly expression?: string }[];
  /** Rows that may stay out without the file. @default 0 */
  readonly maxRejected?: number;
  /** The same as a whole percent of the rows, in place of `maxRejected`. */
  readonly maxRejectedPercent?: number;
  readonly csv?: Partial<CsvSettings>;
}

export interface LoaderConfigInput extends Partial<LoadLimits> {
  readonly rules: readonly LoadRuleInput[];
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: LoadLimits = { partBytes: 64 * MIB, partRows: 2_000_000, maxLineBytes: 32 * MIB };

export const LOADER_SETTINGS = ['rules', 'partBytes', 'partRows', 'maxLineBytes'] as const;

/** Parses a configuration given as plain data; throws ConfigError naming all that is wrong. */
export function parseLoaderConfig(value: unknown): LoaderConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(LOADER_SETTINGS);
  const rules = root.children('rules').map(readRule);
  if (rules.length === 0) root.problem('rules', 'expected one at least');
  const config = {
    rules,
    partBytes: root.integer('partBytes', MIB, 1024 * MIB, DEFAULT_LIMITS.partBytes),
    partRows: root.integer('partRows', 1, 100_000_000, DEFAULT_LIMITS.partRows),
    maxLineBytes: root.integer('maxLineBytes', 1, 256 * MIB, DEFAULT_LIMITS.maxLineBytes),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

const SETTING_NAMES = [
  'format',
  'columns',
  'maxColumns',
  'schemaPolicy',
  'timestampUnit',
  'partitionBy',
  'maxRejected',
  'maxRejectedPercent',
  'csv',
];

function readRule(reader: ConfigReader): LoadRule {
  reader.onlyKnows(['prefix', 'suffixes', 'table', ...SETTING_NAMES]);
  const prefix = readPattern(reader, 'prefix');
  const table = readPattern(reader, 'table');
  const known = namesIn(prefix);
  for (const name of namesIn(table)) {
    if (!known.includes(name)) reader.problem('table', `uses {${name}}, which the prefix does not have`);
  }
  const suffixes = reader.has('suffixes') ? reader.texts('suffixes') : undefined;
  if (suffixes?.some((suffix) => !/^[\w.-]+$/.test(suffix)) || suffixes?.length === 0) {
    reader.problem('suffixes', `expected endings such as ".csv.gz", got ${JSON.stringify(suffixes)}`);
  }
  return { ...readLoadSettings(reader), prefix, table, ...(suffixes !== undefined && { suffixes }) };
}

/** Reads the part of a rule that says how files become rows. */
export function readLoadSettings(reader: ConfigReader): LoadSettings {
  const format = reader.has('format') ? reader.choice('format', FILE_FORMATS, 'json-lines') : undefined;
  if (reader.has('maxRejected') && reader.has('maxRejectedPercent')) {
    reader.problem('maxRejectedPercent', 'is given, and so is maxRejected; expected one of them');
  }
  const rows = reader.integer('maxRejected', 0, 1_000_000_000, 0);
  const percent = reader.integer('maxRejectedPercent', 0, 100, 0);
  return {
    ...(format !== undefined && { format }),
    columns: readColumns(reader),
    maxColumns: reader.integer('maxColumns', 1, 10_000, 1_000),
    schemaPolicy: reader.choice('schemaPolicy', ['evolve', 'strict', 'fixed'], 'evolve'),
    timestampUnit: reader.choice('timestampUnit', ['s', 'ms', 'us', 'ns'], 'ms'),
    partitionBy: readPartitions(reader),
    maxRejected: reader.has('maxRejectedPercent') ? { rows, percent } : { rows },
    csv: readCsvSettings(reader.child('csv')),
  };
}

/** The settings of a file that no rule is for. */
export function defaultLoadSettings(): LoadSettings {
  return readLoadSettings(new ConfigReader({}, '', []));
}

function readPattern(reader: ConfigReader, name: 'prefix' | 'table'): string {
  const text = reader.optionalText(name);
  const pattern = (text ?? '').replace(/^\/+|\/+$/g, '');
  if (text === undefined) reader.problem(name, 'is required');
  else if (
    !pattern.split('/').every((segment) => /^([^{}*?\\/]+|\{[A-Za-z_]\w*\})$/.test(segment) && !/^\.\.?$/.test(segment))
  ) {
    reader.problem(name, `expected path segments and {name}s, such as "incoming/{team}", got ${JSON.stringify(text)}`);
  }
  return pattern;
}

function readPartitions(reader: ConfigReader): readonly PartitionRule[] {
  const seen = new Set<string>();
  return reader.children('partitionBy').map((column) => {
    column.onlyKnows(['name', 'type', 'expression']);
    const name = column.optionalText('name') ?? '';
    if (name === '' || seen.has(name.toLowerCase())) column.problem('name', 'expected a name that no other has');
    seen.add(name.toLowerCase());
    const expression = column.optionalText('expression');
    const type = readPartitionType(column);
    const rule = { name, type, ...(expression !== undefined && { expression }) };
    check(column, 'expression', () => compilePartition(rule));
    return rule;
  });
}

function readPartitionType(reader: ConfigReader): PrimitiveType {
  const text = reader.optionalText('type') ?? 'string';
  let type: DataType | undefined;
  check(reader, 'type', () => {
    type = parseType(text);
  });
  if (typeof type === 'string' && isPartitionType(type)) return type;
  reader.problem('type', `expected a type that can partition a table, got "${text}"`);
  return 'string';
}

function readCsvSettings(reader: ConfigReader): LoadSettings['csv'] {
  reader.onlyKnows([
    'delimiter',
    'quote',
    'escape',
    'comment',
    'encoding',
    'header',
    'columns',
    'nullTexts',
    'trim',
    'inferTypes',
  ]);
  const header = reader.boolean('header', true);
  if (header === reader.has('columns')) {
    reader.problem(
      'columns',
      header ? 'are those of the header; expected header: false' : 'are required without a header',
    );
  }
  const one = (name: string, fallback: string) => reader.matching(name, /^[^\r\n]$/u, 'one character', fallback);
  const quote = one('quote', '"');
  return {
    ...(reader.has('delimiter') && {
      delimiter: reader.matching('delimiter', /^[^\r\n]{1,8}$/, '1-8 characters', ','),
    }),
    quote,
    escape: one('escape', quote),
    comment: reader.matching('comment', /^[^\r\n]{0,8}$/, 'up to 8 characters', ''),
    encoding: reader.choice('encoding', ['utf-8', 'latin1'], 'utf-8'),
    header,
    columns: reader.texts('columns'),
    nullTexts: reader.has('nullTexts') ? reader.texts('nullTexts') : [''],
    trim: reader.boolean('trim', false),
    inferTypes: reader.boolean('inferTypes', false),
  };
}

function check(reader: ConfigReader, name: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    reader.problem(name, error instanceof Error ? error.message : String(error));
  }
}
