import { once } from 'node:events';
import { createServer } from 'node:http';

/** What is answered; both are asked for anew each time. */
export interface Answers {
  /** Why it is not healthy; undefined when it is. */
  problem(): string | undefined;
  /** In the text format of Prometheus. */
  metrics(): string;
}

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/health` (200 or 503 with a reason) and `/metrics`. Throws when the port is taken. */
export async function startStatusServer(
  { host, port }: { readonly host: string; readonly port: number },
  answers: Answers,
): Promise<StatusServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    const [status, type, body] = answerTo(path, answers);
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const TEXT = 'text/plain; charset=utf-8';

function answerTo(path: string | undefined, answers: Answers): readonly [number, string, string] {
  if (path === '/health') {
    const problem = answers.problem();
    return problem === undefined ? [200, TEXT, 'ok\n'] : [503, TEXT, `${problem}\n`];
  }
  if (path === '/metrics') return [200, 'text/plain; version=0.0.4; charset=utf-8', answers.metrics()];
  return [404, TEXT, 'expected /health or /metrics\n'];
}
