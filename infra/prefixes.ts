/** The literal beginning of a pattern such as `tenants/{tenant}/orders`, in whole path segments: `tenants`. */
export function literalPrefix(pattern: string): string {
  const segments = pattern.split('/');
  const capture = segments.findIndex((segment) => segment.startsWith('{'));
  return (capture === -1 ? segments : segments.slice(0, capture)).join('/');
}

/** The prefixes that lie in no other; none where one of them is the whole bucket. S3 refuses overlapping filters. */
export function outermost(prefixes: readonly string[]): string[] {
  const unique = [...new Set(prefixes)].sort();
  if (unique.includes('')) return [];
  return unique.filter((prefix) => !unique.some((other) => other !== prefix && prefix.startsWith(`${other}/`)));
}
