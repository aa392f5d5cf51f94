import type { AddFile, RemoveFile } from '../../delta/actions.ts';
import type { WrittenFile } from '../engine.ts';

/** A file that a step wrote, with rows that are new to the table. */
export function toAdd({ path, partitionValues, size, modificationTime, stats }: WrittenFile): AddFile {
  return { path, partitionValues, size, modificationTime, dataChange: true, stats };
}

/** A file whose rows go. */
export function toRemove(file: AddFile, deletionTimestamp: number): RemoveFile {
  const { path, partitionValues, size, deletionVector, tags, baseRowId, defaultRowCommitVersion } = file;
  return {
    path,
    deletionTimestamp,
    dataChange: true,
    extendedFileMetadata: true,
    partitionValues,
    size,
    ...(tags !== undefined && { tags }),
    ...(deletionVector !== undefined && { deletionVector }),
    ...(baseRowId !== undefined && { baseRowId }),
    ...(defaultRowCommitVersion !== undefined && { defaultRowCommitVersion }),
  };
}
