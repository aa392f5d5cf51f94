import type { AddFile } from '../delta/actions.ts';
import { canonicalPath } from '../delta/path.ts';
import { activeFiles } from '../delta/snapshot.ts';
import { tableKey } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { TableEngine } from '../ingest/engine.ts';
import { pathsOf } from '../maintenance/vacuum/file-paths.ts';
import { compareKeys } from '../storage/keys.ts';
import type { TableTaker } from './table-taker.ts';

/** Paths behind `after`, up to `until`, which is one of them, in the order in which stores list keys. */
export interface PathRange {
  /** @default from the first path on */
  readonly after?: string;
  /** @default up to the last one */
  readonly until?: string;
}

/** Active files that are asked for at once, and removed in one commit. */
const GONE_BATCH = 5_000;
/** Unseen paths that are held at most, twice; each so many cost another look at the active files. */
const HELD = 50_000;

interface Unseen {
  readonly path: string;
  /** What else the log may mean: such an object may have been listed in another range, and was not seen now. */
  readonly others: readonly string[];
}

/**
 * Looks for active files in a range of paths that no listed object is, in the order of the paths, and gives `settle` those
 * that are not there, batch by batch. Returns the range of what was not settled, because the time was over; undefined when all is.
 */
export async function findGone(
  engine: TableEngine,
  taker: TableTaker,
  range: PathRange,
  { isOver, settle }: { readonly isOver: () => boolean; readonly settle: (gone: readonly string[]) => Promise<void> },
): Promise<PathRange | undefined> {
  let left = range;
  for (;;) {
    const { files, isAll } = await firstUnseen(engine, taker, left);
    for (let start = 0; start < files.length; start += GONE_BATCH) {
      if (isOver()) return left;
      const batch = files.slice(start, start + GONE_BATCH);
      const there = await mapConcurrently(batch, engine.config.footerConcurrency, (file) => isThere(taker, file));
      await settle(batch.filter((_, index) => there[index] === false).map(({ path }) => path));
      left = { ...left, after: batch.at(-1)?.path ?? '' };
    }
    if (isAll) return undefined;
  }
}

async function isThere({ table }: TableTaker, { path, others }: Unseen): Promise<boolean> {
  for (const one of [path, ...others]) if ((await table.store.head(tableKey(table, one))) !== undefined) return true;
  return false;
}

/** The first of the active files of the range, by path, that no listed object is. */
async function firstUnseen(
  engine: TableEngine,
  { history }: TableTaker,
  range: PathRange,
): Promise<{ readonly files: readonly Unseen[]; readonly isAll: boolean }> {
  let files: Unseen[] = [];
  let isAll = true;
  let last = range.until;
  const cut = () => {
    files.sort((a, b) => compareKeys(a.path, b.path));
    if (files.length <= HELD) return;
    files = files.slice(0, HELD);
    isAll = false;
    last = files.at(-1)?.path;
  };
  const { snapshot } = history;
  if (snapshot === undefined) return { files, isAll };
  for await (const adds of activeFiles(snapshot, engine.reader)) {
    for (const add of adds) {
      const path = canonicalPath(history.table, add.path);
      if (path.includes('://') || !isIn(path, range) || history.wasSeen(add) || !isIn(path, { until: last })) continue;
      files.push({ path, others: otherPaths(history.table, add, range) });
      if (files.length === 2 * HELD) cut();
    }
  }
  cut();
  return { files, isAll };
}

function isIn(
  path: string,
  { after, until }: { readonly after?: string; readonly until?: string | undefined },
): boolean {
  return (
    (after === undefined || compareKeys(path, after) > 0) && (until === undefined || compareKeys(path, until) <= 0)
  );
}

function otherPaths(table: TableTaker['table'], { path }: AddFile, range: PathRange): string[] {
  return [...pathsOf(table, { path })].slice(1).filter((other) => other !== '' && !isIn(other, range));
}
