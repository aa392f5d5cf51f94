import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Requests by what S3 bills them as, and what they read. */
export interface S3Requests {
  /** GETs of objects. */
  readonly get: number;
  /** Those of them that were answered with a part of the object. */
  readonly ranged: number;
  readonly head: number;
  readonly list: number;
  readonly put: number;
  /** Deletions, and all that belongs to multipart uploads except the parts. */
  readonly other: number;
  /** Calls of services that speak JSON, as SQS and Glue do. */
  readonly service: number;
  /** Of the bodies of all answers, bytes. */
  readonly received: number;
}

type Kind = 'get' | 'head' | 'list' | 'put' | 'other' | 'service';

export interface S3Proxy {
  readonly endpoint: string;
  /** Since the last call. */
  takeRequests(): S3Requests;
  /** When each entry of a Delta log was answered for, ms since the epoch, by its path in the bucket. */
  readonly commits: ReadonlyMap<string, number>;
}

/** The path of an entry of a Delta log, behind the bucket. */
const LOG_ENTRY = /^\/[^/]+\/(.*_delta_log\/\d{20}\.json)(?:\?|$)/;

const NONE: S3Requests = { get: 0, ranged: 0, head: 0, list: 0, put: 0, other: 0, service: 0, received: 0 };

/**
 * Stands before an S3 server, counts the requests, and lets each wait for `latency` ms, as S3's answers do. It does not
 * keep this process alive.
 */
export async function startS3Proxy(target: string, latency: number): Promise<S3Proxy> {
  const agent = new Agent({ keepAlive: true });
  let requests = { ...NONE };
  const commits = new Map<string, number>();
  const server = createServer((incoming, answer) => {
    requests[kindOf(incoming.method, incoming.url)] += 1;
    const counted = requests;
    const onResponse = (response: IncomingMessage): void => {
      if (response.statusCode === 206) counted.ranged += 1;
      const entry = incoming.method === 'PUT' && response.statusCode === 200 && LOG_ENTRY.exec(incoming.url ?? '')?.[1];
      if (entry) commits.set(entry, Date.now());
      response.on('data', (bytes: Buffer) => {
        counted.received += bytes.byteLength;
      });
    };
    forward(incoming, answer, { target, latency, agent, onResponse }).catch(() => answer.destroy());
  });
  // Nagle's algorithm would add 40 ms to small answers.
  server.on('connection', (socket) => socket.setNoDelay(true));
  // A request that meets the end of an idle connection would come, and be counted, twice.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    takeRequests() {
      const taken = requests;
      requests = { ...NONE };
      return taken;
    },
    commits,
  };
}

/** What S3 calls a request (API reference); its URL is path-style. What is sent to no bucket is a service's. */
export function kindOf(method = 'GET', url = ''): Kind {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const isOfObject = /^\/[^/]+\/./.test(pathname);
  if (method === 'HEAD') return 'head';
  if (method === 'PUT') return 'put';
  if (method === 'POST' && pathname === '/') return 'service';
  if (method !== 'GET') return 'other';
  if (isOfObject) return searchParams.has('uploadId') ? 'other' : 'get';
  // Of a bucket, GETs without any of these are the first version of the listing.
  return ['location', 'versioning', 'uploads', 'policy'].some((name) => searchParams.has(name)) ? 'other' : 'list';
}

interface Way {
  readonly target: string;
  readonly latency: number;
  readonly agent: Agent;
  readonly onResponse: (response: IncomingMessage) => void;
}

/** The host stays the one that the request was signed for. */
async function forward(incoming: IncomingMessage, answer: ServerResponse, way: Way): Promise<void> {
  if (way.latency > 0) await sleep(way.latency);
  const { method, headers, url = '' } = incoming;
  const outgoing = request(new URL(url, way.target), { method, headers, agent: way.agent });
  outgoing.setNoDelay(true);
  incoming.pipe(outgoing);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  way.onResponse(response);
  answer.writeHead(response.statusCode ?? 502, response.headers);
  response.pipe(answer);
}
