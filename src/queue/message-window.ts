import type { Commit } from '../delta/commit-file.ts';
import type { TableRef } from '../delta/table.ts';
import { messagesOf } from './commit-tag.ts';

interface CommitDigests {
  /** ms since the epoch. */
  readonly modified: number;
  readonly digests: readonly string[];
}

/**
 * The messages in the newest commits of a table. A message sent at time T can only have been committed after T, so that a
 * window that reaches back to T knows whether it was: as for files, see `src/ingest/commit-window.ts`.
 *
 * A new window is that of an empty log.
 */
export class MessageWindow {
  private readonly table: TableRef;
  /** Ascending by version, without gaps. */
  private commits: CommitDigests[] = [];
  private known = new Set<string>();
  private nextVersion = 0;
  private since = Number.NEGATIVE_INFINITY;

  constructor(table: TableRef) {
    this.table = table;
  }

  /** Messages held, of about 70 bytes each. */
  get size(): number {
    return this.known.size;
  }

  /** The oldest version in the window; the next one where it is empty. */
  get firstVersion(): number {
    return this.nextVersion - this.commits.length;
  }

  /** Every commit that was made after this time (ms) is in the window. -Infinity: the whole log is. */
  get coveredSince(): number {
    return this.since;
  }

  hasSeen(version: number): boolean {
    return this.nextVersion > version;
  }

  has(digest: string): boolean {
    return this.known.has(digest);
  }

  /** Forgets everything. The next commit is to follow on this one, which was made at `modified` (ms). */
  startAfter(version: number, modified: number): void {
    this.commits = [];
    this.known = new Set();
    this.nextVersion = version + 1;
    this.since = modified;
  }

  /** Takes a newer commit. One that is here already is passed over; behind a gap the window starts anew. */
  append(commit: Commit): void {
    const { version, modified } = commit;
    if (version < this.nextVersion) return;
    if (version > this.nextVersion) this.startAfter(version - 1, modified);
    const digests = messagesOf(this.table, commit);
    this.commits.push({ modified, digests });
    for (const digest of digests) this.known.add(digest);
    this.nextVersion = version + 1;
  }

  /** Forgets the oldest commits until at most `maxMessages` are held; the newest commit stays. */
  trim(maxMessages: number): void {
    let forgotten = 0;
    for (const { modified, digests } of this.commits.slice(0, -1)) {
      if (this.known.size <= maxMessages) break;
      for (const digest of digests) this.known.delete(digest);
      this.since = Math.max(this.since, modified);
      forgotten++;
    }
    this.commits = this.commits.slice(forgotten);
  }
}
