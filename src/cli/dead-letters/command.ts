import type { SqsQueue } from '../../aws/sqs-queue.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatRows, formatTime, isoTime, plural } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import { groupLetters, isMeant, type Letter, lookAtLetters, type MoveOptions, moveLetters } from './letters.ts';

const DEFAULT_LIMIT = 1_000;

export const deadLettersCommand: Command = {
  name: 'dead-letters',
  summary: 'look at the messages that could not be handled, and send them back',
  description: [
    'list: shows what is in the dead-letter queue QUEUE_URL, by the folders of the objects. Nothing is taken out.',
    'redrive: sends the messages back to the queue that they come from, to be handled again. Each is sent first and ' +
      'deleted then, so that an interruption can double a message, which the append function recognises, but not lose ' +
      'one. Messages that are no S3 notification stay, unless --all is given.',
  ],
  positionals: ['ACTION', 'QUEUE_URL'],
  options: {
    to: { value: 'URL', help: 'redrive: the queue to send to (default: the one whose dead letters these are)' },
    prefix: { value: 'PREFIX', help: 'only messages about keys that start with PREFIX' },
    all: { help: 'redrive: also what is no S3 notification' },
    max: { value: 'N', help: `at most N messages (list: default ${DEFAULT_LIMIT})` },
    'dry-run': { help: 'redrive: only show what would be sent back' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca dead-letters list https://sqs.us-east-1.amazonaws.com/111122223333/dead-letters',
    'resaca dead-letters redrive https://sqs.…/dead-letters --to https://sqs.…/queue --prefix web_requests/',
  ],
  stopsCleanly: true,
  run: runDeadLetters,
};

async function runDeadLetters(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const [action, url = ''] = args.positionals;
  if (action !== 'list' && action !== 'redrive') {
    throw new UsageError(`expected the action list or redrive, got "${action}"`);
  }
  if (!/^https?:\/\//.test(url)) throw new UsageError(`expected the URL of a queue, got "${url}"`);
  const limit = args.value('max');
  const max = limit === undefined ? undefined : parseWholeNumber(limit, 'max', 1);
  const { createSqsClient, SqsQueue } = await import('../../aws/sqs-queue.ts');
  const client = createSqsClient();
  const queue = new SqsQueue(client, url);
  const prefix = args.value('prefix');
  const options = { all: args.flag('all'), ...(prefix !== undefined && { prefix }), ...(max !== undefined && { max }) };
  if (action === 'list' || args.flag('dry-run')) {
    const all = action === 'list' && prefix === undefined;
    const letters = await lookAtLetters(queue, max ?? DEFAULT_LIMIT, context.signal);
    return showLetters(
      letters.filter((letter) => isMeant(letter, { ...options, all: all || options.all })),
      args.flag('json'),
      context.terminal,
    );
  }
  const target = args.value('to') ?? (await sourceOf(queue));
  if (target === url) throw new UsageError('--to is the dead-letter queue itself');
  return redrive(queue, new SqsQueue(client, target), options, args.flag('json'), context);
}

/** The queue that the letters come from, if there is one only. */
async function sourceOf(queue: SqsQueue): Promise<string> {
  let found: string[] = [];
  let reason = '';
  try {
    found = await queue.sources();
  } catch (error) {
    reason = `: ${error instanceof Error ? error.message : String(error)}`;
  }
  const [source, ...more] = found;
  if (source !== undefined && more.length === 0) return source;
  const what =
    more.length === 0 ? `the queue that they come from is not known${reason}` : `${found.length} queues send here`;
  throw new UsageError(`${what}; name the one to send to: --to URL`);
}

async function redrive(
  from: SqsQueue,
  to: SqsQueue,
  options: MoveOptions,
  asJson: boolean,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const { moved, left } = await moveLetters(from, to, {
    ...options,
    signal,
    onProgress: (count, kept) =>
      terminal.show([`sent back ${plural(count, 'message')}, left ${plural(kept, 'message')}`]),
  });
  terminal.endShow();
  if (asJson) await terminal.print(JSON.stringify({ sentBack: moved, left: left.length, to: to.url }, null, 2));
  else await terminal.print(`Sent back ${plural(moved, 'message')} to ${to.url}`);
  if (!asJson && left.length > 0)
    await printGroups(left, `${plural(left.length, 'message')} ${left.length === 1 ? 'stays' : 'stay'}:`, terminal);
  return EXIT.ok;
}

async function showLetters(letters: readonly Letter[], asJson: boolean, terminal: Terminal): Promise<ExitCode> {
  if (asJson) {
    const groups = groupLetters(letters).map((group) => ({
      ...group,
      folder: group.folder ?? null,
      oldest: isoTime(group.oldest),
    }));
    await terminal.print(JSON.stringify({ messages: letters.length, groups }, null, 2));
  } else if (letters.length === 0) await terminal.print('No messages');
  else await printGroups(letters, plural(letters.length, 'message'), terminal);
  return EXIT.ok;
}

async function printGroups(letters: readonly Letter[], title: string, terminal: Terminal): Promise<void> {
  const rows = groupLetters(letters).map(({ folder, messages, oldest, example }) => [
    plural(messages, 'message'),
    `since ${formatTime(oldest)}`,
    folder ?? terminal.style.yellow('no S3 notification'),
    terminal.style.dim(`e.g. ${example}`),
  ]);
  await terminal.print(title);
  for (const line of formatRows(rows, [{ align: 'right' }])) await terminal.print(`  ${line}`);
}
