/** Text of the key for each `{name}` of a pattern. */
export type Captures = ReadonlyMap<string, string>;

/**
 * The values of the `{name}`s of a prefix such as `tenants/{tenant}`, in whole path segments, for a key that it fits;
 * undefined where it does not. The key has at least one segment more than the prefix.
 */
export function matchPrefix(prefix: string, key: string): Captures | undefined {
  const pattern = prefix === '' ? [] : prefix.split('/');
  const segments = key.split('/');
  if (segments.length <= pattern.length) return undefined;
  const captures = new Map<string, string>();
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (isCapture(expected)) captures.set(expected.slice(1, -1), segment);
    else if (expected !== segment) return undefined;
  }
  return captures;
}

/** Whether a path fits a glob: `*` stands for text within a segment, `**` for text over segments. */
export function matchesGlob(glob: string, path: string): boolean {
  const source = glob
    .split(/(\*\*\/?|\*)/)
    .map((part) => (part === '*' ? '[^/]*' : part === '**' ? '.*' : part === '**/' ? '(?:.*/)?' : escapeRegExp(part)))
    .join('');
  return new RegExp(`^${source}$`, 's').test(path);
}

function isCapture(segment: string): boolean {
  return segment.startsWith('{');
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
