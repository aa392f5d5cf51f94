import type { KafkaRecord } from '../record.ts';

/**
 * What a table has of a record:
 * - `absent`: no row with its offset;
 * - `present`: a row with its offset and its time;
 * - `reused`: rows with its offset, all with other times: they are of a topic that was made anew since, or before;
 * - `untimed`: a row with its offset, and with no time to tell by whether it is this record.
 */
export type RecordState = 'absent' | 'present' | 'reused' | 'untimed';

/** Time of a row in µs, null for none, and undefined where it is not known. */
export type RowTime = number | null | undefined;

/** The records of one partition that are looked for. */
export class WantedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Times of the rows that were found, by wanted offset. */
  readonly #found = new Map<number, Set<RowTime>>();
  #sorted: readonly number[] | undefined;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  want(offset: number): void {
    if (!this.#found.has(offset)) this.#found.set(offset, new Set());
    this.#sorted = undefined;
  }

  /** Takes note of a row. */
  see(offset: number, time: RowTime): void {
    this.#found.get(offset)?.add(time);
  }

  /** The least wanted offset. */
  get min(): number {
    return this.#offsets()[0] ?? 0;
  }

  /** The greatest wanted offset. */
  get max(): number {
    return this.#offsets().at(-1) ?? 0;
  }

  /** Whether an offset from `min` to `max`, both included, is wanted. */
  wantsBetween(min: number, max: number): boolean {
    const sorted = this.#offsets();
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] ?? 0) < min) low = middle + 1;
      else high = middle;
    }
    const first = sorted[low];
    return first !== undefined && first <= max;
  }

  stateOf(offset: number, timestamp: number | undefined): RecordState {
    const times = this.#found.get(offset);
    if (times === undefined || times.size === 0) return 'absent';
    if (times.has(rowTime(timestamp))) return 'present';
    return times.has(undefined) ? 'untimed' : 'reused';
  }

  #offsets(): readonly number[] {
    this.#sorted ??= [...this.#found.keys()].sort((a, b) => a - b);
    return this.#sorted;
  }
}

/** The records that are looked for in a table, and what was found of them so far. */
export class WantedRecords {
  readonly #topics = new Map<string, Map<number, WantedPartition>>();

  constructor(records: Iterable<KafkaRecord>) {
    for (const { topic, partition, offset } of records) {
      const partitions = this.#topics.get(topic) ?? new Map<number, WantedPartition>();
      this.#topics.set(topic, partitions);
      const wanted = partitions.get(partition) ?? new WantedPartition(topic, partition);
      partitions.set(partition, wanted);
      wanted.want(offset);
    }
  }

  *partitions(): Generator<WantedPartition> {
    for (const partitions of this.#topics.values()) yield* partitions.values();
  }

  /** The partitions of a topic, by number. */
  ofTopic(topic: string): ReadonlyMap<number, WantedPartition> | undefined {
    return this.#topics.get(topic);
  }

  stateOf({ topic, partition, offset, timestamp }: KafkaRecord): RecordState {
    return this.#topics.get(topic)?.get(partition)?.stateOf(offset, timestamp) ?? 'absent';
  }
}

/** The time of a record as its row has it, µs. Rounded in the same way on both sides beyond 2^53. */
function rowTime(timestamp: number | undefined): number | null {
  return timestamp === undefined ? null : timestamp * 1_000;
}
