import type { AddFile } from '../../delta/actions.ts';
import type { Commit } from '../../delta/commit-file.ts';
import { canonicalPath } from '../../delta/path.ts';
import type { TableRef } from '../../delta/table.ts';

/** What a batch read of the target to decide what becomes of it; files are told by their canonical paths. */
export interface ReadSet {
  /** Files with a row that has one of the batch's keys. */
  readonly matched: ReadonlySet<string>;
  /** Those of them that are written again. */
  readonly rewritten: ReadonlySet<string>;
  /** Whether files that came may have rows with one of the keys. */
  mayHaveKeys(files: readonly AddFile[]): Promise<boolean>;
}

/** What other writers did to the target since a batch read it. */
export class TargetWinners {
  readonly #table: TableRef;
  /** Files that went, with their rows or because they were put together with others. */
  readonly #removed = new Set<string>();
  readonly #deleted = new Set<string>();
  #added: AddFile[] = [];

  constructor(table: TableRef) {
    this.#table = table;
  }

  readonly record = ({ actions }: Commit): void => {
    for (const action of actions) {
      if ('remove' in action) {
        const path = canonicalPath(this.#table, action.remove.path);
        this.#removed.add(path);
        if (action.remove.dataChange) this.#deleted.add(path);
      } else if ('add' in action && action.add.dataChange) this.#added.push(action.add);
    }
  };

  /**
   * Whether the batch has to be worked out again on the target as it is now: a file that it writes again is another one or gone,
   * a row that it found is not known to be there, or rows with its keys may have come. Appends of other keys, and compactions
   * of files that are only read, are no hindrance.
   */
  async disturb({ matched, rewritten, mayHaveKeys }: ReadSet): Promise<boolean> {
    for (const path of rewritten) if (this.#removed.has(path)) return true;
    for (const path of matched) if (this.#deleted.has(path)) return true;
    const added = this.#added;
    this.#added = [];
    return added.length > 0 && (await mayHaveKeys(added));
  }
}
