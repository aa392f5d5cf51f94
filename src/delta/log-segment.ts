import type { ObjectInfo } from '../storage/object-store.ts';
import type { ActionFile } from './checkpoint.ts';
import { DeltaError } from './errors.ts';
import { readLastCheckpoint } from './last-checkpoint.ts';
import { type CheckpointPath, commitKey, type LogPath, logKey, parseLogPath, versionName } from './log-path.ts';
import type { TableRef } from './table.ts';

/** A commit: `_delta_log/<version>.json`. */
export interface CommitFile {
  readonly version: number;
  readonly key: string;
  /** Time of the write, ms since the epoch; by our own clock for a commit of our own that was not listed yet. */
  readonly modified: number;
  /** Bytes. */
  readonly size?: number;
  /** Undefined for a commit of our own that was not listed yet. */
  readonly etag?: string;
}

/** `<start>.<end>.compacted.json`: stands for the commits `start` to `end`. */
export interface CompactedFile {
  readonly start: number;
  readonly end: number;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** A complete checkpoint. */
export interface CheckpointFiles {
  readonly version: number;
  readonly kind: 'classic' | 'multiPart' | 'v2Parquet' | 'v2Json';
  /** The parts in order; one file for the other kinds. */
  readonly files: readonly ActionFile[];
  /** Time of the (last) write, ms since the epoch. */
  readonly modified: number;
}

/** The files of the log from which one version is rebuilt. */
export interface LogSegment {
  readonly version: number;
  /** Where the replay starts; undefined when that is version 0. */
  readonly checkpoint?: CheckpointFiles;
  /** The commits after the checkpoint up to `version`, ascending, without gaps. */
  readonly commits: readonly CommitFile[];
  /** Those whose range lies inside `commits`, by ascending start. */
  readonly compacted: readonly CompactedFile[];
  /** The commit of `version` itself; undefined when it is gone and only the checkpoint is left. */
  readonly head?: CommitFile;
  /** Version up to which the hint was last asked for a checkpoint; -1 for a log that was empty then. */
  readonly soughtAt: number;
  /** Time by our own clock at which `version` was the newest, ms since the epoch; absent where no clock was given. */
  readonly seenAt?: number;
}

export interface LogSegmentOptions {
  /** @default the latest */
  readonly version?: number;
}

/**
 * Finds the files from which a version is rebuilt: one GET (the hint) and one LIST from there. Where the hint is missing
 * or of no use, the log is listed back until a complete checkpoint or version 0 is found.
 *
 * Throws `TABLE_NOT_FOUND`, `VERSION_NOT_FOUND` (not written yet, or cleaned up), or `LOG_GAP` naming what is missing.
 */
export async function loadLogSegment(table: TableRef, { version }: LogSegmentOptions = {}): Promise<LogSegment> {
  const hint = await readLastCheckpoint(table);
  const files = await listFromCheckpoint(table, hint?.version, version);
  const segment = toSegment(table, files, version);
  if (segment === undefined) throw await notFound(table, version);
  if (version !== undefined && segment.version !== version) {
    const message = `Version ${version} of ${table.url} is not in the log; the last one before it is ${segment.version}`;
    throw new DeltaError('VERSION_NOT_FOUND', message, { table: table.url, version, latest: segment.version });
  }
  return segment;
}

/** The commits newer than version `after` (-1: all), ascending: one LIST while they fit a page. Throws `LOG_GAP`. */
export async function listCommits(table: TableRef, after: number): Promise<readonly CommitFile[]> {
  const { commits } = await listRange(table, after + 1);
  assertContiguous(table, commits, after + 1);
  return commits;
}

/** The commits of all versions that can still be rebuilt, ascending; lists the whole log. */
export async function listRebuildableCommits(table: TableRef): Promise<readonly CommitFile[]> {
  const { checkpoints, commits } = await listRange(table, 0);
  const gap = commits.findLastIndex(({ version }, index) => version !== (commits[index - 1]?.version ?? -1) + 1);
  if (gap === -1) return commits;
  const run = commits.slice(gap);
  const base = checkpoints.find(({ version }) => version + 1 >= (run[0]?.version ?? 0));
  return base === undefined ? [] : run.filter(({ version }) => version >= base.version);
}

export interface SegmentUpdateOptions {
  /**
   * Our own clock, ms since the epoch: lets two HEADs stand for the LIST where that is as good (`confirmNewest`).
   * @default always a LIST
   */
  readonly now?: number | undefined;
}

export interface SegmentUpdate {
  /** The same object if there is nothing new and no clock. */
  readonly segment: LogSegment;
  /** Ascending. */
  readonly newCommits: readonly CommitFile[];
}

/**
 * Brings a segment to the latest version with one LIST, or, where nothing is new, two HEADs. A checkpoint that the LIST
 * shows becomes the new base. Once in `MAX_COMMITS` commits a segment that has more of them lists in any case, and spends
 * a GET on the hint, too, for a checkpoint further back.
 *
 * Throws `VERSION_NOT_FOUND` when the segment's own version is not in the log any more (cleaned up since, or the table
 * was deleted and made again): nothing that was known of the table holds then. `LOG_GAP` as for `loadLogSegment`.
 */
export async function updateLogSegment(
  table: TableRef,
  segment: LogSegment,
  { now }: SegmentUpdateOptions = {},
): Promise<SegmentUpdate> {
  const due = segment.commits.length > MAX_COMMITS && segment.version - segment.soughtAt >= MAX_COMMITS;
  const confirmed = due ? undefined : await confirmNewest(table, segment, now);
  if (confirmed !== undefined) return { segment: confirmed, newCommits: [] };
  const low = due ? await checkpointToListFrom(table, segment) : segment.version;
  const files = await listRange(table, low);
  const anchor = files.commits.find(({ version }) => version === segment.version);
  if (segment.head !== undefined && !isSameCommit(segment.head, anchor)) {
    const message = `Version ${segment.version} of ${table.url} is not in the log any more, or is another one`;
    throw new DeltaError('VERSION_NOT_FOUND', message, { table: table.url, version: segment.version });
  }

  const newCommits = files.commits.filter((commit) => commit.version > segment.version);
  assertContiguous(table, newCommits, segment.version + 1);
  const version = newCommits.at(-1)?.version ?? segment.version;
  const base = segment.checkpoint?.version ?? -1;
  const newer = files.checkpoints.findLast((checkpoint) => checkpoint.version > base && checkpoint.version <= version);
  const isKnown = newCommits.length === 0 && newer === undefined && anchor?.etag === segment.head?.etag;
  const seen = now === undefined ? {} : { seenAt: now };
  if (isKnown && !due) return { segment: now === undefined ? segment : { ...segment, ...seen }, newCommits };

  const older = segment.commits.filter((commit) => commit.version < segment.version);
  const commits = [...older, ...(anchor === undefined ? [] : [anchor]), ...newCommits];
  const compacted = [...segment.compacted.filter(({ start }) => start < low), ...files.compacted];
  const soughtAt = due ? version : segment.soughtAt;
  return {
    segment: { ...buildSegment({ checkpoint: newer ?? segment.checkpoint, commits, compacted, soughtAt }), ...seen },
    newCommits,
  };
}

/**
 * How long ago a version must have been the newest at most for its absent successor to prove that it still is, ms. A log
 * that is cleaned up loses its oldest commits first, so that a successor is gone while the version is there only in the
 * moment of a clean-up; and a successor is younger than this then, while a clean-up takes what is older than the log's
 * retention (PROTOCOL.md "Metadata Cleanup"): see `SHORTEST_LOG_RETENTION`.
 */
const MAX_SEEN_AGE = 600_000;

/**
 * The segment as seen now, if its version is still the newest: its commit is there, the same one, and the next is not.
 * Two HEADs, which cost a sixth of a LIST. Undefined where that is not so, or cannot be told without a LIST.
 *
 * The commit itself is looked at because of tables that were deleted and made anew: a commit after it would leave a gap.
 */
async function confirmNewest(
  table: TableRef,
  segment: LogSegment,
  now: number | undefined,
): Promise<LogSegment | undefined> {
  const { version, head, seenAt } = segment;
  if (now === undefined || head === undefined || seenAt === undefined) return undefined;
  if (now < seenAt || now - seenAt > MAX_SEEN_AGE) return undefined;
  const [same, next] = await Promise.all([table.store.head(head.key), table.store.head(commitKey(table, version + 1))]);
  if (same === undefined || next !== undefined || !isSameCommit(head, { version, ...same })) return undefined;
  if (same.etag === head.etag) return { ...segment, seenAt: now };
  // The time stays: S3 gives it in whole seconds here, and what was committed must not seem older than it is.
  const known = { ...head, etag: same.etag };
  const commits = segment.commits.map((commit) => (commit.version === version ? known : commit));
  return { ...segment, commits, head: known, seenAt: now };
}

/**
 * Commits in a segment from which on a newer checkpoint is worth a GET. A table whose only writer is this one never sees
 * the checkpoints of others otherwise, and each look into its files reads every commit of the segment.
 */
const MAX_COMMITS = 100;

/** The hinted checkpoint if it lies inside the segment, else the segment's version. */
async function checkpointToListFrom(table: TableRef, { version, checkpoint }: LogSegment): Promise<number> {
  const hint = await readLastCheckpoint(table);
  if (hint === undefined || hint.version <= (checkpoint?.version ?? -1)) return version;
  return Math.min(hint.version, version);
}

/** The segment one version later, by a commit of our own. Nobody had that version at `seenAt`, ms by our clock. */
export function appendToSegment(segment: LogSegment, commit: CommitFile, seenAt: number): LogSegment {
  return { ...segment, version: commit.version, commits: [...segment.commits, commit], head: commit, seenAt };
}

/** What a LIST showed of the log. */
interface ListedFiles {
  /** The complete ones, one a version, ascending. */
  readonly checkpoints: readonly CheckpointFiles[];
  readonly commits: readonly CommitFile[];
  readonly compacted: readonly CompactedFile[];
}

async function listFromCheckpoint(
  table: TableRef,
  hint: number | undefined,
  target: number | undefined,
): Promise<ListedFiles> {
  const start = hint ?? 0;
  if (target !== undefined && (hint === undefined || hint > target)) return listBack(table, target, NO_FILES);
  const files = await listRange(table, start, target);
  return files.checkpoints.length > 0 || start === 0 ? files : listBack(table, start - 1, files);
}

/** Lists versions up to `high` in windows, going back until there is a checkpoint or version 0 is reached. */
async function listBack(table: TableRef, high: number, newer: ListedFiles): Promise<ListedFiles> {
  let files = newer;
  // Growing windows: where the log is cleaned up, the versions without files cost few requests.
  for (let end = high, span = LIST_PAGE; end >= 0 && files.checkpoints.length === 0; span *= 10) {
    const start = Math.max(0, end - span + 1);
    files = join(await listRange(table, start, end), files);
    end = start - 1;
  }
  return files;
}

/** Keys in a page of S3's ListObjectsV2. */
const LIST_PAGE = 1000;

function join(older: ListedFiles, newer: ListedFiles): ListedFiles {
  return {
    checkpoints: [...older.checkpoints, ...newer.checkpoints],
    commits: [...older.commits, ...newer.commits],
    compacted: [...older.compacted, ...newer.compacted],
  };
}

const NO_FILES: ListedFiles = { checkpoints: [], commits: [], compacted: [] };

/** Lists the log files of the versions `low` to `high` (both included); stops at the first name that is no version. */
async function listRange(table: TableRef, low: number, high = Number.MAX_SAFE_INTEGER): Promise<ListedFiles> {
  const commits: CommitFile[] = [];
  const compacted: CompactedFile[] = [];
  const checkpoints: CheckpointObject[] = [];
  for await (const { path, info } of listVersioned(table, low)) {
    if (startOf(path) > high) break;
    const { key, size, etag, modified } = info;
    if (path.kind === 'commit') commits.push({ version: path.version, key, size, etag, modified });
    else if (path.kind === 'compacted') compacted.push({ start: path.start, end: path.end, key, size });
    else if (isCheckpoint(path)) checkpoints.push({ path, info });
  }
  return { checkpoints: completeCheckpoints(checkpoints), commits, compacted };
}

type VersionedPath = Extract<LogPath, { version: number } | { start: number }>;

async function* listVersioned(
  table: TableRef,
  from: number,
): AsyncGenerator<{ path: VersionedPath; info: ObjectInfo }> {
  const folder = logKey(table, '');
  // The bare version sorts before every name that starts with it, and after every name of the version before.
  for await (const info of table.store.list(folder, { startAfter: logKey(table, versionName(from)) })) {
    if (!/^\d/.test(info.key.slice(folder.length))) return;
    const path = parseLogPath(info.key);
    if (path !== undefined && ('version' in path || 'start' in path)) yield { path, info };
  }
}

function startOf(path: VersionedPath): number {
  return 'start' in path ? path.start : path.version;
}

interface CheckpointObject {
  readonly path: CheckpointPath;
  readonly info: ObjectInfo;
}

function isCheckpoint(path: LogPath): path is CheckpointPath {
  return path.kind === 'classicCheckpoint' || path.kind === 'multiPartCheckpoint' || path.kind === 'v2Checkpoint';
}

/** `objects` ascend by version. */
function completeCheckpoints(objects: readonly CheckpointObject[]): CheckpointFiles[] {
  const byVersion = Map.groupBy(objects, ({ path }) => path.version);
  return [...byVersion.values()].map(completeCheckpoint).filter((checkpoint) => checkpoint !== undefined);
}

/** The cheapest of the checkpoints of one version to read; all say the same (PROTOCOL.md "Checkpoints"). */
function completeCheckpoint(candidates: readonly CheckpointObject[]): CheckpointFiles | undefined {
  // An empty object is what a crash leaves on a store whose writes are not atomic.
  const written = candidates.filter(({ info }) => info.size > 0);
  const classic = written.findLast(({ path }) => path.kind === 'classicCheckpoint');
  if (classic !== undefined) return toCheckpoint('classic', [classic]);
  const v2 = written.findLast(({ path }) => path.kind === 'v2Checkpoint');
  if (v2?.path.kind === 'v2Checkpoint') return toCheckpoint(v2.path.format === 'json' ? 'v2Json' : 'v2Parquet', [v2]);
  const partsOf = ({ path }: CheckpointObject) => (path.kind === 'multiPartCheckpoint' ? path.parts : 0);
  for (const [parts, objects] of Map.groupBy(written, partsOf)) {
    // Names are listed in the order of the parts, and no name is listed twice.
    if (objects.length === parts) return toCheckpoint('multiPart', objects);
  }
  return undefined;
}

function toCheckpoint(kind: CheckpointFiles['kind'], objects: readonly CheckpointObject[]): CheckpointFiles {
  return {
    version: objects[0]?.path.version ?? -1,
    kind,
    files: objects.map(({ info: { key, size } }) => ({ key, size })),
    modified: Math.max(...objects.map(({ info }) => info.modified)),
  };
}

/** Undefined when nothing was listed. */
function toSegment(table: TableRef, files: ListedFiles, target: number | undefined): LogSegment | undefined {
  const { commits, compacted } = files;
  const checkpoint = files.checkpoints.at(-1);
  const [first] = commits;
  if (checkpoint === undefined && first === undefined) return undefined;
  if (checkpoint === undefined && first !== undefined && first.version > 0 && target !== undefined) {
    const message = `Version ${target} of ${table.url} cannot be rebuilt: the log before version ${first.version} is cleaned up`;
    throw new DeltaError('VERSION_NOT_FOUND', message, { table: table.url, version: target });
  }
  const start = checkpoint === undefined ? 0 : checkpoint.version + 1;
  const later = commits.filter(({ version }) => version >= start);
  assertContiguous(table, later, start);
  return buildSegment({ checkpoint, commits, compacted });
}

interface SegmentParts {
  readonly checkpoint: CheckpointFiles | undefined;
  readonly commits: readonly CommitFile[];
  readonly compacted: readonly CompactedFile[];
  /** @default the segment's version */
  readonly soughtAt?: number;
}

/** Puts the parts of a segment together, without the files that the checkpoint makes needless. */
function buildSegment({ checkpoint, commits, compacted, soughtAt }: SegmentParts): LogSegment {
  const base = checkpoint?.version ?? -1;
  const version = Math.max(base, commits.at(-1)?.version ?? -1);
  const head = commits.findLast((commit) => commit.version === version);
  return {
    version,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    commits: commits.filter((commit) => commit.version > base),
    compacted: compacted.filter(({ start, end }) => start > base && end <= version),
    ...(head === undefined ? {} : { head }),
    soughtAt: soughtAt ?? version,
  };
}

function assertContiguous(table: TableRef, commits: readonly CommitFile[], first: number): void {
  const gaps: string[] = [];
  let expected = first;
  for (const { version } of commits) {
    if (version > expected) gaps.push(version === expected + 1 ? `${expected}` : `${expected}-${version - 1}`);
    expected = version + 1;
  }
  if (gaps.length === 0) return;
  const missing = gaps.join(', ');
  const message = `The log of ${table.url} has gaps: no commits for version ${missing}`;
  throw new DeltaError('LOG_GAP', message, { table: table.url, missing });
}

/** A commit of our own has no etag before it was listed: then size and time have to do. */
function isSameCommit(known: CommitFile, listed: CommitFile | undefined): boolean {
  if (known.version !== listed?.version) return false;
  if (known.etag !== undefined) return listed.etag === known.etag;
  return listed.size === known.size && Math.abs(listed.modified - known.modified) <= CLOCK_MARGIN;
}

/**
 * How far the store's time of a commit of ours may be from the time that we noted, ms. NTP keeps both clocks within
 * a second; the rest is for the request itself. Too little costs a cold load; too much takes the commit of a table that
 * was made again for ours.
 */
const CLOCK_MARGIN = 60_000;

/** Nothing of the log up to `target` (or at all) was found: is there none, or is it cleaned up? */
async function notFound(table: TableRef, target: number | undefined): Promise<DeltaError> {
  const data = { table: table.url, ...(target === undefined ? {} : { version: target }) };
  if (target !== undefined) {
    for await (const { path } of listVersioned(table, target + 1)) {
      const message = `Version ${target} of ${table.url} is not in the log, which starts at ${startOf(path)}`;
      return new DeltaError('VERSION_NOT_FOUND', message, data);
    }
  }
  return new DeltaError('TABLE_NOT_FOUND', `There is no Delta log under ${table.url}`, data);
}
