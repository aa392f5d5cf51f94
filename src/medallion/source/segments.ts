import type { ChangeFile } from '../../cdf/changes/commit-changes.ts';

/** Whether the rows of a file may be such that went: recorded changes and deletion vectors do not say before they are read. */
export function mayRemove(file: ChangeFile): boolean {
  return file.kind !== 'whole' || file.change === 'delete';
}

function mayAdd(file: ChangeFile): boolean {
  return file.kind !== 'whole' || file.change === 'insert';
}

/**
 * Numbers commits by segments, from 0: a commit that may remove rows begins a new one if the segment has rows that came. In a commit
 * itself what went is before what came.
 */
export class SegmentCounter {
  #segment = 0;
  #hasAdded = false;

  /** The segment of the next commit, which may be one more than there are so far. */
  peek(files: readonly ChangeFile[]): number {
    return this.#hasAdded && files.some(mayRemove) ? this.#segment + 1 : this.#segment;
  }

  add(files: readonly ChangeFile[]): number {
    const segment = this.peek(files);
    this.#hasAdded = (segment === this.#segment && this.#hasAdded) || files.some(mayAdd);
    this.#segment = segment;
    return segment;
  }
}
