import { createHash } from 'node:crypto';
import { type TableRef, tableKey } from '../../delta/table.ts';
import type { AppendConfig } from '../../ingest/config.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { Sums } from '../sums.ts';

/** How far a backfill has come. */
export interface BackfillState {
  /** ISO 8601. */
  readonly startedAt: string;
  /** ISO 8601. */
  readonly updatedAt: string;
  /** Objects to look at, if they were counted. */
  readonly total?: number;
  /** All objects that are listed up to this path, this one included, are settled; of an inventory, so many of its lines. */
  readonly after?: string;
  readonly listed: number;
  readonly ignored: number;
  readonly isDone: boolean;
  readonly sums: Sums;
}

const FORMAT = 1;
const FOLDER = '_resaca/backfill';

/** The same for the same place, source and rules, so that the same command goes on. */
export function backfillId(place: Pick<TableRef, 'url'>, source: string, config: AppendConfig): string {
  const text = JSON.stringify([place.url, source, config.tables, config.convention, config.defaults]);
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Undefined where there is none. Throws for an object that is no state. */
export async function readState(place: TableRef, id: string): Promise<BackfillState | undefined> {
  const key = keyOf(place, id);
  try {
    const { format, ...state } = JSON.parse(new TextDecoder().decode((await place.store.get(key)).body));
    if (format !== FORMAT) throw new Error(`${key} has the format ${format}, expected ${FORMAT}`);
    return state;
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

export async function writeState(place: TableRef, id: string, state: BackfillState): Promise<void> {
  const body = JSON.stringify({ format: FORMAT, place: place.url, ...state }, null, 2);
  await place.store.put(keyOf(place, id), new TextEncoder().encode(`${body}\n`));
}

function keyOf(place: TableRef, id: string): string {
  return tableKey(place, `${FOLDER}/${id}.json`);
}
