import { setTimeout as sleep } from 'node:timers/promises';
import type { SqsQueue } from '../../src/aws/sqs-queue.ts';
import { formatBar, formatCount, formatDuration, plural } from '../../src/cli/format.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { tableKey } from '../../src/delta/table.ts';
import { QUARANTINE_DIR, type QuarantineRecord } from '../../src/ingest/quarantine.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { SampleFile } from './sample-files.ts';

/** A landing bucket with its queues. */
export interface Landing {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly queue: Pick<SqsQueue, 'depth'>;
  readonly deadLetters: Pick<SqsQueue, 'depth'>;
}

/** Where the files are that were dropped. */
interface Progress {
  readonly planned: number;
  dropped: number;
  readonly inTables: Set<string>;
  /** By key. */
  readonly quarantined: Map<string, QuarantineRecord>;
  waiting: number;
  deadLetters: number;
}

/** All files must have got somewhere within this time, ms. It takes some seconds. */
const LIMIT = 120_000;
/** Between two looks at the bucket, ms. */
const PAUSE = 300;
const BAR_WIDTH = 28;
/** Keys that an error names. */
const NAMED = 3;

const reader = createCheckpointReader();

/**
 * Drops the files into the bucket and follows them until each is in its table or in quarantine. Returns the records of
 * those in quarantine. Throws when some are in neither after `limit` ms, or could not be dropped.
 */
export async function dropFiles(
  landing: Landing,
  files: readonly SampleFile[],
  terminal: Terminal,
  limit = LIMIT,
): Promise<readonly QuarantineRecord[]> {
  const begin = Date.now();
  const progress: Progress = {
    planned: files.length,
    dropped: 0,
    inTables: new Set(),
    quarantined: new Map(),
    waiting: 0,
    deadLetters: 0,
  };
  const either = new AbortController();
  try {
    await Promise.all([
      dropAll(landing, files, progress, either.signal),
      follow(landing, files, progress, { terminal, begin, limit, signal: either.signal }),
    ]);
  } finally {
    // When one failed the other has nothing to go on for.
    either.abort();
    terminal.endShow('keep');
  }
  return [...progress.quarantined.values()];
}

async function dropAll(
  { store }: Landing,
  files: readonly SampleFile[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  for (const file of files) {
    if (signal.aborted) return;
    await store.put(file.key, file.content());
    progress.dropped += 1;
  }
}

interface Following {
  readonly terminal: Terminal;
  /** ms since the epoch. */
  readonly begin: number;
  /** ms. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

async function follow(
  landing: Landing,
  files: readonly SampleFile[],
  progress: Progress,
  { terminal, begin, limit, signal }: Following,
): Promise<void> {
  for (let last = ''; !signal.aborted; await sleep(PAUSE)) {
    await lookAround(landing, files, progress);
    terminal.show(progressLines(progress, Date.now() - begin));
    const line = progressLine(progress);
    if (!terminal.isLive && line !== last) terminal.note(line);
    last = line;
    if (progress.inTables.size + progress.quarantined.size >= files.length) return;
    if (Date.now() - begin > limit) throw new Error(missingText(landing, files, progress, limit));
  }
}

async function lookAround(landing: Landing, files: readonly SampleFile[], progress: Progress): Promise<void> {
  const { store, bucket, queue, deadLetters } = landing;
  const ours = new Set(files.map(({ key }) => key));
  for (const table of new Set(files.map((file) => file.table))) {
    for (const key of await activeKeys(store, bucket, table)) {
      if (ours.has(key)) progress.inTables.add(key);
    }
    for await (const { key } of store.list(`${table}/${QUARANTINE_DIR}/`)) {
      const record: QuarantineRecord = JSON.parse(new TextDecoder().decode((await store.get(key)).body));
      if (ours.has(record.key)) progress.quarantined.set(record.key, record);
    }
  }
  [progress.waiting, progress.deadLetters] = await Promise.all([queue.depth(), deadLetters.depth()]);
}

async function activeKeys(store: ObjectStore, bucket: string, root: string): Promise<string[]> {
  const table = { store, root, url: `s3://${bucket}/${root}` };
  const keys: string[] = [];
  try {
    const snapshot = await loadSnapshot(table, reader);
    for await (const batch of activeFiles(snapshot, reader)) {
      keys.push(...batch.map(({ path }) => tableKey(table, canonicalPath(table, path))));
    }
  } catch (error) {
    if (!isDeltaError(error, 'TABLE_NOT_FOUND')) throw error;
  }
  return keys;
}

function progressLines(progress: Progress, elapsed: number): string[] {
  const { planned, dropped, inTables, quarantined, waiting, deadLetters } = progress;
  const bar = (count: number) => formatBar(count / planned, BAR_WIDTH, '░');
  return [
    `  dropped     ${bar(dropped)}  ${dropped} of ${plural(planned, 'file')}`,
    `  in tables   ${bar(inTables.size)}  ${inTables.size}`,
    `  left out    ${plural(quarantined.size, 'file')} in quarantine, ${plural(deadLetters, 'dead letter')}`,
    `  in queue    ${plural(waiting, 'message')}, ${formatDuration(elapsed)}`,
  ];
}

/** The same as one line, for outputs that are no terminal. */
function progressLine({ planned, dropped, inTables, quarantined, waiting, deadLetters }: Progress): string {
  const parts = [`dropped ${dropped} of ${planned}`, `in tables ${inTables.size}`, `in quarantine ${quarantined.size}`];
  return `  ${[...parts, `in queue ${waiting}`, `dead letters ${deadLetters}`].join('; ')}`;
}

function missingText(
  { bucket }: Landing,
  files: readonly SampleFile[],
  { inTables, quarantined, waiting, deadLetters }: Progress,
  limit: number,
): string {
  const missing = files.filter(({ key }) => !inTables.has(key) && !quarantined.has(key)).map(({ key }) => key);
  const more = missing.length > NAMED ? ` and ${formatCount(missing.length - NAMED)} more` : '';
  const what = `${missing.length} of ${plural(files.length, 'file')} of s3://${bucket} in no table and not in quarantine`;
  const queues = `in queue ${waiting}; dead letters ${deadLetters}`;
  return `after ${formatDuration(limit)} ${what}: ${missing.slice(0, NAMED).join(', ')}${more}; ${queues}`;
}
