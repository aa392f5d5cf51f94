import type { QueueMessage } from '../../aws/sqs-queue.ts';
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

export interface LetterFilter {
  /** Of the keys, decoded; a letter about several objects is meant when one of them fits. @default any */
  readonly prefix?: string;
  /** Whether those that cannot be read are meant. @default false */
  readonly unreadable?: boolean;
}

export function isMeant(letter: Letter, { prefix, unreadable = false }: LetterFilter): boolean {
  if ('problem' in letter) return unreadable;
  return prefix === undefined || letter.events.some(({ key }) => key.startsWith(prefix));
}

/** Letters about objects of one folder. */
export interface LetterGroup {
  /** `s3://bucket/folder`; null for letters about no object, such as the test event of a new bucket notification. */
  readonly folder: string | null;
  messages: number;
  /** Time of the oldest event, of the sending where there is none; ms since the epoch. */
  oldest: number;
  /** A key. */
  readonly example?: string;
}

/** A letter that cannot be read. */
export interface UnreadableLetter {
  /** ms since the epoch. */
  readonly sent: number;
  readonly problem: string;
  /** The beginning of the body. */
  readonly body: string;
}

/** What some letters are about. A letter about objects of several folders is in the group of each. */
export interface Summary {
  readonly messages: number;
  /** Those with the most letters first. */
  readonly groups: readonly LetterGroup[];
  readonly unreadable: {
    readonly messages: number;
    /** ms since the epoch; undefined without any. */
    readonly oldest: number | undefined;
    /** The first that were seen, `MAX_SHOWN` at most. */
    readonly first: readonly UnreadableLetter[];
  };
}

const MAX_SHOWN = 100;
/** Characters of a body that cannot be read. */
const BODY_BEGIN = 80;

/** Adds letters up without keeping them. */
export function createSummary(): { add(letter: Letter): void; result(): Summary } {
  const groups = new Map<string | null, LetterGroup>();
  const first: UnreadableLetter[] = [];
  let messages = 0;
  let unreadable = 0;
  let oldest: number | undefined;
  return {
    add(letter) {
      messages += 1;
      const { sent, body } = letter.message;
      if (!('problem' in letter)) {
        for (const found of placesOf(letter)) addTo(groups, found);
        return;
      }
      unreadable += 1;
      oldest = Math.min(oldest ?? sent, sent);
      if (first.length < MAX_SHOWN) first.push({ sent, problem: letter.problem, body: body.slice(0, BODY_BEGIN) });
    },
    result: () => ({
      messages,
      groups: [...groups.values()].sort((a, b) => b.messages - a.messages),
      unreadable: { messages: unreadable, oldest, first },
    }),
  };
}

type Place = Omit<LetterGroup, 'messages'>;

function addTo(groups: Map<string | null, LetterGroup>, place: Place): void {
  const group = groups.get(place.folder) ?? { ...place, messages: 0 };
  group.messages += 1;
  group.oldest = Math.min(group.oldest, place.oldest);
  groups.set(place.folder, group);
}

function placesOf({ message, events }: { message: QueueMessage; events: readonly ObjectEvent[] }): Iterable<Place> {
  if (events.length === 0) return [{ folder: null, oldest: message.sent }];
  const places = new Map<string, Place>();
  for (const { bucket, key, time } of events) {
    const folder = `s3://${bucket}/${folderOf(key)}`;
    const known = places.get(folder);
    places.set(folder, { folder, example: known?.example ?? key, oldest: Math.min(known?.oldest ?? time, time) });
  }
  return places.values();
}

/** Without partitions: they would make a group each. */
function folderOf(key: string): string {
  const folders = key.split('/').slice(0, -1);
  const partition = folders.findIndex((name) => name.includes('='));
  return (partition === -1 ? folders : folders.slice(0, partition)).join('/');
}
