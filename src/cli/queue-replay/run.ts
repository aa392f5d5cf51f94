import { setTimeout as sleep } from 'node:timers/promises';
import { createSqsClient, type QueueMessage, SqsQueue } from '../../aws/sqs-queue.ts';
import { type Bound, versionOf } from '../../cdf/export/export-table.ts';
import { DEAD_LETTERS } from '../../kafka/dead-letters.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { type LetterReplayOptions, type LetterReplayResult, replayLetters } from '../../queue/replay/replay-letters.ts';
import type { ReplayMessage, ReplayQueue } from '../../queue/replay/send.ts';
import { RateLimit } from '../../recovery/backfill/rate-limit.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, formatRows, plural, printable } from '../format.ts';
import { openLocation } from '../location.ts';

export interface ReplayOptions {
  readonly table: string;
  /** URL of the queue. */
  readonly to: string;
  readonly codes: readonly string[];
  readonly queue?: string;
  readonly from?: Bound;
  readonly until?: Bound;
  readonly max?: number;
  readonly perSecond?: number;
  readonly sendsUncertain: boolean;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
}

/** `resaca queue replay`. */
export async function runReplay(options: ReplayOptions, { terminal, signal }: CommandContext): Promise<ExitCode> {
  const { to, isDryRun, isJson } = options;
  const table = await openLocation(lettersOf(options.table));
  const verb = isDryRun ? 'Would send back' : 'Sent back';
  const deps = { reader: createCheckpointReader(), queue: openQueue(to), now: Date.now };
  const result = await replayLetters(deps, table, {
    ...chosen(options),
    sendsUncertain: options.sendsUncertain,
    isDryRun,
    signal,
    ...(options.max !== undefined && { max: options.max }),
    ...(options.perSecond !== undefined && { pace: pacer(options.perSecond) }),
    onProgress: ({ sent, letters }) =>
      terminal.show([`${verb} ${plural(sent, 'message')} of ${plural(letters, 'letter')} so far`]),
  });
  terminal.endShow();
  if (isJson) {
    await terminal.print(JSON.stringify({ table: table.url, to, dryRun: isDryRun, ...result }, null, 2));
  } else {
    await terminal.print(`${verb} ${plural(result.sent, 'message')} of ${printable(table.url)} to ${to}`);
    for (const line of resultLines(result)) await terminal.print(line);
  }
  for (const line of warnings(result)) terminal.note(line);
  const isLeft = result.uncertain + result.refused + result.unreadable + result.replaced > 0;
  return isLeft || result.remaining ? EXIT.incomplete : EXIT.ok;
}

/** The table of dead letters may be named itself. */
function lettersOf(location: string): string {
  const root = location.replace(/\/+$/, '');
  return root.endsWith(DEAD_LETTERS) ? root : root + DEAD_LETTERS;
}

/** Versions are of the files, times of the letters themselves. */
function chosen({ codes, queue, from, until }: ReplayOptions): Pick<LetterReplayOptions, 'filter' | 'versions'> {
  const [first, last] = [from, until].map((bound) => (bound && 'version' in bound ? bound : undefined));
  const filter = {
    ...(codes.length > 0 && { codes: new Set(codes) }),
    ...(queue !== undefined && { queue }),
    ...(from !== undefined && 'timestamp' in from && { since: from.timestamp }),
    ...(until !== undefined && 'timestamp' in until && { before: until.timestamp }),
  };
  if (first === undefined && last === undefined) return { filter };
  return {
    filter,
    versions: async (log) => ({
      from: await versionOf(log, first, 'from', 0),
      until: await versionOf(log, last, 'until', log.latest.version),
    }),
  };
}

function openQueue(url: string): ReplayQueue {
  const queue = new SqsQueue(createSqsClient(), url);
  return {
    url,
    async send(messages) {
      // In a FIFO queue the id is what SQS knows a repeat by, for five minutes.
      const origins = new Map(messages.map((message) => [toQueueMessage(message), message]));
      const { sent, refusals } = await queue.send([...origins.keys()]);
      return { sent: sent.flatMap((message) => origins.get(message) ?? []), refusals };
    },
  };
}

function toQueueMessage({ letterId, body, attributes, groupId }: ReplayMessage): QueueMessage {
  const message = { id: `replay-${letterId}`, body, attributes, sent: 0, receipt: '' };
  return groupId === undefined ? message : { ...message, groupId };
}

function pacer(perSecond: number): (messages: number) => Promise<void> {
  const limit = new RateLimit(perSecond, { now: Date.now, sleep: (ms) => sleep(ms) });
  return (messages) => limit.take(messages);
}

function resultLines({ codes, before, uncertain, refused, unreadable }: LetterReplayResult): string[] {
  const rows = Object.entries(codes)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => [`  ${printable(code)}`, formatCount(count)]);
  const others: [number, string][] = [
    [before, 'sent by earlier runs'],
    [uncertain, 'left, may have been sent by a run that was killed'],
    [refused, 'not taken by the queue, left'],
    [unreadable, 'without the id or the body of a message, left'],
  ];
  const shown = others.filter(([count]) => count > 0).map(([count, what]) => [`  ${what}`, formatCount(count)]);
  return formatRows([...rows, ...shown], [{}, { align: 'right' }]);
}

function warnings({ reasons, uncertain, replaced, remaining }: LetterReplayResult): string[] {
  const lines = reasons.map((reason) => `Not taken: ${printable(reason)}`);
  if (uncertain > 0) {
    lines.push(
      'A run was killed while it sent messages, more than half an hour ago: the queue may have had them. Look for their ids in ' +
        'the table; --uncertain send sends them again',
    );
  }
  if (replaced > 0) {
    lines.push(
      `${plural(replaced, 'file')} of these versions were replaced since, by a compaction or a delete: choose by time`,
    );
  }
  if (remaining) lines.push('More letters are left; the same command goes on');
  return lines;
}
