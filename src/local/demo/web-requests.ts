import { booleans, type ColumnData, doubles, integers, lists, longs, strings, struct, timestamps } from './columns.ts';
import type { Random } from './random.ts';

const PATHS = ['/', '/search', '/cart', '/checkout', '/api/v1/items', '/api/v1/orders', '/static/app.js'] as const;
const COUNTRIES = ['DE', 'FR', 'PT', 'US', 'BR', 'IN', 'JP'] as const;
const AGENTS = ['Mozilla/5.0 (X11; Linux x86_64)', 'Mozilla/5.0 (iPhone)', 'curl/8.9.1', 'Googlebot/2.1'] as const;
const TAGS = ['bot', 'mobile', 'slow', 'new-visitor'] as const;

/** Requests that a web server logged: nested columns, lists, timestamps, nulls. `userAgent` adds a column. */
export function webRequests(
  random: Random,
  { rows, from, userAgent }: { readonly rows: number; readonly from: number; readonly userAgent: boolean },
): Readonly<Record<string, ColumnData>> {
  const each = <T>(value: (index: number) => T): T[] => Array.from({ length: rows }, (_, index) => value(index));
  const tagCounts = each(() => random.whole(0, 2));
  const tags = tagCounts.reduce((sum, count) => sum + count, 0);
  return {
    request_id: strings(each(() => requestId(random))),
    requested_at: timestamps(each((index) => from + index * 37 + random.next())),
    method: strings(each(() => random.pick(['GET', 'GET', 'GET', 'POST', 'HEAD']))),
    path: strings(each(() => random.pick(PATHS))),
    status: integers(each(() => random.pick([200, 200, 200, 200, 304, 404, 500]))),
    bytes_sent: longs(each(() => random.whole(120, 400_000))),
    duration_ms: doubles(each(() => (random.next() < 0.02 ? null : Math.round(random.next() * 90_000) / 100))),
    cached: booleans(each(() => (random.next() < 0.1 ? null : random.next() < 0.4))),
    client: struct({
      ip: strings(each(() => `10.${random.whole(0, 255)}.${random.whole(0, 255)}.${random.whole(1, 254)}`)),
      country: strings(each(() => (random.next() < 0.05 ? null : random.pick(COUNTRIES)))),
    }),
    tags: lists(tagCounts, strings(Array.from({ length: tags }, () => random.pick(TAGS)))),
    ...(userAgent && { user_agent: strings(each(() => random.pick(AGENTS))) }),
  };
}

function requestId(random: Random): string {
  const hex = (digits: number) =>
    random
      .whole(0, 16 ** digits - 1)
      .toString(16)
      .padStart(digits, '0');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`;
}
