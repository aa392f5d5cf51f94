import { lstat, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectInfo } from '../storage/object-store.ts';
import { createFolderHints } from './folder-hints.ts';
import { isHiddenFolder, pathOfKey, scanFolder } from './folder-scan.ts';
import { belongsToTable, earliestLanding, endsLikeParquet, landedFile } from './landed-file.ts';
import type { ObjectChange } from './s3-event.ts';
import type { StartState } from './start-state.ts';

export interface WatcherOptions {
  /** The landing folder, absolute. */
  readonly root: string;
  /** Whether the key is one to be announced. */
  readonly accepts: (key: string) => boolean;
  /** What need not be announced at the start, and which files are gone since the last run. */
  readonly startState: (files: ReadonlyMap<string, ObjectInfo>, tables: readonly string[]) => Promise<StartState>;
  /** A file is announced when it was the same for so long, ms. */
  readonly settle: number;
  /** A file that does not end as a Parquet file does is given this time, ms: it may be half-written. */
  readonly settleIncomplete: number;
  /** Least time between two scans of the whole folder, ms. */
  readonly scanInterval: number;
  readonly now: () => number;
  /** Gives the sequencer of the next change. */
  readonly sequencer: () => string;
  /** The watcher waits for it. */
  readonly announce: (change: ObjectChange) => Promise<void>;
  /** Told of what cannot be read or watched; the watcher goes on. */
  readonly onProblem: (message: string, data: Readonly<Record<string, unknown>>) => void;
}

export interface Watcher {
  /** Whether all that is in the folder was looked at and announced. */
  isQuiet(): boolean;
  /** Ends when the watcher is stopped; fails when the landing folder itself is gone. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Watches a folder and announces its files as S3 would: each version of a file once, when it is whole.
 *
 * Scans of the folder find every change; the operating system's notices only make it faster. A file is announced when
 * its version stayed the same for a while. A half-written file that slips through is announced again when it has
 * changed, as an overwritten object would be.
 */
export function startWatcher(options: WatcherOptions): Watcher {
  const stopping = new AbortController();
  const state = createWatchState(options);
  const done = run(options, state, stopping.signal).finally(state.close);
  return {
    isQuiet: state.isQuiet,
    done,
    async stop() {
      stopping.abort();
      state.wake();
      await done.catch(() => undefined);
    },
  };
}

/** Scans of the whole folder take at most one part in so many of the time. */
const SCAN_SHARE = 20;

async function run(options: WatcherOptions, state: WatchState, signal: AbortSignal): Promise<void> {
  const identity = await folderIdentity(options.root);
  await state.start();
  let nextScan = options.now() + options.scanInterval;
  while (!signal.aborted) {
    await state.announceReady(signal);
    await state.untilDue(nextScan);
    if (signal.aborted) return;
    if (options.now() < nextScan && !state.wantsScan()) {
      await state.followHints();
      continue;
    }
    if ((await folderIdentity(options.root)) !== identity) {
      throw new Error(`the landing folder ${options.root} was replaced by another one`);
    }
    const begin = options.now();
    await state.scan();
    nextScan = options.now() + Math.max(options.scanInterval, (options.now() - begin) * SCAN_SHARE);
  }
}

/** Throws when the folder is not there: an unmounted disk must not look like a thousand deleted files. */
async function folderIdentity(root: string): Promise<string> {
  const { dev, ino } = await stat(root, { bigint: true }).catch((cause: unknown) => {
    throw new Error(`the landing folder ${root} cannot be read`, { cause });
  });
  return `${dev}:${ino}`;
}

interface WatchState {
  /** The first scan, compared with the tables. */
  start(): Promise<void>;
  scan(): Promise<void>;
  followHints(): Promise<void>;
  announceReady(signal: AbortSignal): Promise<void>;
  /** Resolves at `time`, or earlier when there is something to do. */
  untilDue(time: number): Promise<void>;
  readonly wantsScan: () => boolean;
  readonly isQuiet: () => boolean;
  readonly wake: () => void;
  readonly close: () => void;
}

/** A change that is seen but not announced: a version of a file, or its absence. */
interface Pending {
  readonly info: ObjectInfo | undefined;
  /** When it was first seen, ms. */
  readonly since: number;
  /** When it was known not to be so, ms; undefined when found by the first scan. */
  readonly notBefore?: number;
  /** When to look again whether it can be announced, ms. */
  due: number;
}

/** Files looked at together by a scan. */
const SCAN_BATCH = 64;

function createWatchState(options: WatcherOptions): WatchState {
  const { root, now } = options;
  /** The etag that was announced last, or is in the table, by key. */
  const known = new Map<string, string>();
  const pending = new Map<string, Pending>();
  const reported = new Set<string>();
  const waker = createWaker();
  const hints = createFolderHints({ root, wake: waker.wake, onProblem: options.onProblem });
  /** When the last scan began in which every folder could be read, ms. */
  let lastScan: number | undefined;
  /** False while something is looked at. */
  let isIdle = false;

  function report(message: string, key: string, error: unknown): void {
    if (reported.has(`${message}\0${key}`)) return;
    reported.add(`${message}\0${key}`);
    options.onProblem(message, { key, error: error instanceof Error ? error.message : String(error) });
  }

  /** Looks at one key and notes what is new; false when it cannot be told. */
  async function examine(key: string): Promise<boolean> {
    let info: ObjectInfo | undefined;
    try {
      info = await landedFile(root, key);
    } catch (error) {
      report('a file cannot be read', key, error);
      return false;
    }
    if (info?.etag === known.get(key)) pending.delete(key);
    else if (!pending.has(key) || pending.get(key)?.info?.etag !== info?.etag) note(key, info);
    return true;
  }

  function note(key: string, info: ObjectInfo | undefined): void {
    const since = now();
    pending.set(key, {
      info,
      since,
      due: since + options.settle,
      ...(lastScan !== undefined && { notBefore: lastScan }),
    });
  }

  async function examineAll(keys: Iterable<string> | AsyncIterable<string>): Promise<void> {
    let batch: Promise<boolean>[] = [];
    for await (const key of keys) {
      batch.push(examine(key));
      if (batch.length < SCAN_BATCH) continue;
      await Promise.all(batch);
      batch = [];
    }
    await Promise.all(batch);
  }

  /** Looks at everything; returns the roots of the tables. */
  async function scanAll(): Promise<readonly string[]> {
    const begin = now();
    const tables: string[] = [];
    const seen = new Set<string>();
    const folders = new Set<string>();
    let complete = true;
    const files = scanFolder({
      root,
      onFolder(key) {
        folders.add(key);
        hints.watchFolder(key);
      },
      onTable: (key) => tables.push(key),
      onError(key, error) {
        complete = false;
        report('a folder cannot be read', key, error);
      },
    });
    await examineAll(acceptedOf(files, seen));
    await examineAll([...known.keys(), ...pending.keys()].filter((key) => !seen.has(key)));
    hints.keepOnly(folders);
    if (complete) lastScan = begin;
    return tables;
  }

  async function* acceptedOf(keys: AsyncIterable<string>, seen?: Set<string>): AsyncGenerator<string> {
    for await (const key of keys) {
      if (!options.accepts(key)) continue;
      if (key.includes('\uFFFD')) report('a file cannot be an object', key, 'its name is not UTF-8');
      seen?.add(key);
      yield key;
    }
  }

  async function scanBelow(folder: string): Promise<void> {
    if (folder.split('/').some(isHiddenFolder)) return;
    const onError = (key: string, error: unknown) => report('a folder cannot be read', key, error);
    await examineAll(acceptedOf(scanFolder({ root, onFolder: hints.watchFolder, onError }, folder)));
  }

  /** Whether the change still stands and lasted long enough; otherwise it is due later, or replaced. */
  async function isReady(key: string, change: Pending): Promise<boolean> {
    if (!(await examine(key))) {
      change.due = now() + options.settleIncomplete;
      return false;
    }
    if (pending.get(key) !== change) return false;
    const end = change.since + options.settleIncomplete;
    if (change.info === undefined || now() >= end) return true;
    if (await endsLikeParquet(pathOfKey(root, key), change.info.size)) return true;
    change.due = end;
    return false;
  }

  async function announce(key: string, { info, since, notBefore }: Pending): Promise<void> {
    if (info === undefined) {
      const worthTelling = known.has(key) && (await belongsToTable(root, key));
      known.delete(key);
      if (!worthTelling) return;
      return options.announce({ kind: 'removed', key, size: 0, etag: '', time: since, sequencer: options.sequencer() });
    }
    const { size, etag, modified } = info;
    known.set(key, etag);
    const time =
      notBefore === undefined
        ? await earliestLanding(pathOfKey(root, key), modified)
        : Math.min(Math.max(modified, notBefore), since);
    // The first scan cannot tell how its files stand to the changes that an earlier run announced.
    const order = notBefore === undefined ? {} : { sequencer: options.sequencer() };
    return options.announce({ kind: 'created', key, size, etag, time, ...order });
  }

  return {
    async start() {
      const tables = await scanAll();
      const files = new Map<string, ObjectInfo>();
      for (const [key, { info }] of pending) if (info !== undefined) files.set(key, info);
      const { handled, missing } = await options.startState(files, tables);
      for (const key of handled) {
        known.set(key, files.get(key)?.etag ?? '');
        pending.delete(key);
      }
      for (const key of missing) {
        known.set(key, '');
        note(key, undefined);
      }
    },
    async scan() {
      hints.clear();
      await scanAll();
    },
    async followHints() {
      for (const key of hints.take()) {
        const isFolder = await isFolderNow(pathOfKey(root, key));
        const wasFolder = hints.unwatch(key);
        if (wasFolder) await scanAll();
        else if (isFolder) await scanBelow(key);
        else if (options.accepts(key)) await examine(key);
      }
    },
    async announceReady(signal) {
      for (const [key, change] of [...pending]) {
        if (signal.aborted) return;
        if (change.due > now() || !(await isReady(key, change))) continue;
        await announce(key, change);
        if (pending.get(key) === change) pending.delete(key);
      }
    },
    async untilDue(time) {
      if (hints.any()) return;
      let due = time;
      for (const change of pending.values()) due = Math.min(due, change.due);
      isIdle = true;
      await waker.sleep(due - now());
      isIdle = false;
    },
    wantsScan: hints.wantsScan,
    isQuiet: () => isIdle && pending.size === 0 && !hints.any(),
    wake: waker.wake,
    close: hints.close,
  };
}

/** What cannot be looked at counts as a file, which then is reported as unreadable. */
async function isFolderNow(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}

/** A sleep that can be ended early. A wake-up that comes between two sleeps ends the next one at once. */
function createWaker() {
  let awake = false;
  let current: AbortController | undefined;
  return {
    wake(): void {
      awake = true;
      current?.abort();
    },
    async sleep(duration: number): Promise<void> {
      if (!awake && duration > 0) {
        current = new AbortController();
        await sleep(duration, undefined, { signal: current.signal }).catch(() => undefined);
        current = undefined;
      }
      awake = false;
    },
  };
}
