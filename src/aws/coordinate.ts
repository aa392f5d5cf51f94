import { type CommitRule, commitsAt } from '../ingest/config.ts';
import type { CommitEntry, CommitTable } from '../storage/commits/commit-table.ts';
import { type Coordination, createCoordinatedStore } from '../storage/commits/coordinated-store.ts';
import { formatTablePath } from '../storage/commits/table-path.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DynamoCommitTableOptions } from './dynamo-commit-table.ts';

/** A bucket whose Delta tables commit as the first rule has it that fits their root; by conditional PUT without one. */
export function coordinate(store: ObjectStore, bucket: string, rules: readonly CommitRule[]): ObjectStore {
  return createCoordinatedStore({
    store,
    coordinationOf(root): Coordination | undefined {
      const commits = commitsAt(rules, root);
      if (commits === undefined) return undefined;
      const { table: name, region, expireAfter } = commits;
      const table = sharedTable({ name, region });
      return { table, tablePath: formatTablePath(bucket, root, commits), expireAfter };
    },
  });
}

const tables = new Map<string, CommitTable>();

/** One client for each table of DynamoDB in this process. */
function sharedTable(options: DynamoCommitTableOptions): CommitTable {
  const id = `${options.region ?? ''}/${options.name}`;
  const table = tables.get(id) ?? lazyCommitTable(options);
  tables.set(id, table);
  return table;
}

/** Loads the SDK's client at the first call: a function whose tables need none starts faster. */
export function lazyCommitTable(options: DynamoCommitTableOptions): CommitTable {
  let loading: Promise<CommitTable> | undefined;
  const load = (): Promise<CommitTable> => {
    loading ??= import('./dynamo-commit-table.ts').then(({ createDynamoCommitTable }) =>
      createDynamoCommitTable(options),
    );
    return loading;
  };
  return {
    name: options.name,
    latest: async (tablePath) => (await load()).latest(tablePath),
    get: async (tablePath, fileName) => (await load()).get(tablePath, fileName),
    putIfAbsent: async (entry: CommitEntry) => (await load()).putIfAbsent(entry),
    complete: async (entry: CommitEntry, expireTime) => (await load()).complete(entry, expireTime),
  };
}
