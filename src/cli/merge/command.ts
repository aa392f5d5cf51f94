import { setTimeout as sleep } from 'node:timers/promises';
import type { TableRef } from '../../delta/table.ts';
import { MERGE_SETTINGS, type MergeConfig, parseMergeConfig } from '../../merge/config.ts';
import { mergeListed } from '../../merge/merge-listed.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { limitRequests, RateLimit } from '../../recovery/backfill/rate-limit.ts';
import { bucketOf } from '../../recovery/routes.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { partOf, readConfigFile, rulesOf } from '../config-file.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { openPlace } from '../recovery/landing.ts';
import { parseDuration } from '../units.ts';
import { progressLines, type ReadProblem, resultLines, warnings } from './print.ts';

export const mergeCommand: Command = {
  name: 'merge',
  effect: 'writes',
  summary: 'merge small files that lie in a staging prefix already into their tables',
  description: [
    'Takes the very small Parquet files under PREFIX, s3://bucket/prefix or a local folder, into the tables that the rules of ' +
      '"merge" in --config give them to, as the merge function does it for those that land: one file for each partition of a ' +
      'batch. What a table has is known by its commits, so that the command may be given any number of times, killed at any ' +
      'moment, and run beside the function.',
  ],
  positionals: ['PREFIX'],
  options: {
    config: { value: 'FILE', help: 'resaca.config.ts with "merge", or JSON with "rules" and "append"; required' },
    landing: {
      value: 'DIR',
      help: 'the folder that stands for the bucket, of a local PREFIX (default: PREFIX itself)',
    },
    'min-age': { value: 'TIME', help: 'only files of this age, such as 30m or 2h (default: 1h)' },
    'batch-files': { value: 'N', help: 'files that are merged together at most (default: 10000)' },
    'requests-per-second': { value: 'N', help: 'requests to the store in a second at most (default: no limit)' },
    'dry-run': { help: 'read the files, and say what would be merged' },
    yes: { help: 'do not ask' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca merge s3://lake/staging --config resaca.config.ts --dry-run',
    'resaca merge s3://lake/staging/orders --config resaca.config.ts --requests-per-second 500 --yes',
  ],
  stopsCleanly: true,
  run: runMerge,
};

/** Of files that cannot be read, and the like: what is kept of them. */
const MAX_PROBLEMS = 1_000;
/** ms; as for a backfill. */
const DEFAULT_MIN_AGE = 3_600_000;

async function runMerge(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const number = (name: string): number | undefined => {
    const text = args.value(name);
    return text === undefined ? undefined : parseWholeNumber(text, name, 1);
  };
  const [batchFiles, perSecond] = [number('batch-files'), number('requests-per-second')];
  const age = args.value('min-age');
  const minAge = age === undefined ? DEFAULT_MIN_AGE : parseDuration(age, 'min-age');
  const config = await readRules(args.value('config'));
  const { place, at } = await openPlace(args.positionals[0] ?? '', args, config.append);
  const isDryRun = args.flag('dry-run');
  const question = `Merge the files under ${place.url} into their tables? --dry-run shows how many.`;
  if (!isDryRun && !args.flag('yes') && !(await isConfirmed(question, context))) return EXIT.failed;

  const problems: ReadProblem[] = [];
  const limited = limiter(perSecond);
  const deps = {
    reader: createCheckpointReader(),
    config,
    tableAt: (root: string) => limited(at(root)),
    telemetry: {
      log: (level: string, message: string, data: object = {}) => {
        if (level === 'error' && problems.length < MAX_PROBLEMS) problems.push({ message, data });
      },
      metrics: () => undefined,
    },
    now: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms),
  };
  const prefix = place.root === '' ? '' : `${place.root}/`;
  const result = await mergeListed(deps, limited(place).store.list(prefix), {
    bucket: bucketOf(place),
    before: Date.now() - minAge,
    isDryRun,
    signal,
    ...(batchFiles !== undefined && { batchFiles }),
    onProgress: (progress) => terminal.show(progressLines(progress, isDryRun)),
  });
  terminal.endShow();
  if (args.flag('json')) {
    await terminal.print(JSON.stringify({ place: place.url, dryRun: isDryRun, ...result }, null, 2));
  } else for (const line of resultLines(result, place.url, isDryRun)) await terminal.print(line);
  for (const line of warnings(result, problems)) terminal.note(line);
  const isLeft = result.failed + result.undecided + result.quarantined > 0;
  return isLeft || result.remaining ? EXIT.incomplete : EXIT.ok;
}

/** The merge of a deployment, or the configuration of the function. */
async function readRules(path: string | undefined): Promise<MergeConfig> {
  if (path === undefined) throw new UsageError('--config is missing: FILE with the rules of the merge');
  return readConfigFile(path, (value) => {
    const part = partOf(value, 'merge');
    if (part === undefined) return parseMergeConfig(value);
    const settings = MERGE_SETTINGS.flatMap((name) => {
      const setting = partOf(part, name);
      return setting === undefined ? [] : [[name, setting] as const];
    });
    return parseMergeConfig({ ...Object.fromEntries(settings), append: rulesOf(value) });
  });
}

/** Gives tables the store whose requests are limited. */
function limiter(perSecond: number | undefined): (table: TableRef) => TableRef {
  if (perSecond === undefined) return (table) => table;
  const limit = new RateLimit(perSecond, { now: Date.now, sleep: (ms) => sleep(ms) });
  return (table) => ({ ...table, store: limitRequests(table.store, limit) });
}
