import type { CheckpointReader } from '../delta/checkpoint.ts';
import { isDeltaError } from '../delta/errors.ts';
import { lookBack } from '../delta/look-back.ts';
import { isOutdated, loadSnapshot, refreshSnapshot, type Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import type { RowEngine } from '../kafka/engine.ts';
import { type AppendTarget, commitRows, type DataFile } from '../kafka/table-writer.ts';
import { messagesOf, messageTags } from './commit-tag.ts';
import type { Identity } from './identity.ts';
import { MessageWindow } from './message-window.ts';

/** Messages of one table that are remembered between invocations, of about 70 bytes each. */
const MAX_REMEMBERED = 1_000_000;

/** What a log says of messages. */
export interface Sorted {
  /** Digests of those that it holds. */
  readonly known: ReadonlySet<string>;
  /** Of those that it may have held: commits that are young enough for them are gone from the log. */
  readonly undecided: ReadonlySet<string>;
  /** Time after which all commits were seen, ms since the epoch. */
  readonly seenSince: number;
}

export interface MessageCommit {
  readonly target: Omit<AppendTarget, 'table'>;
  readonly files: readonly DataFile[];
  /** Of the messages that the files hold. */
  readonly digests: ReadonlySet<string>;
  /** ms since the epoch. */
  readonly deadline: number;
}

/** Lost races, and whether the commit was made; it is not when the log has become another than the files were made for. */
export interface MessageCommitResult {
  readonly isCommitted: boolean;
  readonly conflicts: number;
}

/**
 * The log of a table, as far as it says which messages the table holds. Kept between invocations, and brought up to date by
 * two HEADs, or one LIST and the new commits. What is thrown while it is in use leaves it unusable.
 */
export class MessageLog {
  readonly table: TableRef;
  readonly #reader: CheckpointReader;
  #window: MessageWindow;
  #snapshot: Snapshot | undefined;

  constructor(table: TableRef, reader: CheckpointReader) {
    this.table = table;
    this.#reader = reader;
    this.#window = new MessageWindow(table);
  }

  /** The table as it was seen last; undefined when there was none. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /**
   * Sees the commits of others until `now`, ms by the clock of the engine. A table that was made anew has no memory of the
   * one before.
   */
  async refresh(now: number): Promise<void> {
    const window = this.#window;
    if (this.#snapshot !== undefined) {
      try {
        this.#snapshot = await refreshSnapshot(this.#snapshot, { onCommit: (commit) => window.append(commit), now });
        return;
      } catch (error) {
        if (!isOutdated(error)) throw error;
      }
    }
    await this.#load();
  }

  /** Bounds what is held, before it is kept for the next invocation. */
  trim(maxMessages = MAX_REMEMBERED): void {
    this.#window.trim(maxMessages);
  }

  /** Tells the messages that the table holds from others, by reading older commits where that is needed. */
  async sort(identities: readonly Identity[]): Promise<Sorted> {
    const window = this.#window;
    const known = new Set(identities.filter(({ digest }) => window.has(digest)).map(({ digest }) => digest));
    const open = new Map(identities.filter(({ digest }) => !known.has(digest)).map((one) => [one.digest, one]));
    if (open.size === 0) return { known, undecided: new Set(), seenSince: window.coveredSince };
    const since = [...open.values()].reduce((oldest, one) => Math.min(oldest, one.since), Number.POSITIVE_INFINITY);
    const seenSince = await lookBack(
      this.table,
      { before: window.firstVersion, since, seenSince: window.coveredSince },
      (commit) => {
        for (const digest of messagesOf(this.table, commit)) if (open.delete(digest)) known.add(digest);
      },
    );
    const undecided = [...open.values()].filter((one) => one.since <= seenSince).map(({ digest }) => digest);
    return { known, undecided: new Set(undecided), seenSince };
  }

  /**
   * Commits files that hold messages, and that they do. Not when another writer has committed one of them meanwhile, or has
   * made the table or changed its columns: then all is to be decided anew. Throws the errors of `commitRows`.
   */
  async commit(engine: RowEngine, { target, files, digests, deadline }: MessageCommit): Promise<MessageCommitResult> {
    const window = this.#window;
    const head = this.#snapshot;
    const isSame = (current: Snapshot | undefined): boolean =>
      current?.metadata.schemaString === head?.metadata.schemaString &&
      ![...digests].some((digest) => window.has(digest));
    const result = await commitRows(engine, { ...target, table: this.table }, head, {
      files,
      txns: (current) => (isSame(current) ? [] : undefined),
      tags: messageTags(digests),
      onCommit: (commit) => window.append(commit),
      deadline,
    });
    if (result.kind === 'committed') window.append(result.commit);
    this.#see(result.snapshot);
    return { isCommitted: result.kind === 'committed', conflicts: result.conflicts };
  }

  async #load(): Promise<void> {
    const window = new MessageWindow(this.table);
    this.#window = window;
    this.#snapshot = undefined;
    try {
      const snapshot = await loadSnapshot(this.table, this.#reader, {
        onCommit: (commit) => {
          window.append(commit);
          window.trim(MAX_REMEMBERED);
        },
      });
      this.#see(snapshot);
    } catch (error) {
      if (isDeltaError(error, 'TABLE_NOT_FOUND')) return;
      throw error;
    }
  }

  /** Takes a snapshot; one that comes from a checkpoint alone has shown no commit. */
  #see(snapshot: Snapshot | undefined): void {
    this.#snapshot = snapshot;
    if (snapshot === undefined || this.#window.hasSeen(snapshot.version)) return;
    const { version, segment } = snapshot;
    this.#window.startAfter(version, segment.head?.modified ?? Number.POSITIVE_INFINITY);
  }
}
