import type { FileAction } from '../../delta/checkpoint.ts';
import { canonicalPath, fileId } from '../../delta/path.ts';
import type { TableRef } from '../../delta/table.ts';
import { TextSet } from './text-set.ts';

/** The canonical paths of some files, from the least to the greatest. */
export interface PathRange {
  readonly min: string;
  readonly max: string;
}

/** Changed paths that are kept as texts; of more only the range is. */
const MAX_LISTED = 20_000;

/** Which files the commits since a checkpoint tell of, in memory that hardly depends on their paths. */
export class ChangedFiles {
  readonly #table: TableRef;
  readonly #ids = new TextSet();
  /** Of those with a deletion vector; without one, the id of a file is its path. */
  readonly #paths = new TextSet();
  readonly #listed: string[] = [];
  #range: PathRange | undefined;

  constructor(table: TableRef) {
    this.#table = table;
  }

  /** Notes an action. Whether it is the first that was noted for its file. */
  add(action: FileAction): boolean {
    const { path, id } = identify(this.#table, action);
    if (id !== path) this.#paths.add(path);
    this.#range = widened(this.#range, path);
    if (this.#listed.length <= MAX_LISTED) this.#listed.push(path);
    return this.#ids.add(id);
  }

  get size(): number {
    return this.#ids.size;
  }

  /** Whether an older action on the same file is superseded. */
  has(action: FileAction): boolean {
    return this.#ids.size > 0 && this.#ids.has(identify(this.#table, action).id);
  }

  /** Whether a file with this logged path was changed, whatever deletion vector it has. */
  hasPath(loggedPath: string): boolean {
    const path = canonicalPath(this.#table, loggedPath);
    return this.#ids.has(path) || this.#paths.has(path);
  }

  /** Whether a file with a path in the range may have been changed. */
  mayTouch({ min, max }: PathRange): boolean {
    if (this.#range === undefined || this.#range.max < min || this.#range.min > max) return false;
    return this.#listed.length > MAX_LISTED || this.#listed.some((path) => path >= min && path <= max);
  }
}

export function widened(range: PathRange | undefined, path: string): PathRange {
  if (range === undefined) return { min: path, max: path };
  if (path >= range.min && path <= range.max) return range;
  return { min: path < range.min ? path : range.min, max: path > range.max ? path : range.max };
}

function identify(table: TableRef, action: FileAction): { readonly path: string; readonly id: string } {
  const { path: logged, deletionVector } = 'add' in action ? action.add : action.remove;
  const path = canonicalPath(table, logged);
  return { path, id: fileId(path, deletionVector) };
}
