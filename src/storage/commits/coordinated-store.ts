import { isStoreError, type ListOptions, type ObjectInfo, type ObjectStore } from '../object-store.ts';
import { type CommitEntry, CommitProtocolError, type CommitTable } from './commit-table.ts';
import { type Coordinator, createCoordinator } from './coordinator.ts';
import { type CommitKey, logRootOf, parseCommitKey } from './log-key.ts';
import { createMixGuard } from './mix-guard.ts';

/** The coordinator of one Delta table. */
export interface Coordination {
  readonly table: CommitTable;
  /** Name of the Delta table there; see `formatTablePath`. */
  readonly tablePath: string;
  /** How long a complete entry is kept, seconds. @default 86,400, as Spark and delta-rs */
  readonly expireAfter?: number;
}

export interface CoordinatedStoreOptions {
  readonly store: ObjectStore;
  /** How the Delta table at a root of the store commits; undefined for conditional PUT. Always the same answer for a root. */
  coordinationOf(root: string): Coordination | undefined;
  /** ms since the epoch. @default Date.now */
  readonly now?: () => number;
  /** @default random ones */
  readonly uuid?: () => string;
}

/** Spark's `BaseExternalLogStore.DEFAULT_EXTERNAL_ENTRY_EXPIRATION_DELAY_SECONDS`, and delta-rs' the same. Seconds. */
export const DEFAULT_EXPIRE_AFTER = 86_400;

/**
 * A store whose Delta tables may commit through a coordinator's table, as Spark's `S3DynamoDBLogStore` does it: at the level of
 * the log store, so that whoever reads or commits knows nothing of it. It keeps the contract of an object store. What goes
 * through the coordinator is the `putIfAbsent` of commits, listings of a log, and `get` and `head` of a commit that is not
 * there (a writer may have died between its commit point and the log).
 *
 * Tables that commit by conditional PUT are guarded against the other protocol, as far as that can be seen (`createMixGuard`).
 * Throws `CommitProtocolError` beside `StoreError`.
 */
export function createCoordinatedStore(options: CoordinatedStoreOptions): ObjectStore {
  const { store, coordinationOf, now = Date.now, uuid = () => crypto.randomUUID() } = options;
  const guard = createMixGuard(store, now);

  function coordinatorOf(root: string): { coordinator: Coordinator; coordination: Coordination } | undefined {
    const coordination = coordinationOf(root);
    if (coordination === undefined) return undefined;
    const { table, tablePath, expireAfter = DEFAULT_EXPIRE_AFTER } = coordination;
    return { coordination, coordinator: createCoordinator({ store, table, root, tablePath, expireAfter, now, uuid }) };
  }

  /** Whether a commit that was not found is in the log now. */
  async function recover(commit: CommitKey | undefined): Promise<boolean> {
    const found = commit && coordinatorOf(commit.root);
    return found !== undefined && commit !== undefined && found.coordinator.recover(commit.fileName);
  }

  async function* listLog(
    coordinator: Coordinator,
    { table, tablePath }: Coordination,
    prefix: string,
    listOptions: ListOptions | undefined,
  ): AsyncGenerator<ObjectInfo, void, undefined> {
    const latest = await coordinator.recoverLatest();
    let isChecked = latest === undefined || haveNewerExpired(latest, now());
    for await (const info of store.list(prefix, listOptions)) {
      const commit = isChecked ? undefined : parseCommitKey(info.key);
      if (commit !== undefined && latest !== undefined && commit.fileName > latest.fileName) {
        isChecked = true;
        // Usually it was committed since the look at the newest entry.
        const isOld = now() - info.modified > TELLTALE_AGE;
        if (!isOld && (await table.get(tablePath, commit.fileName)) === undefined) {
          throw bypassed(info.key, latest, table.name);
        }
      }
      yield info;
    }
  }

  return {
    async get(key, getOptions) {
      try {
        return await store.get(key, getOptions);
      } catch (error) {
        if (!isStoreError(error, 'NOT_FOUND') || !(await recover(parseCommitKey(key)))) throw error;
        return store.get(key, getOptions);
      }
    },
    async head(key) {
      const info = await store.head(key);
      return info === undefined && (await recover(parseCommitKey(key))) ? store.head(key) : info;
    },
    put: (key, body) => store.put(key, body),
    putStream: (key, pieces) => store.putStream(key, pieces),
    async putIfAbsent(key, body) {
      const commit = parseCommitKey(key);
      if (commit === undefined) return store.putIfAbsent(key, body);
      const found = coordinatorOf(commit.root);
      if (found !== undefined) return found.coordinator.commit(commit, body);
      await guard(commit);
      return store.putIfAbsent(key, body);
    },
    delete: (key) => store.delete(key),
    list(prefix, listOptions) {
      const root = logRootOf(prefix);
      const found = root === undefined ? undefined : coordinatorOf(root);
      if (found === undefined) return store.list(prefix, listOptions);
      return listLog(found.coordinator, found.coordination, prefix, listOptions);
    },
  };
}

/**
 * A commit that is older may have had an entry that has expired, ms. Nobody keeps entries for less: Spark warns that a short
 * time loses data (`S3DynamoDBLogStore.TTL_SECONDS`).
 */
const TELLTALE_AGE = 3_600_000;

/** Whether entries that are newer than this one can be gone. */
function haveNewerExpired({ complete, expireTime }: CommitEntry, now: number): boolean {
  return complete && (expireTime === undefined || expireTime * 1000 <= now);
}

function bypassed(key: string, latest: CommitEntry, commitTable: string): CommitProtocolError {
  const { tablePath, fileName } = latest;
  return new CommitProtocolError(
    'COMMIT_PROTOCOLS_MIXED',
    `${key} of ${tablePath} was committed without an entry in the DynamoDB table "${commitTable}", whose newest entry of the ` +
      `table is ${fileName}: a writer commits by conditional PUT, or under another scheme or path. Stop it first; ` +
      'docs/commit-protocols.md says how to go on',
    { table: tablePath, commitTable, key },
  );
}
