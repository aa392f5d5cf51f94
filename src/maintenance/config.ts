import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

/** Where tables are looked for. */
export interface TablePlace {
  readonly bucket: string;
  /** Key prefixes, in whole path segments, in which tables lie; `''` is the whole bucket. @default [''] */
  readonly prefixes: readonly string[];
}

/** How small files are put together, where a table says nothing of it. */
export interface OptimizeSettings {
  /** Bytes that a file is to have, unless the table has `delta.targetFileSize`. @default 128 MiB */
  readonly targetFileSize: number;
  /** Files younger than this are left for the next time, in minutes: writers are still at work there. @default 60 */
  readonly minAge: number;
  /** Bytes that one run reads at most; the next one goes on. @default 10 GiB */
  readonly maxBytes: number;
}

export interface MaintenanceConfig {
  readonly places: readonly TablePlace[];
  readonly optimize: OptimizeSettings;
}

/** A configuration as a user writes it: what is left out has its default. */
export interface MaintenanceConfigInput {
  readonly places: readonly { readonly bucket: string; readonly prefixes?: readonly string[] }[];
  readonly optimize?: Partial<OptimizeSettings>;
}

const MIB = 2 ** 20;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseMaintenanceConfig(value: unknown): MaintenanceConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['places', 'optimize']);
  const config: MaintenanceConfig = {
    places: root.children('places').map(readPlace),
    optimize: readOptimize(root.child('optimize')),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readPlace(reader: ConfigReader): TablePlace {
  reader.onlyKnows(['bucket', 'prefixes']);
  const bucket = reader.optionalText('bucket') ?? '';
  if (bucket === '') reader.problem('bucket', 'is required');
  const prefixes = reader.texts('prefixes').map((prefix) => prefix.replace(/^\/+|\/+$/g, ''));
  return { bucket, prefixes: prefixes.length === 0 ? [''] : prefixes };
}

/** Reads the settings of compaction, also where they stand in the configuration of a deployment. */
export function readOptimize(reader: ConfigReader): OptimizeSettings {
  reader.onlyKnows(['targetFileSize', 'minAge', 'maxBytes']);
  return {
    targetFileSize: reader.integer('targetFileSize', MIB, 4096 * MIB, 128 * MIB),
    minAge: reader.integer('minAge', 0, 525_600, 60),
    maxBytes: reader.integer('maxBytes', MIB, 2 ** 50, 10 * 1024 * MIB),
  };
}
