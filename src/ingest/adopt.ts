import type { OnDefinition } from '../delta/definition-requests.ts';
import { findMentioned } from '../delta/replay.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { commit, type Decide } from '../delta/transaction.ts';
import { type Candidate, createRecheck, type LandedObject, readCandidates } from './candidate.ts';
import { CommitWindow } from './commit-window.ts';
import type { TableRule, TableSettings } from './config.ts';
import type { TableEngine } from './engine.ts';
import { FooterMemory, type FooterShare } from './footer-memory.ts';
import { type Plan, planTable, toDecision } from './plan.ts';
import { quarantineRejected } from './quarantine.ts';
import { ADOPT_PROPERTY } from './table-shape.ts';

/** The table that takes the files which are under its prefix already. */
export interface Adoption {
  readonly table: TableRef;
  readonly settings: TableSettings;
  readonly rule?: TableRule;
  /** The path below the root of a listed key; undefined for keys that are not files of this table. */
  readonly relativePath: (key: string) => string | undefined;
  /** Told when a commit makes the table or changes its metadata. @default nobody */
  readonly onDefinition?: OnDefinition | undefined;
  /** Called after every commit and every page of keys that needed none. */
  readonly onProgress?: (progress: AdoptionProgress) => void;
}

export interface AdoptionProgress {
  /** Files found under the prefix. */
  readonly listed: number;
  /** Of these, files that the log knows already. */
  readonly known: number;
  readonly added: number;
  readonly quarantined: number;
  readonly rows: number;
  readonly bytes: number;
  readonly commits: number;
}

/** Files looked up in the log at once; bounds memory (about 10 MB) and how often a checkpoint's paths are streamed. */
const LISTED_BATCH = 20_000;
/** Files of one commit: about 2 MB of log. */
const COMMIT_FILES = 2_000;
/** `txn` that stands in the log once all files of the prefix have been taken. */
export const ADOPTED_APP_ID = 'resaca/adopt-existing';

/** Whether the table was created to take the files that were there before it. */
export function isAdopting(snapshot: Snapshot): boolean {
  return snapshot.metadata.configuration[ADOPT_PROPERTY] === 'true';
}

/** Whether it was, and that has not come to its end yet. */
export function isPending(snapshot: Snapshot | undefined): snapshot is Snapshot {
  return snapshot !== undefined && isAdopting(snapshot) && !snapshot.txns.has(ADOPTED_APP_ID);
}

/**
 * Takes the files under the table's prefix into the table, in several commits and bounded memory. Without a head the
 * first commit creates the table. May be stopped at any point and called again: files that the log mentions, also ones
 * that were removed since, are passed over. The last commit holds a `txn` that says it is done.
 */
export async function adoptFiles(
  engine: TableEngine,
  adoption: Adoption,
  head: Snapshot | undefined,
  deadline: number,
  memory = new FooterMemory(engine.config.footerMemory),
): Promise<{ readonly snapshot: Snapshot | undefined; readonly progress: AdoptionProgress }> {
  const run = new AdoptionRun(engine, adoption, head, deadline, memory);
  for await (const batch of listedBatches(adoption)) await run.take(batch);
  return run.finish();
}

/** The time is up before all files are taken. What was committed stays; the next call goes on. */
export class AdoptionPausedError extends Error {
  override readonly name = 'AdoptionPausedError';
  readonly code = 'ADOPTION_PAUSED';
  readonly progress: AdoptionProgress;

  constructor(table: string, progress: AdoptionProgress) {
    super(`the time is up after ${progress.added} of the existing files of ${table} were added; the next call goes on`);
    this.progress = progress;
  }
}

/** One pass over the prefix. */
class AdoptionRun {
  private readonly engine: TableEngine;
  private readonly adoption: Adoption;
  private readonly deadline: number;
  /** The log as it was before this pass: what it mentions is known. */
  private readonly base: Snapshot | undefined;
  /** The commits after `base`, ours and others'. */
  private readonly window: CommitWindow;
  private readonly newTableId = crypto.randomUUID();
  private readonly memory: FooterMemory;
  private head: Snapshot | undefined;
  private lastCheck: number;
  private progress: AdoptionProgress = { listed: 0, known: 0, added: 0, quarantined: 0, rows: 0, bytes: 0, commits: 0 };

  constructor(
    engine: TableEngine,
    adoption: Adoption,
    head: Snapshot | undefined,
    deadline: number,
    memory: FooterMemory,
  ) {
    this.engine = engine;
    this.adoption = adoption;
    this.deadline = deadline;
    this.memory = memory;
    this.base = head;
    this.head = head;
    this.lastCheck = engine.now();
    this.window = new CommitWindow(adoption.table);
    if (head !== undefined) this.window.startAfter(head.version, Number.POSITIVE_INFINITY);
  }

  async take(listed: readonly LandedObject[]): Promise<void> {
    const paths = new Set(listed.map(({ path }) => path));
    const known =
      this.base === undefined ? new Set<string>() : await findMentioned(this.base, this.engine.reader, paths);
    const news = listed.filter(({ path }) => !known.has(path));
    this.count({ listed: listed.length, known: listed.length - news.length });
    this.checkTime();
    for (let start = 0; start < news.length; start += COMMIT_FILES) {
      this.checkTime();
      await this.commitFiles(news.slice(start, start + COMMIT_FILES));
    }
  }

  async finish(): Promise<{ snapshot: Snapshot | undefined; progress: AdoptionProgress }> {
    if (this.head !== undefined) {
      await this.commit((head) => {
        if (!isPending(head)) return { kind: 'skip' };
        const txn = { appId: ADOPTED_APP_ID, version: 1, lastUpdated: this.engine.now() };
        const { added, known } = this.progress;
        const operationParameters = { numFilesAdded: String(added), numFilesKnown: String(known) };
        return { kind: 'commit', actions: [{ txn }], operation: 'CONVERT', operationParameters, isBlindAppend: true };
      });
    }
    return { snapshot: this.head, progress: this.progress };
  }

  private async commitFiles(objects: readonly LandedObject[]): Promise<void> {
    for (let left = objects; left.length > 0; ) {
      const footers = this.memory.open();
      left = await this.commitSome(left, footers).finally(() => footers.release());
      if (left.length > 0) this.checkTime();
    }
  }

  /** Commits the files whose footers can be held together; returns the others. */
  private async commitSome(objects: readonly LandedObject[], footers: FooterShare): Promise<readonly LandedObject[]> {
    const { engine, adoption } = this;
    const { footerConcurrency, maxFooterBytes } = engine.config;
    const looks = await readCandidates(adoption.table, objects, engine.config, footers);
    const { postponed } = looks;
    let candidates: readonly Candidate[] = looks.candidates;
    const recheck = createRecheck(adoption.table, this.window, maxFooterBytes, footerConcurrency);
    let plan: Plan | undefined;
    await this.commit(async (head) => {
      candidates = await recheck(candidates);
      plan = planTable({
        head,
        settings: { ...adoption.settings, adoptExisting: true },
        ...(adoption.rule !== undefined && { rule: adoption.rule }),
        candidates,
        deleted: [],
        active: new Map(),
        handledIn: (object) => this.window.find(object.path, object),
        now: engine.now(),
        wasAdded: (path) => this.window.hasAdd(path),
        newTableId: this.newTableId,
      });
      return plan.actions.length === 0 ? { kind: 'skip' } : toDecision(plan);
    });
    if (plan === undefined) return postponed;
    await quarantineRejected(engine, adoption.table, plan.rejected);
    this.countPlan(plan);
    // The others of the chunk are in; the end of the adoption must not be noted without this one.
    const failure = candidates.find((candidate) => candidate.kind === 'failed');
    if (failure !== undefined) throw failure.error;
    return postponed;
  }

  private async commit(decide: Decide): Promise<void> {
    const { engine, adoption } = this;
    const result = await commit(this.head, adoption.table, engine.reader, decide, {
      deadline: this.deadline,
      now: () => engine.now(),
      sleep: (ms) => engine.sleep(ms),
      random: () => engine.random(),
      onCommit: (winner) => this.window.append(winner),
      onDefinition: adoption.onDefinition,
    });
    this.head = result.snapshot;
    if (result.kind !== 'committed') return;
    this.window.append(result.commit);
    this.count({ commits: 1 });
  }

  /** Stops while there is time to say so: a chunk takes about as long as the last one did. */
  private checkTime(): void {
    const now = this.engine.now();
    const duration = now - this.lastCheck;
    this.lastCheck = now;
    if (now + duration >= this.deadline) throw new AdoptionPausedError(this.adoption.table.url, this.progress);
  }

  private countPlan({ skipped, added, rejected }: Plan): void {
    this.count({
      known: skipped.length,
      added: added.length,
      quarantined: rejected.length,
      rows: added.reduce((sum, { rows }) => sum + rows, 0),
      bytes: added.reduce((sum, { add }) => sum + add.size, 0),
    });
  }

  private count(more: Partial<AdoptionProgress>): void {
    const sum = { ...this.progress };
    for (const name of Object.keys(more) as (keyof AdoptionProgress)[]) sum[name] += more[name] ?? 0;
    this.progress = sum;
    this.adoption.onProgress?.(sum);
  }
}

async function* listedBatches({ table, relativePath }: Adoption): AsyncGenerator<LandedObject[]> {
  let batch: LandedObject[] = [];
  for await (const { key, size, etag, modified } of table.store.list(table.root === '' ? '' : tableKey(table, ''))) {
    const path = relativePath(key);
    if (path === undefined) continue;
    batch.push({ path, size, etag, time: modified });
    if (batch.length < LISTED_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
