import type { LagFacts } from '../facts.ts';

/** Each class ends at this many times its beginning. */
const RATIO = 1.1;
/** The last class begins at more than 80 years. */
const CLASSES = 300;

/** Times in ms by classes that grow, of which medians can be told, and which can be put together. */
export class LagSums {
  private readonly classes = new Uint32Array(CLASSES);
  private files = 0;
  private highest = 0;

  /** Negative times, of clocks that differ, count as none. */
  add(ms: number): void {
    const lag = Math.max(0, ms);
    const index = Math.min(CLASSES - 1, Math.floor(Math.log(Math.max(1, lag)) / Math.log(RATIO)));
    this.classes[index] = (this.classes[index] ?? 0) + 1;
    this.files += 1;
    this.highest = Math.max(this.highest, lag);
  }

  addAll(other: LagSums): void {
    for (const [index, count] of other.classes.entries()) this.classes[index] = (this.classes[index] ?? 0) + count;
    this.files += other.files;
    this.highest = Math.max(this.highest, other.highest);
  }

  facts(): LagFacts | null {
    if (this.files === 0) return null;
    const { files, highest } = this;
    return { files, median: Math.round(Math.min(highest, this.middle())), highest };
  }

  private middle(): number {
    let seen = 0;
    for (const [index, count] of this.classes.entries()) {
      seen += count;
      if (seen * 2 >= this.files) return RATIO ** (index + 0.5);
    }
    return this.highest;
  }
}
