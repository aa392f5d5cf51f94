import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import { readBound } from '../cdf-export/bounds.ts';
import type { Command, CommandContext } from '../command.ts';
import type { ExitCode } from '../exit-codes.ts';
import { choiceOf } from '../recovery/landing.ts';

export const queueReplayCommand: Command = {
  name: 'queue replay',
  effect: 'writes',
  summary: 'send messages in the dead letters of a queue back to it',
  description: [
    'TABLE is the table of a queue of the queue ingest, or that of its dead letters (TABLE__dead_letters). The messages in the ' +
      'latter are sent to the queue --to, each once, however often the command is given: what was sent is noted beside the ' +
      'table, under _resaca/replayed. The rows of the table stay.',
    'A message that still does not fit becomes a dead letter once more, with another id. A run that is killed can leave up to ' +
      '500 messages of which it is not known whether the queue has them. Within half an hour the same command sends them once ' +
      'more, and the queue ingest drops the repeats by their attribute resaca-key; later it leaves them, unless --uncertain send.',
  ],
  positionals: ['TABLE'],
  options: {
    to: { value: 'URL', help: 'the queue, as the output QueueNAMEQueueUrl of the stack has it; required' },
    code: { value: 'CODE', multiple: true, help: 'only letters with this error_code; may be repeated' },
    queue: { value: 'NAME', help: 'only letters of the queue with this name in the configuration' },
    from: { value: 'WHEN', help: 'only letters from this version of their table on, or rejected from this time on' },
    until: { value: 'WHEN', help: 'only letters up to this version or time' },
    max: { value: 'N', help: 'send N messages at most (default: all)' },
    'messages-per-second': { value: 'N', help: 'messages sent in a second at most (default: no limit)' },
    uncertain: { value: 'WHAT', help: 'what a run that was killed may have sent: leave or send (default: leave)' },
    'dry-run': { help: 'only show what would be sent' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca queue replay s3://lake/bronze/orders --to https://sqs.…/orders --dry-run',
    'resaca queue replay s3://lake/bronze/orders --to https://sqs.…/orders --code UNKNOWN_COLUMN --from 2026-11-24',
  ],
  stopsCleanly: true,
  run: runQueueReplay,
};

async function runQueueReplay(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const to = args.value('to');
  if (to === undefined) throw new UsageError('--to is missing: the URL of the queue');
  if (!URL.canParse(to) || !/^https?:/.test(to)) throw new UsageError(`--to expects the URL of a queue, got "${to}"`);
  const [from, until] = [readBound(args, 'from'), readBound(args, 'until')];
  const number = (name: string): number | undefined => {
    const text = args.value(name);
    return text === undefined ? undefined : parseWholeNumber(text, name, 1);
  };
  const [max, perSecond] = [number('max'), number('messages-per-second')];
  const queue = args.value('queue');
  const codes = args.values('code');
  const options = {
    table: args.positionals[0] ?? '',
    to,
    codes,
    ...(queue !== undefined && { queue }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
    ...(max !== undefined && { max }),
    ...(perSecond !== undefined && { perSecond }),
    sendsUncertain: choiceOf(args, 'uncertain', ['leave', 'send'] as const) === 'send',
    isDryRun: args.flag('dry-run'),
    isJson: args.flag('json'),
  };
  // Loaded when needed: it brings the clients of AWS along.
  const { runReplay } = await import('./run.ts');
  return runReplay(options, context);
}
