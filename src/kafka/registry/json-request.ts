import { setTimeout as sleep } from 'node:timers/promises';

export interface JsonRequestOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
  /** Time in ms in which the whole response must be there. */
  readonly timeout: number;
  /** Largest response, bytes. */
  readonly maxBytes: number;
  /** Tries, the first included. */
  readonly maxAttempts: number;
  /** Time in ms before the second try; it doubles with each. */
  readonly backoff: number;
}

export type JsonResponse =
  | { readonly status: 200; readonly body: unknown }
  | { readonly status: 404; readonly body: unknown };

/**
 * GETs JSON. What may pass (no connection, a time-out, the statuses 429 and 5xx) is tried again after a while. Gives what
 * came with the status 200 or 404; throws an error with URL and reason for anything else. Redirects are not followed:
 * the credentials are for this host.
 */
export async function getJson(url: URL, options: JsonRequestOptions): Promise<JsonResponse> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryGet(url, options);
    } catch (cause) {
      const reason = describe(cause);
      if (!mayPass(cause)) throw new Error(`GET ${url} failed: ${reason}`, { cause });
      if (attempt >= options.maxAttempts) {
        throw new Error(`GET ${url} failed ${attempt} times, the last time with: ${reason}`, { cause });
      }
    }
    // Half of it by chance, so that functions that failed together do not come back together.
    const wait = options.backoff * 2 ** (attempt - 1);
    await sleep(wait / 2 + (Math.random() * wait) / 2);
  }
}

/** An answer that will be no other the next time. */
class LastingError extends Error {}

async function tryGet(url: URL, { headers, fetch, timeout, maxBytes }: JsonRequestOptions): Promise<JsonResponse> {
  const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeout) });
  const { status } = response;
  const text = await readText(response, maxBytes);
  if (status === 200) return { status, body: parse(text) };
  if (status === 404) return { status, body: tryParse(text) };
  const message = `the status ${status}: ${text.slice(0, MAX_QUOTED)}`;
  throw status === 429 || status >= 500 ? new Error(message) : new LastingError(message);
}

const MAX_QUOTED = 200;

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new LastingError(`the response has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LastingError(`the response is not JSON: ${text.slice(0, MAX_QUOTED)}`);
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function mayPass(error: unknown): boolean {
  return !(error instanceof LastingError);
}

/** Node words all failures of a connection as "fetch failed", with the reason in the cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
