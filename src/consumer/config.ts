import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { type KafkaConfig, matchesTopic, parseKafkaConfig } from '../kafka/config.ts';

/** Where a value is that must not stand in the configuration: a variable of the environment, or a file. */
export type Secret = { readonly env: string } | { readonly file: string };

/** Where PEM texts are. */
export interface TlsConfig {
  /** Certificates of the authorities that sign the brokers' ones. @default those of Node.js */
  readonly ca?: Secret;
  /** The client's own certificate, where brokers ask for one. */
  readonly cert?: Secret;
  readonly key?: Secret;
}

export type SaslConfig =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: Secret;
      readonly password: Secret;
    }
  /** A file is read for every connection, so that its token may be renewed. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Secret };

/** When what was read is written. Whichever comes first. */
export interface FlushLimits {
  /** How long a record waits at most before it is written, ms. @default 60,000 */
  readonly latency: number;
  /** @default 250,000 */
  readonly records: number;
  /** Bytes in memory; no more is read while twice as many are. @default 64 MiB */
  readonly bytes: number;
}

export interface ConsumerConfig {
  /** `host:port`. */
  readonly brokers: readonly string[];
  /** Topics, or patterns in which `*` stands for any characters. */
  readonly topics: readonly string[];
  readonly group: string;
  /** @default none, but TLS with `awsIam` */
  readonly tls: TlsConfig | undefined;
  readonly sasl: SaslConfig | undefined;
  /** IAM of Amazon MSK, with the credentials that the AWS SDK finds. */
  readonly awsIam: { readonly region: string } | undefined;
  readonly storage: { readonly bucket: string } | { readonly folder: string };
  readonly tables: KafkaConfig;
  readonly flush: FlushLimits;
  /** For health and metrics. @default 0.0.0.0, 8080 */
  readonly http: { readonly host: string; readonly port: number };
  /** Where partitions begin of which neither the table nor, with `latest`, the group knows anything. @default 'earliest' */
  readonly from: 'earliest' | 'latest';
  /** After so long without a sign of life a member's partitions go to others, ms. @default 30,000 */
  readonly sessionTimeout: number;
}

const SETTINGS = [
  ...['brokers', 'topics', 'group', 'tls', 'sasl', 'awsIam', 'storage', 'tables', 'flush', 'http', 'from'],
  'sessionTimeout',
];

/** `host:port`, `[::1]:port`. */
const BROKER = /^([\w.-]+|\[[\da-f:.]+\]):\d{1,5}$/i;
/** Topics have only these characters (Kafka, `Topic.LEGAL_CHARS`). */
const TOPIC = /^[\w.*-]{1,249}$/;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseConsumerConfig(value: unknown): ConsumerConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(SETTINGS);
  const storage = readStorage(root);
  const config: ConsumerConfig = {
    brokers: readTexts(root, 'brokers', BROKER, 'host:port'),
    topics: readTexts(root, 'topics', TOPIC, 'a topic, or a pattern with "*"'),
    group: root.matching('group', /^[\w.-]{1,200}$/, '1-200 letters, digits, ".", "_" and "-"', ''),
    tls: readTls(root),
    sasl: root.has('sasl') ? readSasl(root.child('sasl')) : undefined,
    awsIam: root.has('awsIam') ? readAwsIam(root.child('awsIam')) : undefined,
    storage,
    tables: readTables(root, storage, problems),
    flush: readFlush(root.child('flush')),
    http: readHttp(root.child('http')),
    from: root.choice('from', ['earliest', 'latest'], 'earliest'),
    // The least is Kafka's `group.min.session.timeout.ms`.
    sessionTimeout: root.integer('sessionTimeout', 6_000, 300_000, 30_000),
  };
  if (!root.has('group')) root.problem('group', 'is required');
  if (config.sasl !== undefined && config.awsIam !== undefined) {
    root.problem('sasl', 'is given, and so is awsIam; expected one of them');
  }
  if ('folder' in storage && config.tables.topics.some(({ commitProtocol }) => commitProtocol !== undefined)) {
    root.problem('tables.commitProtocol', 'is for tables in a bucket; those in a folder are locked there');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Whether the records of a topic are to be read. Topics that begin with `__`, such as MSK's own, must be named. */
export function isWanted({ topics }: Pick<ConsumerConfig, 'topics'>, topic: string): boolean {
  return topics.some((pattern) => pattern === topic || (!topic.startsWith('__') && matchesTopic(pattern, topic)));
}

function readTexts(root: ConfigReader, name: string, form: RegExp, expected: string): readonly string[] {
  if (!root.has(name)) {
    root.problem(name, 'is required');
    return [];
  }
  const texts = root.texts(name);
  if (texts.length === 0) root.problem(name, 'is empty');
  for (const text of texts.filter((one) => !form.test(one))) root.problem(name, `expected ${expected}, got "${text}"`);
  return texts;
}

function readTls(root: ConfigReader): TlsConfig | undefined {
  const { tls } = root.pick(['tls']);
  if (tls === true) return {};
  if (tls === undefined || tls === false) return root.has('awsIam') ? {} : undefined;
  const reader = root.child('tls');
  reader.onlyKnows(['ca', 'cert', 'key']);
  if (reader.has('cert') !== reader.has('key')) reader.problem('cert', 'needs key, and key needs cert');
  const parts = (['ca', 'cert', 'key'] as const).filter((name) => reader.has(name));
  return Object.fromEntries(parts.map((name) => [name, readPem(reader, name)]));
}

function readSasl(reader: ConfigReader): SaslConfig {
  const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;
  if (!reader.has('mechanism')) reader.problem('mechanism', `is required: ${mechanisms.join(' or ')}`);
  const mechanism = reader.choice('mechanism', mechanisms, 'SCRAM-SHA-512');
  if (mechanism === 'OAUTHBEARER') {
    reader.onlyKnows(['mechanism', 'token']);
    return { mechanism, token: readSecret(reader, 'token') };
  }
  reader.onlyKnows(['mechanism', 'username', 'password']);
  return { mechanism, username: readSecret(reader, 'username'), password: readSecret(reader, 'password') };
}

/** The path of a file, or a place as secrets have them. */
function readPem(reader: ConfigReader, name: string): Secret {
  const { [name]: value } = reader.pick([name]);
  return typeof value === 'string' && value !== '' ? { file: value } : readSecret(reader, name);
}

/** What was got is not shown: it may be the secret itself. */
function readSecret(parent: ConfigReader, name: string): Secret {
  const expected = 'expected { "env": "NAME" } or { "file": "PATH" }';
  const { [name]: value } = parent.pick([name]);
  if (value === undefined) parent.problem(name, `is required; ${expected}`);
  else if (typeof value !== 'object' || value === null) parent.problem(name, `${expected}, not the value itself`);
  else {
    const [[kind, place] = [], ...others] = Object.entries(value);
    const isKnown = kind === 'env' || kind === 'file';
    if (isKnown && typeof place === 'string' && place !== '' && others.length === 0) {
      return kind === 'env' ? { env: place } : { file: place };
    }
    parent.problem(name, expected);
  }
  return { env: '' };
}

function readAwsIam(reader: ConfigReader): { readonly region: string } {
  reader.onlyKnows(['region']);
  if (!reader.has('region')) reader.problem('region', 'is required');
  return { region: reader.matching('region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-west-1', '') };
}

function readStorage(root: ConfigReader): ConsumerConfig['storage'] {
  const reader = root.child('storage');
  reader.onlyKnows(['bucket', 'folder']);
  const folder = reader.optionalText('folder');
  if (reader.has('bucket') === (folder !== undefined)) root.problem('storage', 'expected either bucket or folder');
  if (folder !== undefined) return { folder };
  return { bucket: reader.matching('bucket', /^[a-z0-9.-]{3,63}$/, 'the name of a bucket', '') };
}

/** Stands for a folder where a bucket is expected. */
export const FOLDER_BUCKET = 'local';

function readTables(root: ConfigReader, storage: ConsumerConfig['storage'], problems: string[]): KafkaConfig {
  const { tables = {} } = root.pick(['tables']);
  const bucket = 'bucket' in storage && storage.bucket !== '' ? storage.bucket : FOLDER_BUCKET;
  const isObject = typeof tables === 'object' && tables !== null && !Array.isArray(tables);
  if (isObject && 'bucket' in tables) problems.push('tables.bucket: is not a setting here; the bucket is in storage');
  if (isObject && 'commits' in tables && tables.commits === 'deferred') {
    problems.push('tables.commits: expected "direct": nobody would commit what waits, as a consumer has no committer');
  }
  try {
    return parseKafkaConfig(isObject ? { ...tables, bucket } : tables);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems.map((problem) => `tables.${problem}`));
    return parseKafkaConfig({ bucket });
  }
}

function readFlush(reader: ConfigReader): FlushLimits {
  reader.onlyKnows(['latency', 'records', 'bytes']);
  return {
    latency: reader.integer('latency', 100, 3_600_000, 60_000),
    records: reader.integer('records', 1, 10_000_000, 250_000),
    bytes: reader.integer('bytes', 2 ** 20, 2 ** 30, 2 ** 26),
  };
}

function readHttp(reader: ConfigReader): ConsumerConfig['http'] {
  reader.onlyKnows(['host', 'port']);
  return { host: reader.optionalText('host') ?? '0.0.0.0', port: reader.integer('port', 0, 65_535, 8080) };
}
