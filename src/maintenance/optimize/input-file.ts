import type { AddFile, DeletionVector } from '../../delta/actions.ts';
import type { PartitionValues } from './partition-key.ts';

/** A small file of the table, as far as its rewriting needs it. */
export interface InputFile {
  /** As logged. */
  readonly path: string;
  /** Key relative to the table's root, as `canonicalPath` gives it. */
  readonly relative: string;
  readonly partitionValues: PartitionValues;
  /** Bytes. */
  readonly size: number;
  /** ms since the epoch. */
  readonly modificationTime: number;
  readonly deletionVector?: DeletionVector;
  readonly tags?: NonNullable<AddFile['tags']>;
  readonly baseRowId?: number;
  readonly defaultRowCommitVersion?: number;
}

/** What an add says of its file, without its statistics, which would take most of the memory. */
export function toInput(add: AddFile, relative: string): InputFile {
  const { path, partitionValues, size, modificationTime, deletionVector, tags, baseRowId, defaultRowCommitVersion } =
    add;
  return {
    path,
    relative,
    partitionValues,
    size,
    modificationTime,
    ...(deletionVector !== undefined && { deletionVector }),
    ...(tags !== undefined && { tags }),
    ...(baseRowId !== undefined && { baseRowId }),
    ...(defaultRowCommitVersion !== undefined && { defaultRowCommitVersion }),
  };
}

/** Oldest first; those of one time by their paths. */
export function byAge(a: InputFile, b: InputFile): number {
  return a.modificationTime - b.modificationTime || (a.relative < b.relative ? -1 : a.relative > b.relative ? 1 : 0);
}
