import type { TableRef } from '../delta/table.ts';

/** The URL of a table as the scripts take it; a local folder is for tests and for a Spark on the same machine. */
export function sparkUrl({ url }: Pick<TableRef, 'url'>): string {
  return url.startsWith('/') ? `file://${url}` : url;
}
