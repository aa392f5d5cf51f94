import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import type { ExitCode } from '../exit-codes.ts';

export const kafkaReplayCommand: Command = {
  name: 'kafka replay',
  effect: 'writes',
  summary: 'write what the bronze function gave up or put into dead letters',
  description: [
    'SOURCE is an on-failure destination of the event source mapping, s3://bucket/prefix, or a local folder with such ' +
      'objects: the records in them are written to their tables, as far as they are not there yet.',
    'With --dead-letters, SOURCE is a table, and its dead letters are meant (without SOURCE: those of all tables): what ' +
      'the configuration can take now is written, then taken out of the dead letters; the rest stays, with its new ' +
      'reason.',
    'What a table has is found out by its rows, so that the command may be given any number of times, and interrupted ' +
      'at any moment. The offsets that the function keeps are not touched.',
  ],
  positionals: ['[SOURCE...]'],
  options: {
    config: { value: 'FILE', help: 'the configuration of the function or of the consumer, JSON; required' },
    'dead-letters': { help: 'replay dead letters' },
    code: { value: 'CODE', multiple: true, help: 'with --dead-letters: only those with this error_code' },
    limit: { value: 'N', help: 'N dead letters at most; of batches, begin no further step after N records' },
    delete: { help: 'remove the objects whose records are all where they belong' },
    'dry-run': { help: 'only show what would be written, and what would fail again' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca kafka replay --config kafka.json s3://lake/failed/ --dry-run',
    'resaca kafka replay --config kafka.json s3://lake/failed/ --delete',
    'resaca kafka replay --config kafka.json --dead-letters bronze/orders --code INVALID_JSON',
  ],
  stopsCleanly: true,
  run: runReplay,
};

async function runReplay(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const isLetters = args.flag('dead-letters');
  if (isLetters && args.flag('delete')) throw new UsageError('--delete belongs to batches, not to --dead-letters');
  if (!isLetters && args.flag('code')) throw new UsageError('--code needs --dead-letters');
  if (!isLetters && args.positionals.length === 0) {
    throw new UsageError('SOURCE is missing: s3://bucket/prefix with failed batches, or --dead-letters');
  }
  const limitText = args.value('limit');
  const limit = limitText === undefined ? {} : { limit: parseWholeNumber(limitText, 'limit', 1) };
  const common = { ...limit, isDryRun: args.flag('dry-run'), isJson: args.flag('json') };
  // Loaded when needed: each brings libraries along that no other command has a use for.
  const [{ replayDeps }, { runBatches }, { runLetters }] = await Promise.all([
    import('./replay-deps.ts'),
    import('./run-batches.ts'),
    import('./run-letters.ts'),
  ]);
  const deps = await replayDeps(args.value('config'));
  if (isLetters) return runLetters(deps, { ...common, tables: args.positionals, codes: args.values('code') }, context);
  return runBatches(deps, { ...common, sources: args.positionals, deletes: args.flag('delete') }, context);
}
