import type { Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type KafkaConfig, ruleOf, type TopicRule } from './config.ts';
import type { KafkaEngine } from './engine.ts';
import { parseMskEvent } from './msk-event.ts';
import type { PartitionRecords } from './offsets.ts';
import { type TableRecords, type WriteResult, writeRecords } from './write-records.ts';

export interface BronzeDeps extends KafkaEngine {
  readonly store: ObjectStore;
}

export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

/** Kept back of the invocation's time, to fail by itself instead of being cut off. ms. */
const TIME_RESERVE = 2_000;
/** Behind the root of a table, for the table of its dead letters. */
const DEAD_LETTERS = '__dead_letters';
/** Tables whose state is kept between invocations. */
const MAX_TABLES = 256;

/** Some records are in no table. The mapping delivers the batch again; what was committed is known then. */
export class BronzeError extends AggregateError {
  override readonly name = 'BronzeError';
  readonly code = 'BRONZE_FAILED';
}

/**
 * The bronze function: a batch of Kafka records becomes one commit for each table that they are for. Tables are written
 * apart from each other; if one fails, the others are written, and then the invocation fails, so that the batch comes
 * again. Throws KafkaEventError for an event that is none of Kafka's, and BronzeError.
 */
export function createBronzeHandler(deps: BronzeDeps) {
  const snapshots = new Map<string, Snapshot>();

  return async function handleBronze(event: unknown, context: InvocationContext): Promise<void> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { partitions } = parseMskEvent(event);
    const failures: unknown[] = [];
    await mapConcurrently(groupByTable(deps, partitions), deps.config.tableConcurrency, async (batch) => {
      const { url } = batch.table;
      try {
        const result = await writeRecords(deps, batch, snapshots.get(url), deadline);
        snapshots.delete(url);
        if (result.snapshot !== undefined) snapshots.set(url, result.snapshot);
        for (const oldest of snapshots.keys()) {
          if (snapshots.size <= MAX_TABLES) break;
          snapshots.delete(oldest);
        }
        report(deps, url, result);
      } catch (error) {
        snapshots.delete(url);
        deps.telemetry.log('error', 'table failed, its records will be delivered again', { table: url, error });
        deps.telemetry.metrics(url, { failures: 1 });
        failures.push(error);
      }
    });
    if (failures.length > 0) throw new BronzeError(failures, `${failures.length} tables could not be written`);
  };
}

function groupByTable(deps: BronzeDeps, partitions: readonly PartitionRecords[]): TableRecords[] {
  const groups = new Map<string, { rule: TopicRule; partitions: PartitionRecords[] }>();
  for (const partition of partitions) {
    const target = ruleOf(deps.config, partition.topic);
    if (target === undefined) {
      throw new BronzeError([], `no rule of the configuration is for the topic "${partition.topic}"`);
    }
    // Rules that lead to one table write it apart: their columns differ.
    const id = `${deps.config.topics.indexOf(target.rule)} ${target.root}`;
    const group = groups.get(id) ?? { rule: target.rule, partitions: [] };
    group.partitions.push(partition);
    groups.set(id, group);
  }
  return [...groups].map(([id, { rule, partitions: all }]) => {
    const root = id.slice(id.indexOf(' ') + 1);
    return {
      table: tableAt(deps.store, deps.config, root),
      deadLetters: tableAt(deps.store, deps.config, root + DEAD_LETTERS),
      rule,
      partitions: all,
    };
  });
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
