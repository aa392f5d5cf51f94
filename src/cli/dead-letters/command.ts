import type { SqsQueue } from '../../aws/sqs-queue.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import type { ExitCode } from '../exit-codes.ts';
import { runList } from './list.ts';
import { runRedrive } from './redrive.ts';
import { sourceOf } from './source.ts';

const DEFAULT_LIMIT = 1_000;

/** The options that only one of the actions has. */
const OPTIONS_OF = { list: ['limit'], redrive: ['to', 'all', 'max', 'dry-run'] } as const;

export const deadLettersCommand: Command = {
  name: 'dead-letters',
  effect: 'writes',
  summary: 'look at the messages that could not be handled, and send them back',
  description: [
    'list: shows what is in the dead-letter queue QUEUE_URL, by the folders of the objects. Nothing is taken out.',
    'redrive: sends the messages back to the queue that they come from, to be handled again. Each is sent first and ' +
      'deleted then, so that an interruption can double a message, which the append function recognises, but not lose ' +
      'one. Messages that are no S3 notification stay, unless --all is given.',
  ],
  positionals: ['ACTION', 'QUEUE_URL'],
  options: {
    prefix: { value: 'PREFIX', help: 'only messages about keys that start with PREFIX' },
    limit: { value: 'N', help: `list: look at N messages at most (default: ${DEFAULT_LIMIT})` },
    to: { value: 'URL', help: 'redrive: the queue to send to (default: the one whose dead letters these are)' },
    all: { help: 'redrive: also what is no S3 notification' },
    max: { value: 'N', help: 'redrive: send back N messages at most (default: all)' },
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
  const other = action === 'list' ? 'redrive' : 'list';
  for (const name of OPTIONS_OF[other]) {
    if (args.flag(name)) throw new UsageError(`--${name} belongs to ${other}, not to ${action}`);
  }
  const prefix = args.value('prefix');
  const limit = countOf(args, 'limit') ?? DEFAULT_LIMIT;
  const max = countOf(args, 'max');
  const open = await openQueues();
  const queue = open(url, 'QUEUE_URL');
  const isJson = args.flag('json');
  if (action === 'list') {
    const filter = prefix === undefined ? { unreadable: true } : { prefix };
    return runList(queue, { filter, limit, isJson }, context);
  }
  const to = args.value('to');
  const target = to === undefined ? open(await sourceOf(queue), 'the source queue') : open(to, '--to');
  if (target.url === queue.url) throw new UsageError('--to is the dead-letter queue itself');
  const filter = { unreadable: args.flag('all'), ...(prefix !== undefined && { prefix }) };
  const isDryRun = args.flag('dry-run');
  return runRedrive(queue, target, { filter, isDryRun, isJson, ...(max !== undefined && { max }) }, context);
}

function countOf(args: ParsedArgs, name: string): number | undefined {
  const text = args.value(name);
  return text === undefined ? undefined : parseWholeNumber(text, name, 1);
}

/** With one client for all. The SDK is loaded when it is needed. */
async function openQueues(): Promise<(url: string, name: string) => SqsQueue> {
  const { createSqsClient, SqsQueue } = await import('../../aws/sqs-queue.ts');
  const client = createSqsClient();
  return (url, name) => {
    if (!URL.canParse(url) || !/^https?:/.test(url)) {
      throw new UsageError(`${name}: expected the URL of a queue, got "${url}"`);
    }
    return new SqsQueue(client, url);
  };
}
