import type { Txn } from '../../delta/actions.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { hasPending } from './pending.ts';

/**
 * A table says of itself whether files may wait for its committer, in a `txn` beside those of the offsets: 1 if so. Who
 * commits directly moves the offsets on, past what waits, which would be taken for repeats then.
 */
function markId(application: string): string {
  return `${application}/deferred`;
}

/** What sets the mark where it is not set. */
export function setMark(head: Snapshot | undefined, application: string, now: number): Txn[] {
  return isMarked(head, application) ? [] : [{ appId: markId(application), version: 1, lastUpdated: now }];
}

/** What takes the mark away where it is set; nothing must wait then. */
export function clearMark(head: Snapshot | undefined, application: string, now: number): Txn[] {
  return isMarked(head, application) ? [{ appId: markId(application), version: 0, lastUpdated: now }] : [];
}

export function isMarked(head: Snapshot | undefined, application: string): boolean {
  return head?.txns.get(markId(application))?.version === 1;
}

/** Throws when files wait for the committer of the table. */
export async function assertNothingWaits({ store, root, url }: TableRef): Promise<void> {
  if (!(await hasPending(store, root))) return;
  throw new Error(
    `files wait for their commit to ${url}, and the offsets must not pass them: expected the committer to have its turn ` +
      'first. To leave deferred commits, stop the mapping, and let it commit all that waits',
  );
}
