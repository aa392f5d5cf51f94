import { createHash } from 'node:crypto';

/** Text as the id of a message group, itself where SQS takes it (API reference, SendMessage, `MessageGroupId`). */
export function messageGroup(text: string): string {
  return /^[\w!"#$%&'()*+,./:;<=>?@[\\\]^`{|}~-]{1,128}$/.test(text) ? text : sha256(text);
}

/** In hexadecimal digits, 64 of them. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
