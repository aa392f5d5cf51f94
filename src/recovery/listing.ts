import type { TableRef } from '../delta/table.ts';

/** An object below the root of a table, as a listing or an inventory tells of it. */
export interface ListedObject {
  /** The decoded key below the root. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly etag?: string;
  /** Time of the last write, ms since the epoch. */
  readonly time: number;
}

/** All objects below a table's root, or below any other prefix; with `after` those behind that path. */
export async function* listObjects(
  { store, root }: Pick<TableRef, 'store' | 'root'>,
  after?: string,
): AsyncGenerator<ListedObject> {
  const prefix = root === '' ? '' : `${root}/`;
  for await (const { key, size, etag, modified } of store.list(
    prefix,
    after === undefined ? {} : { startAfter: prefix + after },
  )) {
    yield { path: key.slice(prefix.length), size, etag, time: modified };
  }
}
