import type { Txn } from '../delta/actions.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { RowWriter } from '../parquet/write/row-writer.ts';
import { bronzeRow, bronzeSchema, DEAD_LETTER_SCHEMA, deadLetterRow, type RecordProblem } from './bronze-rows.ts';
import type { TopicRule } from './config.ts';
import type { KafkaEngine } from './engine.ts';
import { knownOffset, type OffsetKeeper, offsetAppId, type PartitionRecords, sortRecords } from './offsets.ts';
import type { KafkaRecord } from './record.ts';
import { commitRows, currentSnapshot, uploadRows } from './table-writer.ts';

/** The records of one invocation for one table. */
export interface TableRecords {
  readonly table: TableRef;
  /** Where records go that the table cannot take. */
  readonly deadLetters: TableRef;
  readonly rule: TopicRule;
  /** Each partition once. */
  readonly partitions: readonly PartitionRecords[];
}

export interface WriteResult {
  /** For the next invocation. */
  readonly snapshot: Snapshot | undefined;
  readonly rows: number;
  readonly bytes: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly commits: number;
  readonly conflicts: number;
  /** Time of the oldest record that was written, ms since the epoch. */
  readonly oldest: number | undefined;
}

/** How far the clocks of producers may be ahead of the function's, ms. */
const CLOCK_MARGIN = 60_000;

/**
 * Writes records to their table, each once. The file of the new ones is uploaded first; then one commit adds it and moves
 * the offsets of its partitions on: what breaks before is written again, what comes again after is known.
 *
 * Records that the table cannot take are committed to the table of dead letters before that commit, since the offsets
 * move past them: a crash in between leaves a dead letter twice, never none.
 *
 * When another writer moves an offset of ours on meanwhile (two pollers on one partition), what it wrote is left out and
 * the rest is written anew. Throws the errors of `commitRows`, and the store's.
 */
export async function writeRecords(
  engine: KafkaEngine,
  batch: TableRecords,
  cached: Snapshot | undefined,
  deadline: number,
): Promise<WriteResult> {
  const { table, rule, partitions } = batch;
  const keeper: OffsetKeeper = { application: engine.config.application, rule };
  const target = { ...rule, table, schema: bronzeSchema(rule) };
  const lettered = new Set<KafkaRecord>();
  let head = await currentSnapshot(engine, table, cached);
  let conflicts = 0;
  for (;;) {
    const known = offsetsOf(head, keeper, partitions);
    const plan = planRecords(batch, known, engine.now());
    const rejected = plan.rejected.filter(({ record }) => !lettered.has(record));
    await writeDeadLetters(engine, batch, rejected, deadline);
    for (const { record } of rejected) lettered.add(record);
    const counts = { duplicates: plan.duplicates, deadLetters: lettered.size };
    if (plan.reached.size === 0) {
      return { ...counts, snapshot: head, rows: 0, bytes: 0, commits: 0, conflicts, oldest: undefined };
    }
    const file = await uploadRows(engine, table, plan.rows, fileName(partitions));
    const txns = (current: Snapshot | undefined): Txn[] | undefined => {
      const now = offsetsOf(current, keeper, partitions);
      const isSame = partitions.every((one) => now.get(one)?.version === known.get(one)?.version);
      return isSame ? newOffsets(plan, keeper, engine.now()) : undefined;
    };
    const result = await commitRows(engine, target, head, { file, txns, deadline });
    conflicts += result.conflicts;
    head = result.snapshot;
    if (result.kind === 'committed') {
      const { rowCount: rows } = plan.rows;
      return { ...counts, snapshot: head, rows, bytes: file?.size ?? 0, commits: 1, conflicts, oldest: plan.oldest };
    }
  }
}

type KnownOffsets = ReadonlyMap<PartitionRecords, Txn | undefined>;

function offsetsOf(
  head: Snapshot | undefined,
  keeper: OffsetKeeper,
  partitions: readonly PartitionRecords[],
): KnownOffsets {
  return new Map(partitions.map((one) => [one, head && knownOffset(head.txns, keeper, one.topic, one.partition)]));
}

interface Rejected {
  readonly record: KafkaRecord;
  readonly problem: RecordProblem;
}

interface RecordPlan {
  readonly rows: RowWriter;
  readonly duplicates: number;
  readonly rejected: readonly Rejected[];
  /** The offset that each partition with new records reaches. */
  readonly reached: ReadonlyMap<PartitionRecords, number>;
  readonly oldest: number | undefined;
}

function planRecords({ partitions, rule }: TableRecords, known: KnownOffsets, now: number): RecordPlan {
  const rows = new RowWriter(bronzeSchema(rule));
  const rejected: Rejected[] = [];
  const reached = new Map<PartitionRecords, number>();
  let duplicates = 0;
  let oldest: number | undefined;
  for (const partition of partitions) {
    const sorted = sortRecords(partition.records, known.get(partition), CLOCK_MARGIN);
    duplicates += sorted.known;
    for (const record of sorted.reused) rejected.push({ record, problem: reusedProblem(known.get(partition)) });
    for (const record of sorted.news) {
      const row = bronzeRow(record, rule, now);
      if ('problem' in row) {
        rejected.push({ record, problem: row.problem });
        continue;
      }
      rows.append(row.cells);
      if (record.timestamp !== undefined) oldest = Math.min(oldest ?? record.timestamp, record.timestamp);
    }
    const last = sorted.news.at(-1);
    if (last !== undefined) reached.set(partition, last.offset);
  }
  return { rows, duplicates, rejected, reached, oldest };
}

function reusedProblem(known: Txn | undefined): RecordProblem {
  const message =
    `the table has all offsets up to ${known?.version}, and this record is newer than that: the topic was probably ` +
    'made anew. Give it the next generation in the configuration, then replay the dead letters';
  return { code: 'OFFSET_REUSED', message };
}

function newOffsets({ reached }: RecordPlan, keeper: OffsetKeeper, now: number): Txn[] {
  return [...reached].map(([{ topic, partition }, version]) => ({
    appId: offsetAppId(keeper, topic, partition),
    version,
    lastUpdated: now,
  }));
}

/** Commits the records as they came, with the reasons. They have no offsets: whoever counts them takes each offset once. */
async function writeDeadLetters(
  engine: KafkaEngine,
  { deadLetters: table, partitions }: TableRecords,
  rejected: readonly Rejected[],
  deadline: number,
): Promise<void> {
  if (rejected.length === 0) return;
  const rows = new RowWriter(DEAD_LETTER_SCHEMA);
  const now = engine.now();
  for (const { record, problem } of rejected) rows.append(deadLetterRow(record, problem, now));
  const head = await currentSnapshot(engine, table, undefined);
  const file = await uploadRows(engine, table, rows, fileName(partitions));
  const target = { table, schema: DEAD_LETTER_SCHEMA, schemaPolicy: 'evolve', properties: {} } as const;
  await commitRows(engine, target, head, { file, txns: () => [], deadline });
  engine.telemetry.log('warn', 'records in the dead letters', {
    table: table.url,
    records: rejected.length,
    codes: [...new Set(rejected.map(({ problem }) => problem.code))],
  });
}

/** Names what is in a file: the partition and its offsets, or the first of several. */
function fileName(partitions: readonly PartitionRecords[]): string {
  const [first] = partitions;
  if (first === undefined) return 'empty';
  const { topic, partition, records } = first;
  const range = `${topic}-${partition}-${records[0]?.offset ?? 0}-${records.at(-1)?.offset ?? 0}`;
  return partitions.length === 1 ? range : `${range}-and-${partitions.length - 1}-more`;
}
