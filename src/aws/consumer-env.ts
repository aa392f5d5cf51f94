import { createS3Client } from './clients.ts';
import { mskToken } from './msk-token.ts';

/** What a consumer takes from its environment. */
export interface ConsumerEnvironment {
  /** The configuration as JSON, where no file is named. */
  readonly config: string | undefined;
  variable(name: string): string | undefined;
  /** A new token for Amazon MSK, with the credentials that the SDK finds. Throws what it throws when there are none. */
  mskToken(region: string): Promise<string>;
}

/** `RESACA_KAFKA_CONFIG`, and the variables that the configuration names. */
export function consumerEnvironment(env: NodeJS.ProcessEnv = process.env): ConsumerEnvironment {
  return {
    config: env.RESACA_KAFKA_CONFIG || undefined,
    variable: (name) => env[name],
    async mskToken(region) {
      // The client keeps the credentials, and renews them before they run out.
      credentials ??= createS3Client({ region }).config.credentials;
      return mskToken(region, await credentials(), Date.now());
    },
  };
}

let credentials: ReturnType<typeof createS3Client>['config']['credentials'] | undefined;
