import { setTimeout as sleep } from 'node:timers/promises';
import type { SqsQueue } from '../../src/aws/sqs-queue.ts';
import { formatBar, formatDuration, plural } from '../../src/cli/format.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { DemoFile } from '../../src/local/demo/schedule.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** A landing bucket with its queues. */
export interface Landing {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly queue: SqsQueue;
  readonly deadLetters: SqsQueue;
}

/** Where the files are that were dropped. */
interface Progress {
  dropped: number;
  readonly inTables: Set<string>;
  /** Keys with the reason. */
  readonly quarantined: Map<string, string>;
  waiting: number;
  deadLetters: number;
}

/** All files must have got somewhere within this time, ms. It takes some seconds. */
const LIMIT = 120_000;
/** Between two looks at the bucket, ms. */
const PAUSE = 300;
const BAR_WIDTH = 28;

const reader = createCheckpointReader();

/**
 * Drops the files into the bucket and follows them until each is in its table or in quarantine. Returns the reasons of
 * those in quarantine by key. Throws when some are in neither in time.
 */
export async function dropFiles(
  landing: Landing,
  files: readonly DemoFile[],
  terminal: Terminal,
): Promise<ReadonlyMap<string, string>> {
  const begin = Date.now();
  const progress: Progress = { dropped: 0, inTables: new Set(), quarantined: new Map(), waiting: 0, deadLetters: 0 };
  const dropping = dropAll(landing, files, progress);
  let last = '';
  for (;;) {
    await lookAround(landing, files, progress);
    const lines = progressLines(progress, files.length, Date.now() - begin);
    terminal.show(lines);
    const line = progressLine(progress, files.length);
    if (!terminal.isLive && line !== last) terminal.note(line);
    last = line;
    if (progress.inTables.size + progress.quarantined.size >= files.length) break;
    if (Date.now() - begin > LIMIT) throw new Error(missingText(landing, files, progress));
    await sleep(PAUSE);
  }
  await dropping;
  terminal.endShow('keep');
  return progress.quarantined;
}

async function dropAll({ store }: Landing, files: readonly DemoFile[], progress: Progress): Promise<void> {
  for (const file of files) {
    await store.put(file.key, file.content());
    progress.dropped += 1;
  }
}

async function lookAround(landing: Landing, files: readonly DemoFile[], progress: Progress): Promise<void> {
  const { store, bucket, queue, deadLetters } = landing;
  const ours = new Set(files.map(({ key }) => key));
  for (const table of new Set(files.map((file) => file.table))) {
    for (const path of await activePaths(store, bucket, table)) {
      if (ours.has(`${table}/${path}`)) progress.inTables.add(`${table}/${path}`);
    }
    for await (const { key } of store.list(`${table}/_resaca/quarantine/`)) {
      const record = JSON.parse(new TextDecoder().decode((await store.get(key)).body));
      if (ours.has(`${table}/${record.path}`)) progress.quarantined.set(`${table}/${record.path}`, record.reason);
    }
  }
  [progress.waiting, progress.deadLetters] = await Promise.all([queue.depth(), deadLetters.depth()]);
}

async function activePaths(store: ObjectStore, bucket: string, root: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    const snapshot = await loadSnapshot({ store, root, url: `s3://${bucket}/${root}` }, reader);
    for await (const batch of activeFiles(snapshot, reader)) {
      paths.push(...batch.map(({ path }) => decodeURIComponent(path)));
    }
  } catch (error) {
    if (!isDeltaError(error, 'TABLE_NOT_FOUND')) throw error;
  }
  return paths;
}

function progressLines(progress: Progress, planned: number, elapsed: number): string[] {
  const { dropped, inTables, quarantined, waiting, deadLetters } = progress;
  const bar = (count: number) => formatBar(count / planned, BAR_WIDTH, '░');
  return [
    `  dropped     ${bar(dropped)}  ${dropped} of ${plural(planned, 'file')}`,
    `  in tables   ${bar(inTables.size)}  ${inTables.size}`,
    `  left out    ${plural(quarantined.size, 'file')} in quarantine, ${plural(deadLetters, 'dead letter')}`,
    `  in queue    ${plural(waiting, 'message')}, ${formatDuration(elapsed)}`,
  ];
}

/** The same as one line, for outputs that are no terminal. */
function progressLine({ dropped, inTables, quarantined, waiting, deadLetters }: Progress, planned: number): string {
  const parts = [`dropped ${dropped} of ${planned}`, `in tables ${inTables.size}`, `in quarantine ${quarantined.size}`];
  return `  ${[...parts, `in queue ${waiting}`, `dead letters ${deadLetters}`].join('; ')}`;
}

function missingText({ bucket }: Landing, files: readonly DemoFile[], { inTables, quarantined }: Progress): string {
  const missing = files.filter(({ key }) => !inTables.has(key) && !quarantined.has(key)).map(({ key }) => key);
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
  return `after ${formatDuration(LIMIT)} in no table of s3://${bucket}: ${missing.slice(0, 3).join(', ')}${more}`;
}
