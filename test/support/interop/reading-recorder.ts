import { createServer, request } from 'node:http';

/** A request that a program made of an S3 server, by the path style: `/bucket/key`. */
export interface S3Request {
  readonly method: string;
  readonly bucket: string;
  /** Of an object; empty in a request about the bucket, such as a LIST. */
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
}

export interface Recorder {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** The requests since the last call. */
  take(): S3Request[];
}

/** Stands before an S3 server and notes what it is asked. It does not keep the caller's process alive. */
export async function startRecorder(target: string): Promise<Recorder> {
  const { hostname, port, host } = new URL(target);
  const requests: S3Request[] = [];
  const server = createServer((incoming, response) => {
    const { method = '', url = '/', headers } = incoming;
    requests.push(parseRequest(method, url));
    const outgoing = request({ hostname, port, method, path: url, headers: { ...headers, host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the recorder has no address');
  return { endpoint: `http://127.0.0.1:${address.port}`, take: () => requests.splice(0) };
}

function parseRequest(method: string, url: string): S3Request {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  const [, bucket = '', ...segments] = pathname.split('/');
  const key = segments.map(decodeURIComponent).join('/');
  return { method, bucket, key, query: Object.fromEntries(searchParams) };
}
