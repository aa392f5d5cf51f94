import type { Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type KafkaConfig, ruleOf, type TopicRule } from './config.ts';
import type { KafkaEngine } from './engine.ts';
import { knownOffset, type PartitionRecords } from './offsets.ts';
import { currentSnapshot } from './table-writer.ts';
import { type TableRecords, type WriteResult, writeRecords } from './write-records.ts';

export interface BronzeWriterDeps extends KafkaEngine {
  readonly store: ObjectStore;
}

/** A table into which the records of a batch could not be written; they have to come again. */
export interface TableFailure {
  readonly table: string;
  readonly error: unknown;
  /** What was for the table. */
  readonly partitions: readonly PartitionRecords[];
}

/** Writes batches of records to their tables. Batches of one writer come one after the other. */
export interface BronzeWriter {
  /**
   * One commit for each table that the records are for, apart from each other: if one fails, the others are written.
   * Records that a table has are left out, so that a batch may come again. `deadline` in ms since the epoch. Throws
   * BronzeError when a topic has no rule.
   */
  write(partitions: readonly PartitionRecords[], deadline: number): Promise<readonly TableFailure[]>;
  /** The last offset of the partition that its table has; undefined for none. */
  lastOffset(topic: string, partition: number): Promise<number | undefined>;
}

/** Some records are in no table. */
export class BronzeError extends AggregateError {
  override readonly name = 'BronzeError';
  readonly code = 'BRONZE_FAILED';
}

/** Behind the root of a table, for the table of its dead letters. */
const DEAD_LETTERS = '__dead_letters';
/** Tables whose state is kept between batches. */
const MAX_TABLES = 256;

export function createBronzeWriter(deps: BronzeWriterDeps): BronzeWriter {
  const snapshots = new Map<string, Snapshot>();

  function remember(table: string, snapshot: Snapshot | undefined): void {
    snapshots.delete(table);
    if (snapshot !== undefined) snapshots.set(table, snapshot);
    for (const oldest of snapshots.keys()) {
      if (snapshots.size <= MAX_TABLES) break;
      snapshots.delete(oldest);
    }
  }

  return {
    async write(partitions, deadline) {
      const failures: TableFailure[] = [];
      await mapConcurrently(groupByTable(deps, partitions), deps.config.tableConcurrency, async (batch) => {
        const { url } = batch.table;
        try {
          const result = await writeRecords(deps, batch, snapshots.get(url), deadline);
          remember(url, result.snapshot);
          report(deps, url, result);
        } catch (error) {
          remember(url, undefined);
          deps.telemetry.log('error', 'table failed, its records will be delivered again', { table: url, error });
          deps.telemetry.metrics(url, { failures: 1 });
          failures.push({ table: url, error, partitions: batch.partitions });
        }
      });
      return failures;
    },

    async lastOffset(topic, partition) {
      const { rule, root } = targetOf(deps, topic);
      const table = tableAt(deps.store, deps.config, root);
      const head = await currentSnapshot(deps, table, snapshots.get(table.url));
      remember(table.url, head);
      const { application } = deps.config;
      return head && knownOffset(head.txns, { application, rule }, topic, partition)?.version;
    },
  };
}

function groupByTable(deps: BronzeWriterDeps, partitions: readonly PartitionRecords[]): TableRecords[] {
  const groups = new Map<string, { rule: TopicRule; root: string; partitions: PartitionRecords[] }>();
  for (const partition of partitions) {
    const { rule, root } = targetOf(deps, partition.topic);
    // Rules that lead to one table write it apart: their columns differ.
    const id = `${deps.config.topics.indexOf(rule)} ${root}`;
    const group = groups.get(id) ?? { rule, root, partitions: [] };
    group.partitions.push(partition);
    groups.set(id, group);
  }
  return [...groups.values()].map(({ rule, root, partitions: all }) => ({
    table: tableAt(deps.store, deps.config, root),
    deadLetters: tableAt(deps.store, deps.config, root + DEAD_LETTERS),
    rule,
    partitions: all,
  }));
}

function targetOf({ config }: BronzeWriterDeps, topic: string): { rule: TopicRule; root: string } {
  const target = ruleOf(config, topic);
  if (target === undefined) throw new BronzeError([], `no rule of the configuration is for the topic "${topic}"`);
  return target;
}

function tableAt(store: ObjectStore, { bucket }: KafkaConfig, root: string): TableRef {
  return { store, root, url: `s3://${bucket}/${root}` };
}

function report({ telemetry, now }: KafkaEngine, table: string, result: WriteResult): void {
  const { rows, bytes, duplicates, deadLetters, commits, conflicts, oldest } = result;
  const values = {
    recordsWritten: rows,
    bytesAppended: bytes,
    filesAppended: rows > 0 ? 1 : 0,
    commits,
    conflicts,
    quarantined: deadLetters,
    skipped: duplicates,
    ...(oldest !== undefined && { freshnessLag: Math.max(now() - oldest, 0) }),
  };
  const version = result.snapshot?.version;
  telemetry.log('info', commits > 0 ? 'committed' : 'nothing to commit', { table, version, ...values });
  telemetry.metrics(table, values);
}
