import type { CommitEntry, CommitTable } from '../../src/storage/commits/commit-table.ts';

export interface MemoryCommitTable extends CommitTable {
  /** All entries, by table and file name. */
  readonly entries: readonly CommitEntry[];
  /** Writes an entry whatever there is, as other writers do. */
  put(entry: CommitEntry): void;
  remove(tablePath: string, fileName: string): void;
}

/** The coordinator's table in memory, with the semantics of DynamoDB: strongly consistent, one item at a time. */
export function createMemoryCommitTable(name = 'delta_log'): MemoryCommitTable {
  const items = new Map<string, CommitEntry>();
  const idOf = (tablePath: string, fileName: string): string => `${tablePath}\0${fileName}`;
  const sorted = (): CommitEntry[] => [...items].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  return {
    name,
    get entries() {
      return sorted();
    },
    put(entry) {
      items.set(idOf(entry.tablePath, entry.fileName), entry);
    },
    remove(tablePath, fileName) {
      items.delete(idOf(tablePath, fileName));
    },
    async latest(tablePath) {
      return sorted().findLast((entry) => entry.tablePath === tablePath);
    },
    async get(tablePath, fileName) {
      return items.get(idOf(tablePath, fileName));
    },
    async putIfAbsent(entry) {
      const id = idOf(entry.tablePath, entry.fileName);
      if (items.has(id)) return 'exists';
      items.set(id, entry);
      return 'created';
    },
    async complete({ tablePath, fileName, tempPath }, expireTime) {
      const found = items.get(idOf(tablePath, fileName));
      if (found === undefined || found.complete || found.tempPath !== tempPath) return;
      items.set(idOf(tablePath, fileName), { ...found, complete: true, expireTime });
    },
  };
}
