import { parseHiveSegments } from '../delta/partition.ts';
import { type Captures, matchesGlob, matchPrefix } from '../ingest/key-pattern.ts';
import type { TagRule } from './config.ts';
import { toTagValue } from './limits.ts';
import { fillTemplate } from './template.ts';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** The tags that the rules give an object, the most important first, each key once; none where no rule fits. */
export function tagsFor(key: string, rules: readonly TagRule[]): readonly Tag[] {
  const tags = new Map<string, string>();
  // A folder marker is no object of anyone's.
  if (key.endsWith('/')) return [];
  for (const rule of rules) {
    const captures = matchRule(rule, key);
    if (captures === undefined) continue;
    const values = valuesOf(key, captures);
    for (const tag of rule.tags) {
      const value = fillTemplate(tag.value, values);
      if (value !== undefined && !tags.has(tag.key)) tags.set(tag.key, toTagValue(value));
    }
  }
  return [...tags].map(([name, value]) => ({ key: name, value }));
}

function matchRule({ prefix, suffix, glob }: TagRule, key: string): Captures | undefined {
  if (!key.endsWith(suffix)) return undefined;
  const captures = matchPrefix(prefix, key);
  if (captures === undefined || glob === undefined) return captures;
  const depth = prefix === '' ? 0 : prefix.split('/').length;
  return matchesGlob(glob, key.split('/').slice(depth).join('/')) ? captures : undefined;
}

/** What stands for names: the segments that the prefix names, before the columns of the folders. */
function valuesOf(key: string, captures: Captures): ReadonlyMap<string, string> {
  const filename = key.slice(key.lastIndexOf('/') + 1);
  // The dot at the beginning of a hidden file starts no extension.
  const extension = /[^.]\.([^.]+)$/.exec(filename)?.[1];
  const columns = parseHiveSegments(key).values.flatMap(({ name, value }) =>
    value === null ? [] : [[name, value] as const],
  );
  return new Map([
    ...columns,
    ...captures,
    ['filename', filename] as const,
    ...(extension === undefined ? [] : [['extension', extension] as const]),
  ]);
}
