import type { Commit } from '../delta/commit-file.ts';
import { canonicalPath } from '../delta/path.ts';
import type { TableRef } from '../delta/table.ts';
import { isCoveredByAdd, isCoveredByRemove, isOlder, type ObjectVersion, versionOf } from './object-version.ts';

/** What a commit says of files, for as long as it is of interest: a small part of the commit. */
export interface CommitDigest {
  readonly version: number;
  /** ms since the epoch. */
  readonly modified: number;
  readonly files: ReadonlyMap<string, FileMention>;
}

interface FileMention {
  readonly added?: ObjectVersion;
  readonly removed?: ObjectVersion;
}

export function digestCommit(table: TableRef, { version, modified, actions }: Commit): CommitDigest {
  const files = new Map<string, FileMention>();
  for (const action of actions) {
    const file = 'add' in action ? action.add : 'remove' in action ? action.remove : undefined;
    if (file === undefined) continue;
    const path = canonicalPath(table, file.path);
    const mention = 'add' in action ? { added: versionOf(file) } : { removed: versionOf(file) };
    files.set(path, { ...files.get(path), ...mention });
  }
  return { version, modified, files };
}

/**
 * The file actions of the newest commits of a table: what a delivery of an event is compared with.
 *
 * An event made at time T can only have been committed after T, so a window that reaches back to T holds every commit
 * in which that event can stand. What counts is whether a version was ever added in these commits, not whether it is
 * active now: a duplicate that comes after the file was compacted away must not bring it back.
 *
 * A new window is that of an empty log.
 */
export class CommitWindow {
  private readonly table: TableRef;
  /** Ascending by version, without gaps. */
  private commits: CommitDigest[] = [];
  /** The commits that mention a path, ascending. */
  private byPath = new Map<string, CommitDigest[]>();
  private nextVersion = 0;
  /** Every commit that was made after this time (ms) is in the window. -Infinity: the whole log is. */
  private coveredSince = Number.NEGATIVE_INFINITY;
  private fileCount = 0;

  constructor(table: TableRef) {
    this.table = table;
  }

  /** File actions held, of about 200 bytes each. */
  get size(): number {
    return this.fileCount;
  }

  /** The oldest version in the window; the next one where it is empty. */
  get firstVersion(): number {
    return this.commits[0]?.version ?? this.nextVersion;
  }

  /** Whether the window has the commits up to this version. */
  hasSeen(version: number): boolean {
    return this.nextVersion > version;
  }

  /** Whether every commit that can hold an event made at `time` or later (ms) is here. */
  reachesBackTo(time: number): boolean {
    return this.coveredSince < time;
  }

  /** Forgets everything. The next commit is to follow on this one, which was made at `modified` (ms). */
  startAfter(version: number, modified: number): void {
    this.commits = [];
    this.byPath = new Map();
    this.fileCount = 0;
    this.nextVersion = version + 1;
    this.coveredSince = modified;
  }

  /** Takes a newer commit. One that is here already is passed over; behind a gap the window starts anew. */
  append(commit: Commit): void {
    if (commit.version < this.nextVersion) return;
    if (commit.version > this.nextVersion) this.startAfter(commit.version - 1, commit.modified);
    const digest = digestCommit(this.table, commit);
    this.commits.push(digest);
    this.nextVersion = digest.version + 1;
    this.fileCount += digest.files.size;
    for (const path of digest.files.keys()) {
      const mentions = this.byPath.get(path);
      if (mentions === undefined) this.byPath.set(path, [digest]);
      else mentions.push(digest);
    }
  }

  /** Takes older commits, ascending and ending just before the oldest one here; `coveredSince` is the time of the commit before them. */
  prepend(digests: readonly CommitDigest[], coveredSince: number): void {
    this.commits = [...digests, ...this.commits];
    this.coveredSince = coveredSince;
    for (const digest of digests.toReversed()) {
      this.fileCount += digest.files.size;
      for (const path of digest.files.keys()) this.byPath.set(path, [digest, ...(this.byPath.get(path) ?? [])]);
    }
  }

  /** Forgets the oldest commits until at most `maxFiles` file actions are held; the newest commit stays. */
  trim(maxFiles: number): void {
    let forgotten = 0;
    for (const digest of this.commits.slice(0, -1)) {
      if (this.fileCount <= maxFiles) break;
      this.coveredSince = Math.max(this.coveredSince, digest.modified);
      this.fileCount -= digest.files.size;
      for (const path of digest.files.keys()) {
        const rest = this.byPath.get(path)?.filter((mention) => mention !== digest) ?? [];
        if (rest.length === 0) this.byPath.delete(path);
        else this.byPath.set(path, rest);
      }
      forgotten++;
    }
    this.commits = this.commits.slice(forgotten);
  }

  /** Whether a commit of the window added a file of this path. */
  hasAdd(path: string): boolean {
    return this.byPath.get(path)?.some(({ files }) => files.get(path)?.added !== undefined) ?? false;
  }

  /** The newest commit that says something of this path. */
  lastMention(path: string): number | undefined {
    return this.byPath.get(path)?.at(-1)?.version;
  }

  /** The commit in which this version of the object, or a newer one, was handled; undefined if it is news. */
  find(path: string, incoming: ObjectVersion): number | undefined {
    for (const { version, files } of this.byPath.get(path)?.toReversed() ?? []) {
      const { added, removed } = files.get(path) ?? {};
      if (added !== undefined && isCoveredByAdd(incoming, added)) return version;
      if (removed !== undefined && isCoveredByRemove(incoming, removed)) return version;
      // What is older than something that is older than the event is no answer, whatever its etag or size.
      if ([added, removed].some((logged) => logged !== undefined && isOlder(logged, incoming))) return undefined;
    }
    return undefined;
  }
}
