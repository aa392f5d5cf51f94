import type { CommitEntry } from '../../src/storage/commits/commit-table.ts';
import { isStoreError, type ObjectStore } from '../../src/storage/object-store.ts';
import type { InterceptedCommits } from './intercepted-commits.ts';

/**
 * Models of the other writers of a coordinated table, step by step as their sources have them, for tests of interleavings that
 * cannot be had of the real ones. `table.put` writes unconditionally, as Spark completes entries.
 */
export interface PeerPlace {
  readonly world: Pick<InterceptedCommits, 'store' | 'table'>;
  /** Spark completes an entry by writing the whole of it. */
  readonly overwrite: (entry: CommitEntry) => Promise<void>;
  readonly root: string;
  readonly tablePath: string;
  readonly uuid: string;
}

const fileOf = (version: number): string => `${String(version).padStart(20, '0')}.json`;

/** `BaseExternalLogStore.write` of Delta 4.2.0. False when the version is taken. */
export async function sparkCommit(place: PeerPlace, version: number, body: Uint8Array): Promise<boolean> {
  const { world, root, tablePath, uuid } = place;
  const { store, table } = world;
  const log = (name: string): string => `${root}/_delta_log/${name}`;
  const fileName = fileOf(version);
  if ((await store.head(log(fileName))) !== undefined) return false;
  if (version > 0) {
    const previous = await table.get(tablePath, fileOf(version - 1));
    if (previous !== undefined && !previous.complete) await sparkFix(place, previous);
    else if ((await store.head(log(fileOf(version - 1)))) === undefined) throw new Error(`no version ${version - 1}`);
  }
  const entry: CommitEntry = { tablePath, fileName, tempPath: `.tmp/${fileName}.${uuid}`, complete: false };
  await store.put(log(entry.tempPath), body);
  if ((await table.putIfAbsent(entry)) === 'exists') return false;
  try {
    await sparkCopy(store, log(entry.tempPath), log(fileName));
    await place.overwrite({ ...entry, complete: true, expireTime: EXPIRES });
  } catch (error) {
    if (!isStoreError(error) && !(error instanceof FileExists)) throw error;
  }
  return true;
}

/** `BaseExternalLogStore.listFrom`, without the listing. */
export async function sparkRecover(place: PeerPlace): Promise<void> {
  const entry = await place.world.table.latest(place.tablePath);
  if (entry !== undefined && !entry.complete) await sparkFix(place, entry);
}

async function sparkFix(place: PeerPlace, entry: CommitEntry): Promise<void> {
  const { store } = place.world;
  const log = (name: string): string => `${place.root}/_delta_log/${name}`;
  for (let retry = 0; ; retry += 1) {
    try {
      if ((await store.head(log(entry.fileName))) === undefined) {
        await sparkCopy(store, log(entry.tempPath), log(entry.fileName));
      }
      await place.overwrite({ ...entry, complete: true, expireTime: EXPIRES });
      return;
    } catch (error) {
      if (retry >= 3) throw error;
    }
  }
}

const EXPIRES = 4_000_000_000;

class FileExists extends Error {
  override readonly name = 'FileAlreadyExistsException';
}

/** S3A's `create(overwrite=false)`: it looks whether the object is there, and writes it plainly when it is closed. */
async function sparkCopy(store: ObjectStore, from: string, to: string): Promise<void> {
  const { body } = await store.get(from);
  if ((await store.head(to)) !== undefined) throw new FileExists(to);
  await store.put(to, body);
}

/**
 * `S3DynamoDbLogStore.write_commit_entry` of delta-rs: up to 1.5 a rename replaces the target; in 1.6.0 it fails where the
 * target exists, and the commit is then tried again as another version. False when the version is taken, or seems to be.
 */
export async function deltaRsCommit(
  place: PeerPlace,
  version: number,
  body: Uint8Array,
  renames: 'over' | 'if-absent',
): Promise<boolean> {
  const { world, root, tablePath, uuid } = place;
  const tempPath = `_commit_${uuid}.json.tmp`;
  const entry: CommitEntry = { tablePath, fileName: fileOf(version), tempPath, complete: false };
  await world.store.put(`${root}/_delta_log/${tempPath}`, body);
  if ((await world.table.putIfAbsent(entry)) === 'exists') return false;
  return deltaRsRepair(place, entry, renames);
}

/** `repair_entry`. False when all tries found another object in the place. */
export async function deltaRsRepair(
  { world, root }: PeerPlace,
  entry: CommitEntry,
  renames: 'over' | 'if-absent',
): Promise<boolean> {
  const { store, table } = world;
  const [from, to] = [`${root}/_delta_log/${entry.tempPath}`, `${root}/_delta_log/${entry.fileName}`];
  for (let retry = 0; retry <= 3; retry += 1) {
    try {
      const { body } = await store.get(from);
      if (renames === 'over') await store.put(to, body);
      else if ((await store.putIfAbsent(to, body)) === 'exists') continue;
      await store.delete(from);
    } catch (error) {
      if (!isStoreError(error, 'NOT_FOUND')) throw error;
    }
    await table.complete(entry, EXPIRES);
    return true;
  }
  return false;
}
