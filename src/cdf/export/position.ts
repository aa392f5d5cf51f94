import { CdfError } from '../errors.ts';
import { type ExportTarget, jsonBytes, numberIn, readJson, targetKey } from './target.ts';

/** How far an export is. */
export interface Position {
  readonly table: string;
  /** `id` of the table's metadata: another one is another table. */
  readonly tableId: string;
  /** The last version whose changes are exported; all before it are, too. */
  readonly version: number;
}

/** Undefined where nothing was exported yet. Throws `CORRUPT_EXPORT`. */
export async function readPosition(target: ExportTarget): Promise<Position | undefined> {
  const { store, key } = placeOf(target);
  const object = await readJson(store, key);
  if (object === undefined) return undefined;
  const { table, tableId } = object;
  return { table: String(table), tableId: String(tableId), version: numberIn(object, 'version', key) };
}

/**
 * Saves the position, once the output up to it is complete. It replaces what is there without a condition: where a slow
 * writer puts an older one back, the next run finds the ranges behind it complete, and goes on from the last of them.
 */
export async function writePosition(target: ExportTarget, position: Position): Promise<void> {
  const { store, key } = placeOf(target);
  await store.put(key, jsonBytes(position));
}

/** Throws `OTHER_TABLE` where the position is of a table that was there before. */
export function assertSameTable({ table, tableId }: Position, own: { readonly url: string; readonly id: string }) {
  if (tableId === own.id) return;
  throw new CdfError(
    'OTHER_TABLE',
    `The position is of the table ${tableId} (${table}), and ${own.url} is the table ${own.id}: it was made again. ` +
      'Export it to another place, or with another position',
    { table: own.url, tableId: own.id, positionOf: tableId },
  );
}

function placeOf(target: ExportTarget) {
  return target.position ?? { store: target.store, key: targetKey(target, '_position.json') };
}
