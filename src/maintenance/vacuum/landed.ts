import { canonicalPath } from '../../delta/path.ts';
import { tableKey } from '../../delta/table.ts';
import type { StrayFile } from '../stray-files.ts';
import { olderCommits } from './older-commits.ts';
import type { ProtectedFiles } from './protected-files.ts';

/** See src/ingest/table-shape.ts and src/ingest/quarantine.ts. */
const ADOPT_PROPERTY = 'resaca.adoptExisting';
const QUARANTINE_DIR = '_resaca/quarantine';

/**
 * Whether files of others land below the root of a table, to be taken into it by the append function. A file that the
 * log does not know may be one that nobody has taken yet: its event waits, failed, or named a file that did not fit.
 */
export async function takesLandedFiles(files: ProtectedFiles): Promise<boolean> {
  const { metadata, txns, table } = files.snapshot;
  if (files.hasLandedFiles || metadata.configuration[ADOPT_PROPERTY] === 'true') return true;
  // All may have been compacted by now. A table with transactions has its files from a stream, not from a landing.
  if (files.hasCompactedFiles && txns.size === 0) return true;
  for await (const _ of table.store.list(tableKey(table, `${QUARANTINE_DIR}/`))) return true;
  return false;
}

/**
 * Looks for orphans in the commits that the checkpoint holds: one whose last mention is a remove that was made before
 * `removedBefore` was taken out, and only the checkpoint's tombstone has expired. Reads the log back as far as it goes,
 * unless it comes upon all of them earlier.
 */
export async function findForgottenRemovals(
  { snapshot: { table, segment } }: ProtectedFiles,
  orphans: readonly StrayFile[],
  removedBefore: number,
): Promise<ReadonlySet<string>> {
  const removed = new Set<string>();
  const open = new Set(orphans.map(({ path }) => path));
  if (open.size === 0 || segment.checkpoint === undefined) return removed;
  for await (const { modified, actions } of olderCommits(table, segment.checkpoint.version)) {
    const here = new Set<string>();
    for (const action of actions) {
      if ('remove' in action) {
        const path = canonicalPath(table, action.remove.path);
        const time = Math.max(action.remove.deletionTimestamp ?? 0, modified);
        if (open.has(path) && time < removedBefore) here.add(path);
        else open.delete(path);
      } else if ('add' in action) {
        open.delete(canonicalPath(table, action.add.path));
      }
    }
    for (const path of here) if (open.delete(path)) removed.add(path);
    if (open.size === 0) break;
  }
  return removed;
}
