import type { StreamProgram } from '../../src/cost/measured.ts';
import type { Result, Stage } from '../kafka/stage.ts';
import type { LandingResult } from './landing.ts';
import type { Lag, MonthlyCost } from './model.ts';

export interface KafkaResults {
  readonly stage: Pick<Stage, 'records' | 'bytes'>;
  readonly results: Partial<Readonly<Record<StreamProgram, Result>>>;
}

export interface LandingResults {
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  readonly results: readonly LandingResult[];
}

/** What one run of the benchmark found, as it is kept. */
export interface CostReport {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: string;
  /** Load averages of the machine at the start and at the end. */
  readonly load: readonly [string, string];
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly kafka?: KafkaResults;
  readonly landing?: LandingResults;
  /** Derived, not measured: wall time of a shared machine says nothing. */
  readonly lag: readonly Lag[];
  readonly monthly: readonly MonthlyCost[];
  /** What stands between the measurement and the money. */
  readonly assumptions: readonly string[];
}
