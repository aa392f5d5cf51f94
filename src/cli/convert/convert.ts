import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { type AdoptionProgress, adoptFiles } from '../../ingest/adopt.ts';
import { type AppendConfig, type PartitionColumn, parseAppendConfig, type TableRule } from '../../ingest/config.ts';
import { routeKey } from '../../ingest/routing.ts';
import { observeQuarantine, type QuarantineReport } from '../../local/quarantine-observer.ts';
import { createDryRunStore } from './dry-run-store.ts';

/** A folder that is to become a table, or is one that lacks some of its files. */
export interface Conversion {
  readonly table: TableRef;
  readonly reader: CheckpointReader;
  /** The table as it is; undefined when there is none yet. */
  readonly head: Snapshot | undefined;
}

export interface ConvertOptions {
  /** Of a new table, in order. */
  readonly partitionColumns: readonly PartitionColumn[];
  readonly dryRun: boolean;
  /** May throw, to stop between two commits. */
  readonly onProgress: (progress: AdoptionProgress) => void;
}

export interface ConvertResult {
  readonly snapshot: Snapshot | undefined;
  readonly progress: AdoptionProgress;
  readonly quarantine: QuarantineReport;
}

/** Finds out whether there is a table already. */
export async function openConversion(table: TableRef, reader: CheckpointReader): Promise<Conversion> {
  try {
    return { table, reader, head: await loadSnapshot(table, reader) };
  } catch (error) {
    if (!isDeltaError(error, 'TABLE_NOT_FOUND')) throw error;
    return { table, reader, head: undefined };
  }
}

/** The path below the root of a Parquet file that belongs to the table; undefined for all other keys. */
export function parquetPath(root: string): (key: string) => string | undefined {
  const { config } = configFor(root, []);
  return (key) => {
    if (!/\.parquet$/i.test(key)) return undefined;
    const route = routeKey('', key, config);
    return route.kind === 'table' && route.root === root ? route.relative : undefined;
  };
}

/** Takes the files into the table, in place: only the log and quarantine records are written. */
export async function convert(
  { table, reader, head }: Conversion,
  { partitionColumns, dryRun, onProgress }: ConvertOptions,
): Promise<ConvertResult> {
  const { config, rule } = configFor(table.root, partitionColumns);
  const observed = observeQuarantine(dryRun ? createDryRunStore(table.store) : table.store);
  const engine = {
    reader,
    config,
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms),
  };
  const adoption = {
    table: { ...table, store: observed.store },
    settings: rule,
    rule,
    relativePath: parquetPath(table.root),
    onProgress,
  };
  const { snapshot, progress } = await adoptFiles(engine, adoption, head, Number.POSITIVE_INFINITY);
  return { snapshot, progress, quarantine: observed.report };
}

/** Throws ConfigError for partition columns that cannot be ones. */
function configFor(
  root: string,
  partitionColumns: readonly PartitionColumn[],
): { readonly config: AppendConfig; readonly rule: TableRule } {
  const columns = partitionColumns.length === 0 ? {} : { partitionColumns };
  const config = parseAppendConfig({ convention: 'none', tables: [{ prefix: root, ...columns }] });
  const [rule] = config.tables;
  if (rule === undefined) throw new Error('the configuration has no table');
  return { config, rule };
}
