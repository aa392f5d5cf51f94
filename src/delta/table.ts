import type { ObjectStore } from '../storage/object-store.ts';

/** Where a table is: a store (bucket or folder) and the key prefix of its root in it. */
export interface TableRef {
  readonly store: ObjectStore;
  /** Key prefix without leading or trailing slash; '' when the table is the store's root. */
  readonly root: string;
  /** For messages and `--json` output: `s3://bucket/prefix` or a local path. */
  readonly url: string;
}

/** The key of something under the table's root. */
export function tableKey(table: TableRef, relative: string): string {
  return table.root === '' ? relative : `${table.root}/${relative}`;
}
