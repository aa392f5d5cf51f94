import { LOG_DIR } from '../delta/log-path.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/**
 * Finds the Delta tables under a prefix ('' for the whole store) in the order of their keys, by looking for log folders
 * from the outermost folder in; what lies inside a table is passed over. `behind` is a table to go on after. Costs a LIST for each table and each folder above
 * one, and a LIST for each 1,000 objects that are in no table.
 */
export async function* findTables(
  store: ObjectStore,
  prefix = '',
  behind?: string,
): AsyncGenerator<string, void, undefined> {
  const known = new Map<string, boolean>();

  async function isTable(folder: string): Promise<boolean> {
    const seen = known.get(folder);
    if (seen !== undefined) return seen;
    const found = await hasAny(store, `${folder === '' ? '' : `${folder}/`}${LOG_DIR}/`);
    known.set(folder, found);
    return found;
  }

  let after = behind === undefined ? undefined : endOf(behind);
  for (let isDone = false; !isDone; ) {
    isDone = true;
    const options = after === undefined ? {} : { startAfter: after };
    for await (const { key } of store.list(prefix === '' ? '' : `${prefix}/`, options)) {
      const table = await firstOf(foldersOf(key, prefix), isTable);
      if (table === undefined) continue;
      yield table;
      if (table === '') return;
      after = endOf(table);
      known.clear();
      isDone = false;
      break;
    }
  }
}

/** With the next character behind the slash: nothing of the table sorts behind it. */
function endOf(table: string): string {
  return `${table}0`;
}

/** The folders in which a key lies, the outermost first, from the prefix on. */
function foldersOf(key: string, prefix: string): string[] {
  const segments = key.split('/').slice(0, -1);
  const first = prefix === '' ? 0 : prefix.split('/').length;
  const folders: string[] = [];
  for (let depth = first; depth <= segments.length; depth++) folders.push(segments.slice(0, depth).join('/'));
  return folders;
}

async function firstOf(folders: readonly string[], isTable: (folder: string) => Promise<boolean>) {
  for (const folder of folders) if (await isTable(folder)) return folder;
  return undefined;
}

async function hasAny(store: ObjectStore, prefix: string): Promise<boolean> {
  for await (const _ of store.list(prefix)) return true;
  return false;
}
