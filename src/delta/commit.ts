import { setTimeout as wait } from 'node:timers/promises';
import { isStoreError, StoreError } from '../storage/object-store.ts';
import type { Action } from './actions.ts';
import { readCommit, serializeCommit } from './commit-file.ts';
import { DeltaError } from './errors.ts';
import { commitKey } from './log-path.ts';
import { canonicalPath, fileId } from './path.ts';
import type { TableRef } from './table.ts';

export type CommitOutcome =
  | 'committed'
  /** Another writer has the version. */
  | { readonly kind: 'conflict'; readonly version: number };

export interface RetryOptions {
  /** No try starts after this time, ms since the epoch. */
  readonly deadline: number;
  /** ms since the epoch. @default Date.now */
  readonly now?: () => number;
  /** @default a timer */
  readonly sleep?: (ms: number) => Promise<unknown>;
  /** In [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * Writes a version of the log if no one has written it. The first action is a `commitInfo` with a `txnId` of its own:
 * by that the commit is recognised when the store's answer was lost or a repeated request met its own first try.
 *
 * While the outcome is not known it reads the version, and writes the same bytes again if there is nothing, until the
 * deadline. Then it throws the store's `UNAVAILABLE`: the version may hold this commit, or come to hold it. The caller
 * must not go on to another version with the same actions unless this one is seen to be another's.
 *
 * The version must follow on one that was seen to be the newest a short while ago: where old commits are cleaned up, a
 * version that lies far enough back is absent too.
 *
 * `body` are the bytes of `actions`, for a caller that has them.
 */
export async function tryCommit(
  table: TableRef,
  version: number,
  actions: readonly Action[],
  options: RetryOptions,
  body: Uint8Array = serializeCommit(actions),
): Promise<CommitOutcome> {
  const { deadline, now = Date.now, sleep = wait, random = Math.random } = options;
  const key = commitKey(table, version);
  const token = txnIdOf(actions);
  if (token === undefined) throw new DeltaError('CORRUPT_LOG', 'A commit needs a commitInfo with a txnId', { key });

  for (let attempt = 0; ; attempt++) {
    const failure = await putOnce(table, key, body);
    if (failure === undefined) return 'committed';
    const owner = await findOwner(table, version, token);
    if (owner === 'us') return 'committed';
    if (owner === 'another') return { kind: 'conflict', version };

    const delay = backOff(attempt, random);
    if (now() + delay >= deadline) {
      throw new StoreError('UNAVAILABLE', 'putIfAbsent', key, 'whether the commit is in the log is not known', {
        cause: failure,
      });
    }
    await sleep(delay);
  }
}

/**
 * Throws `CORRUPT_LOG` for actions that may not stand in one commit (PROTOCOL.md "Action Reconciliation"): two for one
 * file, two `metaData`, two `protocol`, two `txn` of one application, two of one domain; and for an `add` whose
 * partition values are not those of the table's partition columns.
 */
export function assertCommittable(
  table: TableRef,
  actions: readonly Action[],
  partitionColumns: readonly string[],
): void {
  const seen = new Set<string>();
  for (const action of actions) {
    const identity = identityOf(table, action);
    if (identity === undefined) continue;
    if (seen.has(identity))
      throw forbidden(table, `two actions for ${identity.replace('\0', ' with deletion vector ')}`);
    seen.add(identity);
    if ('add' in action) assertPartitioned(table, action.add, partitionColumns);
  }
}

/** Shortest and longest time from which the first and later delays are drawn, ms. */
const FIRST_DELAY = 20;
const LONGEST_DELAY = 1_000;

/** Full jitter: a random part of a delay that doubles with each attempt, which starts at 0. In ms. */
export function backOff(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 30));
}

/** Undefined when the object was created; else why it is not known to be. */
async function putOnce(table: TableRef, key: string, body: Uint8Array): Promise<StoreError | undefined> {
  try {
    if ((await table.store.putIfAbsent(key, body)) === 'created') return undefined;
    return new StoreError('PRECONDITION_FAILED', 'putIfAbsent', key, 'there is such an object');
  } catch (error) {
    if (isStoreError(error, 'UNAVAILABLE')) return error;
    throw error;
  }
}

async function findOwner(table: TableRef, version: number, token: string): Promise<'us' | 'another' | 'unknown'> {
  try {
    const { actions } = await readCommit(table, { version, key: commitKey(table, version) });
    return txnIdOf(actions) === token ? 'us' : 'another';
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND') || isStoreError(error, 'UNAVAILABLE')) return 'unknown';
    throw error;
  }
}

function txnIdOf(actions: readonly Action[]): string | undefined {
  for (const action of actions) {
    if ('commitInfo' in action) return action.commitInfo.txnId;
  }
  return undefined;
}

/** What at most one action of a commit may be about. */
function identityOf(table: TableRef, action: Action): string | undefined {
  if ('add' in action) return `the file ${fileId(canonicalPath(table, action.add.path), action.add.deletionVector)}`;
  if ('remove' in action) {
    return `the file ${fileId(canonicalPath(table, action.remove.path), action.remove.deletionVector)}`;
  }
  if ('metaData' in action) return 'the metadata';
  if ('protocol' in action) return 'the protocol';
  if ('commitInfo' in action) return 'the commit itself';
  if ('txn' in action) return `the application ${action.txn.appId}`;
  if ('domainMetadata' in action) return `the domain ${action.domainMetadata.domain}`;
  return undefined;
}

function assertPartitioned(
  table: TableRef,
  { path, partitionValues }: { path: string; partitionValues: Readonly<Record<string, unknown>> },
  partitionColumns: readonly string[],
): void {
  const names = Object.keys(partitionValues);
  if (
    names.length === partitionColumns.length &&
    partitionColumns.every((name) => Object.hasOwn(partitionValues, name))
  ) {
    return;
  }
  const expected = partitionColumns.length === 0 ? 'none' : partitionColumns.join(', ');
  throw forbidden(
    table,
    `the file ${path} with partition values for ${names.join(', ') || 'nothing'}, expected ${expected}`,
  );
}

function forbidden(table: TableRef, what: string): DeltaError {
  return new DeltaError('CORRUPT_LOG', `The commit to ${table.url} was not written: it has ${what}`, {
    table: table.url,
  });
}
