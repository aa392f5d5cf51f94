import { askForCheckpoint, type CheckpointRequests } from '../delta/checkpoint-interval.ts';
import { type DefinitionRequests, tellDefinitions } from '../delta/definition-requests.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { ruleOf } from './config.ts';
import { DEAD_LETTERS } from './dead-letters.ts';
import type { SchemaRegistries } from './decode/create-decoder.ts';
import type { KafkaEngine } from './engine.ts';
import { knownOffset, type PartitionRecords } from './offsets.ts';
import { type Route, routeRecords } from './routing.ts';
import { createRuleCache, type Rule } from './rule.ts';
import { currentSnapshot, tableAt } from './table-writer.ts';
import { type WriteResult, writeDeadLetters, writeRecords } from './write-records.ts';

export interface BronzeWriterDeps extends KafkaEngine {
  readonly store: ObjectStore;
  readonly registries: SchemaRegistries;
  /** Asked for checkpoints of the tables that are committed to. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
  /** Told of tables that are made or change. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
}

/** A table into which the records of a batch could not be written, or a topic; they have to come again. */
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
   * Records that a table has are left out, so that a batch may come again. A topic without a rule, or whose registry
   * cannot be asked, is a failure, too. `deadline` in ms since the epoch.
   */
  write(partitions: readonly PartitionRecords[], deadline: number): Promise<readonly TableFailure[]>;
  /**
   * The last offset of the partition that its table has; undefined for none, and where the records of a topic go to
   * tables by what is in them.
   */
  lastOffset(topic: string, partition: number): Promise<number | undefined>;
}

/** Some records are in no table. */
export class BronzeError extends AggregateError {
  override readonly name = 'BronzeError';
  readonly code = 'BRONZE_FAILED';
}

/** Tables whose state is kept between batches. */
const MAX_TABLES = 256;

export function createBronzeWriter(given: BronzeWriterDeps): BronzeWriter {
  const deps = {
    ...given,
    onDefinition: tellDefinitions({
      requests: given.definitions,
      bucket: given.config.bucket,
      warn: (message, data) => given.telemetry.log('warn', message, data),
    }),
  };
  const snapshots = new Map<string, Snapshot>();
  const compiled = createRuleCache(deps.registries);

  function remember(table: string, snapshot: Snapshot | undefined): void {
    snapshots.delete(table);
    if (snapshot !== undefined) snapshots.set(table, snapshot);
    for (const oldest of snapshots.keys()) {
      if (snapshots.size <= MAX_TABLES) break;
      snapshots.delete(oldest);
    }
  }

  async function ruleFor(topic: string): Promise<Rule> {
    const config = ruleOf(deps.config, topic);
    if (config === undefined) throw new BronzeError([], `no rule of the configuration is for the topic "${topic}"`);
    return compiled(config);
  }

  async function writeRoute(route: Route, deadline: number): Promise<WriteResult> {
    const { root, rule, partitions, unrouted } = route;
    const table = tableAt(deps.store, deps.config, root);
    const deadLetters = tableAt(deps.store, deps.config, root + DEAD_LETTERS);
    await writeDeadLetters(deps, { deadLetters, partitions: partitionsOf(route) }, unrouted, deadline);
    const result = await writeRecords(
      deps,
      { table, deadLetters, rule, partitions },
      snapshots.get(table.url),
      deadline,
    );
    return { ...result, deadLetters: result.deadLetters + unrouted.length };
  }

  return {
    async write(partitions, deadline) {
      const failures: TableFailure[] = [];
      const { routes, failures: unroutable } = await routeRecords(partitions, ruleFor);
      for (const { partition, error } of unroutable) {
        const { topic } = partition;
        deps.telemetry.log('error', 'topic failed, its records will be delivered again', { topic, error });
        deps.telemetry.metrics(topic, { failures: 1 });
        failures.push({ table: topic, error, partitions: [partition] });
      }
      await mapConcurrently(routes, deps.config.tableConcurrency, async (route) => {
        const { url } = tableAt(deps.store, deps.config, route.root);
        try {
          const before = snapshots.get(url)?.version;
          const result = await writeRoute(route, deadline);
          await askForCheckpoint({
            requests: deps.checkpoints,
            bucket: deps.config.bucket,
            before,
            snapshot: result.snapshot,
            warn: (message, data) => deps.telemetry.log('warn', message, data),
          });
          remember(url, result.snapshot);
          report(deps, url, result);
        } catch (error) {
          remember(url, undefined);
          deps.telemetry.log('error', 'table failed, its records will be delivered again', { table: url, error });
          deps.telemetry.metrics(url, { failures: 1 });
          failures.push({ table: url, error, partitions: partitionsOf(route) });
        }
      });
      return failures;
    },

    async lastOffset(topic, partition) {
      const { target, config } = await ruleFor(topic);
      if (target.needsRow || target.needsHeaders) return undefined;
      const table = tableAt(deps.store, deps.config, target.fallback(topic));
      const head = await currentSnapshot(deps, table, snapshots.get(table.url));
      remember(table.url, head);
      const { application } = deps.config;
      return head && knownOffset(head.txns, { application, rule: config }, topic, partition)?.version;
    },
  };
}

/** The partitions of all records of a route, those without a table included. */
function partitionsOf({ partitions, unrouted }: Route): readonly PartitionRecords[] {
  const letters = unrouted.map(({ record }) => {
    const { topic, partition } = record;
    return { topic, partition, records: [record] };
  });
  return [...partitions, ...letters];
}

function report({ telemetry, now }: KafkaEngine, table: string, result: WriteResult): void {
  const { rows, files, bytes, duplicates, dropped, deadLetters, commits, conflicts, oldest } = result;
  const values = {
    recordsWritten: rows,
    bytesAppended: bytes,
    filesAppended: files,
    commits,
    conflicts,
    quarantined: deadLetters,
    skipped: duplicates + dropped,
    ...(oldest !== undefined && { freshnessLag: Math.max(now() - oldest, 0) }),
  };
  const version = result.snapshot?.version;
  telemetry.log('info', commits > 0 ? 'committed' : 'nothing to commit', { table, version, ...values });
  telemetry.metrics(table, values);
}
