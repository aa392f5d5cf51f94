import type { TagRule } from '../src/tag/config.ts';
import { type KeyFilter, literalPrefix } from './prefixes.ts';

/** The keys that are announced for a rule: all that it can mean, as far as prefix and ending can say it. */
export function tagFilter({ prefix, suffix, glob }: Pick<TagRule, 'prefix' | 'suffix' | 'glob'>): KeyFilter {
  const literal = literalPrefix(prefix);
  const folders = literal === prefix && glob !== undefined ? literalFolders(glob) : [];
  return {
    prefix: [literal, ...folders].filter((part) => part !== '').join('/'),
    suffix: plainEnding(suffix === '' ? (glob ?? '') : suffix),
  };
}

/** The folders of a glob before the first with a star. */
function literalFolders(glob: string): string[] {
  const folders = glob.split('/').slice(0, -1);
  const first = folders.findIndex((folder) => folder.includes('*'));
  return first === -1 ? folders : folders.slice(0, first);
}

/** The end of a text in characters that filters take as they are: of `**\/a b.csv`, `b.csv`. */
function plainEnding(text: string): string {
  return /[\w.-]*$/.exec(text)?.[0] ?? '';
}
