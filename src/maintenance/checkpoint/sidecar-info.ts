import { createHash } from 'node:crypto';
import type { Sidecar } from '../../delta/actions.ts';
import type { FileAction } from '../../delta/checkpoint.ts';
import { canonicalPath } from '../../delta/path.ts';
import type { TableRef } from '../../delta/table.ts';
import { type ActionColumn, checkpointSchema } from '../../parquet/checkpoint-schema.ts';
import { type PathRange, widened } from './changed-files.ts';

/** What is known of a sidecar without reading it. */
export interface SidecarInfo {
  /** Identifies its columns. */
  readonly layout: string;
  readonly adds: number;
  readonly removes: number;
  /** The greatest `deletionTimestamp` of its tombstones, ms since the epoch; 0 without any. */
  readonly lastDeletion: number;
  /** Undefined where it is not known. */
  readonly paths?: PathRange;
}

/** A sidecar as the protocol allows it, with tags. */
export type TaggedSidecar = Sidecar & { readonly tags?: Readonly<Record<string, string>> };

/** Longest path in a tag; every load of the table reads the tags. */
const MAX_PATH = 512;

/** The tags that tell it to the next writer of a checkpoint. A sidecar never changes, so they stay true. */
export function toTags({ layout, adds, removes, lastDeletion, paths }: SidecarInfo): Record<string, string> {
  const isShort = paths !== undefined && paths.min.length <= MAX_PATH && paths.max.length <= MAX_PATH;
  return {
    'resaca.layout': layout,
    'resaca.adds': String(adds),
    'resaca.removes': String(removes),
    'resaca.lastDeletion': String(lastDeletion),
    ...(isShort ? { 'resaca.minPath': paths.min, 'resaca.maxPath': paths.max } : {}),
  };
}

/** What the tags of a sidecar tell; undefined for one of another writer. */
export function fromTags({ tags = {} }: TaggedSidecar): SidecarInfo | undefined {
  const layout = tags['resaca.layout'];
  const [adds, removes, lastDeletion] = ['adds', 'removes', 'lastDeletion'].map((name) =>
    Number(tags[`resaca.${name}`]),
  );
  const isCount = (value: number | undefined): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  if (layout === undefined || !isCount(adds) || !isCount(removes) || !isCount(lastDeletion)) return undefined;
  const { 'resaca.minPath': min, 'resaca.maxPath': max } = tags;
  return {
    layout,
    adds,
    removes,
    lastDeletion,
    ...(min === undefined || max === undefined ? {} : { paths: { min, max } }),
  };
}

/** Sidecars with the same layout have the same columns. */
export function layoutOf(columns: readonly ActionColumn[]): string {
  return createHash('sha256')
    .update(JSON.stringify(checkpointSchema(columns)))
    .digest('hex')
    .slice(0, 16);
}

/** Counts the actions that go into a sidecar. */
export class SidecarCounter {
  readonly #table: TableRef;
  #adds = 0;
  #removes = 0;
  #lastDeletion = 0;
  #paths: PathRange | undefined;

  constructor(table: TableRef) {
    this.#table = table;
  }

  count(action: FileAction): void {
    if ('add' in action) {
      this.#adds++;
    } else {
      this.#removes++;
      this.#lastDeletion = Math.max(this.#lastDeletion, action.remove.deletionTimestamp ?? 0);
    }
    const { path } = 'add' in action ? action.add : action.remove;
    this.#paths = widened(this.#paths, canonicalPath(this.#table, path));
  }

  info(layout: string): SidecarInfo {
    const paths = this.#paths;
    const counts = { layout, adds: this.#adds, removes: this.#removes, lastDeletion: this.#lastDeletion };
    return paths === undefined ? counts : { ...counts, paths };
  }
}
