import type { KafkaConfig, RegistryConfig } from '../kafka/config.ts';
import type { SchemaRegistries } from '../kafka/decode/create-decoder.ts';
import type { SchemaRegistry } from '../kafka/registry/schema-registry.ts';

/**
 * The registries of a configuration, each made when it is asked for. The credentials of Confluent's are `user:password`
 * or a token, or JSON with `username` and `password`, in a secret of Secrets Manager or a variable of the environment.
 */
export function createRegistries({ registry }: Pick<KafkaConfig, 'registry'>, env = process.env): SchemaRegistries {
  return {
    async confluent() {
      if (registry === undefined) throw new Error('the configuration has no registry for the format "confluent"');
      const { createConfluentRegistry } = await import('../kafka/registry/confluent-registry.ts');
      const secret = await secretOf(registry, env);
      return createConfluentRegistry({ url: registry.url, ...(secret !== undefined && { auth: parseSecret(secret) }) });
    },
    async glue(): Promise<SchemaRegistry> {
      const { createGlueRegistry } = await import('./glue-registry.ts');
      return createGlueRegistry();
    },
  };
}

async function secretOf(
  { secretArn, secretVariable }: RegistryConfig,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (secretVariable !== undefined) {
    const secret = env[secretVariable];
    if (secret) return secret;
    throw new Error(`the environment has no variable ${secretVariable}, which is to hold the registry's credentials`);
  }
  if (secretArn === undefined) return undefined;
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const { SecretString: secret } = await new SecretsManager({}).getSecretValue({ SecretId: secretArn });
  if (secret) return secret;
  throw new Error(`the secret ${secretArn} holds no text`);
}

type Credentials = { readonly username: string; readonly password: string } | { readonly token: string };

/** Messages never quote what is in a secret. */
export function parseSecret(secret: string): Credentials {
  if (secret.startsWith('{')) {
    const { username, password, token } = JSON.parse(secret) as Record<string, unknown>;
    if (typeof username === 'string' && typeof password === 'string') return { username, password };
    if (typeof token === 'string') return { token };
    throw new Error("the registry's credentials have neither username and password nor token");
  }
  const colon = secret.indexOf(':');
  if (colon < 0) return { token: secret };
  return { username: secret.slice(0, colon), password: secret.slice(colon + 1) };
}
