import type { TableRef } from '../delta/table.ts';
import type { RowEngine } from '../kafka/engine.ts';
import { MessageLog } from '../queue/message-log.ts';
import type { ObjectInfo } from '../storage/object-store.ts';
import { APPLICATION, type MergeConfig } from './config.ts';
import { type MergeBatch, type MergeProgress, mergeTable, noMergeProgress } from './merge-table.ts';
import { routeStaged } from './routing.ts';
import { type StagedFile, stagedFile } from './staged-file.ts';

export interface MergeListedDeps extends Omit<RowEngine, 'config'> {
  readonly config: MergeConfig;
  /** The table at a root of the bucket, or of the folder that stands for it. */
  tableAt(root: string): TableRef;
}

export interface MergeListedOptions {
  /** '' for a local folder. */
  readonly bucket: string;
  /** Only files that were written before this time, ms since the epoch; younger ones are left to their events. */
  readonly before: number;
  /** Files that are merged together at most. @default 10,000 */
  readonly batchFiles?: number;
  /** Only tell what would be merged; `tableAt` must give tables that are not written. @default false */
  readonly isDryRun?: boolean;
  /** Ends the run after the files at hand. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MergeListedResult) => void;
}

type Counts = Omit<MergeProgress, 'done' | 'oldest'>;

export interface MergeListedResult extends Readonly<Counts> {
  readonly listed: number;
  /** Objects that no rule means, or that are no Parquet by their names. */
  readonly ignored: number;
  /** Files that are too young. */
  readonly young: number;
  /** Tables of the files. */
  readonly tables: number;
  /** Files that are not done, without those that are undecided. */
  readonly failed: number;
  /** Why tables failed, by URL. */
  readonly failures: Readonly<Record<string, string>>;
  /** Whether it was stopped before the end. */
  readonly remaining: boolean;
}

/** What the function is told of. */
const SUFFIX = '.parquet';
/** As many as an invocation of the function is given. */
const BATCH_FILES = 10_000;
/** Time for the files of a table in a batch, ms. */
const STEP_TIMEOUT = 3_600_000;
/** Tables whose logs are held at the same time: files are listed table after table. */
const OPEN_TABLES = 8;
const PROGRESS_STEP = 1_000;

interface Group {
  readonly batch: Omit<MergeBatch, 'files'>;
  readonly files: StagedFile[];
}

interface Run {
  readonly deps: MergeListedDeps;
  readonly options: MergeListedOptions;
  readonly logs: Map<string, MessageLog>;
  readonly urls: Set<string>;
  readonly result: { -readonly [K in keyof MergeListedResult]: MergeListedResult[K] } & {
    failures: Record<string, string>;
  };
}

/**
 * Merges small files that lie in staging prefixes already, as the merge function does it for those that land: which of them a
 * table has, its commits say, so that the run may be killed at any moment, given again, and go on beside the function. A table
 * that fails does not keep the others from being merged.
 */
export async function mergeListed(
  deps: MergeListedDeps,
  objects: AsyncIterable<ObjectInfo>,
  options: MergeListedOptions,
): Promise<MergeListedResult> {
  const { bucket, before, batchFiles = BATCH_FILES, signal, onProgress } = options;
  const run: Run = { deps, options, logs: new Map(), urls: new Set(), result: noResult() };
  const { result } = run;
  let groups = new Map<string, Group>();
  let gathered = 0;
  for await (const { key, size, etag, modified: time } of objects) {
    if (signal?.aborted === true) return { ...result, remaining: true };
    result.listed += 1;
    if (result.listed % PROGRESS_STEP === 0) onProgress?.(result);
    const route = key.endsWith(SUFFIX) ? routeStaged(bucket, key, deps.config) : undefined;
    if (route?.kind !== 'staged') result.ignored += 1;
    else if (time >= before) result.young += 1;
    else {
      const { root, settings, rule, relative } = route;
      const batch = { table: deps.tableAt(root), bucket, settings, ...(rule !== undefined && { rule }) };
      const group = groups.get(root) ?? { batch, files: [] };
      groups.set(root, group);
      group.files.push(stagedFile({ bucket, key, size, etag, time }, relative, deps.config.append.clockMargin));
      gathered += 1;
    }
    if (gathered < batchFiles) continue;
    for (const group of groups.values()) await mergeGroup(run, group);
    groups = new Map();
    gathered = 0;
  }
  for (const group of groups.values()) await mergeGroup(run, group);
  return result;
}

function noResult(): Run['result'] {
  const { done: _done, oldest: _oldest, ...counts } = noMergeProgress();
  return {
    listed: 0,
    ignored: 0,
    young: 0,
    tables: 0,
    ...counts,
    failed: 0,
    failures: {},
    remaining: false,
  };
}

async function mergeGroup({ deps, options, logs, urls, result }: Run, { batch, files }: Group): Promise<void> {
  const { url } = batch.table;
  urls.add(url);
  result.tables = urls.size;
  const log = logs.get(url) ?? new MessageLog(batch.table, deps.reader);
  // While it is in use, it is not kept: a failure drops it.
  logs.delete(url);
  const isDryRun = options.isDryRun === true;
  const limits = isDryRun ? { ...deps.config, deleteSources: false } : deps.config;
  const engine = { ...deps, config: { application: APPLICATION }, limits, isDryRun };
  const progress = noMergeProgress();
  try {
    await mergeTable({ engine, batch: { ...batch, files }, log, progress, deadline: deps.now() + STEP_TIMEOUT });
    log.trim();
    logs.set(url, log);
    for (const oldest of [...logs.keys()].slice(0, -OPEN_TABLES)) logs.delete(oldest);
  } catch (error) {
    result.failures[url] = error instanceof Error ? error.message : String(error);
  }
  const { done, oldest: _oldest, ...counts } = progress;
  for (const name of Object.keys(counts) as (keyof Counts)[]) result[name] += counts[name];
  result.failed += files.length - done.size - progress.undecided;
  options.onProgress?.(result);
}
