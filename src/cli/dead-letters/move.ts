import type { QueueMessage, SqsQueue } from '../../aws/sqs-queue.ts';
import { createSummary, isMeant, type LetterFilter, readLetter, type Summary } from './letters.ts';
import { type PassEnd, passThrough } from './pass.ts';

/** How long letters are hidden while they are only looked at, s. */
const LOOK_HIDDEN = 120;
/** How long letters are hidden while some of them are moved, s. */
const MOVE_HIDDEN = 600;
/**
 * The same in a FIFO queue, s: less than the 5 minutes in which SQS drops a second message with the same deduplication id
 * (developer guide, "Exactly-once processing"). So what a kill left in both queues comes again while it is recognised.
 */
const MOVE_HIDDEN_FIFO = 120;

export interface LookOptions {
  readonly filter: LetterFilter;
  /** Letters that are looked at, whether they are meant or not. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

export interface LookResult {
  readonly end: PassEnd;
  /** Of those that are meant. */
  readonly summary: Summary;
  /** All that were looked at. */
  readonly seen: number;
}

/** Looks at letters, which stay where they are. SQS promises no complete list; of a short queue it mostly is. */
export async function lookAtLetters(queue: SqsQueue, { filter, limit, signal }: LookOptions): Promise<LookResult> {
  const summary = createSummary();
  let seen = 0;
  const options = { hidden: LOOK_HIDDEN, ...(signal !== undefined && { signal }) };
  const end = await passThrough(queue, options, async (messages) => {
    for (const letter of messages.slice(0, limit - seen).map(readLetter)) {
      if (isMeant(letter, filter)) summary.add(letter);
    }
    seen = Math.min(limit, seen + messages.length);
    return { gone: new Set(), isEnough: seen >= limit };
  });
  return { end, summary: summary.result(), seen };
}

export interface MoveOptions {
  readonly filter: LetterFilter;
  /** Letters that are moved at most. @default all */
  readonly max?: number;
  /** Only tell what would be moved. @default false */
  readonly isDryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (moved: number, left: number) => void;
}

export interface MoveResult {
  readonly end: PassEnd;
  /** Sent, or in a dry run to be sent. */
  readonly moved: Summary;
  /** Left where they were, because they were not meant, or beyond the maximum, or refused. */
  readonly left: Summary;
  /** Letters that the other queue did not accept. */
  readonly refused: number;
  /** Why it did not, each reason once. */
  readonly reasons: readonly string[];
  /** Letters that were sent and could not be deleted; they are in both queues. */
  readonly inBoth: number;
}

/**
 * Takes letters out of their queue and puts them into another. Each is sent first and deleted then: whatever breaks in
 * between, it is in one of the queues at least.
 */
export async function moveLetters(from: SqsQueue, to: SqsQueue, options: MoveOptions): Promise<MoveResult> {
  const { filter, max = Infinity, isDryRun = false, signal, onProgress } = options;
  const moved = createSummary();
  const left = createSummary();
  const reasons = new Set<string>();
  let [movedCount, leftCount, refused, inBoth] = [0, 0, 0, 0];
  const hidden = from.url.endsWith('.fifo') ? MOVE_HIDDEN_FIFO : MOVE_HIDDEN;
  const pass = { hidden, ...(signal !== undefined && { signal }) };
  const end = await passThrough(from, pass, async (messages) => {
    const letters = messages.map(readLetter);
    const meant = letters.filter((letter) => isMeant(letter, filter)).slice(0, max - movedCount);
    const batch = meant.map(({ message }) => message);
    const { sent: accepted, refusals } = isDryRun ? { sent: batch, refusals: [] } : await to.send(batch);
    const sent = new Set(accepted);
    for (const reason of refusals) reasons.add(reason);
    const gone = isDryRun ? new Set<QueueMessage>() : await deleteAll(from, sent);
    for (const letter of letters) (sent.has(letter.message) ? moved : left).add(letter);
    movedCount += sent.size;
    leftCount += letters.length - sent.size;
    refused += batch.length - sent.size;
    inBoth += isDryRun ? 0 : sent.size - gone.size;
    onProgress?.(movedCount, leftCount);
    return { gone, isEnough: movedCount >= max };
  });
  return { end, moved: moved.result(), left: left.result(), refused, reasons: [...reasons], inBoth };
}

/** Deletes with a second try, since what is sent and not deleted is there twice. Returns those that are gone. */
async function deleteAll(queue: SqsQueue, messages: ReadonlySet<QueueMessage>): Promise<ReadonlySet<QueueMessage>> {
  const gone = new Set(await queue.delete([...messages]));
  const rest = [...messages].filter((message) => !gone.has(message));
  for (const message of await queue.delete(rest)) gone.add(message);
  return gone;
}
