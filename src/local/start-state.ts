import type { AddFile } from '../delta/actions.ts';
import type { CheckpointReader } from '../delta/checkpoint.ts';
import { canonicalPath } from '../delta/path.ts';
import { activeFiles, loadSnapshot } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { versionOf } from '../ingest/object-version.ts';
import type { ObjectInfo } from '../storage/object-store.ts';

/** How the files of the landing folder stand to its tables when the service starts. */
export interface StartState {
  /** Keys whose file is active in its table in this very version: nothing to do. */
  readonly handled: readonly string[];
  /** Keys that are active in their table and whose file is gone. */
  readonly missing: readonly string[];
}

export interface StartStateOptions {
  readonly tables: readonly TableRef[];
  readonly reader: CheckpointReader;
  /** Root of the table to which a key belongs; undefined when it is not to be watched. */
  readonly rootOf: (key: string) => string | undefined;
  /** A table that cannot be read; its files are announced, and the append function says what is wrong. */
  readonly onUnreadable: (table: TableRef, error: unknown) => void;
}

/**
 * Compares the files with what the tables say. Nothing else is remembered from one run to the next, so that no state
 * can be lost, or be older or newer than the tables. Memory: the keys of `files`, and one batch of actions.
 */
export async function compareWithTables(
  files: ReadonlyMap<string, ObjectInfo>,
  options: StartStateOptions,
): Promise<StartState> {
  const handled: string[] = [];
  const missing: string[] = [];
  for (const table of options.tables) {
    try {
      for await (const { key, add } of activeKeys(table, options.reader)) {
        if (options.rootOf(key) !== table.root) continue;
        const file = files.get(key);
        if (file === undefined) missing.push(key);
        else if (isVersion(file, add)) handled.push(key);
      }
    } catch (error) {
      options.onUnreadable(table, error);
    }
  }
  return { handled, missing };
}

/** Other writers keep no etag; Spark and delta-rs log the file's own time. */
function isVersion(file: ObjectInfo, add: AddFile): boolean {
  const { etag } = versionOf(add);
  if (etag !== undefined) return file.etag === etag;
  return file.size === add.size && file.modified === add.modificationTime;
}

async function* activeKeys(
  table: TableRef,
  reader: CheckpointReader,
): AsyncGenerator<{ readonly key: string; readonly add: AddFile }> {
  const snapshot = await loadSnapshot(table, reader);
  for await (const batch of activeFiles(snapshot, reader)) {
    for (const add of batch) {
      const path = canonicalPath(table, add.path);
      // A file outside the table's root (a shallow clone's) is no object of the landing folder.
      if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) yield { key: tableKey(table, path), add };
    }
  }
}
