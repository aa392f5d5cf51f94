import type { SqsQueue } from '../../aws/sqs-queue.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, plural } from '../format.ts';
import type { LetterFilter } from './letters.ts';
import { type LookResult, lookAtLetters } from './move.ts';
import { summaryJson, summaryLines } from './print.ts';

export interface ListOptions {
  readonly filter: LetterFilter;
  readonly limit: number;
  readonly isJson: boolean;
}

/** `resaca dead-letters list`. */
export async function runList(
  queue: SqsQueue,
  { filter, limit, isJson }: ListOptions,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const depth = await queue.depth();
  const look = await lookAtLetters(queue, { filter, limit, signal });
  if (look.end === 'stopped') throw new Error('stopped; the messages were given back');
  const { summary, seen } = look;
  if (isJson) {
    const json = { messages: summary.messages, seen, inQueue: Math.max(depth, seen), ...summaryJson(summary) };
    await terminal.print(JSON.stringify(json, null, 2));
    return EXIT.ok;
  }
  await terminal.print(titleOf(look, depth, filter.prefix));
  for (const line of summaryLines(summary, terminal)) await terminal.print(line);
  return EXIT.ok;
}

/** `33 messages`, `33 messages about web/…, of 154 that were looked at; about 300 are in the queue`. */
function titleOf({ summary, seen }: LookResult, depth: number, prefix: string | undefined): string {
  const count = summary.messages === 0 ? 'No messages' : plural(summary.messages, 'message');
  const about = prefix === undefined ? '' : ` about ${prefix}…`;
  const of = summary.messages === seen ? '' : `, of ${formatCount(seen)} that were looked at`;
  const rest = depth > seen ? `; about ${formatCount(depth)} are in the queue` : '';
  return `${count}${about}${of}${rest}`;
}
