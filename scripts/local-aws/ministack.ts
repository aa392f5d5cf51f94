import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/local/free-port.ts';
import { pythonEnv } from './python-env.ts';

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

const ROOT = join(import.meta.dirname, '../..');
const RUNNER = join(import.meta.dirname, 'run_ministack.py');
/** Time in ms in which the server must be ready; it takes about one second. */
const START_TIMEOUT = 60_000;
/** Time in ms in which a server that runs says so. */
const HEALTH_TIMEOUT = 5_000;

/** The local AWS takes any keys; these are the usual ones. */
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' } as const;
export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

export interface MiniStackProcess {
  /** Of the server; in the background also of its process group, in which the functions run. */
  readonly pid: number;
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Resolves when it answers; throws, with its last words, when it does not come to. */
  ready(): Promise<void>;
}

/** Installs MiniStack on first use and gives its Python. Throws `UnavailableError` without Python or a package index. */
export async function miniStackPython(): Promise<string> {
  return join(await pythonEnv('ministack', PACKAGES), 'bin', 'python');
}

/**
 * Starts MiniStack, a local AWS, on a free port. It keeps everything in memory and its files in `folder`, does not keep
 * this process alive and ends with it.
 */
export async function spawnMiniStack(python: string, folder: string): Promise<MiniStackProcess> {
  const port = await freePort();
  const child = spawn(python, [RUNNER], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: environment(folder, port),
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-2000);
  });
  return describe(child, port, {
    output: () => output,
    // From here on only the end of this process, which closes the pipe, ends the server.
    onReady() {
      for (const pipe of [child.stdin, child.stderr]) {
        if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
      }
    },
  });
}

/**
 * Starts MiniStack on a free port so that it goes on when this process has ended, with the functions that it runs in
 * one process group. `mark` stands in its command line. Its output goes to `logFile`.
 */
export async function spawnMiniStackInBackground(
  python: string,
  { folder, logFile, mark }: { readonly folder: string; readonly logFile: string; readonly mark: string },
): Promise<MiniStackProcess> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const log = openSync(logFile, 'w');
  const child = spawn(python, [RUNNER, mark], {
    cwd: folder,
    stdio: ['ignore', log, log],
    env: environment(folder, port),
    detached: true,
  });
  closeSync(log);
  return describe(child, port, { output: () => readFileSync(logFile, 'utf8').slice(-2000) });
}

/** The variables by which programs find the local AWS at an endpoint, and its keys. */
export function awsVariables(endpoint: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
}

/** Whether a MiniStack answers at the endpoint. */
export async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT) })).ok;
  } catch {
    return false;
  }
}

function describe(
  child: ChildProcess,
  port: number,
  { output, onReady }: { readonly output: () => string; readonly onReady?: () => void },
): MiniStackProcess {
  if (child.pid === undefined) throw new Error(`MiniStack did not start: ${child.spawnfile} cannot be run`);
  const endpoint = `http://127.0.0.1:${port}`;
  child.unref();
  return {
    pid: child.pid,
    endpoint,
    async ready() {
      const deadline = Date.now() + START_TIMEOUT;
      while (!(await isHealthy(endpoint))) {
        if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
          child.kill('SIGKILL');
          throw new Error(`MiniStack did not start on port ${port}:\n${output()}`);
        }
        await sleep(50);
      }
      onReady?.();
    },
  };
}

function environment(folder: string, port: number): Readonly<Record<string, string>> {
  return {
    // The functions of a stack run on the first Node of the path: the repository's.
    PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
    TMPDIR: folder,
    HOME: folder,
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    LAMBDA_EXECUTOR: 'local',
    SFTP_ENABLED: '0',
    IOT_MTLS_ENABLED: '0',
    PERSIST_STATE: '0',
    STATE_DIR: folder,
  };
}
