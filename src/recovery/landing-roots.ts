import type { AppendConfig } from '../ingest/config.ts';
import { type Route, routeKey } from '../ingest/routing.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/**
 * The roots of the tables that the files under a prefix ('' for the whole bucket) belong to, each once, in the order of
 * their first keys. Costs a LIST for each 1,000 keys; the partitions of a table, and what one rule gives to one table, are
 * passed over with one LIST where no other rule can have a say there.
 */
export async function* landingRoots(
  store: ObjectStore,
  bucket: string,
  prefix: string,
  config: AppendConfig,
  isWanted: (key: string) => boolean,
): AsyncGenerator<string, void, undefined> {
  const known = new Set<string>();
  const start = prefix === '' ? '' : `${prefix}/`;
  let after: string | undefined;
  for (let isDone = false; !isDone; ) {
    isDone = true;
    for await (const { key } of store.list(start, after === undefined ? {} : { startAfter: after })) {
      const route = routeKey(bucket, key, config);
      if (route.kind !== 'table' || !isWanted(key)) continue;
      if (!known.has(route.root)) yield route.root;
      known.add(route.root);
      after = lastOfTable(route, config);
      if (after === undefined) continue;
      isDone = false;
      break;
    }
  }
}

/** A key behind all those that belong to a table for sure, and to no other; undefined if that cannot be told. */
function lastOfTable(route: Extract<Route, { kind: 'table' }>, config: AppendConfig): string | undefined {
  const { root, relative, rule } = route;
  const base = root === '' ? '' : `${root}/`;
  if (rule === undefined) {
    // By convention all that has the same first partition column belongs to the same table.
    const [, column] = /^([^/=]+)=[^/]*\//.exec(relative) ?? [];
    return config.tables.length > 0 || column === undefined ? undefined : `${base}${column}>`;
  }
  if (config.tables[0] !== rule) return undefined;
  const depth = rule.prefix === '' ? 0 : rule.prefix.split('/').length;
  const claimed = `${base}${relative}`.split('/').slice(0, depth).join('/');
  // The next character behind the slash.
  return claimed === '' ? undefined : `${claimed}0`;
}
