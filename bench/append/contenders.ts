import { join } from 'node:path';
import { build } from 'esbuild';
import { APPEND_BUNDLE, bundleOptions } from '../../scripts/bundles.ts';
import { REGION } from '../../scripts/local-aws/ministack.ts';
import { type RunningFunction, startFunction } from '../lambda-runtime.ts';
import type { LocalS3 } from './local-s3.ts';

/** A function that appends. */
export interface Contender {
  readonly name: 'resaca' | 'oxbow';
  /** A fresh process that finds S3 at `endpoint`. */
  start(endpoint: string): Promise<RunningFunction>;
}

/** MB of both functions. */
export const MEMORY_SIZE = 512;

/** The append function as it is deployed, built into `folder`. */
export async function resaca(folder: string, { credentials }: LocalS3): Promise<Contender> {
  await build(bundleOptions(APPEND_BUNDLE, folder));
  const bundle = join(folder, APPEND_BUNDLE.output);
  return {
    name: 'resaca',
    start: (endpoint) =>
      startFunction(bundle, {
        memorySize: MEMORY_SIZE,
        env: { ...awsEnv(endpoint, credentials), NODE_OPTIONS: '--enable-source-maps', RESACA_LOG_LEVEL: 'warn' },
      }),
  };
}

/** The Lambda of oxbow, whose path is given. */
export function oxbow(program: string, { credentials }: LocalS3): Contender {
  return {
    name: 'oxbow',
    start: (endpoint) =>
      startFunction('', {
        program,
        env: {
          ...awsEnv(endpoint, credentials),
          // What Lambda sets, without which its runtime does not start (Lambda guide, "Defined runtime environment variables").
          AWS_LAMBDA_FUNCTION_NAME: 'oxbow',
          AWS_LAMBDA_FUNCTION_VERSION: '1',
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MEMORY_SIZE),
          AWS_LAMBDA_LOG_GROUP_NAME: 'bench',
          AWS_LAMBDA_LOG_STREAM_NAME: 'bench',
          AWS_ALLOW_HTTP: 'true',
          // Its commit is a put-if-absent then; otherwise it asks for a DynamoDB table.
          AWS_S3_ALLOW_UNSAFE_RENAME: 'true',
        },
      }),
  };
}

function awsEnv(endpoint: string, credentials: LocalS3['credentials']): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}
