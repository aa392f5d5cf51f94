import type { ObjectStore } from '../object-store.ts';
import { CommitProtocolError } from './commit-table.ts';
import { type CommitKey, commitName, logKeyOf } from './log-key.ts';

/** Looks, before a commit by conditional PUT, for traces of writers that commit through a coordinator's table. */
export type MixGuard = (key: CommitKey) => Promise<void>;

/** How long a look counts, ms. */
const LOOK_INTERVAL = 15 * 60_000;
/** Delta tables that are remembered. */
const MAX_TABLES = 1_000;

/**
 * A guard that costs one LIST for each Delta table now and then: at the first commit of this process, and a quarter of an
 * hour after the last look. Spark's `S3DynamoDBLogStore` never deletes its temporary files, so that one for the version before
 * the commit's, or a later one, says that it writes the table, or did until a moment ago.
 * Throws `COMMIT_PROTOCOLS_MIXED`.
 */
export function createMixGuard(store: ObjectStore, now: () => number): MixGuard {
  const looked = new Map<string, number>();
  return async ({ root, version }) => {
    const time = now();
    const last = looked.get(root);
    if (last !== undefined && time - last < LOOK_INTERVAL) return;
    const folder = logKeyOf(root, '.tmp/');
    const startAfter = `${folder}${commitName(Math.max(version - 1, 0))}`;
    for await (const { key } of store.list(folder, { startAfter })) {
      if (TEMP_FILE.test(key.slice(folder.length))) throw mixed(root, key);
    }
    looked.delete(root);
    looked.set(root, time);
    for (const oldest of looked.keys()) {
      if (looked.size <= MAX_TABLES) break;
      looked.delete(oldest);
    }
  };
}

/** `BaseExternalLogStore.createTemporaryPath` */
const TEMP_FILE = /^\d{20}\.json\.[0-9a-f-]{36}$/;

function mixed(root: string, key: string): CommitProtocolError {
  return new CommitProtocolError(
    'COMMIT_PROTOCOLS_MIXED',
    `Nothing was committed to the table at "${root}": ${key} is of a writer that commits through a DynamoDB table, and this ` +
      'one commits by conditional PUT. Beside each other they lose commits. Give the table the commit protocol "dynamodb"; ' +
      `or, if all its other writers commit by conditional PUT now, delete ${logKeyOf(root, '.tmp/')} (docs/commit-protocols.md)`,
    { table: root, key },
  );
}
