import { isCompactedFile } from '../../delta/path.ts';
import { isHidden, type StrayFile } from '../stray-files.ts';
import { findForgottenRemovals } from './landed.ts';
import type { ProtectedFiles } from './protected-files.ts';

/** Where writers put change files (PROTOCOL.md "Change Data Files"). */
const CHANGE_DATA = '_change_data/';
/** Where Iceberg's metadata of the same files are kept, by UniForm and by Apache XTable. */
const ICEBERG_METADATA = 'metadata/';

/** Whether a path may be that of a file which a vacuum deletes. */
export function isCandidatePath(path: string, partitionColumns: readonly string[]): boolean {
  if (path.startsWith(ICEBERG_METADATA)) return false;
  const visible = path.startsWith(CHANGE_DATA) ? path.slice(CHANGE_DATA.length) : path;
  return visible !== '' && !isHidden(visible, partitionColumns);
}

const DELETION_VECTOR = /(^|\/)deletion_vector_[0-9a-fA-F-]{36}\.bin$/;

/** Files that the log need not know to be deleted: only writers of Delta tables write such ones. */
function isOnlyOfWriters(path: string): boolean {
  return DELETION_VECTOR.test(path) || path.startsWith(CHANGE_DATA) || isCompactedFile(path);
}

export interface Choice {
  readonly deletable: readonly StrayFile[];
  /** Orphans that are left alone, because somebody may still want them. */
  readonly kept: readonly StrayFile[];
}

/**
 * Chooses among files that a table does not need: those that the log removed, and, of those it does not know, such as
 * writers of tables leave behind. `keepOrphans` is for tables into which files of others land.
 */
export async function chooseDeletable(
  files: ProtectedFiles,
  strays: readonly StrayFile[],
  { keepOrphans, removedBefore }: { readonly keepOrphans: boolean; readonly removedBefore: number },
): Promise<Choice> {
  const isUnknown = ({ path, kind }: StrayFile) => kind === 'orphan' && !isOnlyOfWriters(path);
  const forgotten = keepOrphans
    ? await findForgottenRemovals(files, strays.filter(isUnknown), removedBefore)
    : new Set<string>();
  const deletable: StrayFile[] = [];
  const kept: StrayFile[] = [];
  for (const file of strays) {
    if (forgotten.has(file.path)) deletable.push({ ...file, kind: 'removed' });
    else if (isUnknown(file) && (keepOrphans || !file.path.endsWith('.parquet'))) kept.push(file);
    else deletable.push(file);
  }
  return { deletable, kept };
}
