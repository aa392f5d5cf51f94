/** Web requests as JSON, as a server would log them: 8 fields, one of them nested, 400 bytes on average. */
import { createRandom } from '../../src/local/demo/random.ts';

export interface WebRequest {
  readonly ts: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly bytes: number;
  readonly took_ms: number;
  readonly user_agent: string;
  readonly client: { readonly ip: string; readonly country: string; readonly session: string };
}

const METHODS = ['GET', 'GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const PATHS = ['/', '/login', '/search', '/cart', '/checkout', '/api/v1/items', '/api/v1/orders', '/static/app.js'];
const STATUS = [200, 200, 200, 200, 204, 301, 304, 400, 404, 500];
const COUNTRIES = ['DE', 'FR', 'US', 'GB', 'BR', 'IN', 'JP', 'ZA'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'curl/8.10.1',
];
const START = Date.parse('2026-11-24T00:00:00Z');

/** The same requests for the same seed. */
export function* webRequests(count: number, seed = 1): Generator<WebRequest> {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[random.whole(0, values.length - 1)] as T;
  const hex = (digits: number) =>
    random
      .whole(0, 16 ** digits - 1)
      .toString(16)
      .padStart(digits, '0');
  for (let index = 0; index < count; index++) {
    const page = `q=${hex(8)}&page=${random.whole(1, 90)}&ref=${hex(10)}`;
    const source = `utm_source=${pick(['mail', 'ads', 'none'])}&utm_id=${hex(12)}${hex(12)}`;
    yield {
      ts: new Date(START + index * 37).toISOString(),
      method: pick(METHODS),
      url: `https://shop.example.com${pick(PATHS)}?${page}&${source}`,
      status: pick(STATUS),
      bytes: random.whole(100, 90_000),
      took_ms: random.whole(1, 90_000) / 100,
      user_agent: pick(AGENTS),
      client: {
        ip: `${random.whole(1, 250)}.${random.whole(0, 255)}.${random.whole(0, 255)}.${random.whole(1, 254)}`,
        country: pick(COUNTRIES),
        session: `${hex(8)}-${hex(4)}-${hex(4)}-${hex(12)}`,
      },
    };
  }
}
