import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { createS3Client, type S3ClientOptions } from '../../src/aws/clients.ts';
import { pythonEnv } from './python-env.ts';
import { makeTempFolder } from './temp-folder.ts';

/** MiniStack 1.5.33 and everything that it needs, pinned; boto3 is for the bucket notifications of the CDK. */
const PACKAGES = [
  'ministack==1.5.33',
  'boto3==1.43.106',
  'botocore==1.43.106',
  'defusedxml==0.7.1',
  'graphql-core==3.2.12',
  'h11==0.16.0',
  'h2==4.4.1',
  'hpack==4.2.0',
  'hypercorn==0.18.0',
  'hyperframe==6.1.0',
  'jmespath==1.1.0',
  'jsonata-python==0.7.1',
  'priority==2.0.0',
  'python-dateutil==2.9.0.post0',
  'pyyaml==6.0.3',
  's3transfer==0.19.3',
  'six==1.17.0',
  'urllib3==2.8.0',
  'wsproto==1.3.2',
];

/** Time in ms in which the server must be ready; it takes about one second. */
const START_TIMEOUT = 60_000;

/** The local AWS takes any keys; these are the usual ones. */
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const REGION = 'us-east-1';

export interface S3Server {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** A client of this server. */
  client(options?: S3ClientOptions): S3Client;
  /** Makes an empty bucket and returns its name. */
  createBucket(): Promise<string>;
  /** The variables by which other programs find this server and its keys. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts a real S3 server, MiniStack from PyPI, as a process of its own on a free port. It keeps everything in memory,
 * does not keep the caller's process alive and ends with it. Throws `UnavailableError` without Python.
 */
export async function startS3Server(): Promise<S3Server> {
  const env = await pythonEnv('ministack', PACKAGES);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  await spawnServer(join(env, 'bin', 'python'), port, `${endpoint}/_ministack/health`);
  const client = (options: S3ClientOptions = {}): S3Client =>
    createS3Client({ region: REGION, endpoint, credentials: CREDENTIALS, ...options });
  const admin = client();
  return {
    endpoint,
    client,
    async createBucket() {
      const bucket = `test-${randomUUID()}`;
      await admin.send(new CreateBucketCommand({ Bucket: bucket }));
      return bucket;
    },
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    },
  };
}

async function spawnServer(python: string, port: number, healthUrl: string): Promise<void> {
  const folder = makeTempFolder();
  const server = spawn(python, [join(import.meta.dirname, 'run_ministack.py')], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: {
      // The functions of a stack run on the first Node of the path: the repository's.
      PATH: `${join(import.meta.dirname, '../../node_modules/.bin')}:${process.env.PATH}`,
      TMPDIR: folder,
      HOME: folder,
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      LAMBDA_EXECUTOR: 'local',
      SFTP_ENABLED: '0',
      IOT_MTLS_ENABLED: '0',
      PERSIST_STATE: '0',
      STATE_DIR: folder,
    },
  });
  let output = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-2000);
  });
  const deadline = Date.now() + START_TIMEOUT;
  while (!(await isHealthy(healthUrl))) {
    if (server.exitCode !== null || server.signalCode !== null || Date.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error(`MiniStack did not start on port ${port}:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // From here on only the end of this process, which closes the pipe, ends the server.
  server.unref();
  for (const pipe of [server.stdin, server.stderr]) {
    if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the probe for a free port has no address');
  return address.port;
}
