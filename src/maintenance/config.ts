import { type CommitRule, readCommitRules } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { type ReconcileInput, type ReconcileSettings, readReconcile } from './reconcile-config.ts';

/** Where tables are looked for. */
export interface TablePlace {
  readonly bucket: string;
  /** Key prefixes, in whole path segments, in which tables lie; `''` is the whole bucket. @default [''] */
  readonly prefixes: readonly string[];
  /** How the tables commit; the same as their writers do. @default by conditional PUT */
  readonly commits?: readonly CommitRule[];
  /** Whether files land there, to be appended by the rules of `reconcile`. @default false */
  readonly landing?: boolean;
}

/** How small files are put together, where a table says nothing of it. */
export interface OptimizeSettings {
  /** Bytes that a file is to have. @default the table's `delta.targetFileSize`, else 128 MiB */
  readonly targetFileSize?: number;
  /** Files younger than this are left for the next time, in minutes: writers are still at work there. @default 60 */
  readonly minAge: number;
  /** Bytes that one run reads at most; the next one goes on. @default 10 GiB */
  readonly maxBytes: number;
  /**
   * Bytes of small files from which on a table is left to Spark, where there is one; so is a table with more than 200,000
   * of them. @default 100 GiB
   */
  readonly maxBacklog: number;
}

export interface MaintenanceConfig {
  readonly places: readonly TablePlace[];
  readonly optimize: OptimizeSettings;
  /** What events missed is looked for, where files land. @default it is not */
  readonly reconcile?: ReconcileSettings;
}

/** A configuration as a user writes it: what is left out has its default. */
export interface MaintenanceConfigInput {
  readonly places: readonly (Pick<TablePlace, 'bucket' | 'commits' | 'landing'> & {
    readonly prefixes?: readonly string[];
  })[];
  readonly optimize?: Partial<OptimizeSettings>;
  readonly reconcile?: ReconcileInput;
}

const MIB = 2 ** 20;
const GIB = 1_024 * MIB;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseMaintenanceConfig(value: unknown): MaintenanceConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['places', 'optimize', 'reconcile']);
  const config: MaintenanceConfig = {
    places: root.children('places').map(readPlace),
    optimize: readOptimize(root.child('optimize')),
    ...(root.has('reconcile') && { reconcile: readReconcile(root.child('reconcile')) }),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readPlace(reader: ConfigReader): TablePlace {
  reader.onlyKnows(['bucket', 'prefixes', 'commits', 'landing']);
  const bucket = reader.optionalText('bucket') ?? '';
  if (bucket === '') reader.problem('bucket', 'is required');
  const prefixes = reader.texts('prefixes').map((prefix) => prefix.replace(/^\/+|\/+$/g, ''));
  const commits = readCommitRules(reader, 'commits');
  return {
    bucket,
    prefixes: prefixes.length === 0 ? [''] : prefixes,
    ...(commits.length > 0 && { commits }),
    ...(reader.boolean('landing', false) && { landing: true }),
  };
}

/** Reads the settings of compaction, also where they stand in the configuration of a deployment. */
export function readOptimize(reader: ConfigReader): OptimizeSettings {
  reader.onlyKnows(['targetFileSize', 'minAge', 'maxBytes', 'maxBacklog']);
  return {
    ...(reader.has('targetFileSize') && {
      targetFileSize: reader.integer('targetFileSize', MIB, 1024 * MIB, 128 * MIB),
    }),
    minAge: reader.integer('minAge', 0, 525_600, 60),
    maxBytes: reader.integer('maxBytes', MIB, 2 ** 50, 10 * GIB),
    maxBacklog: reader.integer('maxBacklog', 0, 2 ** 50, 100 * GIB),
  };
}
