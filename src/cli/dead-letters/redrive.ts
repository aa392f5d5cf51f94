import type { SqsQueue } from '../../aws/sqs-queue.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, plural } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import type { LetterFilter } from './letters.ts';
import { type MoveResult, moveLetters } from './move.ts';
import { summaryJson, summaryLines } from './print.ts';

export interface RedriveOptions {
  readonly filter: LetterFilter;
  readonly max?: number;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
}

/** `resaca dead-letters redrive`. */
export async function runRedrive(
  from: SqsQueue,
  to: SqsQueue,
  { isJson, ...options }: RedriveOptions,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const depth = await from.depth();
  const verb = options.isDryRun ? 'Would send back' : 'Sent back';
  const result = await moveLetters(from, to, {
    ...options,
    signal,
    onProgress: (moved, left) =>
      terminal.show([`${verb} ${plural(moved, 'message')}, left ${formatCount(left)}, of about ${formatCount(depth)}`]),
  });
  terminal.endShow();
  const { end, moved, left } = result;
  if (end === 'stopped') {
    throw new Error(
      `stopped after sending back ${plural(moved.messages, 'message')}; the same command sends back the rest`,
    );
  }
  const unseen = end === 'empty' ? Math.max(0, depth - moved.messages - left.messages) : 0;
  if (isJson) await terminal.print(JSON.stringify(resultJson(result, to.url, options.isDryRun, unseen), null, 2));
  else {
    await terminal.print(`${verb} ${plural(moved.messages, 'message')} to ${to.url}`);
    for (const line of textLines(result, options.isDryRun, terminal)) await terminal.print(line);
  }
  for (const line of warnings(result, to.url, unseen)) terminal.note(line);
  return result.refused > 0 || result.inBoth > 0 || end === 'full' ? EXIT.incomplete : EXIT.ok;
}

function resultJson({ moved, left, refused, inBoth }: MoveResult, to: string, dryRun: boolean, unseen: number) {
  return {
    to,
    dryRun,
    sentBack: moved.messages,
    left: left.messages,
    refused,
    inBoth,
    unseen,
    ...summaryJson(moved),
    stays: summaryJson(left),
  };
}

function textLines({ moved, left }: MoveResult, isDryRun: boolean, terminal: Terminal): string[] {
  const sent = isDryRun ? summaryLines(moved, terminal) : [];
  if (left.messages === 0) return sent;
  const title = `${plural(left.messages, 'message')} ${left.messages === 1 ? 'stays' : 'stay'}:`;
  return [...sent, title, ...summaryLines(left, terminal)];
}

function warnings({ end, refused, reasons, inBoth, left }: MoveResult, to: string, unseen: number): string[] {
  const lines: string[] = [];
  if (refused > 0) {
    const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
    lines.push(`${to} did not accept ${plural(refused, 'message')}${why}; nothing of them is lost, they stay`);
  }
  if (inBoth > 0) {
    lines.push(`${plural(inBoth, 'message')} could not be deleted after they were sent: they are in both queues`);
  }
  if (end === 'full') {
    lines.push(`Stopped, because SQS shows no more while ${plural(left.messages, 'message')} that stay are held`);
  }
  if (unseen > 0) {
    lines.push(
      `About ${plural(unseen, 'more message')} could not be seen: another reader has them, or, in a FIFO queue, ` +
        'messages of their group that stay are in front of them',
    );
  }
  return lines;
}
