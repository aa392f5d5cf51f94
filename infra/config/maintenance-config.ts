import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { type OptimizeSettings, parseMaintenanceConfig } from '../../src/maintenance/config.ts';
import {
  RECONCILE_SETTINGS,
  type ReconcileSettings,
  readReconcileSchedule,
} from '../../src/maintenance/reconcile-config.ts';

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
  /** What events missed is looked for, in the landing bucket: files that no commit has, and active ones that are gone. @default never */
  readonly reconcile?: Partial<Pick<ReconcileSettings, 'minAge' | 'deletes'>> & {
    /** Hours between two: 1-744. @default 24 */
    readonly every?: number;
  };
  /** Spark compacts tables that are beyond the function (`optimize.maxBacklog`). @default nothing does */
  readonly spark?: Partial<SparkSettings>;
  /** Tables that are worked on at the same time at most: 2-1000. @default 2 */
  readonly maxConcurrency?: number;
  /** MB: 1024-10240. @default 2048 */
  readonly memorySize?: number;
}

/** Of the EMR Serverless application. */
export interface SparkSettings {
  /** From `emr-7.10.0` on. @default 'emr-7.13.0' */
  readonly releaseLabel: string;
  /** What all jobs together may take at once: vCPUs, and GB of memory and of disk. @default 64, 256 and 2,000 */
  readonly maximumCapacity: { readonly cpu: number; readonly memory: number; readonly disk: number };
  /** Jobs that run at the same time; more wait: 1-1000. @default 4 */
  readonly maxConcurrentRuns: number;
}

export interface MaintenanceDeployment {
  readonly optimize?: { readonly every: number; readonly settings: Partial<OptimizeSettings> };
  readonly vacuum?: { readonly every: number };
  readonly cleanLog?: { readonly every: number };
  readonly reconcile?: { readonly every: number } & Pick<ReconcileSettings, 'minAge' | 'deletes'>;
  readonly spark?: SparkSettings;
  readonly maxConcurrency: number;
  readonly memorySize: number;
}

/** A month. */
const MAX_HOURS = 744;
/** Against slips only: an account has quotas. */
const MAX_CAPACITY = 1_000_000;

/** Reads the part for the upkeep of tables. */
export function readMaintenance(reader: ConfigReader): MaintenanceDeployment {
  reader.onlyKnows(['optimize', 'vacuum', 'cleanLog', 'reconcile', 'spark', 'maxConcurrency', 'memorySize']);
  const optimize = reader.has('optimize') ? readOptimizePart(reader.child('optimize')) : undefined;
  const spark = reader.has('spark') ? readSpark(reader.child('spark')) : undefined;
  if (spark !== undefined && optimize === undefined) {
    reader.problem('spark', 'compacts what is beyond the function: expected the part optimize, too');
  }
  if (spark === undefined && optimize?.settings.maxBacklog !== undefined) {
    reader.problem('optimize.maxBacklog', 'is where Spark takes over: expected the part spark, too');
  }
  return {
    ...(optimize !== undefined && { optimize }),
    ...(reader.has('vacuum') && { vacuum: readSchedule(reader.child('vacuum')) }),
    ...(reader.has('cleanLog') && { cleanLog: readSchedule(reader.child('cleanLog')) }),
    ...(reader.has('reconcile') && { reconcile: readReconcilePart(reader.child('reconcile')) }),
    ...(spark !== undefined && { spark }),
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 2),
    memorySize: reader.integer('memorySize', 1_024, 10_240, 2_048),
  };
}

/** Reads the settings of an application. */
export function readSpark(reader: ConfigReader): SparkSettings {
  reader.onlyKnows(['releaseLabel', 'maximumCapacity', 'maxConcurrentRuns']);
  const capacity = reader.child('maximumCapacity');
  capacity.onlyKnows(['cpu', 'memory', 'disk']);
  return {
    releaseLabel: reader.matching('releaseLabel', /^emr-\d+\.\d+\.\d+$/, 'a release such as emr-7.13.0', 'emr-7.13.0'),
    maximumCapacity: {
      cpu: capacity.integer('cpu', 8, MAX_CAPACITY, 64),
      memory: capacity.integer('memory', 32, MAX_CAPACITY, 256),
      disk: capacity.integer('disk', 40, MAX_CAPACITY, 2_000),
    },
    maxConcurrentRuns: reader.integer('maxConcurrentRuns', 1, 1_000, 4),
  };
}

function readSchedule(reader: ConfigReader): { readonly every: number } {
  reader.onlyKnows(['every']);
  return { every: reader.integer('every', 1, MAX_HOURS, 24) };
}

function readReconcilePart(reader: ConfigReader): NonNullable<MaintenanceDeployment['reconcile']> {
  reader.onlyKnows(['every', ...RECONCILE_SETTINGS]);
  return { every: reader.integer('every', 1, MAX_HOURS, 24), ...readReconcileSchedule(reader) };
}

const OPTIMIZE_SETTINGS = [
  'targetFileSize',
  'minAge',
  'maxBytes',
  'maxBacklog',
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
