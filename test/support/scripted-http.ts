import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';

export interface HttpRequest {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Answers one request, or leaves it without an answer. */
export type Answer = (response: ServerResponse) => void;

export interface ScriptedServer {
  readonly endpoint: string;
  /** The requests so far. */
  readonly requests: readonly HttpRequest[];
}

/**
 * An HTTP server on a free port that gives the answers in turn, the last one again and again: for what a real server
 * does only on a bad day. It does not keep the process alive.
 */
export async function startScriptedServer(answers: readonly Answer[]): Promise<ScriptedServer> {
  const requests: HttpRequest[] = [];
  const server = createServer((request, response) => {
    const answer = answers[requests.length] ?? answers.at(-1);
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    request.resume().on('end', () => answer?.(response));
  });
  server.on('connection', (socket) => socket.unref());
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { endpoint: `http://127.0.0.1:${address.port}`, requests };
}

/** A whole response. */
export function respond(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Answer {
  return (response) => {
    response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
    response.end(body);
  };
}

/** An error as S3 words it. */
export function s3Error(status: number, code: string): Answer {
  return respond(
    status,
    { 'content-type': 'application/xml' },
    `<Error><Code>${code}</Code><Message>no</Message></Error>`,
  );
}

/** Closes the connection without an answer. */
export function hangUp(): Answer {
  return (response) => {
    response.destroy();
  };
}

/** Never answers. */
export function silence(): Answer {
  return () => {};
}
