import type { LogAction } from '../delta/action-parser.ts';
import type { AddFile, RemoveFile } from '../delta/actions.ts';
import type { CheckpointReader } from '../delta/checkpoint.ts';
import { findFiles, readFiles } from '../delta/checkpoint-content.ts';
import { type Commit, getInOrder, parseActions, readCommitInfo } from '../delta/commit-file.ts';
import { DeltaError, isDeltaError } from '../delta/errors.ts';
import { canonicalPath } from '../delta/path.ts';
import { isOutdated, loadSnapshot, refreshSnapshot, type Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { type ObjectVersion, versionOf } from '../ingest/object-version.ts';
import { pathsOf } from '../maintenance/vacuum/file-paths.ts';
import { type OlderCommit, olderCommits } from '../maintenance/vacuum/older-commits.ts';
import { PathSet } from '../maintenance/vacuum/path-set.ts';
import { isStoreError } from '../storage/object-store.ts';
import {
  activeMark,
  isSeen,
  judgeMark,
  laterRemoval,
  REMOVED_SOMETIME,
  removedMark,
  type Verdict,
  withSeen,
} from './file-mark.ts';
import type { ListedObject } from './listing.ts';

/** How often a checkpoint is read anew that another writer wrote once more meanwhile. */
const MAX_ATTEMPTS = 3;

/**
 * What the log of a table says of each file that it names: that it is active, and in which version of the object, or when
 * it was removed. It is held as hashes (`PathSet`): 17 to 34 bytes a path, whatever its length. A path may be taken for
 * another one that the log names (one in 10^8 that it happens at all in a million), so that a missed file is not seen;
 * never the other way round.
 *
 * Removals are forgotten by a log twice: their tombstones leave the checkpoint, and then their commits are cleaned up. The
 * commits before the checkpoint are read back as far as an object's age asks for it (`reachBack`): a version that was
 * written at T can only have been added after T. Where the log ends before that, the verdict is `unknown`.
 */
export class LogHistory {
  readonly table: TableRef;
  private readonly reader: CheckpointReader;
  private paths = new PathSet({ marked: true });
  private current: Snapshot | undefined;
  /** Every commit that was made after this time (ms) is in. */
  private reach = Number.NEGATIVE_INFINITY;
  private older: AsyncGenerator<OlderCommit, void, undefined> | undefined;
  /** Of the commit that `older` gives next, if there is no gap. */
  private nextOlder = -1;

  private constructor(table: TableRef, reader: CheckpointReader) {
    this.table = table;
    this.reader = reader;
  }

  /** Reads the log; of a table that is not there yet, nothing. Throws what loading a table throws. */
  static async open(table: TableRef, reader: CheckpointReader): Promise<LogHistory> {
    const history = new LogHistory(table, reader);
    await history.load();
    return history;
  }

  /** The table as it was read last; undefined where there is none yet. */
  get snapshot(): Snapshot | undefined {
    return this.current;
  }

  /** Paths that are held. */
  get count(): number {
    return this.paths.size;
  }

  /** Takes in the commits since. Throws `CONFLICT` when the table is another one now. */
  async refresh(): Promise<void> {
    const before = this.current;
    if (before === undefined) return this.load();
    try {
      const onCommit = ({ actions, modified }: Commit) => {
        for (const action of actions) if ('remove' in action) this.noteRemove(action.remove, modified, 'replace');
        for (const action of actions) if ('add' in action) this.noteAdd(action.add, 'replace');
      };
      this.current = await refreshSnapshot(before, { onCommit });
    } catch (error) {
      throw isOutdated(error) ? replaced(before, error) : error;
    }
    if (this.current.metadata.id !== before.metadata.id) throw replaced(before);
  }

  /** Reads older commits until all that were made at `time` (ms) or later are in, or the log ends. */
  async reachBack(time: number): Promise<void> {
    const { current } = this;
    const checkpoint = current?.segment.checkpoint;
    if (checkpoint === undefined || this.reach < time || this.nextOlder < 0) return;
    this.older ??= olderCommits(this.table, checkpoint.version);
    while (this.reach >= time) {
      const commit = await this.nextCommit(this.older);
      if (commit === undefined) {
        this.nextOlder = -1;
        return;
      }
      const actions = [...commit.actions];
      for (const action of actions) if ('remove' in action) this.noteRemove(action.remove, commit.modified, 'keep');
      // Active files are in the checkpoint: what was added here and is not there was removed, whenever that was.
      for (const action of actions) if ('add' in action) this.note(action.add, REMOVED_SOMETIME, 'keep');
      this.reach = commit.version === 0 ? Number.NEGATIVE_INFINITY : reachOf(commit.modified, actions);
      this.nextOlder = commit.version - 1;
    }
  }

  /** What the log says of an object. `margin`: how much the clocks of the objects' and the commits' times may differ, ms. */
  judge(object: ListedObject, margin: number): Verdict {
    const mark = this.paths.markOf(object.path);
    if (mark !== undefined) return judgeMark(mark, object);
    return this.reach < object.time - margin ? 'news' : 'unknown';
  }

  /** The versions of these paths of which the log tells, removed ones included; reads all of it. */
  async versionsOf(paths: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly ObjectVersion[]>> {
    const versions = new Map<string, ObjectVersion[]>();
    if (this.current === undefined || paths.size === 0) return versions;
    const { table, protocol, segment } = this.current;
    const take = (action: LogAction): void => {
      const file = 'add' in action ? action.add : 'remove' in action ? action.remove : undefined;
      if (file === undefined) return;
      const path = canonicalPath(table, file.path);
      if (paths.has(path)) versions.set(path, [...(versions.get(path) ?? []), versionOf(file)]);
    };
    for await (const { file, object } of getInOrder(table, segment.commits)) {
      for (const action of parseActions(object.body, { table, version: file.version })) take(action);
    }
    const { checkpoint } = segment;
    if (checkpoint === undefined) return versions;
    const logged = { has: (path: string) => paths.has(canonicalPath(table, path)) };
    const found = await findFiles({ table, protocol, checkpoint }, this.reader, logged, { removes: true });
    for (const action of found) take(action);
    for await (const { actions } of olderCommits(table, checkpoint.version)) for (const action of actions) take(action);
    return versions;
  }

  /** Notes that there is an object under the path. */
  see(path: string): void {
    const mark = this.paths.markOf(path);
    if (mark !== undefined) this.paths.mark(path, withSeen(mark));
  }

  /** Whether an object was seen under the path of an action, however that is spelt. */
  wasSeen(file: Pick<AddFile, 'path'>): boolean {
    for (const path of pathsOf(this.table, file)) {
      const mark = this.paths.markOf(path);
      if (mark !== undefined && isSeen(mark)) return true;
    }
    return false;
  }

  private async load(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.paths = new PathSet({ marked: true });
      try {
        this.current = await loadSnapshot(this.table, this.reader);
        return await this.readAll(this.current);
      } catch (error) {
        if (isDeltaError(error, 'TABLE_NOT_FOUND')) return;
        if (!isStoreError(error, 'PRECONDITION_FAILED') || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** The newest commits first: what is said of a path first, holds. */
  private async readAll({ table, protocol, segment }: Snapshot): Promise<void> {
    const { commits, checkpoint, head } = segment;
    this.reach = Number.POSITIVE_INFINITY;
    for await (const { file, object } of getInOrder(table, commits.toReversed())) {
      const actions = [...parseActions(object.body, { table, version: file.version })];
      for (const action of actions) if ('add' in action) this.noteAdd(action.add, 'keep');
      for (const action of actions) if ('remove' in action) this.noteRemove(action.remove, file.modified, 'keep');
      this.reach = reachOf(file.modified, actions);
    }
    this.older = undefined;
    this.nextOlder = checkpoint?.version ?? -1;
    if (checkpoint === undefined) {
      this.reach = Number.NEGATIVE_INFINITY;
      return;
    }
    if (commits.length === 0 && head !== undefined) {
      const commitInfo = await readCommitInfo(table, head);
      this.reach = reachOf(head.modified, commitInfo === undefined ? [] : [{ commitInfo }]);
    }
    for await (const batch of readFiles({ table, protocol, checkpoint }, this.reader, { removes: true })) {
      for (const action of batch) {
        if ('add' in action) this.noteAdd(action.add, 'keep');
        else this.noteTombstone(action.remove);
      }
    }
  }

  private async nextCommit(older: AsyncGenerator<OlderCommit, void, undefined>): Promise<OlderCommit | undefined> {
    try {
      const { value, done } = await older.next();
      return done === true || value === undefined || value.version !== this.nextOlder ? undefined : value;
    } catch (error) {
      // Cleaned up while it was read.
      if (isDeltaError(error, 'LOG_GAP')) return undefined;
      throw error;
    }
  }

  private noteAdd(add: AddFile, known: Known): void {
    this.note(add, activeMark(versionOf(add)), known);
  }

  /** `committed` is the time of the commit, ms: the action's own is by its writer's clock. */
  private noteRemove(remove: RemoveFile, committed: number, known: Known): void {
    this.note(remove, removedMark(Math.max(remove.deletionTimestamp ?? 0, committed)), known);
  }

  /** A checkpoint has the writer's time only. One without a time may have been removed at any. */
  private noteTombstone(remove: RemoveFile): void {
    const time = remove.deletionTimestamp ?? Number.POSITIVE_INFINITY;
    this.note(remove, removedMark(time + CLOCK_MARGIN), 'keep');
  }

  private note({ path: logged }: Pick<AddFile, 'path'>, mark: number, known: Known): void {
    for (const path of pathsOf(this.table, { path: logged })) {
      const before = this.paths.markOf(path);
      if (before === undefined) this.paths.add(path, mark);
      else if (known === 'replace') this.paths.mark(path, isSeen(before) ? withSeen(mark) : mark);
      else this.paths.mark(path, laterRemoval(before, mark));
    }
  }
}

/**
 * The time up to which a commit shows that the log reaches back: its own, unless it says that it was made much earlier. Then
 * the bucket was copied, and its times tell nothing of the order in which things were written.
 */
function reachOf(modified: number, actions: readonly LogAction[]): number {
  const made = actions.find((action) => 'commitInfo' in action)?.commitInfo.timestamp;
  return made !== undefined && modified - made > COPIED_AFTER ? Number.POSITIVE_INFINITY : modified;
}

/** ms: longer than any commit takes, with clocks that differ. */
const COPIED_AFTER = 86_400_000;

/** Whether what is noted is older than what is known of its path, or newer. */
type Known = 'keep' | 'replace';

/** How much the clock of a writer may be behind that of the store, ms. */
const CLOCK_MARGIN = 60_000;

function replaced({ table, version }: Snapshot, cause?: unknown): DeltaError {
  const message = `${table.url} was replaced, or its log cleaned up beyond version ${version}, while its files were looked at`;
  return new DeltaError('CONFLICT', message, { table: table.url, version }, { cause });
}
