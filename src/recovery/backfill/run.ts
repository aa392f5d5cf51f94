import { type TableRef, tableKey } from '../../delta/table.ts';
import type { TableEngine } from '../../ingest/engine.ts';
import { routeKey } from '../../ingest/routing.ts';
import type { ListedObject } from '../listing.ts';
import { DEFAULT_MIN_AGE, DEFAULT_SUFFIXES, suffixFilter } from '../reconcile-table.ts';
import { bucketOf, type TableRoute } from '../routes.ts';
import { StreamTableError } from '../stream-table.ts';
import { noSums, type Sums } from '../sums.ts';
import { TableTaker } from '../table-taker.ts';
import type { RateLimit } from './rate-limit.ts';
import { type BackfillState, readState, writeState } from './state.ts';

/** The objects to look at. */
export interface BackfillSource {
  /** Those behind a path, or behind so many lines of an inventory; below the prefix, always in the same order. */
  list(after: Pick<BackfillState, 'after' | 'listed'> | undefined): AsyncIterable<ListedObject>;
  /** Whether it may be old. */
  readonly isOld: boolean;
}

export interface BackfillOptions {
  /** Under which the position is kept, below the prefix: the same id goes on where it was stopped. */
  readonly id: string;
  readonly source: BackfillSource;
  /** The table at a root of the bucket, or of the folder that stands for it. */
  readonly tableAt: (root: string) => TableRef;
  /** Files of a commit at most. @default 1,000 */
  readonly batchFiles?: number;
  /** How old an object has to be, ms. @default an hour */
  readonly minAge?: number;
  /** @default ['.parquet'] */
  readonly suffixes?: readonly string[];
  /** @default 'leave' */
  readonly unknown?: 'leave' | 'add';
  /** Files taken in a second. @default as fast as it goes */
  readonly fileRate?: RateLimit;
  /** Counts the objects first, so that it can be told how long it takes. @default false */
  readonly counts?: boolean;
  /** Begins anew where it was stopped before. @default false */
  readonly restart?: boolean;
  /** Neither reads nor writes a position; `tableAt` must give tables that are not written. @default false */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BackfillProgress) => void;
}

export interface BackfillProgress extends Readonly<Sums> {
  readonly id: string;
  /** Objects that were looked at, by the runs before included. */
  readonly listed: number;
  /** Objects that the rules leave out, and those of `leftOut`. */
  readonly ignored: number;
  /** Objects to look at; undefined where they were not counted. */
  readonly total: number | undefined;
  /** Objects that were looked at by the runs before. */
  readonly listedBefore: number;
  /** Tables that files of this run belong to. */
  readonly tables: number;
}

export interface BackfillResult extends BackfillProgress {
  /** Tables whose files come from a stream, or that cannot be written, and why. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** The first files of which it cannot be told whether they were in their table once, by key. */
  readonly unknownSample: readonly string[];
  /** Whether it was stopped; the same command goes on. */
  readonly remaining: boolean;
}

/** Tables whose logs are held at the same time: files are listed table after table. */
const OPEN_TABLES = 8;
const BATCH_FILES = 1_000;
const SAMPLE = 100;
/** Objects after which the position is kept, though there was nothing to do. */
const STATE_STEP = 100_000;
const PROGRESS_STEP = 1_000;

/**
 * Takes the files below a prefix into the tables that the rules give them to, batch after batch, each through the append
 * path. What a batch was is settled before the position is kept, and what is settled twice is recognised: it may be killed
 * at any moment, and run beside live events. Memory: as for a reconciliation of the eight tables that come at a time.
 */
export async function runBackfill(
  engine: TableEngine,
  place: TableRef,
  options: BackfillOptions,
): Promise<BackfillResult> {
  const stored = options.dryRun === true || options.restart === true ? undefined : await readState(place, options.id);
  const before = stored?.isDone === false ? stored : undefined;
  const total = before?.total ?? (options.counts === true ? await countObjects(options) : undefined);
  const run = new Backfill(engine, place, options, before, total);
  return run.run();
}

async function countObjects({ source, signal }: BackfillOptions): Promise<number> {
  let count = 0;
  for await (const _ of source.list(undefined)) {
    if (signal?.aborted === true) break;
    count += 1;
  }
  return count;
}

interface Group {
  readonly taker: TableTaker;
  readonly route: TableRoute;
  readonly objects: ListedObject[];
}

class Backfill {
  private readonly engine: TableEngine;
  private readonly place: TableRef;
  private readonly options: BackfillOptions;
  private readonly before: BackfillState | undefined;
  private readonly total: number | undefined;
  private readonly startedAt: string;
  private readonly sums: Sums;
  private readonly takers = new Map<string, TableTaker>();
  private readonly seenTables = new Set<string>();
  private readonly leftOut: Record<string, string> = {};
  private readonly unknownSample: string[] = [];
  private groups = new Map<string, Group>();
  private buffered = 0;
  private listed: number;
  private ignored: number;
  private lastPath: string | undefined;

  constructor(
    engine: TableEngine,
    place: TableRef,
    options: BackfillOptions,
    before: BackfillState | undefined,
    total: number | undefined,
  ) {
    this.engine = engine;
    this.place = place;
    this.options = options;
    this.before = before;
    this.total = total;
    this.startedAt = before?.startedAt ?? new Date(engine.now()).toISOString();
    this.sums = { ...noSums(), ...before?.sums };
    this.listed = before?.listed ?? 0;
    this.ignored = before?.ignored ?? 0;
    this.lastPath = before?.after;
  }

  async run(): Promise<BackfillResult> {
    const { source, signal, suffixes = DEFAULT_SUFFIXES, batchFiles = BATCH_FILES } = this.options;
    const isWanted = suffixFilter(suffixes);
    const bucket = bucketOf(this.place);
    for await (const object of source.list(this.before)) {
      if (signal?.aborted === true) return this.result(true);
      this.listed += 1;
      this.lastPath = object.path;
      const key = tableKey(this.place, object.path);
      const route = isWanted(object.path) ? routeKey(bucket, key, this.engine.config) : undefined;
      if (route?.kind === 'table') await this.add({ ...object, path: route.relative }, route);
      else this.ignored += 1;
      if (this.buffered >= batchFiles || this.listed % STATE_STEP === 0) await this.settle(false);
      if (this.listed % PROGRESS_STEP === 0) this.options.onProgress?.(this.progress());
    }
    await this.settle(true);
    return this.result(false);
  }

  private async add(object: ListedObject, route: TableRoute): Promise<void> {
    const group = this.groups.get(route.root);
    const taker = group?.taker ?? (await this.open(route.root));
    if (taker === undefined) {
      this.ignored += 1;
    } else if (!taker.isDone(object)) {
      if (group === undefined) this.groups.set(route.root, { taker, route, objects: [object] });
      else group.objects.push(object);
      this.buffered += 1;
    }
  }

  /** Undefined for a table that is left out. */
  private async open(root: string): Promise<TableTaker | undefined> {
    const table = this.options.tableAt(root);
    const known = this.takers.get(root);
    if (known !== undefined || table.url in this.leftOut) return known;
    this.seenTables.add(root);
    try {
      const taker = await TableTaker.open(this.engine, table, this.takeOptions(root), this.sums);
      this.takers.set(root, taker);
      for (const oldest of this.takers.keys()) {
        if (this.takers.size <= OPEN_TABLES) break;
        this.takers.delete(oldest);
      }
      return taker;
    } catch (error) {
      if (!(error instanceof StreamTableError)) throw error;
      this.leftOut[table.url] = error.message;
      return undefined;
    }
  }

  private takeOptions(root: string) {
    const { source, unknown = 'leave', minAge = DEFAULT_MIN_AGE } = this.options;
    return {
      before: this.engine.now() - minAge,
      isOld: source.isOld,
      unknown,
      onUnknown: ({ path }: ListedObject) => {
        if (this.unknownSample.length < SAMPLE) this.unknownSample.push(root === '' ? path : `${root}/${path}`);
      },
    };
  }

  /** Commits what was gathered, one table after the other, and keeps the position. */
  private async settle(isDone: boolean): Promise<void> {
    const groups = this.groups;
    this.groups = new Map();
    this.buffered = 0;
    for (const { taker, route, objects } of groups.values()) {
      await this.options.fileRate?.take(objects.length);
      await taker.take(objects, route);
      this.options.onProgress?.(this.progress());
    }
    if (this.options.dryRun === true) return;
    await writeState(this.place, this.options.id, {
      startedAt: this.startedAt,
      updatedAt: new Date(this.engine.now()).toISOString(),
      ...(this.total !== undefined && { total: this.total }),
      ...(this.lastPath !== undefined && { after: this.lastPath }),
      listed: this.listed,
      ignored: this.ignored,
      isDone,
      sums: this.sums,
    });
  }

  private progress(): BackfillProgress {
    return {
      id: this.options.id,
      listed: this.listed,
      ignored: this.ignored,
      total: this.total,
      listedBefore: this.before?.listed ?? 0,
      tables: this.seenTables.size,
      ...this.sums,
    };
  }

  private result(remaining: boolean): BackfillResult {
    return { ...this.progress(), leftOut: this.leftOut, unknownSample: this.unknownSample, remaining };
  }
}
