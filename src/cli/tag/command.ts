import { setTimeout as sleep } from 'node:timers/promises';
import { RateLimit } from '../../recovery/backfill/rate-limit.ts';
import { parseTagConfig, type TagConfig } from '../../tag/config.ts';
import { type TagListedResult, tagListed } from '../../tag/tag-listed.ts';
import type { TagStore } from '../../tag/tag-object.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { partOf, readConfigFile } from '../config-file.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, formatRows, plural, printable } from '../format.ts';
import { openBucket } from '../location.ts';

export const tagCommand: Command = {
  name: 'tag',
  effect: 'writes',
  summary: 'tag objects that are there already, by the rules of the tag function',
  description: [
    'Gives the objects under PREFIX, s3://bucket/prefix, the tags that the rules of --config have for their keys, as the tag ' +
      'function does it for those that land: other tags stay, and nothing is written where nothing changes. Of objects with ' +
      'versions the newest is tagged.',
    'It may be given any number of times, and beside the function. When it was stopped, --start-after goes on behind the key ' +
      'that it has named.',
  ],
  positionals: ['PREFIX'],
  options: {
    config: { value: 'FILE', help: 'resaca.config.ts with "tagging", or JSON with "rules"; required' },
    'start-after': { value: 'KEY', help: 'only objects whose keys come behind this one' },
    'requests-per-second': { value: 'N', help: 'requests for tags in a second at most (default: no limit)' },
    'dry-run': { help: 'read the tags, and say what would be written' },
    yes: { help: 'do not ask' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca tag s3://lake/tenants --config resaca.config.ts --dry-run',
    'resaca tag s3://lake --config resaca.config.ts --requests-per-second 200 --yes',
  ],
  stopsCleanly: true,
  run: runTag,
};

/** Objects that are named in the text. */
const NAMED = 5;

async function runTag(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const [location = ''] = args.positionals;
  const perSecond = args.value('requests-per-second');
  const rate = perSecond === undefined ? undefined : parseWholeNumber(perSecond, 'requests-per-second', 1);
  const config = await readRules(args.value('config'));
  const isDryRun = args.flag('dry-run');
  const { store, bucket, prefix, tags: all } = await openBucket(location);
  const question = `Tag the objects under ${location}? --dry-run shows how many.`;
  if (!isDryRun && !args.flag('yes') && !(await isConfirmed(question, context))) return EXIT.failed;
  const tags = rate === undefined ? all : limitTags(all, rate);
  const startAfter = args.value('start-after');
  const result = await tagListed(tags, config, store.list(prefix, startAfter === undefined ? {} : { startAfter }), {
    bucket,
    isDryRun,
    signal,
    onProgress: ({ listed, tagged, same, failed }) =>
      terminal.show([
        `${plural(listed, 'object')} looked at: ${formatCount(tagged)} ${isDryRun ? 'to be tagged' : 'tagged'}, ` +
          `${formatCount(same)} had their tags, ${formatCount(failed)} failed`,
      ]),
  });
  terminal.endShow();
  if (args.flag('json')) {
    const json = { location, dryRun: isDryRun, ...result, lastKey: result.lastKey ?? null };
    await terminal.print(JSON.stringify(json, null, 2));
  } else for (const line of resultLines(location, result, isDryRun)) await terminal.print(line);
  for (const line of warnings(result)) terminal.note(line);
  return result.failed + result.withoutPlace > 0 || result.remaining ? EXIT.incomplete : EXIT.ok;
}

async function readRules(path: string | undefined): Promise<TagConfig> {
  if (path === undefined) throw new UsageError('--config is missing: FILE with the rules');
  return readConfigFile(path, (value) => {
    const rules = partOf(partOf(value, 'tagging') ?? value, 'rules');
    return parseTagConfig({ ...(rules !== undefined && { rules }) });
  });
}

function limitTags(store: TagStore, perSecond: number): TagStore {
  const limit = new RateLimit(perSecond, { now: Date.now, sleep: (ms) => sleep(ms) });
  return {
    get: async (object) => {
      await limit.take();
      return store.get(object);
    },
    put: async (object, tags) => {
      await limit.take();
      return store.put(object, tags);
    },
  };
}

function resultLines(location: string, result: TagListedResult, isDryRun: boolean): string[] {
  const { listed, ignored, tagged, same, gone, withoutPlace, failed, examples } = result;
  const rows: [number, string][] = [
    [tagged, isDryRun ? 'would be tagged' : 'tagged'],
    [same, 'had their tags'],
    [ignored, 'are meant by no rule'],
    [gone, 'were deleted meanwhile'],
    [withoutPlace, 'have no place for all tags'],
    [failed, 'could not be tagged'],
  ];
  const shown = rows.filter(([count]) => count > 0).map(([count, what]) => [`  ${plural(count, 'object')}`, what]);
  return [
    `${location}${isDryRun ? ': dry run, nothing was written' : ''}: ${plural(listed, 'object')} looked at`,
    ...formatRows(shown),
    ...examples.slice(0, NAMED).map(({ key, tags }) => `    ${printable(key)}: ${JSON.stringify(tags)}`),
  ];
}

function warnings({ failures, failed, remaining, lastKey }: TagListedResult): string[] {
  const lines = failures.slice(0, NAMED).map(({ key, reason }) => `${printable(key)}: ${printable(reason)}`);
  if (failed > NAMED) lines.push(`and ${formatCount(failed - NAMED)} more that could not be tagged`);
  if (remaining) {
    const option = lastKey === undefined ? '' : ` --start-after ${JSON.stringify(lastKey)}`;
    lines.push(`stopped; the same command goes on${option === '' ? '' : ` with${option}`}`);
  }
  return lines;
}
