import type { ChangeFile } from '../../cdf/changes/commit-changes.ts';
import { CdfError } from '../../cdf/errors.ts';
import type { AddFile } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import type { RelationFile, RowSelection } from '../engine.ts';

/** Where the rows of a file are from. */
export interface RowOrigin {
  readonly segment: number;
  readonly version: number;
}

/** A file of a change as one of a relation: one HEAD where the log does not say its size. Throws CdfError. */
export async function changedFile(
  table: TableRef,
  file: ChangeFile,
  { segment, version }: RowOrigin,
): Promise<RelationFile> {
  const { path, partitionValues } = file;
  if (partitionValues === undefined) {
    const reason = 'the log does not say the values of its partition';
    throw unreadable('UNREADABLE_FILE', table, version, path, reason);
  }
  const constants: Record<string, string | number> = { _segment: segment, _commit_version: version };
  if (file.kind === 'whole') constants._change_type = file.change;
  return { table, path, size: await sizeOf(table, file, version), partitionValues, rows: rowsOf(file), constants };
}

/** A file that a version has, as one whose rows came. */
export function activeFile(table: TableRef, add: AddFile, origin: RowOrigin): RelationFile {
  const { path, size, partitionValues, deletionVector } = add;
  return {
    table,
    path: canonicalPath(table, path),
    size,
    partitionValues,
    rows: { kind: 'all', ...(deletionVector && { deletionVector }) },
    constants: { _change_type: 'insert', _segment: origin.segment, _commit_version: origin.version },
  };
}

function rowsOf(file: ChangeFile): RowSelection {
  switch (file.kind) {
    case 'recorded':
      return { kind: 'recorded' };
    case 'whole':
      return { kind: 'all', ...(file.deletionVector && { deletionVector: file.deletionVector }) };
    case 'vector':
      return {
        kind: 'difference',
        ...(file.before && { before: file.before }),
        ...(file.after && { after: file.after }),
      };
  }
}

async function sizeOf(table: TableRef, { path, size }: ChangeFile, version: number): Promise<number> {
  if (size !== undefined) return size;
  const stored = await table.store.head(tableKey(table, path));
  if (stored !== undefined) return stored.size;
  const reason = 'it is not there any more (a vacuum deletes what is older than delta.deletedFileRetentionDuration)';
  throw unreadable('FILE_GONE', table, version, path, reason);
}

function unreadable(
  code: 'FILE_GONE' | 'UNREADABLE_FILE',
  { url }: TableRef,
  version: number,
  path: string,
  reason: string,
): CdfError {
  const message = `The changes of version ${version} of ${url} cannot be read: "${path}": ${reason}`;
  return new CdfError(code, message, { table: url, version, path });
}
