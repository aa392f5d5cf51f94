import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { type OptimizeSettings, parseMaintenanceConfig } from '../../src/maintenance/config.ts';

/** What is done for the tables beside writing them. Checkpoints are always made. */
export interface MaintenanceDeploymentConfig {
  /** Small files are put together. @default never */
  readonly optimize?: Partial<OptimizeSettings> & { readonly every?: number };
  /** Files are deleted that no version within the table's retention needs. @default never */
  readonly vacuum?: {
    /** Hours between two: 1-744. @default 24 */
    readonly every?: number;
  };
  /** Commits and checkpoints are deleted that are older than the table's log retention. @default never */
  readonly cleanLog?: {
    /** Hours between two: 1-744. @default 24 */
    readonly every?: number;
  };
  /** Tables that are worked on at the same time at most: 2-1000. @default 2 */
  readonly maxConcurrency?: number;
  /** MB: 1024-10240. @default 2048 */
  readonly memorySize?: number;
}

export interface MaintenanceDeployment {
  readonly optimize?: { readonly every: number; readonly settings: Partial<OptimizeSettings> };
  readonly vacuum?: { readonly every: number };
  readonly cleanLog?: { readonly every: number };
  readonly maxConcurrency: number;
  readonly memorySize: number;
}

/** A month. */
const MAX_HOURS = 744;

/** Reads the part for the upkeep of tables. */
export function readMaintenance(reader: ConfigReader): MaintenanceDeployment {
  reader.onlyKnows(['optimize', 'vacuum', 'cleanLog', 'maxConcurrency', 'memorySize']);
  return {
    ...(reader.has('optimize') && { optimize: readOptimizePart(reader.child('optimize')) }),
    ...(reader.has('vacuum') && { vacuum: readSchedule(reader.child('vacuum')) }),
    ...(reader.has('cleanLog') && { cleanLog: readSchedule(reader.child('cleanLog')) }),
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 2),
    memorySize: reader.integer('memorySize', 1_024, 10_240, 2_048),
  };
}

function readSchedule(reader: ConfigReader): { readonly every: number } {
  reader.onlyKnows(['every']);
  return { every: reader.integer('every', 1, MAX_HOURS, 24) };
}

const OPTIMIZE_SETTINGS = [
  'targetFileSize',
  'minAge',
  'maxBytes',
] as const satisfies readonly (keyof OptimizeSettings)[];

function readOptimizePart(reader: ConfigReader): NonNullable<MaintenanceDeployment['optimize']> {
  reader.onlyKnows(['every', ...OPTIMIZE_SETTINGS]);
  const settings = reader.pick(OPTIMIZE_SETTINGS) as Partial<OptimizeSettings>;
  try {
    parseMaintenanceConfig({ optimize: settings });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) reader.problem('', problem.replace('optimize.', ''));
  }
  return { every: reader.integer('every', 1, MAX_HOURS, 24), settings };
}
