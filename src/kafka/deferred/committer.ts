import { randomUUID } from 'node:crypto';
import type { Txn } from '../../delta/actions.ts';
import { askForCheckpoint, type CheckpointRequests } from '../../delta/checkpoint-interval.ts';
import { DeltaError } from '../../delta/errors.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { type Footer, parseFooter } from '../../parquet/footer.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { KafkaEngine } from '../engine.ts';
import { knownOffset, offsetAppId } from '../offsets.ts';
import { commitRows, currentSnapshot, type DataFile, tableAt } from '../table-writer.ts';
import { keepRows } from './keep-rows.ts';
import {
  type PendingFile,
  type PendingRange,
  pendingKeys,
  pendingTables,
  readPending,
  type StoredBatch,
  wholeBatch,
} from './pending.ts';
import { closedSubset, type SettledBatch, settle } from './settle.ts';

export interface CommitterDeps extends KafkaEngine {
  readonly store: ObjectStore;
  /** Asked for checkpoints of the tables that are committed to. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
}

/** Batches that one commit takes, about. */
const MAX_BATCHES = 1_000;
/** Files that wait for longer are looked at before they are committed: a VACUUM may have taken them. ms. */
const TRUSTED_AGE = 3_600_000;

/** Some tables could not be committed to; their batches wait on. */
export class CommitterError extends AggregateError {
  override readonly name = 'CommitterError';
  readonly code = 'COMMITTER_FAILED';
}

/**
 * Commits what the pollers of busy topics wrote: for each table one commit with all files that wait and the offsets that
 * they bring it to. Then the descriptions of the files are deleted; a crash in between makes them known, and they are
 * deleted the next time. Two committers at once do no harm: one of them finds the offsets moved, and settles anew.
 * `deadline` in ms since the epoch. Throws CommitterError.
 */
export async function commitPending(deps: CommitterDeps, deadline: number): Promise<void> {
  const failures: unknown[] = [];
  const roots = await pendingTables(deps.store);
  await mapConcurrently(roots, deps.config.tableConcurrency, async (root) => {
    const { store, telemetry } = deps;
    const table = tableAt(store, deps.config, root);
    try {
      let snapshot: Snapshot | undefined;
      for (let more = true; more && deps.now() < deadline; ) {
        const turn = await nextTurn(store, root);
        if (turn.batches.length === 0) break;
        const before = snapshot?.version;
        snapshot = await commitTable(deps, table, { batches: turn.batches, snapshot, deadline });
        await askForCheckpoint({
          requests: deps.checkpoints,
          bucket: deps.config.bucket,
          before,
          snapshot,
          warn: (message, data) => telemetry.log('warn', message, data),
        });
        await mapConcurrently(turn.batches, 32, ({ key }) => store.delete(key));
        more = turn.left > 0;
      }
    } catch (error) {
      telemetry.log('error', 'table failed, its files wait for the next turn', { table: table.url, error });
      telemetry.metrics(table.url, { failures: 1 });
      failures.push(error);
    }
  });
  if (failures.length > 0) throw new CommitterError(failures, `${failures.length} tables could not be committed to`);
}

/**
 * The batches of the next commit. A listing takes several requests, between which batches come: it may have one and lack
 * the one before it. So that there is a first listing, and the second, which begins after it, has all that came before
 * anything of the first.
 */
async function nextTurn(store: ObjectStore, root: string): Promise<{ batches: StoredBatch[]; left: number }> {
  const first = new Set(await pendingKeys(store, root));
  if (first.size === 0) return { batches: [], left: 0 };
  const listed = await readPending(store, await pendingKeys(store, root));
  const chosen = closedSubset(listed, MAX_BATCHES, ({ key }) => first.has(key));
  const whole: StoredBatch[] = [];
  await mapConcurrently(chosen, 32, async (batch) => {
    const read = await wholeBatch(store, batch);
    if (read !== undefined) whole.push(read);
  });
  return { batches: whole, left: first.size - chosen.length };
}

interface Turn {
  readonly batches: readonly StoredBatch[];
  readonly snapshot: Snapshot | undefined;
  readonly deadline: number;
}

async function commitTable(
  deps: CommitterDeps,
  table: TableRef,
  { batches, snapshot, deadline }: Turn,
): Promise<Snapshot | undefined> {
  let head = await currentSnapshot(deps, table, snapshot);
  let conflicts = 0;
  for (;;) {
    if (head === undefined) {
      throw new DeltaError('TABLE_NOT_FOUND', `${table.url} has files that wait and is no table`, { table: table.url });
    }
    const known = offsetsOf(head, batches);
    const settled = settle(batches, known);
    await checkFiles(deps, table, { settled, tableId: head.metadata.id });
    const files = await wantedFiles(deps, table, settled);
    const txns = (current: Snapshot | undefined): Txn[] | undefined => {
      const now = current && offsetsOf(current, batches);
      const isSame = [...known].every(([id, offset]) => now?.get(id) === offset);
      return isSame ? newOffsets(batches, known, deps.now()) : undefined;
    };
    if (settled.every(({ kind }) => kind === 'none')) return head;
    // The pollers have given the table those columns of their files that it is to have.
    const target = {
      table,
      schema: head.schema,
      schemaPolicy: 'fixed',
      properties: {},
      partitionColumns: [],
    } as const;
    const result = await commitRows(deps, target, head, { files, txns, deadline });
    conflicts += result.conflicts;
    head = result.snapshot;
    if (result.kind !== 'committed') continue;
    const values = {
      filesAppended: files.length,
      bytesAppended: files.reduce((sum, { size }) => sum + size, 0),
      commits: 1,
      conflicts,
      skipped: settled.filter(({ kind }) => kind === 'none').length,
      ...freshness(settled, deps.now()),
    };
    deps.telemetry.log('info', 'committed', { table: table.url, version: head?.version, ...values });
    deps.telemetry.metrics(table.url, values);
    return head;
  }
}

function freshness(settled: readonly SettledBatch[], now: number): { freshnessLag?: number } {
  const times = settled.flatMap(({ kind, batch: { oldest } }) =>
    kind === 'none' || oldest === undefined ? [] : [oldest],
  );
  return times.length === 0 ? {} : { freshnessLag: Math.max(now - Math.min(...times), 0) };
}

/** The last offset that the table has, by appId. */
function offsetsOf({ txns }: Snapshot, batches: readonly StoredBatch[]): Map<string, number | undefined> {
  const known = new Map<string, number | undefined>();
  for (const { ranges, keeper } of batches) {
    for (const { topic, partition } of ranges) {
      known.set(offsetAppId(keeper, topic, partition), knownOffset(txns, keeper, topic, partition)?.version);
    }
  }
  return known;
}

function newOffsets(
  batches: readonly StoredBatch[],
  known: ReadonlyMap<string, number | undefined>,
  now: number,
): Txn[] {
  const reached = new Map(known);
  for (const { ranges, keeper } of batches) {
    for (const { topic, partition, last } of ranges) {
      const appId = offsetAppId(keeper, topic, partition);
      reached.set(appId, Math.max(reached.get(appId) ?? -1, last));
    }
  }
  return [...reached].flatMap(([appId, version]) =>
    version === undefined || version === known.get(appId) ? [] : [{ appId, version, lastUpdated: now }],
  );
}

/**
 * Throws for a file that is gone: its records are nowhere but in Kafka, and a commit would make the table unreadable. Looks
 * where that can be: the table was made anew, or a VACUUM may have been there.
 */
async function checkFiles(
  { store, now }: CommitterDeps,
  table: TableRef,
  { settled, tableId }: { readonly settled: readonly SettledBatch[]; readonly tableId: string },
): Promise<void> {
  const doubtful = settled
    .filter(({ kind }) => kind !== 'none')
    .flatMap(({ batch }) =>
      batch.files
        .filter(({ time }) => batch.tableId !== tableId || now() - time > TRUSTED_AGE)
        .map((file) => ({ file, batch })),
    );
  await mapConcurrently(doubtful, 32, async ({ file, batch }) => {
    const key = tableKey(table, file.path);
    if ((await store.head(key)) !== undefined) return;
    const ranges = batch.ranges.map(({ topic, partition, first, last }) => `${topic}-${partition} ${first} to ${last}`);
    throw new Error(
      `${key} is gone, which waits for its commit to ${table.url}: a VACUUM took it, or the table was made anew. ` +
        `Its records are in Kafka (${ranges.join(', ')}). Without them: delete ${batch.key}`,
    );
  });
}

async function wantedFiles(
  deps: CommitterDeps,
  table: TableRef,
  settled: readonly SettledBatch[],
): Promise<DataFile[]> {
  const files: DataFile[] = [];
  await mapConcurrently(settled, 8, async ({ batch, wanted, kind }) => {
    if (kind === 'none') return;
    for (const file of batch.files) {
      if (kind === 'whole') files.push({ ...file, footer: footerOf(file) });
      else files.push(...(await rewrite(deps, table, file, { prefix: batch.metadataPrefix, wanted })));
    }
  });
  return files;
}

/** The rows of a file that are wanted, as a file of their own; none where there are none. */
async function rewrite(
  { store, now }: CommitterDeps,
  table: TableRef,
  { path }: PendingFile,
  { prefix, wanted }: { readonly prefix: string; readonly wanted: ReadonlyMap<PendingRange, number> },
): Promise<DataFile[]> {
  const behind = new Map([...wanted].map(([range, offset]) => [`${range.topic}/${range.partition}`, offset]));
  const columns = ['topic', 'partition', 'offset'].map((name) => prefix + name);
  const { body } = await store.get(tableKey(table, path));
  const kept = await keepRows(body, columns, ([topic, partition, offset]) => {
    const from = behind.get(`${topic}/${partition}`);
    return from !== undefined && Number(offset) > from;
  });
  if (kept === undefined) return [];
  const name = path.replace(/(-[0-9a-f-]{36})?\.zstd\.parquet$/, '');
  const newPath = `${name}-${randomUUID()}.zstd.parquet`;
  await store.put(tableKey(table, newPath), kept);
  const footer = parseFooter(kept);
  return [{ path: newPath, size: kept.length, rows: footer.rowCount, footer, time: now() }];
}

function footerOf({ footer, size }: PendingFile): Footer {
  return parseFooter(Buffer.from(footer, 'base64'), { fileSize: size });
}
