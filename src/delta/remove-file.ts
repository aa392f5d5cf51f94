import type { AddFile, RemoveFile } from './actions.ts';

/** What a `remove` takes over from the `add` of its file. */
export type RemovableFile = Pick<
  AddFile,
  'path' | 'partitionValues' | 'size' | 'deletionVector' | 'tags' | 'baseRowId' | 'defaultRowCommitVersion'
>;

/**
 * The `remove` of an active file, with all that readers of the change data feed and of row ids need (PROTOCOL.md "Add File and Remove
 * File"). `deletionTimestamp` in ms since the epoch; `dataChange` is whether its rows go, and not only the file.
 */
export function toRemove(file: RemovableFile, deletionTimestamp: number, dataChange: boolean): RemoveFile {
  const { path, partitionValues, size, deletionVector, tags, baseRowId, defaultRowCommitVersion } = file;
  return {
    path,
    deletionTimestamp,
    dataChange,
    extendedFileMetadata: true,
    partitionValues,
    size,
    ...(tags !== undefined && { tags }),
    ...(deletionVector !== undefined && { deletionVector }),
    ...(baseRowId !== undefined && { baseRowId }),
    ...(defaultRowCommitVersion !== undefined && { defaultRowCommitVersion }),
  };
}
