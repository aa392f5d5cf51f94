/** What runs a bundle in the place of Lambda's own client: `node lambda-client.ts BUNDLE`. */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const agent = new Agent({ keepAlive: true });
const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const bundle: { handler(event: unknown, context: object): Promise<unknown> } = await import(
  pathToFileURL(process.argv[2] ?? '').href
);

for (;;) {
  const { body, headers } = await send('GET', '/next');
  const id = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() };
  const response = await bundle.handler(JSON.parse(body), context);
  await send('POST', `/${id}/response`, JSON.stringify(response));
}

async function send(method: string, path: string, body?: string) {
  const sent = request(`${base}${path}`, { method, agent });
  sent.setNoDelay(true);
  const answer = new Promise<{ body: string; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      text(response).then((received) => resolve({ body: received, headers: response.headers }), reject);
    });
  });
  sent.end(body);
  return answer;
}
