import type { Action } from '../../src/delta/actions.ts';
import { readFiles } from '../../src/delta/checkpoint-content.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { canonicalPath, fileId } from '../../src/delta/path.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { FIRST_TIME } from '../support/delta-log-builder.ts';

export const reader = createCheckpointReader();
export const WEEK = 7 * 86_400_000;

/** An engine whose clock stands, a day after the tables of the tests were made. */
export function engineAt(now = FIRST_TIME + 86_400_000): MaintenanceEngine {
  return { reader, now: () => now, random: () => 0.5, sleep: async () => {} };
}

/** Everything that a table's log says, in an order of its own. */
export interface TableState {
  readonly version: number;
  readonly protocol: unknown;
  readonly metadata: unknown;
  readonly txns: unknown;
  readonly domains: unknown;
  readonly adds: readonly unknown[];
  readonly removes: readonly unknown[];
}

/** The state at the version of a table's newest checkpoint, from nothing but that checkpoint. */
export async function checkpointState(table: TableRef): Promise<TableState> {
  const { segment } = await loadSnapshot(table, reader);
  const { checkpoint } = segment;
  if (checkpoint === undefined) throw new Error('there is no checkpoint');
  const snapshot = await loadSnapshot(table, reader, { version: checkpoint.version });
  const actions: Action[] = [];
  for await (const batch of readFiles({ ...snapshot, checkpoint }, reader, { stats: true, removes: true })) {
    actions.push(...batch);
  }
  return { ...controlOf(snapshot), ...filesOf(table, actions) };
}

/**
 * What a checkpoint of a table has to say, from its commits alone, by one map that later actions overwrite: simple on
 * purpose, since tests compare the code with it. `cutoff` is the time up to which tombstones are expired.
 */
export async function expectedState(table: TableRef, cutoff = FIRST_TIME + 86_400_000 - WEEK): Promise<TableState> {
  const snapshot = await loadSnapshot(table, reader);
  const newest = new Map<string, Action>();
  for (let version = 0; version <= snapshot.version; version++) {
    const { body } = await table.store.get(commitKey(table, version));
    for (const line of Buffer.from(body).toString().split('\n')) {
      if (line === '') continue;
      const action = JSON.parse(line) as Action;
      const file = 'add' in action ? action.add : 'remove' in action ? action.remove : undefined;
      if (file === undefined) continue;
      const id = fileId(canonicalPath(table, file.path), file.deletionVector);
      // Of what a map has already, the place would stay.
      newest.delete(id);
      newest.set(id, action);
    }
  }
  const isLive = (action: Action) => !('remove' in action) || (action.remove.deletionTimestamp ?? 0) > cutoff;
  return { ...controlOf(snapshot), ...filesOf(table, [...newest.values()].filter(isLive)) };
}

function controlOf({ version, protocol, metadata, txns, domains }: Awaited<ReturnType<typeof loadSnapshot>>) {
  const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return { version, protocol, metadata, txns: sorted(txns), domains: sorted(domains) };
}

function filesOf(table: TableRef, actions: readonly Action[]): Pick<TableState, 'adds' | 'removes'> {
  const adds: [string, unknown][] = [];
  const removes: [string, unknown][] = [];
  for (const action of actions) {
    if ('add' in action) adds.push([idOf(table, action.add), { ...action.add, dataChange: false }]);
    if ('remove' in action) {
      const { stats, tags, ...remove } = action.remove;
      removes.push([idOf(table, remove), { ...remove, dataChange: false }]);
    }
  }
  const byId = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
  return { adds: adds.sort(byId), removes: removes.sort(byId) };
}

function idOf(
  table: TableRef,
  file: { readonly path: string; readonly deletionVector?: Parameters<typeof fileId>[1] },
) {
  return fileId(canonicalPath(table, file.path), file.deletionVector);
}
