/** A bucket, the append handler over it, and a clock: for tests of the append path. */
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import type { DefinitionRequests } from '../../src/delta/definition-requests.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { createAppendHandler, type SqsEvent } from '../../src/ingest/handler.ts';
import type { QuarantineRecord } from '../../src/ingest/quarantine.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { putClassicCheckpoint } from './checkpoint-fixtures.ts';
import { BUCKET, createLanding, sqsBatch } from './landing.ts';

export interface WorldOptions {
  readonly config?: unknown;
  /** What the handler sees instead of the store itself. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
  /** Told of tables that are made or change. @default nobody */
  readonly definitions?: DefinitionRequests;
}

export type World = ReturnType<typeof createAppendWorld>;

export function createAppendWorld({ config = {}, wrap = (store) => store, definitions }: WorldOptions = {}) {
  let time = Date.parse('2026-11-24T06:00:00Z');
  const now = () => time;
  const store = createMemoryStore({ now });
  const landing = createLanding(store, now);
  const reader = createCheckpointReader();
  const logs: { level: string; message: string; data?: Readonly<Record<string, unknown>> }[] = [];
  const metrics: Record<string, number | string>[] = [];
  let commitsLeft = Infinity;
  let onNextCommit: (() => Promise<void>) | undefined;

  const start = (seen: () => ObjectStore = () => limited(wrap(store))) =>
    createAppendHandler({
      storeFor: seen,
      urlOf,
      reader,
      definitions,
      config: parseAppendConfig(config),
      telemetry: {
        log: (level, message, data) => logs.push({ level, message, ...(data !== undefined && { data }) }),
        metrics: (table, values) => metrics.push({ table, ...values }),
      },
      now,
      random: () => 0.5,
      sleep: async (ms) => {
        time += ms;
      },
    });
  let handler = start();
  const limited = (inner: ObjectStore): ObjectStore => ({
    ...inner,
    async putIfAbsent(key, body) {
      if (!key.includes('/_delta_log/')) return inner.putIfAbsent(key, body);
      const act = onNextCommit;
      onNextCommit = undefined;
      await act?.();
      if (commitsLeft-- <= 0) {
        throw new StoreError('ACCESS_DENIED', 'putIfAbsent', key, 'no more commits for this test');
      }
      return inner.putIfAbsent(key, body);
    },
  });
  const tableAt = (root: string): TableRef => ({ store, root, url: urlOf(BUCKET, root) });

  async function deliverEvent(event: SqsEvent, remaining = 300_000): Promise<string[]> {
    time += 1_000;
    const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => remaining });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort();
  }

  return {
    store,
    now,
    logs,
    metrics,
    ...landing,
    advance(ms: number): void {
      time += ms;
    },
    /** Does something once, just before the next commit of the handler reaches the store. */
    beforeCommit(act: () => Promise<void>): void {
      onNextCommit = act;
    },
    /** Another execution environment, warm or cold on its own, which nothing gets in the way of. */
    otherEnvironment() {
      const other = start(() => store);
      return async (...records: object[]): Promise<void> => {
        const { batchItemFailures } = await other(sqsBatch(records), { getRemainingTimeInMillis: () => 300_000 });
        if (batchItemFailures.length > 0) throw new Error('the other environment failed');
      };
    },
    /** Lets this many commits pass, then none. */
    limitCommits(count: number): void {
      commitsLeft = count;
    },
    /** A new execution environment: nothing is remembered. */
    coldStart(): void {
      handler = start();
    },
    deliverEvent,
    /** Hands the handler one message for each list of records; gives the ids of those that failed. */
    deliver: (...messages: object[][]) => deliverEvent(sqsBatch(...messages)),
    async table(root: string): Promise<{ snapshot: Snapshot; files: AddFile[] }> {
      const snapshot = await loadSnapshot(tableAt(root), reader);
      const files: AddFile[] = [];
      for await (const batch of activeFiles(snapshot, reader, { stats: true })) files.push(...batch);
      return { snapshot, files };
    },
    /** The next commit of the table, as another writer makes it. */
    async commitForeign(root: string, actions: readonly Action[]): Promise<void> {
      const { version } = await loadSnapshot(tableAt(root), reader);
      await store.putIfAbsent(commitKey(tableAt(root), version + 1), serializeCommit(actions));
    },
    /** `more`: actions that the table's state does not show, such as tombstones. */
    async checkpoint(root: string, more: readonly Action[] = []): Promise<void> {
      const table = tableAt(root);
      const { snapshot, files } = await this.table(root);
      const { protocol, metadata, version } = snapshot;
      const txns = [...snapshot.txns.values()].map((txn) => ({ txn }));
      const actions = [{ protocol }, { metaData: metadata }, ...txns, ...files.map((add) => ({ add })), ...more];
      await putClassicCheckpoint(table, version, actions);
      const hint = JSON.stringify({ version, size: actions.length });
      await store.put(`${root}/_delta_log/_last_checkpoint`, new TextEncoder().encode(hint));
    },
    async quarantined(root: string): Promise<QuarantineRecord[]> {
      const records: QuarantineRecord[] = [];
      for await (const { key } of store.list(`${root}/_resaca/quarantine/`)) {
        records.push(JSON.parse(new TextDecoder().decode((await store.get(key)).body)));
      }
      return records;
    },
  };
}

function urlOf(bucket: string, root: string): string {
  return `s3://${bucket}/${root}`;
}
