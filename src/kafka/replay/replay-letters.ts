import { createHash } from 'node:crypto';
import type { AddFile } from '../../delta/actions.ts';
import { assertWritable } from '../../delta/features.ts';
import { canonicalPath } from '../../delta/path.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { DatedLetter } from '../letter-rows.ts';
import { currentSnapshot } from '../table-writer.ts';
import { type LetterFile, readLetters } from './read-letters.ts';
import { type RecordId, recordId } from './record-id.ts';
import { type ReplayDeps, type ReplayResult, replayRecords } from './replay-records.ts';
import { rewriteLetters } from './rewrite-letters.ts';

export interface LetterReplayOptions {
  /** Only letters with these codes. @default all */
  readonly codes?: ReadonlySet<string>;
  /** Letters that are replayed at most. @default all */
  readonly limit?: number;
  readonly isDryRun: boolean;
  /** Time for each step, ms. */
  readonly timeout: number;
  /** Asked before each step; the rest stays as it is. */
  readonly isStopped?: () => boolean;
}

/** One step of a replay: some files of dead letters. */
export interface LetterStep {
  /** Letters that were meant, repeats included. */
  readonly letters: number;
  /** Letters that are taken out, or in a dry run would be. */
  readonly removed: number;
  readonly result: Pick<ReplayResult, 'tables' | 'unrouted'>;
  /** Whether others changed the files meanwhile, so that their letters come again in a later step. */
  readonly isMoved: boolean;
}

export interface UnreadableFile {
  readonly path: string;
  readonly reason: string;
}

export interface LetterReplay {
  readonly steps: readonly LetterStep[];
  /** Files that were left alone. */
  readonly unreadable: readonly UnreadableFile[];
  /** Whether files were changed by others so often that some are left. */
  readonly isUnfinished: boolean;
}

/** Files of one step, bytes and number. Small ones become one, so that a replay does not take a commit for each. */
const MAX_STEP_BYTES = 16 * 1024 * 1024;
const MAX_STEP_FILES = 500;
/** Files that are read at the same time. */
const READS = 8;
/** Times that the table is gone through while others change its files. */
const MAX_PASSES = 3;

/**
 * Replays the dead letters of a table: writes to their tables what can be taken now, then takes it out of the dead
 * letters. What fails again stays, with its new reason. A crash in between leaves letters whose records are in their
 * tables; the next replay finds them there. Errors of the tables that are written to are in the result; throws those of
 * the table of dead letters itself.
 */
export async function replayLetters(
  deps: ReplayDeps,
  table: TableRef,
  options: LetterReplayOptions,
): Promise<LetterReplay> {
  const steps: LetterStep[] = [];
  const unreadable = new Map<string, UnreadableFile>();
  const done = new Set<string>();
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    const head = await currentSnapshot(deps.engine, table, undefined);
    if (head === undefined) break;
    if (!options.isDryRun) assertWritable(head);
    let isMoved = false;
    for (const files of await planSteps(deps, head, done)) {
      if (left === 0 || options.isStopped?.() === true) break;
      const read = await mapConcurrently(files, READS, (add) => readLetters(table, add));
      for (const file of read) if (file.kind === 'unreadable') unreadable.set(file.path, file);
      const step = await replayStep(deps, head, read, { ...options, limit: left });
      if (step === undefined) continue;
      steps.push(step);
      if (step.isMoved) {
        isMoved = true;
        for (const { path } of files) done.delete(canonicalPath(table, path));
      } else {
        left -= step.letters;
      }
    }
    if (!isMoved) return { steps, unreadable: [...unreadable.values()], isUnfinished: false };
  }
  return { steps, unreadable: [...unreadable.values()], isUnfinished: steps.some((step) => step.isMoved) };
}

/** The active files that were not looked at yet, oldest first, in steps. */
async function planSteps({ engine }: ReplayDeps, head: Snapshot, done: Set<string>): Promise<AddFile[][]> {
  const files: AddFile[] = [];
  for await (const adds of activeFiles(head, engine.reader)) {
    for (const add of adds) {
      const path = canonicalPath(head.table, add.path);
      if (done.has(path)) continue;
      done.add(path);
      files.push(add);
    }
  }
  files.sort((a, b) => a.modificationTime - b.modificationTime || (a.path < b.path ? -1 : 1));
  const steps: AddFile[][] = [];
  let bytes = 0;
  for (const file of files) {
    const last = steps.at(-1);
    if (last === undefined || last.length >= MAX_STEP_FILES || bytes + file.size > MAX_STEP_BYTES) {
      steps.push([file]);
      bytes = file.size;
    } else {
      last.push(file);
      bytes += file.size;
    }
  }
  return steps;
}

type StepOptions = LetterReplayOptions & { readonly limit: number };

async function replayStep(
  deps: ReplayDeps,
  head: Snapshot,
  read: readonly LetterFile[],
  options: StepOptions,
): Promise<LetterStep | undefined> {
  const files = read.filter((file) => file.kind === 'letters');
  const meant = choose(files, options);
  if (meant.size === 0) return undefined;
  const identity = identityOf(files.map(({ add }) => canonicalPath(head.table, add.path)));
  const deadline = deps.engine.now() + options.timeout;
  const chosen = [...meant];
  const result = await replayRecords(
    deps,
    chosen.map(({ record }) => record),
    {
      identity,
      deadline,
      isDryRun: options.isDryRun,
      writesLetters: false,
      reused: new Set(chosen.filter(({ problem }) => problem.code === 'OFFSET_REUSED').map(idOf)),
    },
  );
  const kept = new Set<RecordId>();
  const changed: AddFile[] = [];
  const staying: DatedLetter[] = [];
  let removed = 0;
  for (const { add, letters } of files) {
    const after = letters.map((letter) => (meant.has(letter) ? outcomeOf(letter, result, kept) : letter));
    const rest = after.filter((letter) => letter !== undefined);
    removed += letters.length - rest.length;
    if (rest.length === letters.length && rest.every((letter, index) => letter === letters[index])) continue;
    changed.push(add);
    for (const letter of rest) staying.push(letter);
  }
  // The rest of the result is not kept: it has an entry for each letter.
  const { tables, unrouted } = result;
  const step = { letters: meant.size, removed, result: { tables, unrouted } };
  if (options.isDryRun || changed.length === 0) return { ...step, isMoved: false };
  const end = await rewriteLetters(deps.engine, head, {
    table: head.table,
    files: changed,
    letters: staying,
    identity,
    deadline: deps.engine.now() + options.timeout,
  });
  return end === 'moved' ? { ...step, removed: 0, isMoved: true } : { ...step, isMoved: false };
}

function choose(
  files: readonly { readonly letters: readonly DatedLetter[] }[],
  { codes, limit }: StepOptions,
): ReadonlySet<DatedLetter> {
  const meant = new Set<DatedLetter>();
  for (const { letters } of files) {
    for (const letter of letters) {
      if (meant.size < limit && (codes === undefined || codes.has(letter.problem.code))) meant.add(letter);
    }
  }
  return meant;
}

/** The letter that stays, if any. Of several letters of one record one stays. */
function outcomeOf(letter: DatedLetter, result: ReplayResult, kept: Set<RecordId>): DatedLetter | undefined {
  const id = idOf(letter);
  if (result.untouched.has(id)) return letter;
  const problem = result.problems.get(id);
  if (problem === undefined || kept.has(id)) return undefined;
  kept.add(id);
  const { code, message } = problem;
  const isSame = code === letter.problem.code && message.toWellFormed() === letter.problem.message;
  return isSame ? letter : { ...letter, problem };
}

function idOf({ record }: DatedLetter): RecordId {
  return recordId(record);
}

/** The same files give the same identity, in whatever order. */
function identityOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths.toSorted()) hash.update(`${path}\0`);
  return hash.digest('hex');
}
