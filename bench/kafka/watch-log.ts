import type { ObjectStore } from '../../src/storage/object-store.ts';

/** What a commit adds. */
export interface LoggedCommit {
  /** Its key in the bucket. */
  readonly key: string;
  /** Paths below the table, and the rows by their statistics. */
  readonly files: readonly { readonly path: string; readonly rows: number }[];
}

const ENTRY = /\/\d{20}\.json$/;

/** Gives the commits that are new since the last call: a LIST, and a GET for each of them, whatever the table has. */
export function watchLog(store: ObjectStore, root: string): () => Promise<LoggedCommit[]> {
  let last: string | undefined;
  return async () => {
    const found: LoggedCommit[] = [];
    const options = last === undefined ? {} : { startAfter: last };
    for await (const { key } of store.list(`${root}/_delta_log/`, options)) {
      if (!ENTRY.test(key)) continue;
      const entry = await store.get(key);
      // What was listed a moment ago is not removed here.
      if (entry === null) throw new Error(`${key} is gone`);
      found.push({ key, files: addsOf(new TextDecoder().decode(entry.body)) });
      last = key;
    }
    return found;
  };
}

function addsOf(text: string): LoggedCommit['files'] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const { add } = JSON.parse(line) as { add?: { path: string; stats?: string } };
      if (add === undefined) return [];
      return [{ path: decodeURIComponent(add.path), rows: Number(JSON.parse(add.stats ?? '{}').numRecords ?? 0) }];
    });
}
