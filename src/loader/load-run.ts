import type { LoadEngine } from './engine.ts';
import { LoadError } from './load-error.ts';
import type { LoadedFile, LoadJob, LoadOutcome, TargetTable } from './load-file.ts';
import { START } from './read/row-source.ts';
import { createPartitions } from './rows/partitions.ts';
import type { RejectedRow } from './rows/segment.ts';
import { type FinishedSegment, readSegments, type SegmentInput } from './segments.ts';
import type { SourceObject } from './source/object-bytes.ts';
import { type LoadState, type PartRecord, type Progress, partPath } from './state.ts';

/** Rejected rows that records name. */
const NAMED_REJECTED = 10;
/**
 * From when on parts that began to be published are not published any more: a table may delete files that were compacted
 * after a week (`delta.deletedFileRetentionDuration`), and those must not come back.
 */
const MAX_AGE = 6 * 24 * 3_600_000;

/** One call for one version of a file. */
export class LoadRun {
  readonly #engine: LoadEngine;
  readonly #job: LoadJob;
  readonly #source: SourceObject;
  readonly #state: LoadState;
  readonly #deadline: number;
  #parts: PartRecord[] = [];
  #current: { readonly rejected: number; readonly reasons: readonly RejectedRow[] } = { rejected: 0, reasons: [] };

  constructor(engine: LoadEngine, job: LoadJob, source: SourceObject, state: LoadState, deadline: number) {
    this.#engine = engine;
    this.#job = job;
    this.#source = source;
    this.#state = state;
    this.#deadline = deadline;
  }

  /** So far. */
  get rejected(): number {
    return this.#parts.reduce((sum, { rejected }) => sum + rejected, this.#current.rejected);
  }

  get firstRejected(): readonly RejectedRow[] {
    const known = this.#parts.flatMap(({ reasons }) => reasons);
    return [...known, ...this.#current.reasons].slice(0, NAMED_REJECTED);
  }

  async load(target: TargetTable): Promise<LoadOutcome> {
    const progress = await this.#state.progress();
    this.#parts = [...progress.parts];
    if (progress.publishing !== undefined) return this.#publish();
    const last = this.#parts.at(-1);
    if (last !== undefined && !this.#isStaged(last, progress)) {
      const published = await this.#makeAgain(target, last);
      if (published) return this.#finish();
    }
    if (last?.isLast !== true) {
      const outcome = await this.#makeParts(target);
      if (outcome !== undefined) return outcome;
    }
    return this.#publish();
  }

  /**
   * What is to be done where the source is not this version any more: parts that began to be published all are, others are
   * deleted. Undefined where none were published.
   */
  async settle(): Promise<LoadOutcome | undefined> {
    const { parts, publishing } = await this.#state.progress();
    this.#parts = [...parts];
    if (publishing !== undefined) return this.#publish();
    if (parts.length > 0) await this.#state.clear();
    return undefined;
  }

  /** Makes the parts that are missing; undefined when all are staged. */
  async #makeParts(target: TargetTable): Promise<LoadOutcome | undefined> {
    const last = this.#parts.at(-1);
    let before = this.#engine.now();
    for await (const finished of readSegments(this.#input(target, last))) {
      const record = this.#recordOf(finished, this.#parts.length);
      const isWhole = isWholeFile(record);
      await this.#keepRejected(finished, record);
      // Before the plan: what is planned is made.
      if (isWhole) this.#assertRejected([record]);
      const other = await this.#state.plan(record);
      if (other !== undefined) {
        throw new LoadError('RACED', `part ${record.part} of "${this.#source.key}" is made otherwise by another call`);
      }
      await this.#write(finished, record);
      this.#parts.push(record);
      this.#current = { rejected: 0, reasons: [] };
      this.#job.onPart?.(this.#loaded().rows);
      if (isWhole) return this.#finish();
      const now = this.#engine.now();
      // Some time is left for the next part to take longer than this one.
      if (!record.isLast && now + (now - before) * 1.5 >= this.#deadline) return this.#paused();
      before = now;
    }
    return undefined;
  }

  /** Makes a part of which a record is there, as the record says. True where its files are published with that. */
  async #makeAgain(target: TargetTable, record: PartRecord): Promise<boolean> {
    if (isWholeFile(record)) this.#assertFresh(Date.parse(record.at));
    const before = this.#parts.at(-2);
    const input: SegmentInput = {
      ...this.#input(target, record),
      header: record.header ?? before?.header,
      from: record.from,
      to: record.to,
    };
    let rows = 0;
    for await (const finished of readSegments(input)) {
      rows += finished.segment.rowCount;
      if (finished.segment.rowCount !== record.rows || finished.segment.rejected.length !== record.rejected) break;
      await this.#state.keepRejected(record.part, finished.segment.rejected);
      await this.#write(finished, record);
      return isWholeFile(record);
    }
    const message = `part ${record.part} of "${this.#source.key}" had ${record.rows} rows, and now has ${rows}`;
    throw new LoadError('RACED', message);
  }

  async #write({ segment }: FinishedSegment, record: PartRecord): Promise<void> {
    const isWhole = isWholeFile(record);
    for (const { folder, rows } of segment.files) {
      const path = partPath(this.#state.digest, record.part, folder);
      const bytes = await rows.finish();
      if (isWhole) await this.#state.publishBytes(path, bytes);
      else await this.#state.stage(path, bytes);
    }
  }

  async #keepRejected({ segment }: FinishedSegment, record: PartRecord): Promise<void> {
    const { rejected } = segment;
    this.#current = { rejected: rejected.length, reasons: record.reasons };
    if (rejected.length === 0) return;
    await this.#state.keepRejected(record.part, rejected);
    const { percent, rows } = this.#job.settings.maxRejected;
    if (percent === undefined && this.rejected > rows) throw this.#tooMany(rows);
  }

  async #publish(): Promise<LoadOutcome> {
    this.#assertRejected(this.#parts);
    const begun = await this.#state.beginPublishing(this.#engine.now());
    this.#assertFresh(begun);
    let moved = 0;
    for (const part of this.#parts) {
      // Something is moved in any case, or this would never end.
      if (moved > 0 && this.#engine.now() >= this.#deadline) return this.#paused();
      moved += await this.#state.publish(this.#pathsOf(part));
    }
    return this.#finish();
  }

  async #finish(): Promise<LoadedFile> {
    const { rows, rejected, files } = this.#loaded();
    await this.#state.setDone({
      outcome: 'loaded',
      source: this.#job.source.url,
      etag: this.#source.etag,
      rows,
      rejected,
      parts: this.#parts.length,
      files,
      at: new Date(this.#engine.now()).toISOString(),
    });
    await this.#state.clear();
    return this.#loaded();
  }

  #loaded(): LoadedFile {
    const rows = this.#parts.reduce((sum, part) => sum + part.rows, 0);
    const files = this.#parts.flatMap((part) => this.#pathsOf(part));
    return { kind: 'loaded', isNew: true, rows, rejected: this.rejected, files };
  }

  #paused(): LoadOutcome {
    const { rows } = this.#loaded();
    return { kind: 'paused', parts: this.#parts.length, rows };
  }

  #input(target: TargetTable, last: PartRecord | undefined): SegmentInput {
    const { format, settings, limits } = this.#job;
    return {
      source: this.#source,
      format,
      settings,
      limits,
      // What was decided with the first part holds for all, whatever becomes of the table meanwhile.
      schema: last?.schema ?? dataColumns(target),
      partitions: createPartitions(target.partitionColumns, settings.partitionBy, this.#source.key),
      from: last?.to ?? START,
      header: last?.header,
      sleep: (ms) => this.#engine.sleep(ms),
    };
  }

  #recordOf({ segment, from, to, isLast, header }: FinishedSegment, part: number): PartRecord {
    return {
      part,
      from,
      to,
      isLast,
      rows: segment.rowCount,
      rejected: segment.rejected.length,
      reasons: segment.rejected.slice(0, NAMED_REJECTED).map(({ row, ...rest }) => ({
        ...rest,
        ...(row !== undefined && { row: row.slice(0, 500) }),
      })),
      ...(header !== undefined && { header }),
      schema: segment.plan.schema,
      files: segment.files.map(({ folder, rows }) => ({ folder, rows: rows.rowCount })),
      at: new Date(this.#engine.now()).toISOString(),
    };
  }

  #pathsOf({ part, files }: PartRecord): string[] {
    return files.map(({ folder }) => partPath(this.#state.digest, part, folder));
  }

  #isStaged(record: PartRecord, { staged }: Progress): boolean {
    return !isWholeFile(record) && this.#pathsOf(record).every((path) => staged.has(path));
  }

  #assertRejected(parts: readonly PartRecord[]): void {
    const { percent, rows } = this.#job.settings.maxRejected;
    const rejected = parts.reduce((sum, part) => sum + part.rejected, 0);
    const all = parts.reduce((sum, part) => sum + part.rows, rejected);
    const limit = percent === undefined ? rows : Math.floor((all * percent) / 100);
    if (rejected > limit) throw this.#tooMany(limit);
  }

  #tooMany(limit: number): LoadError {
    const [first] = this.firstRejected;
    const what = first === undefined ? '' : `, the first at line ${first.line}: ${first.reason}: ${first.detail}`;
    const message = `${this.rejected} rows cannot be rows of the table, ${limit} may be left out${what}`;
    return new LoadError('TOO_MANY_REJECTED', message, first === undefined ? {} : { line: first.line });
  }

  #assertFresh(begun: number): void {
    if (this.#engine.now() - begun < MAX_AGE) return;
    const since = new Date(begun).toISOString();
    throw new LoadError(
      'STALE_PROGRESS',
      `its parts began to be published at ${since}: some may have been deleted since`,
    );
  }
}

/** Whether all rows of the source are in one file, which is published without staging it. */
function isWholeFile({ part, isLast, files }: PartRecord): boolean {
  return part === 0 && isLast && files.length <= 1;
}

export function dataColumns({ snapshot, partitionColumns }: TargetTable) {
  if (snapshot === undefined) return undefined;
  const inPath = new Set(partitionColumns.map(({ name }) => name));
  return { ...snapshot.schema, fields: snapshot.schema.fields.filter(({ name }) => !inPath.has(name)) };
}
