import type { TableRule, TableSettings } from '../ingest/config.ts';
import { matchPrefix } from '../ingest/key-pattern.ts';
import { type IgnoreReason, routeKey } from '../ingest/routing.ts';
import type { MergeConfig } from './config.ts';

export type StagedRoute =
  | {
      readonly kind: 'staged';
      /** Root of the table. */
      readonly root: string;
      /** Where the file would lie in the table: its key below the rule's prefix. */
      readonly relative: string;
      readonly settings: TableSettings;
      /** The rule of the append function for the table; undefined where it has none. */
      readonly rule?: TableRule;
    }
  | { readonly kind: 'ignored'; readonly reason: IgnoreReason };

/**
 * Which table a small file is for. The settings are those that a file would have that landed in the table itself: so the
 * append function and this one keep a table alike.
 */
export function routeStaged(bucket: string, key: string, { rules, append }: MergeConfig): StagedRoute {
  for (const { prefix, table } of rules) {
    const captures = matchPrefix(prefix, key);
    if (captures === undefined) continue;
    if ([...captures.values()].some((value) => value === '' || /^[._]/.test(value) || value.includes('='))) break;
    const root = table.replaceAll(/\{(\w+)\}/g, (_, name: string) => captures.get(name) ?? '');
    const relative = key.split('/').slice(prefix.split('/').length).join('/');
    const landed = routeKey(bucket, `${root}/${relative}`, append);
    if (landed.kind === 'ignored' && landed.reason !== 'unmapped') return landed;
    const isSame = landed.kind === 'table' && landed.root === root;
    const { settings, rule } = isSame ? landed : { settings: append.defaults, rule: undefined };
    return { kind: 'staged', root, relative, settings, ...(rule !== undefined && { rule }) };
  }
  return { kind: 'ignored', reason: 'unmapped' };
}
