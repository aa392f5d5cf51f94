import { type TableRef, tableKey } from '../delta/table.ts';
import type { AppendConfig } from '../ingest/config.ts';
import { type Route, routeKey } from '../ingest/routing.ts';

export type TableRoute = Extract<Route, { kind: 'table' }>;

/** The bucket that a table's URL names; '' for a local folder, for which rules of no bucket hold. */
export function bucketOf({ url }: Pick<TableRef, 'url'>): string {
  return /^s3:\/\/([^/]+)/.exec(url)?.[1] ?? '';
}

/** The path of a key that the rules give to the table; undefined for all others of the bucket. */
export function pathsInto(table: TableRef, config: AppendConfig): (key: string) => string | undefined {
  const bucket = bucketOf(table);
  return (key) => {
    const route = routeKey(bucket, key, config);
    return route.kind === 'table' && route.root === table.root ? route.relative : undefined;
  };
}

/** How a file below a table's root is taken into the table; undefined for one that the rules give to another, or to none. */
export function routesInto(table: TableRef, config: AppendConfig): (path: string) => TableRoute | undefined {
  const bucket = bucketOf(table);
  return (path) => {
    const route = routeKey(bucket, tableKey(table, path), config);
    return route.kind === 'table' && route.root === table.root ? route : undefined;
  };
}
