import type { LoadRule } from './config.ts';
import { endingsOf, type FileFormat, formatOfKey } from './formats.ts';

/** What is done with an object. */
export interface LoadRoute {
  readonly rule: LoadRule;
  readonly format: FileFormat;
  /** Root of the table. */
  readonly root: string;
}

/** The `{name}`s of a pattern. */
export function namesIn(pattern: string): string[] {
  return pattern.split('/').flatMap((segment) => /^\{(\w+)\}$/.exec(segment)?.[1] ?? []);
}

/** Which table a file is for; undefined where no rule fits, and for hidden files such as `_SUCCESS`. */
export function routeFile(rules: readonly LoadRule[], key: string): LoadRoute | undefined {
  for (const rule of rules) {
    const values = matchPrefix(rule.prefix, key);
    const endings = rule.suffixes ?? endingsOf(rule.format);
    if (values === undefined || !endings.some((ending) => key.endsWith(ending))) continue;
    const below = key.split('/').slice(rule.prefix.split('/').length);
    if (below.some((segment) => segment.startsWith('.') || (segment.startsWith('_') && !segment.includes('=')))) {
      return undefined;
    }
    const format = rule.format ?? formatOfKey(key);
    if (format === undefined) continue;
    return { rule, format, root: rule.table.replaceAll(/\{(\w+)\}/g, (_, name: string) => values.get(name) ?? '') };
  }
  return undefined;
}

function matchPrefix(prefix: string, key: string): ReadonlyMap<string, string> | undefined {
  const pattern = prefix.split('/');
  const segments = key.split('/');
  if (segments.length <= pattern.length) return undefined;
  const values = new Map<string, string>();
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(expected)?.[1];
    // A segment that no folder of a table can be.
    if (name !== undefined && (segment === '' || /^[._]/.test(segment))) return undefined;
    if (name !== undefined) values.set(name, segment);
    else if (expected !== segment) return undefined;
  }
  return values;
}
