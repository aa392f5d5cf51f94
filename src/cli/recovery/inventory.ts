import type { TableRef } from '../../delta/table.ts';
import type { ListedObject } from '../../recovery/listing.ts';
import { readInventory } from '../inventory/read-inventory.ts';

/** The objects of an inventory below a root; they are asked for before they are taken. */
export async function* objectsOf(
  inventory: string,
  place: Pick<TableRef, 'url' | 'root'>,
): AsyncGenerator<ListedObject, void, undefined> {
  for await (const { modified, ...file } of readInventory(inventory, place)) yield { ...file, time: modified };
}
