import { type ConsumerConfig, parseConsumerConfig } from '../consumer/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import { type ConsumerEnvironment, consumerEnvironment } from './consumer-env.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

/** A field of a secret of Secrets Manager, whose text is a JSON object. */
export interface SecretField {
  /** ARN. */
  readonly secret: string;
  readonly field: string;
}

export interface TurnEnvironment extends FunctionEnvironment<ConsumerConfig> {
  /** Of the variables that the configuration names, those that come from Secrets Manager. */
  readonly secrets: Readonly<Record<string, SecretField>>;
}

/**
 * The environment of the scheduled consumer; see `readEnvironment`. `RESACA_BUCKET` is the bucket of the tables, and
 * `RESACA_KAFKA_SECRETS` says, as JSON, which variables of the configuration are which fields of which secrets.
 */
export function turnEnvironment(env: NodeJS.ProcessEnv = process.env): TurnEnvironment {
  const { RESACA_BUCKET: bucket, RESACA_KAFKA_SECRETS: secrets, ...rest } = env;
  const environment = readEnvironment(rest, (value) =>
    parseConsumerConfig(bucket && isObject(value) ? { ...value, storage: { bucket } } : value),
  );
  return { ...environment, secrets: readSecrets(secrets) };
}

function readSecrets(text: string | undefined): TurnEnvironment['secrets'] {
  if (!text) return {};
  const problem = 'RESACA_KAFKA_SECRETS: expected a JSON object of { "secret": "ARN", "field": "NAME" } by variable';
  let secrets: unknown;
  try {
    secrets = JSON.parse(text);
  } catch {
    throw new ConfigError([problem]);
  }
  if (!isObject(secrets) || !Object.values(secrets).every(isField)) throw new ConfigError([problem]);
  return secrets as TurnEnvironment['secrets'];
}

function isField(value: unknown): value is SecretField {
  return isObject(value) && 'secret' in value && 'field' in value && typeof value.field === 'string';
}

/**
 * Gives the credentials of a turn: variables that are secrets are read anew, as secrets are renewed. Throws the errors of
 * Secrets Manager, and Error for a secret without the field.
 */
export function turnCredentials(
  secrets: TurnEnvironment['secrets'],
  { variable, mskToken }: Pick<ConsumerEnvironment, 'variable' | 'mskToken'> = consumerEnvironment(),
): () => Promise<Pick<ConsumerEnvironment, 'variable' | 'mskToken'>> {
  return async () => {
    const values = await readFields(secrets);
    return { mskToken, variable: (name) => values.get(name) ?? variable(name) };
  };
}

async function readFields(secrets: TurnEnvironment['secrets']): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  const byArn = Map.groupBy(Object.entries(secrets), ([, { secret }]) => secret);
  if (byArn.size === 0) return values;
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManager({});
  for (const [arn, fields] of byArn) {
    const { SecretString: text } = await client.getSecretValue({ SecretId: arn });
    const found: unknown = text === undefined ? undefined : JSON.parse(text);
    for (const [name, { field }] of fields) {
      const value = isObject(found) ? Reflect.get(found, field) : undefined;
      if (typeof value !== 'string' || value === '') {
        throw new Error(`the secret ${arn} has no field ${field}, expected a text for the variable ${name}`);
      }
      values.set(name, value);
    }
  }
  return values;
}
