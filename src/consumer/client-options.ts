import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { BaseOptions, SASLOptions } from '@platformatic/kafka';
import { ConfigError } from '../ingest/config-reader.ts';
import type { ConsumerConfig, SaslConfig, Secret, TlsConfig } from './config.ts';

/** What secrets are taken from besides files. */
export interface Credentials {
  /** A variable of the environment. */
  variable(name: string): string | undefined;
  /** A token for Amazon MSK; see `src/aws/msk-token.ts`. */
  mskToken(region: string): Promise<string>;
}

/** How often one client tries by itself; the consumer goes on trying for as long as it runs. */
const RETRIES = 3;
/** Longer than a group takes to find together: a join is answered when all members are there. ms. */
const REQUEST_TIMEOUT = 120_000;

/** The options of all clients of a consumer. Throws ConfigError for files and variables that cannot be read. */
export async function clientOptions(config: ConsumerConfig, credentials: Credentials): Promise<BaseOptions> {
  const { brokers, tls, sasl, awsIam } = config;
  const problems: string[] = [];
  const options: BaseOptions = {
    clientId: 'resaca',
    bootstrapBrokers: [...brokers],
    requestTimeout: REQUEST_TIMEOUT,
    retries: RETRIES,
    ...(tls !== undefined && { tls: await tlsOptions(tls, credentials, problems), tlsServerName: hasNames(brokers) }),
  };
  if (awsIam !== undefined) {
    options.sasl = { mechanism: 'OAUTHBEARER', token: () => credentials.mskToken(awsIam.region) };
  }
  if (sasl !== undefined) options.sasl = await saslOptions(sasl, credentials, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return options;
}

/** Servers are told by which name they are called; an address is none (RFC 6066, 3). */
function hasNames(brokers: readonly string[]): boolean {
  return brokers.some((broker) => isIP(broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '')) === 0);
}

async function tlsOptions(
  tls: TlsConfig,
  credentials: Credentials,
  problems: string[],
): Promise<Record<string, Buffer>> {
  const options: Record<string, Buffer> = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const place = tls[name];
    if (place === undefined) continue;
    try {
      options[name] = Buffer.from(await readSecret(place, credentials));
    } catch (error) {
      problems.push(`tls.${name}: cannot be read: ${messageOf(error)}`);
    }
  }
  return options;
}

async function saslOptions(sasl: SaslConfig, credentials: Credentials, problems: string[]): Promise<SASLOptions> {
  const { mechanism } = sasl;
  const names = mechanism === 'OAUTHBEARER' ? ({ token: sasl.token } as const) : sasl;
  for (const [name, secret] of Object.entries(names)) {
    if (typeof secret === 'string') continue;
    await readSecret(secret, credentials).catch((error) => problems.push(`sasl.${name}: ${messageOf(error)}`));
  }
  // Read for every connection: files change when a secret is renewed.
  const provider = (secret: Secret) => () => readSecret(secret, credentials);
  if (sasl.mechanism === 'OAUTHBEARER') return { mechanism, token: provider(sasl.token) };
  return { mechanism, username: provider(sasl.username), password: provider(sasl.password) };
}

async function readSecret(secret: Secret, { variable }: Credentials): Promise<string> {
  if ('file' in secret) {
    // Editors and `echo` end a file with a line end that is not part of the secret.
    const text = (await readFile(secret.file, 'utf8')).replace(/\r?\n$/, '');
    if (text === '') throw new Error(`the file ${secret.file} is empty`);
    return text;
  }
  const value = variable(secret.env);
  if (value === undefined || value === '') throw new Error(`the variable ${secret.env} is not set`);
  return value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
