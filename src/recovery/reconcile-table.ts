import type { TableRef } from '../delta/table.ts';
import type { TableEngine } from '../ingest/engine.ts';
import { findGone, type PathRange } from './gone-files.ts';
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
  /** Only what is behind this path below the root, where a call before was stopped; not with an inventory. @default all */
  readonly after?: string;
  /** ms since the epoch: then it stops, between two commits. Some time before that the listing ends. @default never */
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
  /** Then the path up to which all is settled, where it came further than `after`. */
  readonly position?: string;
}

export const DEFAULT_MIN_AGE = 3_600_000;
export const DEFAULT_SUFFIXES: readonly string[] = ['.parquet'];

/** Paths that a result names. */
const SAMPLE = 100;

/**
 * Brings a table up to date with what lies below its root, where events got lost: appends files that no commit tells of and
 * those that were overwritten, and removes those that are gone. Only what the rules give to the table, and what is older
 * than `minAge`. It may run beside the append function and beside itself, be stopped at any point, and be repeated; with
 * `after` the next call goes on where the time was over. What is gone is looked for in the part of the paths that was listed.
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
  const begin = engine.now();
  const before = begin - (options.minAge ?? DEFAULT_MIN_AGE);
  const samples = { missed: [] as string[], unknown: [] as string[], gone: [] as string[], lost: [] as string[] };
  const taker = await TableTaker.open(
    engine,
    table,
    {
      before,
      isOld: options.inventory !== undefined,
      unknown: options.unknown ?? 'leave',
      allowStreams: options.allowStreams ?? false,
      ...(options.deadline !== undefined && { deadline: options.deadline }),
      onMissed: ({ path }) => note(samples.missed, path),
      onUnknown: ({ path }) => note(samples.unknown, path),
    },
    sums,
  );
  const counts = { listed: 0, ignored: 0, gone: 0, lost: 0 };
  const result = (remaining = false, position?: string): ReconcileResult => ({
    table: table.url,
    version: taker.history.snapshot?.version ?? null,
    before,
    ...counts,
    ...sums,
    samples,
    remaining,
    ...(position !== undefined && position !== options.after && { position }),
  });
  const isOver = (time = options.deadline) => options.signal?.aborted === true || engine.now() >= (time ?? Infinity);
  const listUntil = options.deadline === undefined ? undefined : endOfListing(begin, engine.now(), options.deadline);
  const routeOf = routesInto(table, engine.config);
  const isWanted = suffixFilter(options.suffixes ?? DEFAULT_SUFFIXES);

  let batch: ListedObject[] = [];
  let route: TableRoute | undefined;
  const takeBatch = async (): Promise<void> => {
    if (route !== undefined && batch.length > 0) await taker.take(batch, route);
    batch = [];
    options.onProgress?.(result());
  };
  let range: PathRange = options.after === undefined ? {} : { after: options.after };
  let last = options.after;
  for await (const object of options.inventory ?? listObjects(table, options.after)) {
    if (isOver(listUntil)) {
      // Of an inventory, whose order is any, the part that was seen is no range.
      if (options.signal?.aborted === true || options.inventory !== undefined || last === options.after)
        return result(true);
      range = { ...range, until: last ?? '' };
      break;
    }
    last = object.path;
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
  const settle = async (gone: readonly string[]) => {
    const own = gone.filter((path) => routeOf(path) !== undefined);
    count('gone', own);
    count(
      'lost',
      gone.filter((path) => routeOf(path) === undefined),
    );
    const [first] = own;
    const to = first === undefined ? undefined : routeOf(first);
    if (to === undefined || !removes(to, options)) return;
    const time = engine.now();
    await taker.remove(
      own.map((path) => ({ path, time })),
      to,
    );
  };
  const count = (what: 'gone' | 'lost', paths: readonly string[]): void => {
    counts[what] += paths.length;
    for (const path of paths) note(samples[what], path);
  };
  const left = await findGone(engine, taker, range, { isOver, settle });
  if (left !== undefined) return result(true, left.after);
  return result(range.until !== undefined, range.until);
}

/**
 * When to end the listing, ms since the epoch: what is gone is looked for afterwards, by a second reading of the log, of which the
 * first one took from `begin` to `opened`.
 */
function endOfListing(begin: number, opened: number, deadline: number): number {
  const whole = deadline - begin;
  return deadline - Math.min(Math.max(2 * (opened - begin), whole / 10), whole / 2);
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
