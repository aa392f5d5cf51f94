import { DEAD_LETTERS } from '../../kafka/dead-letters.ts';
import { findLetterTables } from '../../kafka/replay/find-letter-tables.ts';
import { replayLetters, type UnreadableFile } from '../../kafka/replay/replay-letters.ts';
import type { ReplayDeps } from '../../kafka/replay/replay-records.ts';
import type { CommandContext } from '../command.ts';
import { describeError } from '../describe-error.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, plural, printable } from '../format.ts';
import { STEP_TIMEOUT } from './step-timeout.ts';
import { ReplaySums, sumJson, sumLines } from './summary.ts';

export interface LettersOptions {
  /** Tables whose dead letters are meant, by root or URL. All if there are none. */
  readonly tables: readonly string[];
  readonly codes: readonly string[];
  readonly limit?: number;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
}

/** What became of one table of dead letters. */
interface LetterSum {
  readonly table: string;
  letters: number;
  removed: number;
  readonly unreadable: readonly UnreadableFile[];
  readonly isUnfinished: boolean;
  readonly error?: string;
}

/** `resaca kafka replay --dead-letters`. */
export async function runLetters(
  deps: ReplayDeps,
  { tables, codes, limit = Number.POSITIVE_INFINITY, isDryRun, isJson }: LettersOptions,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const { store, url } = deps.tableAt('');
  const base = url.replace(/\/$/, '');
  const roots =
    tables.length > 0 ? tables.map((table) => rootOf(table, base)) : await findLetterTables(store, deps.engine.config);
  const sums = new ReplaySums();
  const done: LetterSum[] = [];
  let left = limit;
  for (const root of roots) {
    if (left <= 0 || signal.aborted) break;
    terminal.show([`${isDryRun ? 'Looking at' : 'Replaying'} the dead letters of ${printable(root)}`]);
    const sum = await replayTable(deps, root, sums, { codes, left, isDryRun, signal });
    left -= sum.letters;
    done.push(sum);
  }
  terminal.endShow();
  if (isJson) {
    await terminal.print(JSON.stringify({ dryRun: isDryRun, deadLetters: done, ...sumJson(sums) }, null, 2));
  } else {
    for (const line of letterLines(done, isDryRun)) await terminal.print(line);
    for (const line of sumLines(sums, isDryRun, terminal)) await terminal.print(line);
  }
  for (const line of warnings(done)) terminal.note(line);
  if (signal.aborted) throw new Error('stopped; the same command goes on, and passes over what it has done');
  const isClean = done.every(
    ({ error, unreadable, isUnfinished }) => !error && unreadable.length === 0 && !isUnfinished,
  );
  return isClean && sums.isComplete ? EXIT.ok : EXIT.incomplete;
}

interface TableOptions {
  readonly codes: readonly string[];
  readonly left: number;
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/** One table that cannot be read does not keep the others from being replayed. */
async function replayTable(
  deps: ReplayDeps,
  root: string,
  sums: ReplaySums,
  { codes, left, isDryRun, signal }: TableOptions,
): Promise<LetterSum> {
  const table = deps.tableAt(root);
  try {
    const { steps, unreadable, isUnfinished } = await replayLetters(deps, table, {
      ...(codes.length > 0 && { codes: new Set(codes) }),
      limit: left,
      isDryRun,
      timeout: STEP_TIMEOUT,
      isStopped: () => signal.aborted,
    });
    for (const { result } of steps) sums.add(result);
    const letters = steps.reduce((sum, step) => sum + step.letters, 0);
    const removed = steps.reduce((sum, step) => sum + step.removed, 0);
    return { table: table.url, letters, removed, unreadable, isUnfinished };
  } catch (error) {
    const [message = ''] = describeError(error);
    return { table: table.url, letters: 0, removed: 0, unreadable: [], isUnfinished: false, error: message };
  }
}

/** A table may be named by its root or URL, or by those of its dead letters. */
function rootOf(table: string, base: string): string {
  const path = table.startsWith(`${base}/`) ? table.slice(base.length + 1) : table;
  const root = path.replace(/^\/+|\/+$/g, '');
  return root.endsWith(DEAD_LETTERS) ? root : root + DEAD_LETTERS;
}

function letterLines(done: readonly LetterSum[], isDryRun: boolean): string[] {
  if (done.length === 0) return ['There are no dead letters'];
  return done.map(({ table, letters, removed }) => {
    const verb = isDryRun ? 'would be taken out' : 'taken out';
    return `${printable(table)}: ${plural(letters, 'letter')}, ${formatCount(removed)} ${verb}`;
  });
}

function warnings(done: readonly LetterSum[]): string[] {
  return done.flatMap(({ table, unreadable, isUnfinished, error }) => [
    ...(error === undefined ? [] : [`${printable(table)}: ${printable(error)}`]),
    ...unreadable.map(
      ({ path, reason }) => `${printable(table)}: "${printable(path)}" is left alone: ${printable(reason)}`,
    ),
    ...(isUnfinished ? [`${printable(table)}: others keep changing it; run the same command again`] : []),
  ]);
}
