import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface EmrRequest {
  readonly method: string;
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** An answer instead of the usual one. */
export interface Refusal {
  readonly status: number;
  /** Name of the error, as in `x-amzn-errortype`. */
  readonly type: string;
}

export interface EmrServer {
  readonly endpoint: string;
  readonly requests: readonly EmrRequest[];
  /** The states that looks at a job find, in turn; the last one again and again. */
  states: readonly { readonly state: string; readonly stateDetails?: string }[];
  /** Answers of the next requests, in turn. */
  refusals: Refusal[];
}

/**
 * Answers as EMR Serverless does for job runs of the application `00app` (API reference: StartJobRun, GetJobRun,
 * CancelJobRun), which no local AWS has: a request with a token that was there before gives the same job. It does not keep
 * the process alive.
 */
export async function startEmrServer(): Promise<EmrServer> {
  const requests: EmrRequest[] = [];
  const jobs = new Map<string, string>();
  let looks = 0;
  const emr: EmrServer = { endpoint: '', requests, states: [{ state: 'SUCCESS' }], refusals: [] };

  function answer({ method, url, body }: EmrRequest): object | undefined {
    const [, application, id] = /^\/applications\/([^/]+)\/jobruns(?:\/([^/]+))?$/.exec(url) ?? [];
    if (application !== '00app') return undefined;
    if (method === 'POST' && id === undefined) {
      const token = String(body.clientToken);
      const jobRunId = jobs.get(token) ?? `00job${jobs.size + 1}`;
      jobs.set(token, jobRunId);
      return {
        applicationId: application,
        jobRunId,
        arn: `arn:aws:emr-serverless:us-east-1:1:/applications/00app/jobruns/${jobRunId}`,
      };
    }
    if (id === undefined || ![...jobs.values()].includes(id)) return undefined;
    if (method === 'DELETE') return { applicationId: application, jobRunId: id };
    const state = emr.states[Math.min(looks++, emr.states.length - 1)];
    return { jobRun: { applicationId: application, jobRunId: id, ...state } };
  }

  const server = createServer(async (request, response) => {
    const received = { method: request.method ?? '', url: request.url ?? '', body: await bodyOf(request) };
    requests.push(received);
    const refusal = emr.refusals.shift();
    const found = refusal === undefined ? answer(received) : undefined;
    const status = refusal?.status ?? (found === undefined ? 404 : 200);
    const type = refusal?.type ?? 'ResourceNotFoundException';
    const text = JSON.stringify(found ?? { message: 'no' });
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status !== 200 && { 'x-amzn-errortype': type }),
    });
    response.end(text);
  });
  server.on('connection', (socket) => socket.unref());
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return Object.assign(emr, { endpoint: `http://127.0.0.1:${address.port}` });
}

async function bodyOf(request: IncomingMessage): Promise<EmrRequest['body']> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : JSON.parse(text);
}
