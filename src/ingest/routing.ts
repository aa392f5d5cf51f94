import { splitTablePath } from '../delta/partition.ts';
import { isCompactedFile } from '../delta/path.ts';
import type { AppendConfig, TableRule, TableSettings } from './config.ts';
import { matchesGlob, matchPrefix } from './key-pattern.ts';

export type Route =
  | {
      readonly kind: 'table';
      readonly bucket: string;
      /** Key prefix of the table's root, without slashes at its ends. */
      readonly root: string;
      /** The key below the root. */
      readonly relative: string;
      readonly settings: TableSettings;
      /** The rule that matched; undefined for the convention. */
      readonly rule?: TableRule;
    }
  | { readonly kind: 'ignored'; readonly reason: IgnoreReason };

export type IgnoreReason =
  /** In `_delta_log`, hidden as Spark sees it (a segment starting with `.` or `_`), or Delta's own: a deletion vector. */
  | 'hidden'
  /** A folder marker: the key ends with a slash, or with `_$folder$` as Hadoop names them. */
  | 'folder'
  /** A compaction wrote it, and commits it itself. */
  | 'compacted'
  | 'excluded'
  /** No rule, and the convention does not apply. */
  | 'unmapped';

/** Which table an object belongs to. */
export function routeKey(bucket: string, key: string, config: AppendConfig): Route {
  if (isCompactedFile(key)) return { kind: 'ignored', reason: 'compacted' };
  if (key.endsWith('/') || key.endsWith('_$folder$')) return { kind: 'ignored', reason: 'folder' };
  for (const rule of config.tables) {
    if (rule.bucket !== undefined && rule.bucket !== bucket) continue;
    const root = matchRule(rule, key);
    if (root === undefined) continue;
    const relative = root === '' ? key : key.slice(root.length + 1);
    if (isHidden(relative) || isDeletionVector(relative)) return { kind: 'ignored', reason: 'hidden' };
    if (rule.exclude.some((glob) => matchesGlob(glob, relative))) return { kind: 'ignored', reason: 'excluded' };
    return { kind: 'table', bucket, root, relative, settings: rule, rule };
  }
  return routeByConvention(bucket, key, config);
}

function routeByConvention(bucket: string, key: string, config: AppendConfig): Route {
  if (config.convention === 'none') return { kind: 'ignored', reason: 'unmapped' };
  if (isHidden(key) || isDeletionVector(key)) return { kind: 'ignored', reason: 'hidden' };
  const path = splitTablePath(key);
  if (path === undefined) return { kind: 'ignored', reason: 'unmapped' };
  return { kind: 'table', bucket, ...path, settings: config.defaults };
}

/** The table's root for a key that the rule's prefix fits, with the `{name}`s replaced by the key's segments. */
function matchRule(rule: TableRule, key: string): string | undefined {
  if (matchPrefix(rule.prefix, key) === undefined) return undefined;
  const depth = rule.root === '' ? 0 : rule.root.split('/').length;
  return key.split('/').slice(0, depth).join('/');
}

/**
 * Whether Spark would leave the file out when it lists a folder (`InMemoryFileIndex.shouldFilterOutPathName`): a segment
 * starting with `.`, or with `_` unless it is a partition such as `_date=2026-01-01`; a copy that is under way.
 */
function isHidden(relative: string): boolean {
  return relative
    .split('/')
    .some(
      (segment) =>
        segment.startsWith('.') ||
        (segment.startsWith('_') && !segment.includes('=')) ||
        segment.endsWith('._COPYING_'),
    );
}

/** Deletion vectors lie beside the data files (PROTOCOL.md "Deletion Vectors": `deletion_vector_<uuid>.bin`). */
function isDeletionVector(key: string): boolean {
  return /(^|\/)deletion_vector_[^/]*\.bin$/.test(key);
}
