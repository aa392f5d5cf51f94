import type { QueueMessage, SqsQueue } from '../../aws/sqs-queue.ts';
import { NotificationError, type ObjectEvent, parseNotification } from '../../ingest/notifications.ts';

/** A dead letter with what it says, or why it cannot be read. */
export type Letter = { readonly message: QueueMessage } & (
  | { readonly events: readonly ObjectEvent[] }
  | { readonly problem: string }
);

export function readLetter(message: QueueMessage): Letter {
  try {
    return { message, events: parseNotification(message.body).events };
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    return { message, problem: error.message };
  }
}

/** Letters of one folder of a bucket, or those that cannot be read. */
export interface LetterGroup {
  /** `s3://bucket/folder`; undefined for those that cannot be read. */
  readonly folder: string | undefined;
  messages: number;
  /** Time of the oldest event, or of the sending of a letter that cannot be read; ms since the epoch. */
  oldest: number;
  /** A key, or why the letter cannot be read. */
  readonly example: string;
}

/** Letters by where their objects lie, those with the most letters first. */
export function groupLetters(letters: readonly Letter[]): LetterGroup[] {
  const groups = new Map<string | undefined, LetterGroup>();
  for (const letter of letters) {
    for (const found of placesOf(letter)) {
      const group = groups.get(found.folder) ?? { ...found, messages: 0 };
      group.messages += 1;
      group.oldest = Math.min(group.oldest, found.oldest);
      groups.set(found.folder, group);
    }
  }
  return [...groups.values()].sort((a, b) => b.messages - a.messages);
}

function placesOf(letter: Letter): Omit<LetterGroup, 'messages'>[] {
  if ('problem' in letter) return [{ folder: undefined, oldest: letter.message.sent, example: letter.problem }];
  const places = new Map<string, Omit<LetterGroup, 'messages'>>();
  for (const { bucket, key, time } of letter.events) {
    const folder = `s3://${bucket}/${folderOf(key)}`;
    const known = places.get(folder);
    places.set(folder, { folder, example: known?.example ?? key, oldest: Math.min(known?.oldest ?? time, time) });
  }
  return [...places.values()];
}

/** Without partitions: they would make a group each. */
function folderOf(key: string): string {
  const folders = key.split('/').slice(0, -1);
  const partition = folders.findIndex((name) => name.includes('='));
  return (partition === -1 ? folders : folders.slice(0, partition)).join('/');
}

export interface MoveOptions {
  /** Of the keys; a letter of several objects is moved when one of them fits. */
  readonly prefix?: string;
  /** Also what cannot be read. @default false */
  readonly all?: boolean;
  /** Letters that are moved at most. @default all */
  readonly max?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (moved: number, left: number) => void;
}

export interface MoveResult {
  readonly moved: number;
  /** Letters that stay, because they were not meant or were not accepted. */
  readonly left: readonly Letter[];
}

/** How long a letter stays hidden while it is dealt with, s. One that stays is given back at the end. */
const HIDDEN = 300;
/** How long to wait for letters, s. Any wait makes SQS ask all of its servers (developer guide, "Long polling"). */
const WAIT = 2;

/**
 * Takes letters out of their queue and puts them into another. Each is sent first and deleted then: whatever breaks in
 * between, it is in one of the queues at least.
 */
export async function moveLetters(from: SqsQueue, to: SqsQueue, options: MoveOptions): Promise<MoveResult> {
  const max = options.max ?? Infinity;
  const held = new Set<Letter>();
  let moved = 0;
  try {
    for await (const letters of receiveAll(from, options.signal)) {
      for (const letter of letters) held.add(letter);
      const meant = letters.filter((letter) => isMeant(letter, options)).slice(0, max - moved);
      const sent = new Set(await to.send(meant.map(({ message }) => message)));
      await from.delete([...sent]);
      for (const letter of letters) if (sent.has(letter.message)) held.delete(letter);
      moved += sent.size;
      options.onProgress?.(moved, held.size);
      if (moved >= max) break;
    }
  } finally {
    await from.giveBack([...held].map(({ message }) => message));
  }
  return { moved, left: [...held] };
}

/** Looks at letters, which stay where they are. SQS promises no complete list; of a short queue it mostly is. */
export async function lookAtLetters(queue: SqsQueue, limit: number, signal?: AbortSignal): Promise<Letter[]> {
  const found: Letter[] = [];
  try {
    for await (const letters of receiveAll(queue, signal)) {
      found.push(...letters);
      if (found.length >= limit) break;
    }
  } finally {
    await queue.giveBack(found.map(({ message }) => message));
  }
  return found.slice(0, limit);
}

/** Every letter once, until there are no more to see. */
async function* receiveAll(queue: SqsQueue, signal?: AbortSignal): AsyncGenerator<Letter[]> {
  const seen = new Set<string>();
  while (signal?.aborted !== true) {
    const messages = (await queue.receive({ hidden: HIDDEN, wait: WAIT })).filter(({ id }) => !seen.has(id));
    if (messages.length === 0) return;
    for (const { id } of messages) seen.add(id);
    yield messages.map(readLetter);
  }
}

export function isMeant(letter: Letter, { prefix, all }: Pick<MoveOptions, 'prefix' | 'all'>): boolean {
  if ('problem' in letter) return all === true;
  return prefix === undefined || letter.events.some(({ key }) => key.startsWith(prefix));
}
