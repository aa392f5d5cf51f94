import { type TableRef, tableKey } from '../delta/table.ts';
import { isStoreError } from '../storage/object-store.ts';

/** How far a reconciliation of several turns has come. */
export interface ReconcileState {
  /** All up to this path below the root is settled; what is behind it is not. */
  readonly after: string;
  /** Whether a turn came to the end after that. */
  readonly isDone: boolean;
  /** ISO 8601. */
  readonly updatedAt: string;
}

const FORMAT = 1;
/** Beside the quarantine; written only where one turn is not enough. */
const PATH = '_resaca/reconcile.json';
/** What nobody went on with for so long is begun anew, ms: turns follow each other within an hour. */
const MAX_AGE = 24 * 3_600_000;

/** Undefined where there is none that holds. A position is no more than a short cut, so one that cannot be read is none. */
export async function readState(table: TableRef, now: number): Promise<ReconcileState | undefined> {
  try {
    const { body } = await table.store.get(tableKey(table, PATH));
    const { format, ...state } = JSON.parse(new TextDecoder().decode(body)) as ReconcileState & { format: unknown };
    const isState = format === FORMAT && typeof state.after === 'string' && typeof state.isDone === 'boolean';
    return isState && now - Date.parse(state.updatedAt) < MAX_AGE ? state : undefined;
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export async function writeState(table: TableRef, state: ReconcileState): Promise<void> {
  const body = JSON.stringify({ format: FORMAT, ...state }, null, 2);
  await table.store.put(tableKey(table, PATH), new TextEncoder().encode(`${body}\n`));
}
