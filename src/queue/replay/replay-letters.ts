import type { ChangeLog } from '../../cdf/changes/change-log.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import type { TableRef } from '../../delta/table.ts';
import { beginStep, type Ledger, readLedger } from './ledger.ts';
import { openLetters, readLetterFile, type StoredLetter, type VersionBounds } from './read-letters.ts';
import { type ReplayMessage, type ReplayQueue, sendMessages, toMessage } from './send.ts';

/** Which letters are meant. */
export interface LetterFilter {
  /** Only those with one of these codes. @default any */
  readonly codes?: ReadonlySet<string>;
  /** Only those of the queue with this name in the configuration. @default any */
  readonly queue?: string;
  /** Times at which they were rejected, both included, ms since the epoch. @default any */
  readonly since?: number;
  readonly before?: number;
}

export interface LetterReplayOptions {
  readonly filter: LetterFilter;
  /** Versions of the table that brought the letters. @default all */
  readonly versions?: (log: ChangeLog) => Promise<VersionBounds>;
  /** Letters that are sent at most. @default all */
  readonly max?: number;
  /** Only tell what would be sent. @default false */
  readonly isDryRun?: boolean;
  /** Whether letters are sent of which an earlier run, more than half an hour ago, may have sent some. @default false */
  readonly sendsUncertain?: boolean;
  /** Resolves when so many messages may be sent. @default at once */
  readonly pace?: (messages: number) => Promise<void>;
  /** Ends the run after the step at hand. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LetterReplayResult) => void;
}

export interface LetterReplayResult {
  /** Letters that are meant, in the files that were read. */
  readonly letters: number;
  /** Sent, or in a dry run to be sent. */
  readonly sent: number;
  /** The same by code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Sent by earlier runs. */
  readonly before: number;
  /** Left, because a run that ended while it sent them, more than half an hour ago, may have sent them. */
  readonly uncertain: number;
  /** Letters that the queue did not take, or of which it is not known, and why, each reason once. */
  readonly refused: number;
  readonly reasons: readonly string[];
  /** Rows without the id or the body of a message. */
  readonly unreadable: number;
  /** Files of the versions that are meant, which a compaction or a delete has replaced, so that their letters are not known. */
  readonly replaced: number;
  /** Whether it ended before all was sent, because it was stopped or has sent the most. */
  readonly remaining: boolean;
}

export interface LetterReplayDeps {
  readonly reader: CheckpointReader;
  readonly queue: ReplayQueue;
  now(): number;
}

/** Letters of a step. What a crash leaves uncertain are those of one. */
const STEP = 500;
/**
 * How long after a step was begun its letters may be sent again, ms: half of the shortest `keyWindow`, within which the queue
 * ingest knows a message by its `resaca-key`. The other half is for a slow pace, and for clocks that differ.
 */
const SAFE_TO_REPEAT = 1_800_000;
const MAX_REASONS = 10;

interface Run {
  readonly deps: LetterReplayDeps;
  readonly table: TableRef;
  readonly options: LetterReplayOptions;
  readonly ledger: Ledger;
  /** Ids that this run has met. */
  readonly seen: Set<string>;
  readonly result: { -readonly [K in keyof LetterReplayResult]: LetterReplayResult[K] } & {
    codes: Record<string, number>;
    reasons: string[];
  };
}

/**
 * Sends the messages in the dead letters of a queue back to it, each once however often it is called: before a step of them is
 * sent, the ledger beside the table says so, and after it which of them the queue has. The table itself stays as it is.
 *
 * A crash in between leaves a step of which it is not known what was sent. Within half an hour it is sent once more, and the queue
 * ingest drops the repeats by the name that each message has; later it is left, unless `sendsUncertain`.
 * Throws CdfError and DeltaError for a table that cannot be read, the store's errors, and those of the queue where it takes
 * nothing at all.
 */
export async function replayLetters(
  deps: LetterReplayDeps,
  table: TableRef,
  options: LetterReplayOptions,
): Promise<LetterReplayResult> {
  const { max = Number.POSITIVE_INFINITY, signal } = options;
  const ledger = await readLedger(table);
  const { log, files, replaced } = await openLetters(table, deps.reader, options.versions ?? (async () => ({})));
  const run: Run = { deps, table, options, ledger, seen: new Set(), result: noResult(replaced) };
  const { result } = run;
  let step: ReplayMessage[] = [];
  for (const file of files) {
    for await (const letters of readLetterFile(log, file)) {
      for (const letter of letters) {
        const message = chooseLetter(run, letter);
        if (message === undefined) continue;
        if (signal?.aborted === true) return { ...result, remaining: true };
        if (result.sent + step.length >= max) {
          await sendStep(run, step);
          return { ...result, remaining: true };
        }
        if (step.push(message) < STEP) continue;
        await sendStep(run, step);
        step = [];
      }
    }
  }
  await sendStep(run, step);
  return result;
}

function noResult(replaced: number): Run['result'] {
  return {
    letters: 0,
    sent: 0,
    codes: {},
    before: 0,
    uncertain: 0,
    refused: 0,
    reasons: [],
    unreadable: 0,
    replaced,
    remaining: false,
  };
}

/** The message to send for a letter; undefined where there is none. */
function chooseLetter(run: Run, letter: StoredLetter): ReplayMessage | undefined {
  const { deps, options, ledger, seen, result } = run;
  if (!isMeant(options.filter, letter)) return undefined;
  result.letters++;
  const message = toMessage(letter);
  if (message === undefined) {
    result.unreadable++;
    return undefined;
  }
  const { letterId } = message;
  if (ledger.sent.has(letterId) || seen.has(letterId)) {
    result.before++;
    return undefined;
  }
  seen.add(letterId);
  const begun = ledger.begun.get(letterId);
  if (begun !== undefined && options.sendsUncertain !== true && deps.now() - begun > SAFE_TO_REPEAT) {
    result.uncertain++;
    return undefined;
  }
  return message;
}

function isMeant({ codes, queue, since, before }: LetterFilter, letter: StoredLetter): boolean {
  const { ingested } = letter;
  if (codes !== undefined && (letter.code === undefined || !codes.has(letter.code))) return false;
  if (queue !== undefined && letter.queue !== queue) return false;
  if (since !== undefined && (ingested === undefined || ingested < since)) return false;
  return before === undefined || (ingested !== undefined && ingested <= before);
}

async function sendStep({ deps, table, options, result }: Run, step: readonly ReplayMessage[]): Promise<void> {
  if (step.length === 0) return;
  if (options.isDryRun === true) count(result, step);
  else {
    await options.pace?.(step.length);
    const entry = await beginStep(table, deps.queue.url, idsOf(step), deps.now());
    const { sent, unknown, reasons, error } = await sendMessages(deps.queue, step);
    await entry.end(idsOf(sent), idsOf(unknown));
    count(result, sent);
    result.refused += step.length - sent.length;
    result.reasons = [...new Set([...result.reasons, ...reasons])].slice(0, MAX_REASONS);
    if (sent.length === 0 && error !== undefined) throw error;
  }
  options.onProgress?.(result);
}

function idsOf(messages: readonly ReplayMessage[]): string[] {
  return messages.map(({ letterId }) => letterId);
}

function count(result: Run['result'], messages: readonly ReplayMessage[]): void {
  result.sent += messages.length;
  for (const { code } of messages) result.codes[code] = (result.codes[code] ?? 0) + 1;
}
