/**
 * What runs a bundle in the place of Lambda's own client: `node lambda-client.ts BUNDLE`. A handler that throws is
 * reported and the next event asked for; a bundle that cannot be loaded is reported and ends the process.
 */
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

// As an import it would load undici, too, which Lambda's own client does not: see scripts/bundles.ts.
const { Agent, request } = process.getBuiltinModule('node:http');
const agent = new Agent({ keepAlive: true });
const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const handler = await loadHandler();

for (;;) {
  const { body, headers } = await send('GET', '/invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() };
  try {
    await send('POST', `/invocation/${id}/response`, JSON.stringify(await handler(JSON.parse(body), context)));
  } catch (error) {
    await send('POST', `/invocation/${id}/error`, describe(error));
  }
}

async function loadHandler(): Promise<(event: unknown, context: object) => Promise<unknown>> {
  try {
    const bundle: { handler: (event: unknown, context: object) => Promise<unknown> } = await import(
      pathToFileURL(process.argv[2] ?? '').href
    );
    return bundle.handler;
  } catch (error) {
    await send('POST', '/init/error', describe(error));
    process.exit(1);
  }
}

/** An error as the Runtime API takes it (Lambda guide, "Using the Lambda runtime API"). */
function describe(error: unknown): string {
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  return JSON.stringify({ errorType: name, errorMessage: message, stackTrace: stack.split('\n') });
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
