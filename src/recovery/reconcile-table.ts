import type { AddFile } from '../delta/actions.ts';
import { canonicalPath } from '../delta/path.ts';
import { activeFiles } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { TableEngine } from '../ingest/engine.ts';
import { type ListedObject, listObjects } from './listing.ts';
import { routesInto, type TableRoute } from './routes.ts';
import { noSums, type Sums } from './sums.ts';
import { COMMIT_FILES, TableTaker } from './table-taker.ts';

export interface ReconcileOptions {
  /** How old an object has to be, ms: younger ones may be announced or committed any moment. @default an hour */
  readonly minAge?: number;
  /** What becomes of active files whose objects are gone. @default as the table's rule has it for delete events */
  readonly deletes?: 'keep' | 'remove';
  /** Endings of keys that are announced; an empty list takes all. @default ['.parquet'] */
  readonly suffixes?: readonly string[];
  /** What becomes of files of which it cannot be told whether they were in the table once. @default 'leave' */
  readonly unknown?: 'leave' | 'add';
  /** Takes tables whose files come from a stream, too. @default false */
  readonly allowStreams?: boolean;
  /** The objects below the root by an inventory, which may be old. @default a LIST */
  readonly inventory?: AsyncIterable<ListedObject>;
  /** ms since the epoch: then it stops, between two commits. @default never */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (result: ReconcileResult) => void;
}

export interface ReconcileResult extends Readonly<Sums> {
  readonly table: string;
  /** Version that the table had in the end; null where there is none. */
  readonly version: number | null;
  /** Objects were left that were written at this time or later; ms since the epoch. */
  readonly before: number;
  /** Objects below the root, those of the log included. */
  readonly listed: number;
  /** Objects that the rules leave out, or give to another table. */
  readonly ignored: number;
  /** Active files, which the rules give to the table, whose objects are gone; `removedFiles` of them were removed. */
  readonly gone: number;
  /** Other active files whose objects are gone, such as compacted ones: their rows are lost, and the table cannot be read. */
  readonly lost: number;
  /** The first of each, by path. */
  readonly samples: {
    readonly missed: readonly string[];
    readonly unknown: readonly string[];
    readonly gone: readonly string[];
    readonly lost: readonly string[];
  };
  /** Whether it was stopped before the end. */
  readonly remaining: boolean;
}

export const DEFAULT_MIN_AGE = 3_600_000;
export const DEFAULT_SUFFIXES: readonly string[] = ['.parquet'];

/** Paths that a result names. */
const SAMPLE = 100;
/** Active files that are asked for at once, and removed in one commit. */
const GONE_BATCH = 5_000;

/**
 * Brings a table up to date with what lies below its root, where events got lost: appends files that no commit tells of and
 * those that were overwritten, and removes those that are gone. Only what the rules give to the table, and what is older
 * than `minAge`. It may run beside the append function and beside itself, be stopped at any point, and be repeated.
 *
 * What the log has removed does not come back: see `LogHistory`. Memory: 17 to 34 bytes for each file that the log names,
 * and a few thousand listed objects. Throws StreamTableError, `CONFLICT` when the table is replaced meanwhile, and what the
 * append path throws.
 */
export async function reconcileTable(
  engine: TableEngine,
  table: TableRef,
  options: ReconcileOptions = {},
): Promise<ReconcileResult> {
  const sums = noSums();
  const before = engine.now() - (options.minAge ?? DEFAULT_MIN_AGE);
  const run: Run = { samples: { missed: [], unknown: [], gone: [], lost: [] } };
  const taker = await TableTaker.open(
    engine,
    table,
    {
      before,
      isOld: options.inventory !== undefined,
      unknown: options.unknown ?? 'leave',
      allowStreams: options.allowStreams ?? false,
      ...(options.deadline !== undefined && { deadline: options.deadline }),
      onMissed: ({ path }) => note(run.samples.missed, path),
      onUnknown: ({ path }) => note(run.samples.unknown, path),
    },
    sums,
  );
  const counts = { listed: 0, ignored: 0, gone: 0, lost: 0 };
  const isOver = () =>
    options.signal?.aborted === true || engine.now() >= (options.deadline ?? Number.POSITIVE_INFINITY);
  let remaining = false;
  const result = (): ReconcileResult => ({
    table: table.url,
    version: taker.history.snapshot?.version ?? null,
    before,
    ...counts,
    ...sums,
    samples: run.samples,
    remaining,
  });
  const routeOf = routesInto(table, engine.config);
  const isWanted = suffixFilter(options.suffixes ?? DEFAULT_SUFFIXES);

  let batch: ListedObject[] = [];
  let route: TableRoute | undefined;
  const takeBatch = async (): Promise<void> => {
    if (route !== undefined && batch.length > 0) await taker.take(batch, route);
    batch = [];
    options.onProgress?.(result());
  };
  for await (const object of options.inventory ?? listObjects(table)) {
    if (isOver()) return { ...result(), remaining: true };
    counts.listed += 1;
    if (counts.listed % PROGRESS_STEP === 0) options.onProgress?.(result());
    taker.history.see(object.path);
    const found = isWanted(object.path) ? routeOf(object.path) : undefined;
    if (found === undefined) {
      counts.ignored += 1;
    } else if (!taker.isDone(object)) {
      route = found;
      if (batch.push(object) === COMMIT_FILES) await takeBatch();
    }
  }
  await takeBatch();
  remaining = !(await removeGone(engine, taker, options, { run, counts, routeOf, isOver }));
  return result();
}

interface Run {
  readonly samples: { missed: string[]; unknown: string[]; gone: string[]; lost: string[] };
}

interface GoneWork {
  readonly run: Run;
  readonly counts: { gone: number; lost: number };
  readonly routeOf: (path: string) => TableRoute | undefined;
  readonly isOver: () => boolean;
}

/** Looks for active files that no listed object is; false if it was stopped. */
async function removeGone(
  engine: TableEngine,
  taker: TableTaker,
  options: ReconcileOptions,
  { run, counts, routeOf, isOver }: GoneWork,
): Promise<boolean> {
  const { table, history } = taker;
  if (history.snapshot === undefined) return true;
  let unseen: string[] = [];

  async function settle(): Promise<void> {
    const paths = unseen;
    unseen = [];
    const there = await mapConcurrently(paths, engine.config.footerConcurrency, async (path) => {
      return (await table.store.head(tableKey(table, path))) !== undefined;
    });
    let route: TableRoute | undefined;
    const gone: { path: string; time: number }[] = [];
    for (const path of paths.filter((_, index) => there[index] === false)) {
      const found = routeOf(path);
      counts[found === undefined ? 'lost' : 'gone'] += 1;
      note(run.samples[found === undefined ? 'lost' : 'gone'], path);
      if (found === undefined || !removes(found, options)) continue;
      route = found;
      gone.push({ path, time: engine.now() });
    }
    if (route !== undefined) await taker.remove(gone, route);
  }

  for await (const adds of activeFiles(history.snapshot, engine.reader)) {
    for (const add of adds) {
      const path = unseenPath(taker, add);
      if (path === undefined) continue;
      if (unseen.push(path) < GONE_BATCH) continue;
      if (isOver()) return false;
      await settle();
    }
  }
  if (isOver()) return false;
  await settle();
  return true;
}

/** The path of an active file below the root that no listed object is. */
function unseenPath({ table, history }: TableTaker, add: AddFile): string | undefined {
  const path = canonicalPath(table, add.path);
  return path.includes('://') || history.wasSeen(add) ? undefined : path;
}

function removes({ settings }: TableRoute, { deletes }: ReconcileOptions): boolean {
  return (deletes ?? (settings.deletes === 'apply' ? 'remove' : 'keep')) === 'remove';
}

export function suffixFilter(suffixes: readonly string[]): (path: string) => boolean {
  if (suffixes.length === 0) return () => true;
  return (path) => suffixes.some((suffix) => path.endsWith(suffix));
}

function note(sample: string[], path: string): void {
  if (sample.length < SAMPLE) sample.push(path);
}

/** Objects between two looks at the progress. */
const PROGRESS_STEP = 10_000;
