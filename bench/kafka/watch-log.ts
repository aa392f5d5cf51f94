import type { Action } from '../../src/delta/actions.ts';
import { readCommit } from '../../src/delta/commit-file.ts';
import { listCommits } from '../../src/delta/log-segment.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** What a commit adds. */
export interface LoggedCommit {
  /** Its key in the bucket. */
  readonly key: string;
  /** Paths below the table, and the rows by their statistics. */
  readonly files: readonly { readonly path: string; readonly rows: number }[];
}

/** Gives the commits that are new since the last call: a LIST, and a GET for each of them, whatever the table has. */
export function watchLog(store: ObjectStore, root: string): () => Promise<LoggedCommit[]> {
  const table = { store, root, url: root };
  let last = -1;
  return async () => {
    const found: LoggedCommit[] = [];
    for (const file of await listCommits(table, last)) {
      const { actions } = await readCommit(table, file);
      found.push({ key: file.key, files: actions.flatMap(addedBy) });
      last = file.version;
    }
    return found;
  };
}

function addedBy(action: Action): LoggedCommit['files'] {
  if (!('add' in action)) return [];
  const { path, stats } = action.add;
  return [{ path: decodeURIComponent(path), rows: Number(JSON.parse(stats ?? '{}').numRecords ?? 0) }];
}
