import { type TableRef, tableKey } from '../delta/table.ts';
import { appendBatch } from '../ingest/append.ts';
import type { LandedObject } from '../ingest/candidate.ts';
import { CommitWindow } from '../ingest/commit-window.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { TableRule, TableSettings } from '../ingest/config.ts';
import type { TableEngine } from '../ingest/engine.ts';
import { FooterMemory } from '../ingest/footer-memory.ts';
import type { DeletedObject } from '../ingest/plan.ts';
import { quarantineKey } from '../ingest/quarantine.ts';
import { createInnerTables } from '../maintenance/stray-files.ts';
import { judgeRewritten, type Verdict } from './file-mark.ts';
import type { ListedObject } from './listing.ts';
import { LogHistory } from './log-history.ts';
import { pathsInto, type TableRoute } from './routes.ts';
import { StreamTableError, streamOf } from './stream-table.ts';
import { countInto, type Sums } from './sums.ts';

export interface TakeOptions {
  /** Only objects that were written before this time, ms since the epoch. */
  readonly before: number;
  /** What becomes of files of which it cannot be told whether they were in the table once. @default 'leave' */
  readonly unknown?: 'leave' | 'add';
  /** Whether the listing is old, so that each object is to be asked for before it is taken. @default false */
  readonly isOld?: boolean;
  /** Takes tables whose files come from a stream, too. @default false */
  readonly allowStreams?: boolean;
  /** ms since the epoch: no commit is begun after it. @default none */
  readonly deadline?: number;
  /** Called for each file that is given to the append path. */
  readonly onMissed?: (object: ListedObject) => void;
  /** Called for each file that is left, because nothing can be told of it. */
  readonly onUnknown?: (object: ListedObject) => void;
}

/** Files of one commit, as an adoption has it: about 2 MB of log. */
export const COMMIT_FILES = 2_000;

/**
 * Takes files that were found by a listing into one table, through the append path, which plans and commits them as it
 * does with those that were announced. What it is given was looked up in the whole log; it looks for itself at the commits
 * since, so that a file whose event is handled at the same time comes in once.
 */
export class TableTaker {
  readonly table: TableRef;
  readonly history: LogHistory;
  private readonly engine: TableEngine;
  private readonly options: TakeOptions;
  private readonly sums: Sums;
  private readonly inner: ReturnType<typeof createInnerTables>;
  private readonly memory: FooterMemory;

  private constructor(history: LogHistory, engine: TableEngine, options: TakeOptions, sums: Sums) {
    this.table = history.table;
    this.history = history;
    this.engine = { ...engine, telemetry: countInto(sums, engine.telemetry) };
    this.options = options;
    this.sums = sums;
    this.inner = createInnerTables(history.table);
    this.memory = new FooterMemory(engine.config.footerMemory);
  }

  /** Reads the table's log. Throws StreamTableError, and what loading a table throws. */
  static async open(engine: TableEngine, table: TableRef, options: TakeOptions, sums: Sums): Promise<TableTaker> {
    const history = await LogHistory.open(table, engine.reader);
    const stream = history.snapshot === undefined ? undefined : streamOf(history.snapshot);
    if (stream !== undefined && options.allowStreams !== true) throw new StreamTableError(table.url, stream);
    return new TableTaker(history, engine, options, sums);
  }

  /** Whether a file need not be looked at any closer; counts it then. By what is known of the log already. */
  isDone(object: ListedObject): boolean {
    const verdict = this.history.judge(object, this.engine.config.clockMargin);
    const count = verdict === 'known' || verdict === 'removed' ? verdict : undefined;
    if (count !== undefined) this.sums[count] += 1;
    else if (object.time >= this.options.before) this.sums.young += 1;
    else return false;
    return true;
  }

  /** Takes files of one route, `COMMIT_FILES` at most: those that turn out to be missed, in one commit if their footers fit. */
  async take(objects: readonly ListedObject[], route: Pick<TableRoute, 'settings' | 'rule'>): Promise<void> {
    await this.history.refresh();
    const candidates = (await this.missed(objects)).filter((object) => !this.isDone(object));
    const waiting = await this.inner.without(candidates);
    const verdicts = await this.verdicts(waiting);
    const isKnownBad = await this.quarantined(waiting);
    const landed: LandedObject[] = [];
    for (const [index, object] of waiting.entries()) {
      const verdict = verdicts[index] ?? 'unknown';
      if (verdict === 'known' || verdict === 'removed') {
        this.sums[verdict] += 1;
      } else if (isKnownBad[index] === true) {
        this.sums.inQuarantine += 1;
      } else if (verdict === 'unknown' && this.options.unknown !== 'add') {
        this.sums.unknown += 1;
        this.options.onUnknown?.(object);
      } else {
        this.options.onMissed?.(object);
        landed.push(object);
      }
    }
    this.sums.missed += landed.length;
    if (landed.length > 0) await this.append(route, landed, []);
  }

  /** Removes files from the table whose objects are gone; each is asked for once more. */
  async remove(deleted: readonly DeletedObject[], route: Pick<TableRoute, 'settings' | 'rule'>): Promise<void> {
    await this.history.refresh();
    await this.append({ ...route, settings: { ...route.settings, deletes: 'apply' } }, [], deleted);
  }

  /** Gives files to the append path as they are, whatever the log says of them up to now. Returns those that failed. */
  async append(
    { settings, rule }: { readonly settings: TableSettings; readonly rule?: TableRule },
    landed: readonly LandedObject[],
    deleted: readonly DeletedObject[],
  ): Promise<readonly string[]> {
    const { table, history, engine, options } = this;
    const { snapshot } = history;
    const window = new CommitWindow(table);
    // What came before is known; from here on the append path reads the commits itself.
    if (snapshot !== undefined) window.startAfter(snapshot.version, Number.NEGATIVE_INFINITY);
    const times = [...landed, ...deleted].map(({ time }) => time);
    const batch = {
      table,
      settings,
      ...(rule !== undefined && { rule }),
      landed,
      deleted,
      oldest: Math.min(...times),
      relativePath: pathsInto(table, engine.config),
    };
    const state = snapshot === undefined ? undefined : { snapshot, window };
    const deadline = options.deadline ?? Number.POSITIVE_INFINITY;
    const { failed, paused } = await appendBatch(engine, batch, state, deadline, this.memory);
    this.sums.failed += failed.length;
    if (paused !== undefined) throw paused;
    return failed;
  }

  /** Those that are still missed after a look at as much of the log as they are old, and at themselves if the listing is old. */
  private async missed(objects: readonly ListedObject[]): Promise<ListedObject[]> {
    const { history, engine, options } = this;
    const open = objects.filter((object) => !this.isDone(object));
    if (open.length === 0) return [];
    const oldest = open.reduce((least, { time }) => Math.min(least, time), Number.POSITIVE_INFINITY);
    await history.reachBack(oldest - engine.config.clockMargin);
    if (options.isOld !== true) return open;
    const now = await mapConcurrently(open, engine.config.footerConcurrency, async ({ path }) => {
      const info = await this.table.store.head(tableKey(this.table, path));
      return info && { path, size: info.size, etag: info.etag, time: info.modified };
    });
    const there = now.filter((object) => object !== undefined);
    this.sums.vanished += open.length - there.length;
    return there;
  }

  /** What the log says of each; of those that were removed and written anew since, by all that it tells of them. */
  private async verdicts(objects: readonly ListedObject[]): Promise<Verdict[]> {
    const { history, engine } = this;
    const first = objects.map((object) => history.judge(object, engine.config.clockMargin));
    const rewritten = objects.filter((_, index) => first[index] === 'rewritten');
    const versions = await history.versionsOf(new Set(rewritten.map(({ path }) => path)));
    return objects.map((object, index) => {
      const verdict = first[index] ?? 'unknown';
      return verdict === 'rewritten' ? judgeRewritten(object, versions.get(object.path) ?? []) : verdict;
    });
  }

  /** Which of these versions of objects have a record in quarantine. */
  private quarantined(objects: readonly ListedObject[]): Promise<boolean[]> {
    return mapConcurrently(objects, this.engine.config.footerConcurrency, async (object) => {
      return (await this.table.store.head(quarantineKey(this.table, object))) !== undefined;
    });
  }
}
