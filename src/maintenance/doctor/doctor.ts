import type { AddFile } from '../../delta/actions.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { assertWritable } from '../../delta/features.ts';
import { propertyProblem } from '../../delta/new-table.ts';
import { canonicalPath } from '../../delta/path.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { PathSet } from '../vacuum/path-set.ts';
import { deletedFileRetention, logRetention } from '../vacuum/retention.ts';
import { checkByListing, checkSample, ExpectedFiles, type FileCheck, FileSample } from './check-files.ts';
import { examineLog, type LogState } from './examine-log.ts';
import { type Finding, findingsOf } from './findings.ts';
import { type Totals, TotalsCounter } from './totals.ts';

export interface DoctorOptions {
  /** Look by a LIST whether every active file is there, and what is there beside them. @default false */
  readonly files?: boolean;
  /** Ask for this many active files, chosen by chance. Not together with `files`. @default 0 */
  readonly sample?: number;
  /** Look at this version, rather than at the newest. */
  readonly snapshot?: Snapshot;
  /** Gets each active file, for what else is to be known of them. */
  readonly onFile?: (file: AddFile) => void;
  readonly onProgress?: (files: number) => void;
}

export interface DoctorReport {
  readonly table: string;
  /** The rest is undefined where the newest version cannot be read. */
  readonly version?: number;
  readonly totals?: Totals;
  readonly log?: LogState;
  readonly check?: FileCheck;
  /** The worst first. */
  readonly findings: readonly Finding[];
}

/**
 * Looks a table over: its log, its active files by what the log says of them, and, on request, the store. Nothing is
 * written. A table whose newest version cannot be read is a finding, too; that there is none is an error,
 * `TABLE_NOT_FOUND`.
 *
 * Memory: some 20 bytes for each active file, up to 60 with `files`.
 */
export async function examineTable(
  engine: MaintenanceEngine,
  table: TableRef,
  options: DoctorOptions = {},
): Promise<DoctorReport> {
  try {
    return await examine(engine, table, options);
  } catch (error) {
    const isBroken = (['CORRUPT_LOG', 'LOG_GAP', 'UNSUPPORTED_READER', 'INVALID_SCHEMA'] as const).some((code) =>
      isDeltaError(error, code),
    );
    if (!isBroken || !isDeltaError(error)) throw error;
    return { table: table.url, findings: [unreadable(error.code, error.message)] };
  }
}

async function examine(engine: MaintenanceEngine, table: TableRef, options: DoctorOptions): Promise<DoctorReport> {
  const snapshot = options.snapshot ?? (await loadSnapshot(table, engine.reader));
  const { version, metadata, txns } = snapshot;
  const badProperties = Object.entries(metadata.configuration).flatMap(([key, value]) => problemOf(key, value));
  const retention = retentionsOf(snapshot);
  const log = await examineLog(snapshot, engine.now(), retention.log);
  const pass = await readActive(engine, snapshot, options);
  const check = await checkFiles(engine, snapshot, pass, options);
  const findings = findingsOf({
    version,
    totals: pass.totals,
    log,
    check,
    txns: txns.size,
    refusal: refusalOf(snapshot),
    badProperties,
    duplicates: await findDuplicates(engine, snapshot, pass.suspects),
    outlivedLog: pass.hasLanded && Math.max(retention.log, retention.files) < EVENT_LIFETIME,
  });
  return { table: table.url, version, totals: pass.totals, log, ...(check && { check }), findings };
}

/** The longest that SQS keeps a message, ms. */
const EVENT_LIFETIME = 14 * 86_400_000;
/** Paths that seem to be active twice which are looked at. */
const MAX_SUSPECTS = 1_000;

interface ActivePass {
  readonly totals: Totals;
  readonly expected: ExpectedFiles | undefined;
  readonly sample: FileSample;
  /** Paths whose hash came twice. */
  readonly suspects: ReadonlySet<string>;
  readonly hasLanded: boolean;
}

async function readActive(
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  { files = false, sample: sampleSize = 0, onFile, onProgress }: DoctorOptions,
): Promise<ActivePass> {
  const { table, metadata } = snapshot;
  const counter = new TotalsCounter(engine.now(), metadata.partitionColumns.length > 0);
  const expected = files ? new ExpectedFiles(table) : undefined;
  const sample = new FileSample(sampleSize, engine.random);
  const paths = new PathSet();
  const suspects = new Set<string>();
  let hasLanded = false;
  let count = 0;
  for await (const batch of activeFiles(snapshot, engine.reader, { stats: true })) {
    for (const file of batch) {
      const path = canonicalPath(table, file.path);
      counter.add(file, path);
      onFile?.(file);
      if (paths.has(path) && suspects.size < MAX_SUSPECTS) suspects.add(path);
      paths.add(path);
      expected?.add(file);
      if (sampleSize > 0) sample.offer(file);
      hasLanded ||= file.tags !== undefined && 'resaca.etag' in file.tags;
    }
    count += batch.length;
    onProgress?.(count);
  }
  return { totals: counter.totals(), expected, sample, suspects, hasLanded };
}

async function checkFiles(
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  { expected, sample }: ActivePass,
  { sample: sampleSize = 0 }: DoctorOptions,
): Promise<FileCheck | undefined> {
  if (expected !== undefined) return checkByListing(engine, snapshot, expected);
  return sampleSize > 0 ? checkSample(snapshot, sample.files) : undefined;
}

/** Of the paths whose hash came twice, those that really did. */
async function findDuplicates(
  { reader }: MaintenanceEngine,
  snapshot: Snapshot,
  suspects: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (suspects.size === 0) return [];
  const counts = new Map<string, number>();
  for await (const batch of activeFiles(snapshot, reader)) {
    for (const file of batch) {
      const path = canonicalPath(snapshot.table, file.path);
      if (suspects.has(path)) counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return [...counts].filter(([, count]) => count > 1).map(([path]) => path);
}

/** How long the log and removed files are kept, ms; for ever where a property cannot be read, which is a finding of its own. */
function retentionsOf(snapshot: Snapshot): { readonly log: number; readonly files: number } {
  try {
    return { log: logRetention(snapshot), files: deletedFileRetention(snapshot) };
  } catch (error) {
    if (!isDeltaError(error, 'UNSUPPORTED_WRITER')) throw error;
    return { log: Number.POSITIVE_INFINITY, files: Number.POSITIVE_INFINITY };
  }
}

function refusalOf(snapshot: Snapshot): string | undefined {
  try {
    assertWritable(snapshot);
    return undefined;
  } catch (error) {
    if (isDeltaError(error, 'UNSUPPORTED_WRITER')) return error.message;
    throw error;
  }
}

/** Of a property of Delta itself that is known here; others are other writers' business. */
function problemOf(key: string, value: string): string[] {
  if (!CHECKED.has(key)) return [];
  const problem = propertyProblem(key, value);
  return problem === undefined ? [] : [problem];
}

/** Properties that this code goes by. */
const CHECKED: ReadonlySet<string> = new Set([
  'delta.appendOnly',
  'delta.checkpointInterval',
  'delta.dataSkippingNumIndexedCols',
  'delta.deletedFileRetentionDuration',
  'delta.enableExpiredLogCleanup',
  'delta.logRetentionDuration',
]);

function unreadable(code: string, message: string): Finding {
  return {
    code,
    severity: 'error',
    message,
    advice:
      code === 'UNSUPPORTED_READER'
        ? 'Use a program that has these features, or drop them with ALTER TABLE ... DROP FEATURE'
        : 'Restore the files of the log from a backup or from older versions of the bucket; older versions may still be readable: resaca inspect TABLE --version N',
    numbers: {},
  };
}
