/** The literal beginning of a pattern such as `tenants/{tenant}/orders`, in whole path segments: `tenants`. */
export function literalPrefix(pattern: string): string {
  const segments = pattern.split('/');
  const capture = segments.findIndex((segment) => segment.startsWith('{'));
  return (capture === -1 ? segments : segments.slice(0, capture)).join('/');
}

/**
 * Why a prefix cannot be one of tables; undefined if it can. What S3 would want encoded in the filters of its
 * notifications (S3 user guide, "Configuring event notifications using object key name filtering") is refused there.
 */
export function prefixProblem(prefix: string, through: 's3' | 'eventbridge' | 'none'): string | undefined {
  const got = `got "${prefix}"`;
  if (prefix.split('/').some((segment) => ['', '.', '..'].includes(segment))) {
    return `expected a literal prefix such as "lake/raw", without empty segments, ${got}`;
  }
  if (/[*?{}\\]/.test(prefix)) return `expected a literal prefix such as "lake/raw", ${got}`;
  if (through === 's3' && !/^[\w!.'()/-]+$/.test(prefix)) {
    return `has characters that filters of S3 notifications do not take as they are, ${got}; eventbridge takes them`;
  }
  return undefined;
}

/** Why endings of keys cannot be announced; undefined if they can. S3 refuses filters of which one covers another. */
export function suffixProblem(suffixes: readonly string[]): string | undefined {
  const bad = suffixes.find((suffix) => !/^[\w.-]+$/.test(suffix));
  if (bad !== undefined) return `expected literal endings such as ".parquet", got "${bad}"`;
  const covered = suffixes.find((suffix, index) =>
    suffixes.some((other, position) => position !== index && suffix.endsWith(other)),
  );
  return covered === undefined ? undefined : `"${covered}" ends with another of them, or is there twice`;
}

/** At most so many prefixes that hold these, by putting parents in the place of the deepest ones. */
export function atMost(count: number, prefixes: readonly string[]): readonly string[] {
  let kept = outermost(prefixes);
  while (kept.length > count) {
    const depth = Math.max(...kept.map((prefix) => prefix.split('/').length));
    if (depth === 1) return [];
    kept = outermost(
      kept.map((prefix) => (prefix.split('/').length === depth ? prefix.slice(0, prefix.lastIndexOf('/')) : prefix)),
    );
  }
  return kept;
}

export function trimSlashes(text: string): string {
  return text.replace(/^\/+|\/+$/g, '');
}

/** The prefixes that lie in no other; none where one of them is the whole bucket. S3 refuses overlapping filters. */
export function outermost(prefixes: readonly string[]): string[] {
  const unique = [...new Set(prefixes)].sort();
  if (unique.includes('')) return [];
  return unique.filter((prefix) => !unique.some((other) => other !== prefix && prefix.startsWith(`${other}/`)));
}

/** Prefixes with notifications of their own: three each, and a bucket takes 100 (S3 user guide, "Service quotas"). */
export const MAX_NOTIFIED_PREFIXES = 20;

/** Which keys are announced. */
export interface KeyFilter {
  /** In whole path segments; '' for the whole bucket. */
  readonly prefix: string;
  /** '' for all. */
  readonly suffix: string;
}

/** Each of the prefixes with each of the suffixes; an empty list stands for all. */
export function keyFilters(prefixes: readonly string[], suffixes: readonly string[]): KeyFilter[] {
  const all = (texts: readonly string[]) => (texts.length === 0 ? [''] : texts);
  return all(prefixes).flatMap((prefix) => all(suffixes).map((suffix) => ({ prefix, suffix })));
}

/** Whether there are keys that both let through: S3 refuses two such filters for one kind of event. */
export function overlap(a: KeyFilter, b: KeyFilter): boolean {
  const [short, long] = a.prefix.length < b.prefix.length ? [a.prefix, b.prefix] : [b.prefix, a.prefix];
  const isPrefix = short === '' || `${long}/`.startsWith(`${short}/`);
  return isPrefix && (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix));
}

/** Filters of which no two overlap, and which let at least the same keys through. */
export function disjoint(filters: readonly KeyFilter[]): KeyFilter[] {
  const kept: KeyFilter[] = [];
  for (const filter of filters) {
    let hull = filter;
    for (let other = takeOverlapping(kept, hull); other !== undefined; other = takeOverlapping(kept, hull)) {
      hull = { prefix: shorter(other.prefix, hull.prefix), suffix: shorter(other.suffix, hull.suffix) };
    }
    kept.push(hull);
  }
  return kept;
}

function takeOverlapping(filters: KeyFilter[], filter: KeyFilter): KeyFilter | undefined {
  const index = filters.findIndex((one) => overlap(one, filter));
  return index === -1 ? undefined : filters.splice(index, 1)[0];
}

function shorter(a: string, b: string): string {
  return a.length < b.length ? a : b;
}

/** Folders of patterns such as `tenants/{tenant}` as patterns of keys; at most `limit`, by putting parents in their place. */
export function keyFolders(patterns: readonly string[], limit: number): string[] {
  const exact = [...new Set(patterns.map((pattern) => `${pattern.replaceAll(/\{\w+\}/g, '*')}/`))];
  if (exact.length <= limit) return exact;
  const parents = atMost(limit, patterns.map(literalPrefix));
  return parents.length === 0 ? ['*'] : parents.map((parent) => `${parent}/*`);
}
