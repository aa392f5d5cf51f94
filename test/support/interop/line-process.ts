import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { makeTempFolder } from '../temp-folder.ts';

/** A process that answers one JSON line with one JSON line; see `line_server.py`. */
export interface LineProcess {
  /** Sends a request and gives its result. Requests are answered in the order in which they were sent. */
  call(command: string, values?: object): Promise<unknown>;
  /** Ends it at once, as if the machine had died. Calls that are under way are rejected. */
  kill(): void;
}

export interface LineProcessOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How much of what the process printed to standard error is kept for messages, characters. */
const KEPT_OUTPUT = 4_000;

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts the process. It does not keep the caller's process alive except while an answer is awaited, and ends with it.
 * A call is rejected with what the process says went wrong, and when it dies.
 */
export function startLineProcess({ name, command, arguments: args, env }: LineProcessOptions): LineProcess {
  const folder = makeTempFolder();
  const child = spawn(command, args, {
    cwd: folder,
    // A group of its own, in which what it starts, as Spark's JVM, is reached as well.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      TMPDIR: folder,
      LANG: 'C.UTF-8',
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
  });
  const pending: Pending[] = [];
  let output = '';

  // A pipe of a child process is a socket; the types do not say so.
  const handles = [child, child.stdin, child.stdout, child.stderr] as unknown as Socket[];
  const keepAlive = (): void => {
    for (const handle of handles) pending.length > 0 ? handle.ref() : handle.unref();
  };
  const fail = (reason: string): void => {
    for (const { reject } of pending.splice(0)) reject(new Error(`${name} ${reason}\n${output.trim()}`));
    keepAlive();
  };

  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-KEPT_OUTPUT);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = parseObject(line);
    if (answer === undefined) {
      fail(`printed what is no answer: ${line}`);
      kill();
      return;
    }
    const request = pending.shift();
    if (answer.error === undefined) request?.resolve(answer.result);
    else request?.reject(new Error(`${name}: ${answer.error}`));
    keepAlive();
  });
  child.on('error', (error) => fail(`could not be started: ${error.message}`));
  child.on('exit', (code, signal) => fail(`ended with ${signal ?? code}`));
  const kill = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, 'SIGKILL');
  };
  // Before the folders are removed in which it writes.
  process.prependListener('exit', kill);
  // The exit says it better than the broken pipe.
  child.stdin.on('error', () => undefined);
  keepAlive();

  return {
    kill,
    call(command, values = {}) {
      if (child.exitCode !== null || child.signalCode !== null) {
        return Promise.reject(new Error(`${name} has ended\n${output.trim()}`));
      }
      return new Promise((resolve, reject) => {
        pending.push({ resolve, reject });
        keepAlive();
        child.stdin.write(`${JSON.stringify({ command, arguments: values })}\n`);
      });
    },
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
