import type { AddFile, CommitInfo, RemoveFile } from '../../delta/actions.ts';
import type { Commit } from '../../delta/commit-file.ts';
import type {
  CommitFacts,
  CommitSeries,
  FileFacts,
  HistoryBucket,
  HistoryEnd,
  HistoryFacts,
  WriterFacts,
} from '../facts.ts';
import { liveRows } from './file-sums.ts';
import { LagSums } from './lag-sums.ts';
import { QualitySums } from './quality-sums.ts';
import { TimeBuckets } from './time-buckets.ts';

/** Commits that are listed. */
const NEWEST = 25;
/** Pairs of writer and operation that are told apart; those that come later are counted as others. */
const MAX_PAIRS = 200;
/** Pairs that are listed, and that get a series of their own. */
const LISTED_PAIRS = 20;
const OWN_SERIES = 5;
/** Times of commits that are believed, ms since the epoch: to 2100. */
const LAST_TIME = Date.UTC(2100, 0, 1);

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Bucket {
  /** Of the newest commit in it; -1 without one. */
  version: number;
  time: number;
  files: number;
  bytes: number | null;
  rows: number | null;
  commits: number;
  readonly pairs: Map<string, number>;
  readonly lag: LagSums;
}

/** What a commit does to a table. A sum is undefined where the log does not tell it. */
interface Change {
  info: CommitInfo;
  addedFiles: number;
  removedFiles: number;
  addedBytes: number;
  bytes: number | undefined;
  rows: number | undefined;
  changesSchema: boolean;
}

/**
 * Adds commits up, the newest first. It starts from the table of today and undoes commit after commit, so that the sizes
 * of the past are known however much of the log is left. Memory does not grow with the commits.
 */
export class HistorySums {
  private readonly buckets = new TimeBuckets(emptyBucket, mergeBuckets);
  private readonly pairs = new Map<string, Writable<WriterFacts>>();
  private readonly lag = new LagSums();
  private readonly quality = new QualitySums();
  private readonly newestCommits: CommitFacts[] = [];
  private files: number;
  private bytes: number | undefined;
  private rows: number | undefined;
  private rowsKnownSince: number | null = null;
  private bytesKnownSince: number | null = null;
  private commits = 0;
  private commitsWithoutTime = 0;
  private newest: HistoryFacts['newest'] = null;
  private oldest: HistoryFacts['oldest'] = null;

  /** The sums of the newest version. */
  constructor({ files, bytes, rows, filesWithoutRows }: FileFacts) {
    this.files = files;
    this.bytes = bytes;
    this.rows = filesWithoutRows === 0 ? rows : undefined;
  }

  add(commit: Commit): void {
    const { version, timestamp: time } = commit;
    const hasTime = time >= 0 && time < LAST_TIME;
    const change = changeOf(commit);
    const writer = writerName(change.info.engineInfo);
    const operation = change.info.operation ?? '';
    const { addedFiles, removedFiles, addedBytes, changesSchema } = change;
    this.commits += 1;
    this.quality.add(change.info);
    this.oldest = { version, time };
    this.newest ??= this.oldest;
    if (this.newestCommits.length < NEWEST) {
      const facts = { version, time, writer, operation, addedFiles, removedFiles, addedBytes, changesSchema };
      this.newestCommits.push(facts);
    }
    const pair = this.countPair(writer, operation, time, change);
    if (hasTime) this.addToBucket(commit, pair);
    else this.commitsWithoutTime += 1;
    this.undo(version, change);
  }

  facts(end: HistoryEnd, asked: Pick<HistoryFacts, 'limit' | 'since'>): HistoryFacts {
    const writers = [...this.pairs.values()].sort((a, b) => b.commits - a.commits);
    const own = writers.slice(0, OWN_SERIES);
    const others = this.commits - own.reduce((sum, { commits }) => sum + commits, 0);
    const series: CommitSeries[] = own.map(({ writer, operation, commits }) => ({ writer, operation, commits }));
    if (others > 0) series.push({ writer: null, operation: null, commits: others });
    return {
      commits: this.commits,
      end,
      ...asked,
      oldest: this.oldest,
      newest: this.newest,
      commitsWithoutTime: this.commitsWithoutTime,
      bucketMs: this.buckets.width,
      buckets: this.buckets.entries().map(({ from, to, value }) => toFacts(from, to, value, series)),
      rowsKnownSince: this.rowsKnownSince,
      bytesKnownSince: this.bytesKnownSince,
      unexplainedFiles: end === 'first' ? Math.abs(this.files) : 0,
      series,
      writers: writers.slice(0, LISTED_PAIRS),
      lag: this.lag.facts(),
      quality: this.quality.facts(),
      newestCommits: this.newestCommits,
    };
  }

  private addToBucket({ version, timestamp: time, actions }: Commit, pair: string): void {
    const bucket = this.buckets.at(time);
    bucket.commits += 1;
    bucket.pairs.set(pair, (bucket.pairs.get(pair) ?? 0) + 1);
    if (version > bucket.version) {
      bucket.version = version;
      bucket.time = time;
      bucket.files = Math.max(0, this.files);
      bucket.bytes = this.bytes === undefined ? null : Math.max(0, this.bytes);
      bucket.rows = this.rows === undefined ? null : Math.max(0, this.rows);
    }
    for (const action of actions) {
      if (!('add' in action) || !action.add.dataChange || action.add.modificationTime <= 0) continue;
      bucket.lag.add(time - action.add.modificationTime);
      this.lag.add(time - action.add.modificationTime);
    }
  }

  private undo(version: number, { addedFiles, removedFiles, bytes, rows }: Change): void {
    this.files += removedFiles - addedFiles;
    if (this.bytes !== undefined && bytes === undefined) this.bytesKnownSince = version;
    if (this.rows !== undefined && rows === undefined) this.rowsKnownSince = version;
    this.bytes = this.bytes === undefined || bytes === undefined ? undefined : this.bytes - bytes;
    this.rows = this.rows === undefined || rows === undefined ? undefined : this.rows - rows;
  }

  private countPair(writer: string, operation: string, time: number, { addedFiles, removedFiles }: Change): string {
    let id = pairId({ writer, operation });
    let pair = this.pairs.get(id);
    if (pair === undefined) {
      const isFull = this.pairs.size >= MAX_PAIRS;
      const names = isFull ? { writer: 'others', operation: '' } : { writer, operation };
      id = pairId(names);
      pair = this.pairs.get(id) ?? { ...names, commits: 0, addedFiles: 0, removedFiles: 0, first: time, last: time };
      this.pairs.set(id, pair);
    }
    pair.commits += 1;
    pair.addedFiles += addedFiles;
    pair.removedFiles += removedFiles;
    pair.first = Math.min(pair.first, time);
    pair.last = Math.max(pair.last, time);
    return id;
  }
}

/** The name in `Apache-Spark/4.1.1 Delta-Lake/4.2.0`, `delta-rs:py-1.6.6` or `resaca/0.1.0`. */
export function writerName(engineInfo: string | undefined): string {
  const name = (engineInfo ?? '').split(/[/:]|\s+v?\d/)[0]?.trim() ?? '';
  return name === '' ? 'unknown' : name;
}

function changeOf({ actions }: Commit): Change {
  const change: Change = {
    info: {},
    addedFiles: 0,
    removedFiles: 0,
    addedBytes: 0,
    bytes: 0,
    rows: 0,
    changesSchema: false,
  };
  let hasNewRows = false;
  for (const action of actions) {
    if ('add' in action) {
      change.addedFiles += 1;
      change.addedBytes += action.add.size;
      hasNewRows ||= action.add.dataChange;
      grow(change, action.add, 1);
    } else if ('remove' in action) {
      change.removedFiles += 1;
      hasNewRows ||= action.remove.dataChange;
      grow(change, action.remove, -1);
    } else if ('metaData' in action) change.changesSchema = true;
    else if ('commitInfo' in action) change.info = action.commitInfo;
  }
  // A compaction's removes seldom tell their rows, and need not.
  if (!hasNewRows) change.rows = 0;
  return change;
}

function grow(change: Change, file: AddFile | RemoveFile, sign: 1 | -1): void {
  const { size } = file;
  const rows = liveRows(file);
  change.bytes = change.bytes === undefined || size === undefined ? undefined : change.bytes + sign * size;
  change.rows = change.rows === undefined || rows === undefined ? undefined : change.rows + sign * rows;
}

function emptyBucket(): Bucket {
  return { version: -1, time: 0, files: 0, bytes: 0, rows: 0, commits: 0, pairs: new Map(), lag: new LagSums() };
}

function mergeBuckets(into: Bucket, from: Bucket): void {
  if (from.version > into.version) {
    const { version, time, files, bytes, rows } = from;
    Object.assign(into, { version, time, files, bytes, rows });
  }
  into.commits += from.commits;
  for (const [pair, count] of from.pairs) into.pairs.set(pair, (into.pairs.get(pair) ?? 0) + count);
  into.lag.addAll(from.lag);
}

function toFacts(from: number, to: number, bucket: Bucket, series: readonly CommitSeries[]): HistoryBucket {
  const { pairs, lag, ...sums } = bucket;
  const bySeries: number[] = [];
  let rest = sums.commits;
  for (const { writer, operation } of series) {
    const count = writer === null || operation === null ? rest : (pairs.get(pairId({ writer, operation })) ?? 0);
    bySeries.push(count);
    rest -= count;
  }
  return { from, to, ...sums, bySeries, lag: lag.facts() };
}

function pairId({ writer, operation }: { readonly writer: string; readonly operation: string }): string {
  return JSON.stringify([writer, operation]);
}
