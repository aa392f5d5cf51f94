import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CREDENTIALS, miniStackPython, spawnMiniStack } from '../../scripts/local-aws/ministack.ts';
import { freePort, isOpen } from '../../src/local/free-port.ts';

export interface LocalS3 {
  /** For people. */
  readonly name: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const VERSITY_KEYS = { accessKeyId: 'test', secretAccessKey: 'testtest' } as const;
/** Time in which the gateway must listen, ms; it takes some 100. */
const START_TIMEOUT = 10_000;

/**
 * A local S3 server that ends with this process: versitygw over a temporary folder where its path is given, otherwise
 * MiniStack, which installs itself (needs Python; throws `UnavailableError` without).
 */
export async function startLocalS3(gateway: string | undefined): Promise<LocalS3> {
  const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-s3-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  if (gateway !== undefined) return startGateway(gateway, folder);
  const server = await spawnMiniStack(await miniStackPython(), folder);
  await server.ready();
  return { name: 'MiniStack (in memory)', endpoint: server.endpoint, credentials: CREDENTIALS };
}

async function startGateway(program: string, folder: string): Promise<LocalS3> {
  const data = join(folder, 'data');
  mkdirSync(data);
  const port = await freePort();
  const keys = ['--access', VERSITY_KEYS.accessKeyId, '--secret', VERSITY_KEYS.secretAccessKey];
  // Without --keep-alive it closes the connection after every answer, which S3 does not.
  const child = spawn(program, [...keys, '--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', 'posix', data], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-1_000);
  });
  let problem: string | undefined;
  child.on('error', ({ message }) => {
    problem = message;
  });
  child.on('exit', (code, signal) => {
    problem ??= `it ended with ${signal ?? code}: ${errors}`;
  });
  process.once('exit', () => child.kill('SIGKILL'));
  for (const deadline = Date.now() + START_TIMEOUT; !(await isOpen(port)); await sleep(20)) {
    if (problem !== undefined || Date.now() > deadline) {
      throw new Error(`${program} does not listen on port ${port}: ${problem ?? errors}`);
    }
  }
  return { name: 'versitygw over a local folder', endpoint: `http://127.0.0.1:${port}`, credentials: VERSITY_KEYS };
}
