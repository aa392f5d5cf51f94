import { randomUUID } from 'node:crypto';
import type { Txn } from '../delta/actions.ts';
import { isDeltaError } from '../delta/errors.ts';
import { assertWritable } from '../delta/features.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { RoutedRecord } from './decode/decode-record.ts';
import { assertNothingWaits, clearMark, isMarked, setMark } from './deferred/mark.ts';
import { type PendingRange, putPending } from './deferred/pending.ts';
import type { KafkaEngine } from './engine.ts';
import { letterRows } from './letter-rows.ts';
import { groupByPartition, knownOffset, type OffsetKeeper, offsetAppId, sortRecords } from './offsets.ts';
import { planRows, type RowPlan } from './plan-records.ts';
import type { KafkaRecord } from './record.ts';
import type { Rule } from './rule.ts';
import {
  type AppendTarget,
  commitColumns,
  commitRows,
  currentSnapshot,
  type DataFile,
  uploadFiles,
} from './table-writer.ts';

/** The records of one partition of a topic that are for one table, in the order of their offsets. */
export interface RoutedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly RoutedRecord[];
}

/** The records of one batch for one table. */
export interface TableRecords {
  readonly table: TableRef;
  /** Where records go that the table cannot take. */
  readonly deadLetters: TableRef;
  readonly rule: Rule;
  /** Each partition once. */
  readonly partitions: readonly RoutedPartition[];
}

export interface WriteResult {
  /** For the next batch. */
  readonly snapshot: Snapshot | undefined;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Records of which the rule wants no row. */
  readonly dropped: number;
  readonly commits: number;
  readonly conflicts: number;
  /** Time of the oldest record that was written, ms since the epoch. */
  readonly oldest: number | undefined;
}

/** How far the clocks of producers may be ahead of the function's, ms. */
const CLOCK_MARGIN = 60_000;

/**
 * Writes records to their table, each once. The files of the new ones are uploaded first; then one commit adds them and
 * moves the offsets of their partitions on: what breaks before is written again, what comes again after is known. What is
 * too much for the memory is written with further commits.
 *
 * Records that the table cannot take are committed to the table of dead letters before that commit, since the offsets
 * move past them: a crash in between leaves a dead letter twice, never none.
 *
 * When another writer moves an offset of ours on meanwhile (two pollers on one partition), what it wrote is left out and
 * the rest is written anew; likewise when the columns of the table change. Throws the errors of `commitRows`, and the
 * store's.
 */
export async function writeRecords(
  engine: KafkaEngine,
  batch: TableRecords,
  cached: Snapshot | undefined,
  deadline: number,
): Promise<WriteResult> {
  let { result, rest } = await writePart(engine, batch, cached, deadline);
  while (rest.length > 0) {
    const part = await writePart(engine, { ...batch, partitions: rest }, result.snapshot, deadline);
    result = together(result, part.result);
    rest = part.rest;
  }
  return result;
}

interface WrittenPart {
  readonly result: WriteResult;
  /** What is still to be written. */
  readonly rest: readonly RoutedPartition[];
}

/** Writes as many of the records as one commit takes. */
async function writePart(
  engine: KafkaEngine,
  batch: TableRecords,
  cached: Snapshot | undefined,
  deadline: number,
): Promise<WrittenPart> {
  const { table, rule, partitions } = batch;
  const { application } = engine.config;
  const isDeferred = engine.config.commits === 'deferred';
  const keeper: OffsetKeeper = { application, rule: rule.config };
  const lettered = new Set<KafkaRecord>();
  let head = await currentSnapshot(engine, table, cached);
  let conflicts = 0;
  let refusal: string | undefined;
  for (;;) {
    if (head !== undefined) assertWritable(head);
    if (!isDeferred && isMarked(head, application)) await assertNothingWaits(table);
    const known = offsetsOf(head, keeper, partitions);
    const sorted = sortPartitions(partitions, known);
    await rule.prepare(sorted.news);
    const plan = refusal === undefined ? planRows(rule, sorted.news, head, engine.now()) : refuse(sorted.news, refusal);
    const rejected = [...sorted.reused, ...plan.rejected].filter(({ record }) => !lettered.has(record));
    await writeDeadLetters(engine, batch, rejected, deadline);
    for (const { record } of rejected) lettered.add(record);
    const files = await uploadFiles(engine, table, plan.files, fileName(partitions));
    const reached = reachedBy(sorted.news.slice(0, plan.planned));
    const rest = groupByPartition(sorted.news.slice(plan.planned));
    const result = (commits: number): WriteResult => ({
      ...(isDeferred ? NOTHING_COMMITTED : committedFiles(files)),
      snapshot: head,
      rows: plan.rows,
      duplicates: sorted.duplicates,
      deadLetters: lettered.size,
      dropped: plan.dropped,
      commits,
      conflicts,
      // The committer reports files, and when their rows are there.
      oldest: isDeferred ? undefined : plan.oldest,
    });
    if (plan.taken === 0 && plan.rejected.length === 0) return { result: result(0), rest };
    const isSame = (current: Snapshot | undefined): boolean => {
      const now = offsetsOf(current, keeper, partitions);
      return (
        partitions.every((one) => now.get(one)?.version === known.get(one)?.version) &&
        current?.metadata.schemaString === head?.metadata.schemaString
      );
    };
    const txns = (current: Snapshot | undefined): Txn[] | undefined => {
      const time = engine.now();
      if (!isSame(current)) return undefined;
      return [...newOffsets(reached, keeper, time), ...clearMark(current, application, time)];
    };
    const target = targetOf(batch, plan);
    try {
      const committed = isDeferred
        ? await commitColumns(engine, target, head, {
            files,
            txns: (current) => setMark(current, application, engine.now()),
            deadline,
          })
        : await commitRows(engine, target, head, { files, txns, deadline });
      conflicts += committed?.conflicts ?? 0;
      head = committed === undefined ? head : committed.snapshot;
      // The table has other offsets or columns by now.
      if (committed?.kind === 'skipped') continue;
      const tableId = head?.metadata.id ?? '';
      if (isDeferred) await deferFiles(batch, { keeper, files, reached, oldest: plan.oldest, tableId });
      return { result: result(committed === undefined ? 0 : 1), rest };
    } catch (error) {
      if (!isDeltaError(error, 'INVALID_SCHEMA') || refusal !== undefined) throw error;
      // The table is as the plan saw it, and will not take the files the next time either.
      refusal = error.message;
    }
  }
}

const NOTHING_COMMITTED = { files: 0, bytes: 0 };

function committedFiles(files: readonly DataFile[]): Pick<WriteResult, 'files' | 'bytes'> {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

function together(a: WriteResult, b: WriteResult): WriteResult {
  const oldest = Math.min(a.oldest ?? Number.POSITIVE_INFINITY, b.oldest ?? Number.POSITIVE_INFINITY);
  return {
    snapshot: b.snapshot,
    rows: a.rows + b.rows,
    files: a.files + b.files,
    bytes: a.bytes + b.bytes,
    duplicates: a.duplicates + b.duplicates,
    deadLetters: a.deadLetters + b.deadLetters,
    dropped: a.dropped + b.dropped,
    commits: a.commits + b.commits,
    conflicts: a.conflicts + b.conflicts,
    oldest: Number.isFinite(oldest) ? oldest : undefined,
  };
}

interface DeferredFiles {
  readonly keeper: OffsetKeeper;
  readonly files: readonly DataFile[];
  readonly reached: readonly PendingRange[];
  readonly oldest: number | undefined;
  readonly tableId: string;
}

/** Leaves the commit of the files, and of what they bring the offsets to, to the committer. */
async function deferFiles(
  { table, partitions, rule }: TableRecords,
  { keeper, files, reached: ranges, oldest, tableId }: DeferredFiles,
): Promise<void> {
  const { application } = keeper;
  const { generation, continueFrom, metadataPrefix } = rule.config;
  const batch = {
    root: table.root,
    tableId,
    keeper: { application, rule: { generation, ...(continueFrom !== undefined && { continueFrom }) } },
    metadataPrefix,
    files: files.map(({ path, size, rows, time, tail = new Uint8Array() }) => {
      return { path, size, rows, time, footer: Buffer.from(tail).toString('base64') };
    }),
    ranges,
    ...(oldest !== undefined && { oldest }),
  };
  await putPending(table.store, batch, `${fileName(partitions)}-${randomUUID()}`);
}

type KnownOffsets = ReadonlyMap<RoutedPartition, Txn | undefined>;

function offsetsOf(
  head: Snapshot | undefined,
  keeper: OffsetKeeper,
  partitions: readonly RoutedPartition[],
): KnownOffsets {
  return new Map(partitions.map((one) => [one, head && knownOffset(head.txns, keeper, one.topic, one.partition)]));
}

interface SortedPartitions {
  readonly news: readonly RoutedRecord[];
  readonly reused: readonly DeadLetter[];
  readonly duplicates: number;
}

function sortPartitions(partitions: readonly RoutedPartition[], known: KnownOffsets): SortedPartitions {
  const news: RoutedRecord[] = [];
  const reused: DeadLetter[] = [];
  let duplicates = 0;
  for (const partition of partitions) {
    const sorted = sortRecords(partition.records, known.get(partition), CLOCK_MARGIN);
    duplicates += sorted.known;
    for (const record of sorted.reused) reused.push({ record, problem: reusedProblem(known.get(partition)) });
    for (const record of sorted.news) news.push(record);
  }
  return { news, reused, duplicates };
}

/** The first and last offset of each partition. */
function reachedBy(records: readonly RoutedRecord[]): PendingRange[] {
  return groupByPartition(records).map(({ topic, partition, records: all }) => {
    const first = all[0]?.offset ?? 0;
    return { topic, partition, first, last: all.at(-1)?.offset ?? first };
  });
}

function reusedProblem(known: Txn | undefined): DeadLetter['problem'] {
  const message =
    `the table has all offsets up to ${known?.version}, and this record is newer than that: the topic was probably ` +
    'made anew. Give it the next generation in the configuration, then replay the dead letters';
  return { code: 'OFFSET_REUSED', message };
}

/** All records as dead letters, because the table does not take the files that they make. */
function refuse(records: readonly RoutedRecord[], message: string): RowPlan {
  const rejected = records.map((record) => ({ record, problem: { code: 'TABLE_REFUSED' as const, message } }));
  const schema = { type: 'struct', fields: [] } as const;
  return {
    files: new Map(),
    schema,
    rejected,
    planned: records.length,
    taken: 0,
    rows: 0,
    dropped: 0,
    oldest: undefined,
  };
}

function newOffsets(reached: readonly PendingRange[], keeper: OffsetKeeper, now: number): Txn[] {
  return reached.map(({ topic, partition, last: version }) => ({
    appId: offsetAppId(keeper, topic, partition),
    version,
    lastUpdated: now,
  }));
}

function targetOf({ table, rule }: TableRecords, { schema, rejected, taken }: RowPlan): AppendTarget {
  const { schemaPolicy, properties, partitionBy } = rule.config;
  const isEmpty = taken === 0 && rejected.length > 0;
  // A table that begins with dead letters only has the columns that are there in any case.
  const fields = isEmpty ? rule.metadata.fields : schema.fields;
  return {
    table,
    schema: { type: 'struct', fields },
    schemaPolicy,
    properties,
    partitionColumns: partitionBy.map(({ name, type }) => ({ name, type })),
  };
}

/** Commits the records as they came, with the reasons. They have no offsets: whoever counts them takes each offset once. */
export async function writeDeadLetters(
  engine: KafkaEngine,
  { deadLetters: table, partitions }: Pick<TableRecords, 'deadLetters' | 'partitions'>,
  rejected: readonly DeadLetter[],
  deadline: number,
): Promise<void> {
  if (rejected.length === 0) return;
  const now = engine.now();
  const { target, files: rows } = letterRows(
    rejected.map((letter) => ({ ...letter, ingested: now })),
    now,
  );
  const head = await currentSnapshot(engine, table, undefined);
  const files = await uploadFiles(engine, table, rows, fileName(partitions));
  await commitRows(engine, { ...target, table }, head, { files, txns: () => [], deadline });
  engine.telemetry.log('warn', 'records in the dead letters', {
    table: table.url,
    records: rejected.length,
    codes: [...new Set(rejected.map(({ problem }) => problem.code))],
  });
}

/** Names what is in a file: the partition and its offsets, or the first of several. */
function fileName(partitions: readonly RoutedPartition[]): string {
  const [first] = partitions;
  if (first === undefined) return 'empty';
  const { topic, partition, records } = first;
  const range = `${topic}-${partition}-${records[0]?.offset ?? 0}-${records.at(-1)?.offset ?? 0}`;
  return partitions.length === 1 ? range : `${range}-and-${partitions.length - 1}-more`;
}
