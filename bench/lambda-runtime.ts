import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface FunctionOptions {
  /** Variables of the function. */
  readonly env: Readonly<Record<string, string>>;
  /** MB of the function, by which Node's heap is limited as Lambda limits it. @default 512 */
  readonly memorySize?: number;
  /** Further arguments of Node. @default [] */
  readonly nodeArguments?: readonly string[];
  /** A program that talks to the Runtime API by itself, in place of Node and a bundle. */
  readonly program?: string;
  /** s that an invocation is told to have. @default 300 */
  readonly timeout?: number;
}

export interface Invocation {
  readonly response: unknown;
  /** From the request to the response. */
  readonly ms: number;
  /** Of the function's process, during the invocation. */
  readonly cpuMs: number;
  /** Highest so far, bytes. */
  readonly peakRss: number;
}

export interface RunningFunction {
  /** From the start of the process until it asked for its first event, ms. */
  readonly initMs: number;
  /** Of the process, until then. */
  readonly initCpuMs: number;
  /**
   * Throws when the handler fails, after which the function takes further events, and when the process ends, for lack of
   * memory for example. One at a time.
   */
  invoke(event: unknown): Promise<Invocation>;
  stop(): void;
}

/** As JavaScript: the time to strip its types would count as the function's. */
const CLIENT = javaScriptOf(join(import.meta.dirname, 'lambda-client.ts'));
/** Clock ticks a second of the times in /proc; fixed on Linux. */
const TICKS = 100;
const API = /^\/2018-06-01\/runtime\/(init|invocation)\/(?:[^/]+\/)?(next|response|error)$/;

/**
 * Starts a function as Lambda does: a process that asks the Runtime API for events and answers them (Lambda guide,
 * "Using the Lambda runtime API"). `bundle` is a module that exports `handler`. Linux only: it reads /proc.
 */
export async function startFunction(bundle: string, options: FunctionOptions): Promise<RunningFunction> {
  const { timeout = 300 } = options;
  const asks = new Mailbox<ServerResponse>();
  const answers = new Mailbox<unknown>();
  const fail = (error: Error): void => {
    asks.close(error);
    answers.close(error);
  };
  const server = createServer((request, response) => {
    route(request, response, { asks, answers, fail }).catch(fail);
  });
  // Nagle's algorithm would add 40 ms to small answers.
  server.on('connection', (socket) => socket.setNoDelay(true));
  // A function may be busy for longer than any time-out, and then sends its answer on a connection that it has.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;

  const begin = performance.now();
  const child = spawnFunction(bundle, options, `127.0.0.1:${port}`);
  reportEnd(child, fail);
  const stop = (): void => {
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
  };
  // Left in the box for the first event.
  await asks.filled().catch((error: unknown) => {
    stop();
    throw error;
  });
  const initMs = performance.now() - begin;
  const initCpuMs = cpuMs(child);
  let requests = 0;
  return {
    initMs,
    initCpuMs,
    async invoke(event) {
      const ask = await asks.take();
      const body = JSON.stringify(event);
      const before = cpuMs(child);
      const started = performance.now();
      requests += 1;
      ask.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': String(requests),
        'lambda-runtime-deadline-ms': String(Date.now() + timeout * 1000),
      });
      ask.end(body);
      const response = await answers.take();
      const ms = performance.now() - started;
      if (response instanceof Error) throw response;
      return { response, ms, cpuMs: cpuMs(child) - before, peakRss: peakRss(child) };
    },
    stop,
  };
}

/**
 * The arguments that Lambda's bootstrap gives Node for a memory size in MB: 5 % for each half of the young generation,
 * 90 % for the old one. AWS documents neither; they stand in `/var/runtime/bootstrap` of its images for Node 14 to 24, and
 * are left out where NODE_OPTIONS names one of the two.
 */
export function lambdaNodeArguments(memorySize: number): string[] {
  return [
    '--expose-gc',
    '--max-http-header-size=81920',
    `--max-semi-space-size=${Math.floor((memorySize * 5) / 100)}`,
    `--max-old-space-size=${Math.floor((memorySize * 90) / 100)}`,
  ];
}

interface Boxes {
  readonly asks: Mailbox<ServerResponse>;
  /** The body of a response, or an Error. */
  readonly answers: Mailbox<unknown>;
  readonly fail: (error: Error) => void;
}

async function route(request: IncomingMessage, response: ServerResponse, { asks, answers, fail }: Boxes) {
  const [, phase, what] = API.exec(request.url ?? '') ?? [];
  if (what === undefined) {
    response.writeHead(404).end();
  } else if (what === 'next') {
    asks.put(response);
  } else {
    const body: unknown = JSON.parse((await text(request)) || 'null');
    response.writeHead(202).end();
    if (what === 'response') answers.put(body);
    else if (phase === 'invocation') answers.put(new Error(`the handler failed: ${JSON.stringify(body)}`));
    else fail(new Error(`the function could not start: ${JSON.stringify(body)}`));
  }
}

/** Holds values until they are taken, one taker at a time. */
class Mailbox<T> {
  private readonly values: T[] = [];
  private closed: Error | undefined;
  private wake: () => void = () => undefined;

  put(value: T): void {
    this.values.push(value);
    this.wake();
  }

  /** From now on a taker for whom there is nothing gets the error. The first one counts. */
  close(error: Error): void {
    this.closed ??= error;
    this.wake();
  }

  async filled(): Promise<void> {
    while (this.values.length === 0) {
      if (this.closed !== undefined) throw this.closed;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async take(): Promise<T> {
    await this.filled();
    const [value] = this.values.splice(0, 1) as [T];
    return value;
  }
}

function spawnFunction(bundle: string, options: FunctionOptions, api: string): ChildProcess {
  const { env, memorySize = 512, nodeArguments = [], program } = options;
  const [command, args] =
    program === undefined
      ? [process.execPath, [...lambdaNodeArguments(memorySize), ...nodeArguments, CLIENT, bundle]]
      : [program, []];
  return spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memorySize),
      ...env,
      AWS_LAMBDA_RUNTIME_API: api,
      PATH: process.env.PATH,
    },
  });
}

function reportEnd(child: ChildProcess, fail: (error: Error) => void): void {
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    errors = (errors + part).slice(-4_000);
  });
  child.on('error', fail);
  child.on('close', (code, signal) => {
    const reason = /FATAL ERROR: .*/.exec(errors)?.[0] ?? errors.slice(-1_000);
    fail(new Error(`the function ended with ${signal ?? code}: ${reason}`));
  });
}

/** Of user and system together (proc(5), fields 14 and 15 of `stat`). */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1000;
}

function peakRss({ pid }: ChildProcess): number {
  const kib = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

function javaScriptOf(module: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'resaca-lambda-client-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'client.mjs');
  writeFileSync(path, stripTypeScriptTypes(readFileSync(module, 'utf8')));
  return path;
}
