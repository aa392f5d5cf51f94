import type { BronzeConfigInput } from './bronze-tables.ts';

/** A value that does not stand in the configuration: a variable of the container, which `secrets` fills. */
export interface SecretVariable {
  readonly env: string;
}

/** What the container reads, without bucket and port, which the construct sets; docs/kafka.md has all of it. */
export interface BronzeConsumerConfig {
  /** `host:port`. */
  readonly brokers: readonly string[];
  /** Topics, or patterns in which `*` stands for any characters. */
  readonly topics: readonly string[];
  /** Consumer group, in which the tasks share the partitions. */
  readonly group: string;
  /** @default no TLS, but with `awsIam` */
  readonly tls?:
    | boolean
    | { readonly ca?: SecretVariable; readonly cert?: SecretVariable; readonly key?: SecretVariable };
  readonly sasl?:
    | {
        readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
        readonly username: SecretVariable;
        readonly password: SecretVariable;
      }
    | { readonly mechanism: 'OAUTHBEARER'; readonly token: SecretVariable };
  /** IAM of Amazon MSK; `clusterArn` of the construct gives the rights. */
  readonly awsIam?: { readonly region: string };
  /** When what was read is written: ms, records, bytes. @default after a minute, 250,000 records or 64 MiB */
  readonly flush?: { readonly latency?: number; readonly records?: number; readonly bytes?: number };
  /** Where partitions begin of which the tables know nothing. @default 'earliest' */
  readonly from?: 'earliest' | 'latest';
  /** After so long without a sign of life a task's partitions go to others, ms. @default 30000 */
  readonly sessionTimeout?: number;
  /** Tables and formats. @default any topic becomes `bronze/{topic}`, as bytes */
  readonly tables?: BronzeConfigInput;
}

/** The variables of the environment that the settings name. */
export function secretVariables({ sasl, tls, tables }: BronzeConsumerConfig): string[] {
  const registry = tables?.registry?.secretVariable;
  const places = [sasl ?? {}, typeof tls === 'object' ? tls : {}].flatMap((one): unknown[] => Object.values(one));
  const named = places.flatMap((place) => (isVariable(place) ? [place.env] : []));
  return registry === undefined ? named : [...named, registry];
}

function isVariable(value: unknown): value is SecretVariable {
  return typeof value === 'object' && value !== null && 'env' in value && typeof value.env === 'string';
}

/** What is wrong with the settings as far as the construct can tell; the container names the rest when it starts. */
export function consumerProblems(
  config: BronzeConsumerConfig,
  secrets: Readonly<Record<string, unknown>>,
  clusterArn: string | undefined,
): string[] {
  const problems: string[] = [];
  for (const name of ['brokers', 'topics'] as const) {
    if (config[name].length === 0) problems.push(`config.${name}: expected one at least`);
  }
  if (config.group === '') problems.push('config.group: is empty');
  if (config.sasl !== undefined && config.awsIam !== undefined) {
    problems.push('config.sasl: is given, and so is awsIam; expected one of them');
  }
  if (config.awsIam !== undefined && clusterArn === undefined) {
    problems.push('clusterArn: is required with config.awsIam');
  }
  if (config.tables?.commits === 'deferred') {
    problems.push(
      'config.tables.commits: expected "direct": nobody would commit what waits, as a consumer has no committer',
    );
  }
  const variables = secretVariables(config);
  for (const name of variables.filter((variable) => secrets[variable] === undefined)) {
    problems.push(`secrets: expected the variable ${name}, which the configuration names`);
  }
  if (secrets.RESACA_KAFKA_CONFIG !== undefined) problems.push('secrets: RESACA_KAFKA_CONFIG is set by the construct');
  return problems;
}
