import { isStoreError, type ObjectStore, StoreError } from '../object-store.ts';
import { type CommitEntry, CommitProtocolError, type CommitTable } from './commit-table.ts';
import { type CommitKey, commitName, logKeyOf } from './log-key.ts';

export interface CoordinatorOptions {
  /** Of the Delta table. Its `putIfAbsent` is the conditional PUT. */
  readonly store: ObjectStore;
  readonly table: CommitTable;
  /** Root of the Delta table in the store. */
  readonly root: string;
  /** Its name in the coordinator's table. */
  readonly tablePath: string;
  /** How long a complete entry is kept, seconds. */
  readonly expireAfter: number;
  /** ms since the epoch. */
  now(): number;
  /** A new UUID for each call. */
  uuid(): string;
}

/**
 * The writing side of Spark's `BaseExternalLogStore` for one Delta table. A commit has these steps:
 *
 * - 0: `N.json` must not be there; 1: `N-1.json` must be, and is put there if its writer could not
 * - 2.1: the content is written to `.tmp/N.json.<uuid>`; 2.2: the entry `E(N)` is added, with `complete: "false"`, if there
 *   is none. **This is the commit point**: whoever finds the entry brings the commit into the log
 * - 3: the content becomes `N.json`; 4: the entry is completed
 *
 * An entry that is not complete is always that of the newest version, since a writer looks at the one before it first.
 */
export interface Coordinator {
  /** Commits; `exists` as `ObjectStore.putIfAbsent` has it, and then the winner's commit can be read. */
  commit(key: CommitKey, body: Uint8Array): Promise<'created' | 'exists'>;
  /** Brings the newest commit into the log if it is not there. Returns its entry, as it was found. */
  recoverLatest(): Promise<CommitEntry | undefined>;
  /** Brings this commit into the log if it is not there; false when there was nothing to do. */
  recover(fileName: string): Promise<boolean>;
}

/** Folder of temporary files in `_delta_log`, and names in it, as Spark's `BaseExternalLogStore.createTemporaryPath`. */
const TEMP_DIR = '.tmp/';

export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const { store, table, root, tablePath } = options;
  const log = (name: string): string => logKeyOf(root, name);

  async function commit({ fileName, version }: CommitKey, body: Uint8Array): Promise<'created' | 'exists'> {
    if ((await store.head(log(fileName))) !== undefined) return 'exists';
    await ensurePrevious(version);
    const tempPath = `${TEMP_DIR}${fileName}.${options.uuid()}`;
    const entry: CommitEntry = { tablePath, fileName, tempPath, complete: false };
    await store.put(log(tempPath), body);
    if ((await table.putIfAbsent(entry)) === 'exists') {
      const winner = await table.get(tablePath, fileName);
      // Otherwise a repeated request has met its own first try.
      if (winner?.tempPath !== tempPath) {
        await deleteTemp(entry);
        await finishWinner(fileName, winner);
        return 'exists';
      }
    }
    // Committed. What fails from here on is made up for by whoever comes next.
    await tolerate(finish(entry, body));
    return 'created';
  }

  /** Another writer has the version: its commit is brought into the log, where the loser will look for it. */
  async function finishWinner(fileName: string, winner: CommitEntry | undefined): Promise<void> {
    if (winner !== undefined && !winner.complete) return fix(winner);
    if ((await store.head(log(fileName))) !== undefined) return;
    if (winner !== undefined) throw oldEntries(fileName);
    // delta-rs deletes the entry of a commit that it gives up.
    throw new StoreError('UNAVAILABLE', 'putIfAbsent', log(fileName), 'the commit that had the version was given up');
  }

  /** Step 1. */
  async function ensurePrevious(version: number): Promise<void> {
    if (version === 0) return ensureNew();
    const previous = commitName(version - 1);
    const [entry, object] = await Promise.all([table.get(tablePath, previous), store.head(log(previous))]);
    if (entry !== undefined && !entry.complete) await fix(entry);
    // It may have come between the two answers.
    else if (object === undefined && (await store.head(log(previous))) === undefined) throw outOfOrder(version);
  }

  async function ensureNew(): Promise<void> {
    const first = commitName(0);
    const entry = await table.get(tablePath, first);
    if (entry?.complete === true && (await store.head(log(first))) === undefined) throw oldEntries(first);
  }

  /** Steps 3 and 4 for an entry that is not complete, whoever wrote it. */
  async function fix(entry: CommitEntry): Promise<void> {
    const body = await readTemp(entry);
    if (body !== undefined) return finish(entry, body, { isRecovery: true });
    // Moved by its writer or by a peer (delta-rs renames, we delete), after the commit came into the log.
    if ((await store.head(log(entry.fileName))) !== undefined) return complete(entry);
    const current = await table.get(tablePath, entry.fileName);
    if (current?.tempPath === entry.tempPath && !current.complete) throw lost(entry);
  }

  async function readTemp({ tempPath }: CommitEntry): Promise<Uint8Array | undefined> {
    try {
      return (await store.get(log(tempPath))).body;
    } catch (error) {
      if (isStoreError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async function finish(entry: CommitEntry, body: Uint8Array, { isRecovery = false } = {}): Promise<void> {
    const key = log(entry.fileName);
    if ((await store.putIfAbsent(key, body)) === 'exists') {
      const { body: found } = await store.get(key);
      if (Buffer.compare(found, body) !== 0) return refuseOther(entry, isRecovery);
    }
    // A delta-rs writer that is still alive takes its temporary file beside the commit for a lost race, and commits again.
    // Without the file, it takes the commit for one that a peer has recovered, and so do we and Spark.
    const isOfDeltaRs = !entry.tempPath.startsWith(TEMP_DIR);
    if (isOfDeltaRs) await deleteTemp(entry);
    await complete(entry);
    if (!isOfDeltaRs) await deleteTemp(entry);
  }

  async function deleteTemp({ tempPath }: CommitEntry): Promise<void> {
    await tolerate(store.delete(log(tempPath)));
  }

  async function complete(entry: CommitEntry): Promise<void> {
    await table.complete(entry, Math.floor(options.now() / 1000) + options.expireAfter);
  }

  /** Another commit stands where that of the entry belongs. */
  async function refuseOther(entry: CommitEntry, isRecovery: boolean): Promise<void> {
    if (isRecovery) {
      // Its writer may have given it up since (delta-rs does, after errors), and another has got the version.
      const current = await table.get(tablePath, entry.fileName);
      if (current?.tempPath !== entry.tempPath) return;
    }
    throw mixed(entry);
  }

  function mixed({ fileName, tempPath }: CommitEntry): CommitProtocolError {
    return new CommitProtocolError(
      'COMMIT_PROTOCOLS_MIXED',
      `${log(fileName)} of ${tablePath} is not the commit that has this version in the DynamoDB table "${table.name}": ` +
        'a writer that does not commit through the table wrote it. Stop that writer first. The commit that was displaced is ' +
        `in ${log(tempPath)}; docs/commit-protocols.md says how to bring it back, and how to go on`,
      { table: tablePath, commitTable: table.name, key: log(fileName), tempPath: log(tempPath) },
    );
  }

  function lost({ fileName, tempPath }: CommitEntry): CommitProtocolError {
    return new CommitProtocolError(
      'COMMIT_LOST',
      `${fileName} of ${tablePath} is committed in the DynamoDB table "${table.name}", but neither ${log(fileName)} nor ` +
        `${log(tempPath)} is there: expected one of them. Was one of them deleted, by a lifecycle rule for example?`,
      { table: tablePath, commitTable: table.name, key: log(fileName), tempPath: log(tempPath) },
    );
  }

  function oldEntries(fileName: string): CommitProtocolError {
    return new CommitProtocolError(
      'OLD_COMMIT_ENTRIES',
      `The DynamoDB table "${table.name}" has a complete entry for ${fileName} of ${tablePath}, and ${log(fileName)} is not ` +
        'there: a Delta table at this place was deleted. Delete its entries, or wait for a day until they have expired',
      { table: tablePath, commitTable: table.name, key: log(fileName) },
    );
  }

  function outOfOrder(version: number): CommitProtocolError {
    const previous = log(commitName(version - 1));
    return new CommitProtocolError(
      'COMMIT_OUT_OF_ORDER',
      `Version ${version} of ${tablePath} cannot be committed: ${previous}, which it follows on, is not there`,
      { table: tablePath, commitTable: table.name, key: previous },
    );
  }

  return {
    commit,
    async recoverLatest() {
      const entry = await table.latest(tablePath);
      if (entry !== undefined && !entry.complete) await fix(entry);
      return entry;
    },
    async recover(fileName) {
      const entry = await table.get(tablePath, fileName);
      if (entry === undefined || entry.complete) return false;
      await fix(entry);
      return true;
    },
  };
}

/** Failures of the store or the coordinator's table pass; a broken protocol does not. */
async function tolerate(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isStoreError(error)) throw error;
  }
}
