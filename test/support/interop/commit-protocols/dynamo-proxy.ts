import { createServer as createPlainServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** The two writes of a commit: the entry that makes it, and its completion. */
export type CommitWrite = 'prepare' | 'complete';

export interface DynamoProxy {
  /** `http://…`, or `https://…` where it was given a key. */
  readonly endpoint: string;
  readonly port: number;
  /** Has `kill` called at the next write of that kind, before it reaches DynamoDB or after; it is never answered then. */
  killAt(write: CommitWrite, when: 'before' | 'after', kill: () => void): void;
  close(): void;
}

export interface DynamoProxyOptions {
  /** Of the DynamoDB behind it. */
  readonly endpoint: string;
  /** Key and certificate, as PKCS #12. @default plain HTTP */
  readonly tls?: { readonly pfx: Buffer; readonly passphrase: string };
}

/** Stands between a writer and DynamoDB, and knows the steps of its commits. */
export async function startDynamoProxy({ endpoint, tls }: DynamoProxyOptions): Promise<DynamoProxy> {
  let armed: { readonly write: CommitWrite; readonly when: 'before' | 'after'; readonly kill: () => void } | undefined;

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const target = armed?.write === writeOf(incoming, body) ? armed : undefined;
    if (target !== undefined) armed = undefined;
    if (target?.when === 'before') return target.kill();
    const { status, headers, content } = await forward(endpoint, incoming, body);
    if (target?.when === 'after') return target.kill();
    response.writeHead(status, headers).end(content);
  }

  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    // A writer that was killed has gone.
    handle(incoming, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createPlainServer(listener) : createSecureServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    killAt(write, when, kill) {
      armed = { write, when, kill };
    },
    close: () => server.close(),
  };
}

function writeOf({ headers }: IncomingMessage, body: Buffer): CommitWrite | undefined {
  const target = String(headers['x-amz-target'] ?? '');
  if (target.endsWith('.UpdateItem')) return 'complete';
  if (!target.endsWith('.PutItem')) return undefined;
  return JSON.parse(body.toString()).Item?.complete?.S === 'true' ? 'complete' : 'prepare';
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly content: Buffer;
}

function forward(endpoint: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(url ?? '/', endpoint), { method: method ?? 'POST', headers }, (answer) => {
      buffer(answer).then(
        (content) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, content }),
        reject,
      );
    });
    outgoing.on('error', reject).end(body);
  });
}
