import { assertFits, type ChangeShape } from '../../cdf/changes/change-schema.ts';
import { type ChangeFile, changesOf } from '../../cdf/changes/commit-changes.ts';
import { shapeAt } from '../../cdf/changes/read-changes.ts';
import { CdfError, isCdfError } from '../../cdf/errors.ts';
import type { Commit } from '../../delta/commit-file.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { MAX_FILES_OF_VERSION, type Position } from '../position.ts';
import { type BatchLimits, MAX_SEGMENTS, type SourceBatch } from './batch.ts';
import { changedFile } from './relation-file.ts';
import { mayRemove, SegmentCounter } from './segments.ts';
import { SOURCE_EXTRAS, type SourceTable, sourceShape } from './source-table.ts';

export interface ChangeBatchOptions {
  /** Of the relation. */
  readonly name: string;
  readonly limits: BatchLimits;
  /** Whether commits that may remove rows are read, or left out. @default 'read' */
  readonly removals?: 'read' | 'leave-out';
  /** Whether a commit that may remove rows may be split, too, at any of its files. @default false */
  readonly splitRemovals?: boolean;
}

/**
 * The next part of a source's changes after a position, up to the limits; undefined when there is none. It ends before a
 * commit that takes columns away, so that each batch has one schema: that of its last version. A batch may be without files,
 * where commits changed no rows. Throws CdfError: `CHANGES_GONE` where the log is cleaned up, `OTHER_TABLE` for a position that the
 * table has not come to, `INCOMPATIBLE_SCHEMA` for a commit that itself removes rows with other columns than it leaves.
 */
export async function planChanges(
  source: SourceTable,
  from: Position,
  options: ChangeBatchOptions,
): Promise<SourceBatch | undefined> {
  const { latest, log } = source;
  if (from.version > latest.version + 1 || (from.version > latest.version && from.files > 0)) {
    throw notReached(source, from);
  }
  if (from.version > latest.version) return undefined;
  const last = Math.min(latest.version, from.version + options.limits.maxVersions - 1);
  const collector = new Collector(source, from, options);
  for await (const commit of log.commits(from.version, last)) {
    if ((await collector.take(commit)) === 'full') break;
  }
  return collector.finish();
}

interface TakenFile {
  readonly file: ChangeFile;
  readonly version: number;
  readonly segment: number;
}

class Collector {
  readonly #source: SourceTable;
  readonly #from: Position;
  readonly #options: ChangeBatchOptions;
  readonly #segments = new SegmentCounter();
  readonly #taken: TakenFile[] = [];
  readonly #leftOut: number[] = [];
  #until: Position;
  #untilVersion: number;
  #bytes = 0;
  #isTooLarge = false;

  constructor(source: SourceTable, from: Position, options: ChangeBatchOptions) {
    this.#source = source;
    this.#from = from;
    this.#options = options;
    this.#until = from;
    this.#untilVersion = from.version;
  }

  /** Takes a commit, or as many of its files as there is room for. `full`: nothing after it is taken. */
  async take(commit: Commit): Promise<'full' | 'taken'> {
    const { version } = commit;
    const all = changesOf(this.#source.table, commit.actions).files;
    if (all.length >= MAX_FILES_OF_VERSION) throw tooManyFiles(this.#source, version, all.length);
    const removes = all.some(mayRemove);
    if (!(await this.#fits(commit, removes))) return 'full';
    if (removes && this.#options.removals === 'leave-out') {
      this.#leftOut.push(version);
      this.#goTo({ version: version + 1, files: 0 }, version);
      return 'taken';
    }
    const done = version === this.#from.version ? this.#from.files : 0;
    const files = all.slice(done);
    const count = this.#room(files, !removes || this.#options.splitRemovals === true);
    if (count === 0 && files.length > 0) return 'full';
    const segment = this.#segments.add(files.slice(0, count));
    for (const file of files.slice(0, count)) {
      this.#taken.push({ file, version, segment });
      this.#bytes += file.size ?? 0;
    }
    const isWhole = count === files.length;
    this.#goTo(isWhole ? { version: version + 1, files: 0 } : { version, files: done + count }, version);
    return isWhole ? 'taken' : 'full';
  }

  async finish(): Promise<SourceBatch> {
    const { table, latest, log } = this.#source;
    const shape = sourceShape(await log.snapshotAt(this.#untilVersion));
    const files = await mapConcurrently(this.#taken, HEADS, ({ file, version, segment }) =>
      changedFile(table, file, { version, segment }),
    );
    return {
      relation: {
        name: this.#options.name,
        schema: shape.schema,
        partitionColumns: shape.partitionColumns,
        extras: SOURCE_EXTRAS,
        files,
      },
      segments: [...new Set(this.#taken.map(({ segment }) => segment))],
      removesAt: this.#taken.find(({ file }) => mayRemove(file))?.version,
      leftOut: this.#leftOut,
      from: this.#from,
      until: this.#until,
      fromVersion: this.#from.version,
      untilVersion: this.#untilVersion,
      bytes: this.#bytes,
      isTooLarge: this.#isTooLarge,
      isLast: this.#until.version > latest.version,
    };
  }

  #goTo(until: Position, version: number): void {
    this.#until = until;
    this.#untilVersion = version;
  }

  /** How many of the files there is room for: all or none of those that cannot be split, unless they would be the first. */
  #room(files: readonly ChangeFile[], canSplit: boolean): number {
    const { maxBytes, maxFiles, maxSegments = MAX_SEGMENTS } = this.#options.limits;
    if (this.#segments.peek(files) >= maxSegments) return 0;
    const isFirst = this.#taken.length === 0;
    let bytes = this.#bytes;
    const count = files.findIndex(({ size = 0 }, index) => {
      bytes += size;
      return bytes > maxBytes || this.#taken.length + index + 1 > maxFiles;
    });
    if (count === -1) return files.length;
    if (canSplit) return isFirst ? Math.max(count, 1) : count;
    if (!isFirst) return 0;
    this.#isTooLarge = true;
    return files.length;
  }

  /**
   * Whether the rows that are taken so far, and those that the commit itself removes, fit the schema that it makes. Whatever was
   * taken before stays a batch of its own otherwise.
   */
  async #fits(commit: Commit, removes: boolean): Promise<boolean> {
    const { latest } = this.#source;
    const shape = shapeAt(latest, commit);
    const hasEarlier = this.#taken.length > 0;
    if (shape === undefined || (!hasEarlier && !removes)) return true;
    const before = await this.#shapeBefore(commit.version);
    if (before === undefined) return true;
    try {
      assertFits(latest.table.url, shape, before);
      return true;
    } catch (error) {
      if (hasEarlier && isCdfError(error, 'INCOMPATIBLE_SCHEMA')) return false;
      throw error;
    }
  }

  /** Undefined for the first version, and where the version before is cleaned up: then the files themselves tell. */
  async #shapeBefore(version: number): Promise<ChangeShape | undefined> {
    if (version === 0) return undefined;
    try {
      return sourceShape(await this.#source.log.snapshotAt(version - 1));
    } catch (error) {
      if (isCdfError(error, 'CHANGES_GONE')) return undefined;
      throw error;
    }
  }
}

/** Requests for sizes that the log does not say, at once. */
const HEADS = 8;

function notReached({ table, latest }: SourceTable, { version }: Position): CdfError {
  return new CdfError(
    'OTHER_TABLE',
    `${table.url} is at version ${latest.version}, and was read up to version ${version - 1} before: it was made again, or put ` +
      'back to an older state',
    { table: table.url, version, latest: latest.version },
  );
}

function tooManyFiles({ table }: SourceTable, version: number, files: number): CdfError {
  return new CdfError(
    'UNSUPPORTED_TABLE',
    `Version ${version} of ${table.url} has ${files} files, expected less than ${MAX_FILES_OF_VERSION}`,
    { table: table.url, version, files },
  );
}
