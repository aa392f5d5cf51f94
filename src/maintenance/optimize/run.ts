import type { Snapshot } from '../../delta/snapshot.ts';
import { UnfitFileError } from '../../parquet/rewrite/rewrite-error.ts';
import { VerifyError } from '../../parquet/rewrite/verify-file.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { type CommitContext, commitBins, TouchedFiles } from './commit-bins.ts';
import type { InputFile } from './input-file.ts';
import type { LeftAloneList } from './left-alone.ts';
import type { OptimizeOptions, OptimizeResult } from './options.ts';
import { Report, type Rest } from './report.ts';
import { openBin, type PreparedBin, type RewriteContext, rewriteBin } from './rewrite-bin.ts';

export interface RunInput {
  readonly engine: MaintenanceEngine;
  /** The table as it was when the run began. */
  readonly base: Snapshot;
  readonly options: OptimizeOptions;
  readonly leftAlone: LeftAloneList;
  readonly targetSize: number;
}

type Bin = readonly InputFile[];

/** Bytes of decoded rows that are sorted at once. */
const DEFAULT_SORT_BYTES = 512 * 1024 * 1024;
const DEFAULT_BINS_PER_COMMIT = 8;
/** Time that is kept for the commit: this part of what there was, and no more than so many ms. */
const COMMIT_SHARE = 0.2;
const MAX_COMMIT_TIME = 20_000;
/** Time for a commit where there is no deadline, ms. */
const COMMIT_TIME = 120_000;

/** The time for rewriting is over, or somebody asked to stop. */
class OutOfTime extends Error {}

/** One run over the bins of a table. */
export class OptimizeRun {
  readonly #input: RunInput;
  readonly #report: Report;
  readonly #touched: TouchedFiles;
  readonly #rewriting: RewriteContext;
  /** ms since the epoch. */
  readonly #workDeadline: number;
  #head: Snapshot;
  #prepared: PreparedBin[] = [];
  #isOutdated = false;

  constructor(input: RunInput) {
    const { engine, base, options, leftAlone } = input;
    this.#input = input;
    this.#report = new Report(input, leftAlone);
    this.#touched = new TouchedFiles(base.table);
    this.#head = base;
    const { deadline = Number.POSITIVE_INFINITY } = options;
    const reserve = Math.min(MAX_COMMIT_TIME, COMMIT_SHARE * Math.max(0, deadline - engine.now()));
    this.#workDeadline = deadline - reserve;
    this.#rewriting = {
      base,
      rules: {
        order: options.order,
        maxSortBytes: options.maxSortBytes ?? DEFAULT_SORT_BYTES,
        dropUnknownColumns: options.dropUnknownColumns ?? false,
      },
      now: () => engine.now(),
      checkTime: () => {
        if (engine.now() >= this.#workDeadline || options.shouldStop?.() === true) throw new OutOfTime();
      },
    };
  }

  async execute(bins: readonly Bin[], rest: Rest): Promise<OptimizeResult> {
    if (this.#input.options.dryRun === true) {
      for (const bin of bins) this.#report.planned(bin);
      return this.#report.result(rest);
    }
    const done = await this.#rewriteAll(bins);
    return this.#report.result({ ...rest, bins: [...bins.slice(done), ...rest.bins] });
  }

  /** Returns how many bins were dealt with before the time was over, or the table's columns changed. */
  async #rewriteAll(bins: readonly Bin[]): Promise<number> {
    const { binsPerCommit = DEFAULT_BINS_PER_COMMIT } = this.#input.options;
    let done = 0;
    try {
      for (const bin of bins) {
        if (this.#isOutdated) break;
        this.#rewriting.checkTime();
        await this.#rewrite(bin);
        done++;
        if (this.#prepared.length >= binsPerCommit) await this.#commit();
      }
    } catch (error) {
      // What is ready is not lost to what went wrong with a later bin.
      if (!(error instanceof OutOfTime)) {
        await this.#commit().catch(() => undefined);
        throw error;
      }
    }
    await this.#commit();
    return done;
  }

  async #rewrite(bin: Bin): Promise<void> {
    const { opened, unfit } = await openBin(this.#rewriting, bin);
    for (const { input, reason } of unfit) this.#input.leftAlone.add(input.path, reason);
    let files = opened;
    // A file whose pages cannot be read after all is left out, and the bin is made without it.
    while (files.length >= 2) {
      try {
        this.#prepared.push(await rewriteBin(this.#rewriting, files));
        return;
      } catch (error) {
        if (error instanceof VerifyError) {
          for (const { input } of files) this.#input.leftAlone.add(input.path, error.message);
          return;
        }
        if (!(error instanceof UnfitFileError)) throw error;
        const culprit = files.find(({ file }) => file.key === error.key);
        if (culprit === undefined) throw error;
        this.#input.leftAlone.add(culprit.input.path, error.message);
        files = files.filter((file) => file !== culprit);
      }
    }
  }

  async #commit(): Promise<void> {
    const bins = this.#prepared;
    this.#prepared = [];
    if (bins.length === 0) return;
    const result = await commitBins(this.#commitContext(), this.#head, bins);
    this.#head = result.head;
    this.#isOutdated ||= result.isOutdated;
    this.#report.committed(result);
    // No commit has these files, and none can come to have them.
    for (const { key } of result.dropped) await this.#deleteQuietly(key);
  }

  #commitContext(): CommitContext {
    const { engine, base, options } = this.#input;
    const { order } = options;
    const where = (options.where ?? []).map(({ column, operator, value }) => `${column} ${operator} '${value}'`);
    return {
      engine,
      base,
      touched: this.#touched,
      deadline: options.deadline ?? engine.now() + COMMIT_TIME,
      parameters: {
        predicate: JSON.stringify(where),
        zOrderBy: JSON.stringify(order?.kind === 'z-order' ? order.columns : []),
        clusterBy: '[]',
        auto: 'false',
        ...(order?.kind === 'sort' && { sortBy: JSON.stringify(order.columns) }),
      },
    };
  }

  /** What cannot be deleted now waits for a vacuum. */
  async #deleteQuietly(key: string | undefined): Promise<void> {
    if (key === undefined) return;
    try {
      await this.#input.base.table.store.delete(key);
    } catch (error) {
      if (!isStoreError(error)) throw error;
    }
  }
}
