import { type FSWatcher, watch } from 'node:fs';
import { isGone, pathOfKey } from './folder-scan.ts';

/** The operating system's notices that something changed in a folder. They may be late, doubled or lost. */
export interface FolderHints {
  /** Asks for notices of the folder from now on; nothing happens when that was done before. */
  watchFolder(key: string): void;
  /**
   * Ends the watches of a folder and all below it, because it is gone, or may be another one of the same name by now:
   * a watch follows the folder, not the name. False when there were none.
   */
  unwatch(key: string): boolean;
  /** Ends the watches of all other folders. */
  keepOnly(keys: ReadonlySet<string>): void;
  /** The keys of which a notice came, and forgets them. */
  take(): readonly string[];
  any(): boolean;
  /** Whether a notice came that does not say what changed. */
  wantsScan(): boolean;
  /** Forgets all notices, because everything is about to be looked at. */
  clear(): void;
  close(): void;
}

export interface FolderHintsOptions {
  readonly root: string;
  /** Called at every notice. */
  readonly wake: () => void;
  readonly onProblem: (message: string, data: Readonly<Record<string, unknown>>) => void;
}

/**
 * One watch a folder. (Node's recursive watch takes one for every file on Linux, where their number is limited.)
 * When there are no more to be had, no further folder is watched.
 */
export function createFolderHints(options: FolderHintsOptions): FolderHints {
  const watches = new Map<string, FSWatcher>();
  const keys = new Set<string>();
  let scanWanted = false;
  let exhausted = false;

  function wantScan(): void {
    scanWanted = true;
    options.wake();
  }

  function noticed(folder: string, name: string | null): void {
    if (name === null) scanWanted = true;
    else keys.add(folder === '' ? name : `${folder}/${name}`);
    options.wake();
  }

  function close(folder: string): void {
    watches.get(folder)?.close();
    watches.delete(folder);
  }

  function watchFolder(folder: string): void {
    if (exhausted || watches.has(folder)) return;
    try {
      const watcher = watch(pathOfKey(options.root, folder), (_event, name) => noticed(folder, name));
      watcher.on('error', () => {
        close(folder);
        wantScan();
      });
      watches.set(folder, watcher);
    } catch (error) {
      if (isGone(error)) return;
      exhausted = true;
      const message = error instanceof Error ? error.message : String(error);
      options.onProblem('no more folders can be watched; changes are found by scans only', { error: message });
    }
  }

  return {
    watchFolder,
    unwatch(key) {
      const folders = [...watches.keys()].filter((folder) => folder === key || folder.startsWith(`${key}/`));
      for (const folder of folders) close(folder);
      return folders.length > 0;
    },
    keepOnly(folders) {
      for (const folder of [...watches.keys()]) if (!folders.has(folder)) close(folder);
    },
    take() {
      const taken = [...keys];
      keys.clear();
      return taken;
    },
    any: () => keys.size > 0 || scanWanted,
    wantsScan: () => scanWanted,
    clear() {
      scanWanted = false;
      keys.clear();
    },
    close() {
      for (const folder of [...watches.keys()]) close(folder);
    },
  };
}
