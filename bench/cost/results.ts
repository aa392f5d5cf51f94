import type { StreamProgram } from '../../src/cost/measured.ts';
import type { Result, Stage } from '../kafka/stage.ts';
import type { LagProgram } from './lag.ts';
import type { LagResult } from './lag-tools.ts';
import type { LandingResult } from './landing.ts';
import type { MonthlyCost } from './model.ts';

/** What takes files that land. */
export type LandingProgram = 'append' | 'oxbow' | 'sparkFiles';

/** When one contender was measured, and beside what. */
export interface Conditions {
  /** ISO 8601, of the end. */
  readonly date: string;
  /** Load averages of the machine at the start and at the end. */
  readonly load: readonly [string, string];
  readonly seed: number;
  /** And its local S3. */
  readonly machine: string;
}

/** A run, and the records that it took. */
export type StreamRun = Result & Conditions & Pick<Stage, 'records' | 'bytes'>;

/** A run, and the files that it took: their number, bytes and rows. */
export type LandingRun = LandingResult &
  Conditions & { readonly files: number; readonly bytes: number; readonly rows: number };

/** What was measured, contender by contender. */
export interface Measured {
  readonly kafka: Readonly<Partial<Record<StreamProgram, StreamRun>>>;
  readonly landing: Readonly<Partial<Record<LandingProgram, LandingRun>>>;
  readonly lag: Readonly<Partial<Record<LagProgram, LagResult & Conditions>>>;
}

/** All that is kept. */
export interface CostReport extends Measured {
  readonly versions: Readonly<Record<string, string>>;
  readonly monthly: readonly MonthlyCost[];
  /** What stands between the measurement and the money. */
  readonly assumptions: readonly string[];
}
