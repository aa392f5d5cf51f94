import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { activeFiles, refreshSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { KafkaEngine } from '../engine.ts';
import type { KafkaRecord } from '../record.ts';
import { currentSnapshot } from '../table-writer.ts';
import { mayHold } from './candidate-files.ts';
import { openDataFile, readColumns } from './data-file.ts';
import { type SourceColumns, sourceColumns, type ValuePlace } from './source-columns.ts';
import { type RecordState, type WantedPartition, WantedRecords } from './wanted-records.ts';

/** Data files that are read at the same time; of each a row group of four columns is held. */
const CONCURRENCY = 4;

/** Looks for records in the files of one table, and keeps what it found while the table goes on. */
export class PresenceCheck {
  readonly #engine: KafkaEngine;
  readonly #table: TableRef;
  readonly #prefix: string;
  readonly #records: readonly KafkaRecord[];
  #wanted: WantedRecords;
  #filesRead = 0;

  /** `prefix` stands before the names of the table's columns that come from Kafka. */
  constructor(engine: KafkaEngine, table: TableRef, records: readonly KafkaRecord[], prefix = '') {
    this.#engine = engine;
    this.#table = table;
    this.#prefix = prefix;
    this.#records = records;
    this.#wanted = new WantedRecords(records);
  }

  /** Data files whose rows were read. */
  get filesRead(): number {
    return this.#filesRead;
  }

  /** Looks through the table as it is now, afresh. Undefined when there is none. Throws ReplayError and the errors of reading. */
  async begin(): Promise<Snapshot | undefined> {
    this.#wanted = new WantedRecords(this.#records);
    const head = await currentSnapshot(this.#engine, this.#table, undefined);
    if (head === undefined) return undefined;
    for await (const adds of activeFiles(head, this.#engine.reader, { stats: true })) await this.#look(head, adds);
    return head;
  }

  /** Looks at what was added since `head`. Returns the table as it is now. */
  async advance(head: Snapshot | undefined): Promise<Snapshot | undefined> {
    if (head === undefined) return this.begin();
    const adds: AddFile[] = [];
    try {
      const next = await refreshSnapshot(head, {
        onCommit: ({ actions }) => {
          for (const action of actions) if ('add' in action) adds.push(action.add);
        },
      });
      if (next.metadata.id !== head.metadata.id) return this.begin();
      await this.#look(next, adds);
      return next;
    } catch (error) {
      const isOutdated = ['VERSION_NOT_FOUND', 'LOG_GAP', 'TABLE_NOT_FOUND'] as const;
      if (!isOutdated.some((code) => isDeltaError(error, code))) throw error;
      return this.begin();
    }
  }

  /** As far as was looked. */
  stateOf(record: KafkaRecord): RecordState {
    return this.#wanted.stateOf(record);
  }

  async #look(head: Snapshot, adds: readonly AddFile[]): Promise<void> {
    const columns = sourceColumns(head, this.#prefix);
    const candidates = adds.filter((add) => mayHold(add, columns, this.#wanted));
    this.#filesRead += candidates.length;
    await mapConcurrently(candidates, CONCURRENCY, (add) => lookInto(this.#table, add, columns, this.#wanted));
  }
}

/**
 * Which of the offsets of a partition are in the active files of a table. Only files whose statistics do not rule it out
 * are read, and of these only the columns that say where rows came from. A row that a deletion vector hides counts as
 * present: it was deleted on purpose.
 */
export async function presentOffsets(
  snapshot: Snapshot,
  reader: CheckpointReader,
  {
    topic,
    partition,
    offsets,
  }: { readonly topic: string; readonly partition: number; readonly offsets: readonly number[] },
): Promise<ReadonlySet<number>> {
  const records = offsets.map((offset): KafkaRecord => ({ ...NO_RECORD, topic, partition, offset }));
  const wanted = new WantedRecords(records);
  const columns = sourceColumns(snapshot, '');
  for await (const adds of activeFiles(snapshot, reader, { stats: true })) {
    const candidates = adds.filter((add) => mayHold(add, columns, wanted));
    await mapConcurrently(candidates, CONCURRENCY, (add) => lookInto(snapshot.table, add, columns, wanted));
  }
  return new Set(records.filter((record) => wanted.stateOf(record) !== 'absent').map(({ offset }) => offset));
}

const NO_RECORD = {
  timestamp: undefined,
  timestampType: 'NO_TIMESTAMP_TYPE',
  key: undefined,
  value: undefined,
  headers: [],
} as const;

/** Marks the wanted records that a file has. Rows of a file without the columns came from elsewhere. */
async function lookInto(table: TableRef, add: AddFile, columns: SourceColumns, wanted: WantedRecords): Promise<void> {
  const file = await openDataFile(table, add);
  const inFile = [columns.topic, columns.partition].flatMap(({ kind, column }) => (kind === 'file' ? [column] : []));
  const needed = [...inFile, columns.offset];
  if (needed.some((column) => !file.columns.has(column))) return;
  const time = columns.timestamp !== undefined && file.columns.has(columns.timestamp) ? columns.timestamp : undefined;
  const range = { column: columns.offset, ...wantedRange(wanted) };
  const read = time === undefined ? needed : [...needed, time];
  for await (const group of readColumns(table, add, file, { columns: read, range })) {
    const offsets = group.get(columns.offset) ?? [];
    const topicAt = valuesAt(columns.topic, add, group);
    const partitionAt = valuesAt(columns.partition, add, group);
    const times = time === undefined ? undefined : group.get(time);
    const partitionOf = partitionFinder(wanted);
    for (let row = 0; row < offsets.length; row++) {
      const offset = offsets[row];
      // Most rows are none of the wanted ones.
      if (offset === null || offset === undefined) continue;
      const found = partitionOf(topicAt(row), partitionAt(row));
      if (found === undefined) continue;
      found.see(Number(offset), times === undefined ? undefined : timeOf(times[row]));
    }
  }
}

function timeOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function valuesAt(
  { kind, column }: ValuePlace,
  { partitionValues }: AddFile,
  group: ReadonlyMap<string, ArrayLike<unknown>>,
) {
  if (kind === 'path') return () => partitionValues[column];
  const values = group.get(column) ?? [];
  return (row: number) => values[row];
}

/** Rows of one partition stand together mostly, so that the last one is asked again. */
function partitionFinder(wanted: WantedRecords): (topic: unknown, partition: unknown) => WantedPartition | undefined {
  let lastTopic: unknown;
  let lastPartition: unknown;
  let last: WantedPartition | undefined;
  return (topic, partition) => {
    if (topic === lastTopic && partition === lastPartition) return last;
    lastTopic = topic;
    lastPartition = partition;
    last = typeof topic === 'string' ? wanted.ofTopic(topic)?.get(Number(partition)) : undefined;
    return last;
  };
}

function wantedRange(wanted: WantedRecords): { readonly min: number; readonly max: number } {
  let min = Number.MAX_SAFE_INTEGER;
  let max = 0;
  for (const partition of wanted.partitions()) {
    min = Math.min(min, partition.min);
    max = Math.max(max, partition.max);
  }
  return { min: Math.min(min, max), max };
}
