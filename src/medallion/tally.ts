import type { StepMetrics } from './step-run.ts';

type Counter = Exclude<keyof StepMetrics, 'violations'>;

/** Counts what a run does, batch by batch. */
export class Tally {
  readonly #counts: Record<Counter, number> = {
    batches: 0,
    commits: 0,
    conflicts: 0,
    filesRead: 0,
    bytesRead: 0,
    filesAdded: 0,
    bytesAdded: 0,
    filesRemoved: 0,
    rowsInserted: 0,
    rowsUpdated: 0,
    rowsDeleted: 0,
    rowsCopied: 0,
    rowsQuarantined: 0,
    rowsLate: 0,
  };
  readonly #violations: Record<string, number> = {};

  add(counts: Readonly<Partial<Record<Counter, number>>>): void {
    for (const [name, count] of Object.entries(counts)) this.#counts[name as Counter] += count;
  }

  addViolations(violations: Readonly<Record<string, number>>): void {
    for (const [rule, count] of Object.entries(violations)) {
      this.#violations[rule] = (this.#violations[rule] ?? 0) + count;
    }
  }

  /** Adds what another one has counted. */
  addAll({ violations, ...counts }: StepMetrics): void {
    this.add(counts);
    this.addViolations(violations);
  }

  get metrics(): StepMetrics {
    return { ...this.#counts, violations: { ...this.#violations } };
  }
}
