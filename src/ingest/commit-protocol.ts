import type { ConfigReader } from './config-reader.ts';

/**
 * Commits through a DynamoDB table in the format of Spark's `S3DynamoDBLogStore`, for tables that are written by Spark, or by
 * delta-rs up to 1.6.0 with a locking provider, as well. Table, region, scheme and path form must be those of these writers.
 */
export interface DynamoDbCommits {
  readonly type: 'dynamodb';
  /** Name of the DynamoDB table. @default 'delta_log', as Spark and delta-rs */
  readonly table: string;
  /** Region of the DynamoDB table. @default the function's */
  readonly region?: string;
  /** Scheme of the URL under which the other writers write the table. */
  readonly scheme: 's3' | 's3a' | 's3n';
  /**
   * How the table's URL is spelt: `hadoop` as Spark does, `url` (percent-encoded) as delta-rs. The same unless a root has
   * spaces or other special characters. @default 'hadoop'
   */
  readonly pathForm: 'hadoop' | 'url';
  /** How long the entry of a commit is kept once the commit is in the log, seconds. @default 86,400 */
  readonly expireAfter: number;
}

/** As a user writes it. `conditional-put` is for a rule, where the default is another. */
export type CommitProtocolInput =
  | 'conditional-put'
  | (Pick<DynamoDbCommits, 'type' | 'scheme'> & Partial<DynamoDbCommits>);

/** An hour: entries that are newer than the newest one known are never gone by then. Seconds. */
const MIN_EXPIRE_AFTER = 3_600;
const MAX_EXPIRE_AFTER = 30 * 86_400;

/** The setting `commitProtocol`; undefined for conditional PUT. */
export function readCommitProtocol(
  parent: ConfigReader,
  fallback?: DynamoDbCommits | undefined,
): DynamoDbCommits | undefined {
  const name = 'commitProtocol';
  if (!parent.has(name)) return fallback;
  if (parent.isText(name)) {
    parent.choice(name, ['conditional-put'], 'conditional-put');
    return undefined;
  }
  const reader = parent.child(name);
  reader.onlyKnows(['type', 'table', 'region', 'scheme', 'pathForm', 'expireAfter']);
  reader.choice('type', ['dynamodb'], 'dynamodb');
  if (!reader.has('type')) reader.problem('type', 'is required');
  if (!reader.has('scheme')) {
    reader.problem('scheme', 'is required: the one under which Spark or delta-rs writes the table, s3, s3a or s3n');
  }
  const region = reader.has('region')
    ? reader.matching('region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'the name of a region', '')
    : undefined;
  return {
    type: 'dynamodb',
    table: reader.matching('table', /^[\w.-]{3,255}$/, '3-255 letters, digits, "_", "." and "-"', 'delta_log'),
    scheme: reader.choice('scheme', ['s3', 's3a', 's3n'], 's3'),
    pathForm: reader.choice('pathForm', ['hadoop', 'url'], 'hadoop'),
    expireAfter: reader.integer('expireAfter', MIN_EXPIRE_AFTER, MAX_EXPIRE_AFTER, 86_400),
    ...(region !== undefined && { region }),
  };
}

/** How tables commit whose roots fit a pattern. */
export interface CommitRule {
  /** Roots; `*` stands for one segment, and `**` at the end for one or more. `**` alone is any root. */
  readonly root: string;
  /** Undefined for conditional PUT. */
  readonly commitProtocol?: DynamoDbCommits;
}

/**
 * How the table at a root commits: the first rule that fits decides; undefined for conditional PUT. It depends on nothing but
 * the root, so that whoever writes a table, and whatever it came by, all commits to it are made alike.
 */
export function commitsAt(rules: readonly CommitRule[], root: string): DynamoDbCommits | undefined {
  return rules.find((rule) => fitsRoot(rule.root, root))?.commitProtocol;
}

function fitsRoot(pattern: string, root: string): boolean {
  if (pattern === '**') return true;
  const isOpen = pattern.endsWith('/**');
  const expected = (isOpen ? pattern.slice(0, -3) : pattern).split('/');
  const segments = root.split('/');
  if (isOpen ? segments.length <= expected.length : segments.length !== expected.length) return false;
  return expected.every((segment, index) => segment === '*' || segment === segments[index]);
}

/** Rules as they stand in a configuration, under `name`. */
export function readCommitRules(parent: ConfigReader, name: string): CommitRule[] {
  return parent.children(name).map((reader) => {
    reader.onlyKnows(['root', 'commitProtocol']);
    const root = reader.optionalText('root');
    if (root === undefined) reader.problem('root', 'is required');
    const commitProtocol = readCommitProtocol(reader);
    return { root: root ?? '', ...(commitProtocol !== undefined && { commitProtocol }) };
  });
}
