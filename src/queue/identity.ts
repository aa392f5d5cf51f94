import { createHash } from 'node:crypto';
import type { Letter } from './envelope.ts';
import type { QueueMessage } from './message.ts';

/**
 * Message attribute by which a sender names what it sends: a message with the name of another is a repeat of it, also where
 * it was sent anew and has another id.
 */
export const KEY_ATTRIBUTE = 'resaca-key';

/** By what a message is recognised when it comes again. */
export interface Identity {
  /** 16 bytes, one a character. */
  readonly digest: string;
  /** Commits that may hold the message were made at this time or later, ms since the epoch. */
  readonly since: number;
}

export interface IdentityRules {
  /** How much the clocks of SQS and S3 may differ, ms. */
  readonly clockMargin: number;
  /** How long the name that a sender gave stands for the same message, ms. */
  readonly keyWindow: number;
}

/** Bytes of a digest: of a million messages in a million commits, no two are alike by chance. */
export const DIGEST_BYTES = 16;

/**
 * A message that a sender named is known by that name; one that SNS delivered by the id of the notification, which SNS may
 * deliver twice as two messages; any other by its id, which SQS gives once. What was named can have come, and been
 * committed, before this message was sent.
 */
export function identify(
  { id, sent, attributes }: QueueMessage,
  { notification }: Letter,
  { clockMargin, keyWindow }: IdentityRules,
): Identity {
  const key = attributes[KEY_ATTRIBUTE]?.StringValue;
  if (key !== undefined) return { digest: digestOf('key', key), since: sent - keyWindow - clockMargin };
  if (notification === undefined) return { digest: digestOf('sqs', id), since: sent - clockMargin };
  const { id: notificationId, published } = notification;
  // Whoever may send to the queue can make an envelope of any age: it does not make us read the whole log.
  const earliest = Math.max(Math.min(published, sent), sent - keyWindow);
  return { digest: digestOf('sns', notificationId), since: earliest - clockMargin };
}

/** 16 bytes, one a character. Ids of different kinds have different digests. */
export function digestOf(kind: 'key' | 'object' | 'sns' | 'sqs', id: string): string {
  return createHash('sha256').update(`${kind}\0${id}`).digest().subarray(0, DIGEST_BYTES).toString('latin1');
}
