import { isStoreError } from '../storage/object-store.ts';
import { lastCheckpointKey } from './log-path.ts';
import type { TableRef } from './table.ts';

/** What of `_last_checkpoint` serves here (PROTOCOL.md "Last Checkpoint File Schema"). */
export interface LastCheckpoint {
  /** Version of a checkpoint that was written once; it may be gone, and there may be newer ones. */
  readonly version: number;
}

/**
 * Reads the hint where to start listing; undefined when there is none or it is no use.
 *
 * Nothing but the start of the listing hangs on it: a hint that is stale, wrong or half written costs requests, never
 * a wrong snapshot, since only checkpoints that were listed are used. Its checksum is therefore not verified: that
 * could only turn a good hint of a writer that formats its JSON otherwise into a listing of the whole log.
 */
export async function readLastCheckpoint(table: TableRef): Promise<LastCheckpoint | undefined> {
  try {
    const { body } = await table.store.get(lastCheckpointKey(table));
    return parseLastCheckpoint(body);
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

export function parseLastCheckpoint(bytes: Uint8Array): LastCheckpoint | undefined {
  const hint = parseJson(new TextDecoder().decode(bytes));
  if (typeof hint !== 'object' || hint === null || !('version' in hint)) return undefined;
  const { version } = hint;
  return typeof version === 'number' && Number.isSafeInteger(version) && version >= 0 ? { version } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
