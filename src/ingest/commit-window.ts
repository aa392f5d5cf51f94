import type { Commit } from '../delta/commit-file.ts';
import { canonicalPath } from '../delta/path.ts';
import type { TableRef } from '../delta/table.ts';
import { isCoveredByAdd, isCoveredByRemove, type ObjectVersion, versionOf } from './object-version.ts';

/**
 * The file actions of the newest commits of a table: what a delivery of an event is compared with.
 *
 * An event made at time T can only have been committed after T, so a window that reaches back to T holds every commit
 * in which that event can stand. What counts is whether a version was ever added in these commits, not whether it is
 * active now: a duplicate that comes after the file was compacted away must not bring it back.
 */
export class CommitWindow {
  private readonly table: TableRef;
  /** Ascending by version, without gaps. */
  private commits: WindowCommit[] = [];
  /** Every commit that was made after this time (ms) is in the window. -Infinity: the whole log is. */
  private coveredSince: number;

  constructor(table: TableRef, coveredSince: number) {
    this.table = table;
    this.coveredSince = coveredSince;
  }

  /** The oldest version in the window; undefined when it is empty. */
  get firstVersion(): number | undefined {
    return this.commits[0]?.version;
  }

  /** Whether every commit that can hold an event made at `time` or later (ms) is here. */
  reachesBackTo(time: number): boolean {
    return this.coveredSince < time;
  }

  /** Takes the next newer commit. One that is here already is passed over. */
  append(commit: Commit): void {
    const last = this.commits.at(-1);
    if (last !== undefined && commit.version <= last.version) return;
    this.commits.push(digest(this.table, commit));
  }

  /** Takes older commits, ascending and ending just before the oldest one here; `coveredSince` is the time of the commit before them. */
  prepend(commits: readonly Commit[], coveredSince: number): void {
    this.commits = [...commits.map((commit) => digest(this.table, commit)), ...this.commits];
    this.coveredSince = coveredSince;
  }

  /** Forgets the oldest commits until at most `maxFiles` file actions are held; at least the newest commit stays. */
  trim(maxFiles: number): void {
    let files = this.commits.reduce((sum, commit) => sum + commit.size, 0);
    let forgotten = 0;
    while (files > maxFiles && forgotten < this.commits.length - 1) {
      const oldest = this.commits[forgotten];
      if (oldest === undefined) break;
      files -= oldest.size;
      this.coveredSince = Math.max(this.coveredSince, oldest.modified);
      forgotten++;
    }
    this.commits = this.commits.slice(forgotten);
  }

  /** Whether a commit of the window added a file of this path. */
  hasAdd(path: string): boolean {
    return this.commits.some(({ adds }) => adds.has(path));
  }

  /** The commit in which this version of the object, or a newer one, was handled; undefined if it is news. */
  find(path: string, incoming: ObjectVersion): number | undefined {
    for (let index = this.commits.length - 1; index >= 0; index--) {
      const commit = this.commits[index];
      const added = commit?.adds.get(path);
      if (commit !== undefined && added !== undefined && isCoveredByAdd(incoming, added)) return commit.version;
      const removed = commit?.removes.get(path);
      if (commit !== undefined && removed !== undefined && isCoveredByRemove(incoming, removed)) return commit.version;
    }
    return undefined;
  }
}

interface WindowCommit {
  readonly version: number;
  readonly modified: number;
  readonly adds: ReadonlyMap<string, ObjectVersion>;
  readonly removes: ReadonlyMap<string, ObjectVersion>;
  readonly size: number;
}

function digest(table: TableRef, commit: Commit): WindowCommit {
  const adds = new Map<string, ObjectVersion>();
  const removes = new Map<string, ObjectVersion>();
  for (const action of commit.actions) {
    if ('add' in action) adds.set(canonicalPath(table, action.add.path), versionOf(action.add));
    else if ('remove' in action) removes.set(canonicalPath(table, action.remove.path), versionOf(action.remove));
  }
  return { version: commit.version, modified: commit.modified, adds, removes, size: adds.size + removes.size };
}
