import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Requests by what S3 bills them as. */
export interface S3Requests {
  readonly get: number;
  readonly head: number;
  readonly list: number;
  readonly put: number;
}

export interface S3Proxy {
  readonly endpoint: string;
  /** Since the last call. */
  takeRequests(): S3Requests;
}

/**
 * Stands before an S3 server, counts the requests, and lets each wait for `latency` ms, as S3's answers do. It does not
 * keep this process alive.
 */
export async function startS3Proxy(target: string, latency: number): Promise<S3Proxy> {
  const agent = new Agent({ keepAlive: true });
  let requests = { get: 0, head: 0, list: 0, put: 0 };
  const server = createServer((incoming, answer) => {
    requests[kindOf(incoming)] += 1;
    forward(incoming, answer, { target, latency, agent }).catch(() => answer.destroy());
  });
  server.on('connection', (socket) => socket.setNoDelay(true));
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    takeRequests() {
      const taken = requests;
      requests = { get: 0, head: 0, list: 0, put: 0 };
      return taken;
    },
  };
}

interface Way {
  readonly target: string;
  readonly latency: number;
  readonly agent: Agent;
}

/** The host stays the one that the request was signed for. */
async function forward(incoming: IncomingMessage, answer: ServerResponse, { target, latency, agent }: Way) {
  if (latency > 0) await sleep(latency);
  const { method, headers, url = '' } = incoming;
  const outgoing = request(new URL(url, target), { method, headers, agent });
  outgoing.setNoDelay(true);
  incoming.pipe(outgoing);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.writeHead(response.statusCode ?? 502, response.headers);
  response.pipe(answer);
}

function kindOf({ method, url = '' }: IncomingMessage): keyof S3Requests {
  if (method === 'PUT') return 'put';
  if (method === 'HEAD') return 'head';
  return url.includes('list-type=2') ? 'list' : 'get';
}
