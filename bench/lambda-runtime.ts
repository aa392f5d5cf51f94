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
  /** Arguments of Node before the client. @default [] */
  readonly nodeArguments?: readonly string[];
  /** A program that talks to the Runtime API by itself, in place of Node and a bundle. */
  readonly program?: string;
  /** s; a function that takes longer is an error. @default 300 */
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
  invoke(event: unknown): Promise<Invocation>;
  stop(): void;
}

/** As JavaScript: the time to strip its types would count as the function's. */
const CLIENT = javaScriptOf(join(import.meta.dirname, 'lambda-client.ts'));
/** Clock ticks a second of the times in /proc; fixed on Linux. */
const TICKS = 100;

/**
 * Starts a function as Lambda does: a process that asks the Runtime API for events and answers them (Lambda guide,
 * "Using the Lambda runtime API"). `bundle` is a module that exports `handler`. Linux only: it reads /proc.
 */
export async function startFunction(bundle: string, options: FunctionOptions): Promise<RunningFunction> {
  const { env, nodeArguments = [], program, timeout = 300 } = options;
  const waiting: ((response: ServerResponse) => void)[] = [];
  const asked: ServerResponse[] = [];
  const answers = new Map<string, (body: unknown) => void>();
  let fail: (error: Error) => void = () => undefined;
  let requests = 0;

  const server = createServer((request, response) => {
    void route(request, response);
  });
  // Nagle's algorithm would add 40 ms to small answers.
  server.on('connection', (socket) => socket.setNoDelay(true));

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    if (path.endsWith('/invocation/next')) {
      const taker = waiting.shift();
      if (taker === undefined) asked.push(response);
      else taker(response);
      return;
    }
    const body = JSON.parse((await text(request)) || 'null');
    response.writeHead(202).end();
    const id = /\/invocation\/([^/]+)\/response$/.exec(path)?.[1];
    if (id === undefined) fail(new Error(`the function failed: ${JSON.stringify(body)}`));
    else answers.get(id)?.(body);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const begin = performance.now();
  const [command, args] =
    program === undefined ? [process.execPath, [...nodeArguments, CLIENT, bundle]] : [program, [] as string[]];
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...env, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`, PATH: process.env.PATH },
  });
  const ended = watch(child, (error) => fail(error));
  const next = (): Promise<ServerResponse> => {
    const response = asked.shift();
    return response === undefined
      ? new Promise((resolve, reject) => {
          fail = reject;
          waiting.push(resolve);
        })
      : Promise.resolve(response);
  };
  let idle = await next();
  const initMs = performance.now() - begin;
  return {
    initMs,
    initCpuMs: cpuMs(child),
    async invoke(event) {
      const id = String(++requests);
      const before = cpuMs(child);
      const started = performance.now();
      const answered = new Promise<unknown>((resolve, reject) => {
        fail = reject;
        answers.set(id, resolve);
      });
      idle.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': id,
        'lambda-runtime-deadline-ms': String(Date.now() + timeout * 1000),
      });
      idle.end(JSON.stringify(event));
      const response = await answered;
      const ms = performance.now() - started;
      const result = { response, ms, cpuMs: cpuMs(child) - before, peakRss: peakRss(child) };
      idle = await next();
      return result;
    },
    stop() {
      ended.ignore();
      child.kill('SIGKILL');
      server.closeAllConnections();
      server.close();
    },
  };
}

function watch(child: ChildProcess, fail: (error: Error) => void): { ignore(): void } {
  let ignored = false;
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    errors = (errors + part).slice(-2_000);
  });
  child.on('exit', (code, signal) => {
    if (!ignored) fail(new Error(`the function ended with ${signal ?? code}\n${errors}`));
  });
  return {
    ignore() {
      ignored = true;
    },
  };
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
