const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Each a multiple of the one before, so that buckets can be put together. Weeks begin on Thursdays, as the epoch did. */
const WIDTHS: readonly number[] = [
  ...[SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
  ...[HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY, 84 * DAY, 336 * DAY],
];

/** The most buckets there are. */
export const MAX_BUCKETS = 120;

export interface TimeBucket<T> {
  /** ms since the epoch. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly value: T;
}

/**
 * Sums by spans of time, whose range is not known beforehand: starts with seconds, and puts buckets together whenever the
 * times seen span more than `MAX_BUCKETS`. Memory is bounded whatever comes.
 */
export class TimeBuckets<T> {
  private readonly create: () => T;
  private readonly merge: (into: T, from: T) => void;
  private buckets = new Map<number, T>();
  private level = 0;
  private lowest = Number.POSITIVE_INFINITY;
  private highest = Number.NEGATIVE_INFINITY;

  constructor(create: () => T, merge: (into: T, from: T) => void) {
    this.create = create;
    this.merge = merge;
  }

  /** Of a bucket, ms. */
  get width(): number {
    return WIDTHS[this.level] ?? DAY;
  }

  /** The sums of the bucket that a time lies in, ms since the epoch. */
  at(time: number): T {
    this.lowest = Math.min(this.lowest, time);
    this.highest = Math.max(this.highest, time);
    while (this.count() > MAX_BUCKETS && this.level < WIDTHS.length - 1) this.widen();
    return this.get(this.buckets, Math.floor(time / this.width));
  }

  /** Ascending; only those that something was put into. */
  entries(): TimeBucket<T>[] {
    const { width } = this;
    return [...this.buckets]
      .sort(([a], [b]) => a - b)
      .map(([index, value]) => ({ from: index * width, to: (index + 1) * width, value }));
  }

  private count(): number {
    return Math.floor(this.highest / this.width) - Math.floor(this.lowest / this.width) + 1;
  }

  private widen(): void {
    const before = this.width;
    this.level += 1;
    const wider = new Map<number, T>();
    for (const [index, value] of this.buckets) {
      this.merge(this.get(wider, Math.floor((index * before) / this.width)), value);
    }
    this.buckets = wider;
  }

  private get(buckets: Map<number, T>, index: number): T {
    const known = buckets.get(index);
    if (known !== undefined) return known;
    const made = this.create();
    buckets.set(index, made);
    return made;
  }
}
