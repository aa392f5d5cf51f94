import { type TableRef, tableKey } from '../../delta/table.ts';
import { limitRequests, RateLimit } from '../../recovery/backfill/rate-limit.ts';
import { type BackfillProgress, type BackfillSource, runBackfill } from '../../recovery/backfill/run.ts';
import { backfillId } from '../../recovery/backfill/state.ts';
import { type ParsedArgs, parseWholeNumber } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { inventoryId } from '../inventory/inventory-id.ts';
import { objectsOf } from '../recovery/inventory.ts';
import { LANDING_OPTIONS, openLanding, unknownOf } from '../recovery/landing.ts';
import { parseDuration } from '../units.ts';
import { progressLines, resultJson, resultLines } from './print.ts';

export const backfillCommand: Command = {
  name: 'backfill',
  effect: 'writes',
  summary: 'take files that are there already into their tables, at a limited rate',
  description: [
    'Takes the files under PREFIX, a local folder or s3://bucket/prefix, into the tables that the rules of --config give them ' +
      'to: one table or many, each through the path that events take. It may run beside live events.',
    'The position is kept under PREFIX/_resaca/backfill, so that the same command goes on where it was stopped or killed. ' +
      'Files that a log knows, also those that it has removed, are passed over; young files are left to their events.',
  ],
  positionals: ['PREFIX'],
  options: {
    ...LANDING_OPTIONS,
    'dry-run': { help: 'do everything but write' },
    yes: { help: 'do not ask' },
    inventory: {
      value: 'FILE',
      help: 'an S3 Inventory instead of a LIST: its manifest.json, or a .parquet or CSV file (.gz)',
    },
    'files-per-second': { value: 'N', help: 'files taken in a second at most (default: no limit)' },
    'requests-per-second': { value: 'N', help: 'requests to the store in a second at most (default: no limit)' },
    concurrency: { value: 'N', help: 'footers read at the same time (default: footerConcurrency of the rules)' },
    'batch-files': { value: 'N', help: 'files of a commit at most (default: 1000)' },
    'min-age': { value: 'TIME', help: 'only files of this age, such as 30m or 2h (default: 1h)' },
    unknown: { value: 'WHAT', help: 'files of which the log cannot tell: leave or add (default: leave)' },
    'no-count': { help: 'do not count the files first; then it is not told how long it takes' },
    restart: { help: 'begin anew where an earlier run was stopped' },
    id: { value: 'NAME', help: 'name of the position that is kept (default: by place, source and rules)' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca backfill s3://lake/raw --config resaca.config.ts --dry-run',
    'resaca backfill s3://lake/raw --config resaca.config.ts --files-per-second 200 --yes',
    'resaca backfill s3://lake --inventory manifest.json --requests-per-second 500 --yes',
  ],
  stopsCleanly: true,
  run: runBackfillCommand,
};

async function runBackfillCommand(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const numbers = readNumbers(args);
  const minAge = args.value('min-age');
  const unknown = unknownOf(args);
  const { place, engine, suffixes, at } = await openLanding(args.positionals[0] ?? '', args);
  const dryRun = args.flag('dry-run');
  const question = `Take the files under ${place.url} into their tables? --dry-run shows how many.`;
  if (!dryRun && !args.flag('yes') && !(await isConfirmed(question, context))) return EXIT.failed;

  const inventory = args.value('inventory');
  const source = inventory === undefined ? 'list' : await inventoryId(inventory);
  const footerConcurrency = numbers.concurrency ?? engine.config.footerConcurrency;
  const work = { ...engine, config: { ...engine.config, footerConcurrency } };
  const limited = limiter(numbers.requests, work);
  const begin = Date.now();
  const live = args.flag('json') ? () => undefined : terminal.show;
  const result = await runBackfill(work, limited(place), {
    id: args.value('id') ?? backfillId(place, source, engine.config),
    source: sourceOf(limited(place), inventory),
    tableAt: (root) => limited(at(root)),
    unknown,
    dryRun,
    counts: !args.flag('no-count'),
    restart: args.flag('restart'),
    signal,
    ...(suffixes !== undefined && { suffixes }),
    ...(minAge !== undefined && { minAge: parseDuration(minAge, 'min-age') }),
    ...(numbers.batch !== undefined && { batchFiles: numbers.batch }),
    ...(numbers.files !== undefined && { fileRate: new RateLimit(numbers.files, work) }),
    onProgress: (progress: BackfillProgress) => live(progressLines(progress, Date.now() - begin, terminal)),
  });
  terminal.endShow();
  if (args.flag('json')) await terminal.print(JSON.stringify(resultJson(result, place.url, dryRun), null, 2));
  else for (const line of resultLines(result, place.url, dryRun)) await terminal.print(line);
  const isLeft = result.quarantined + result.unknown + result.failed > 0 || Object.keys(result.leftOut).length > 0;
  return result.remaining || isLeft ? EXIT.incomplete : EXIT.ok;
}

function readNumbers(args: ParsedArgs) {
  const number = (name: string): number | undefined => {
    const text = args.value(name);
    return text === undefined ? undefined : parseWholeNumber(text, name, 1);
  };
  return {
    files: number('files-per-second'),
    requests: number('requests-per-second'),
    concurrency: number('concurrency'),
    batch: number('batch-files'),
  };
}

/** Gives tables the store whose requests are limited. */
function limiter(perSecond: number | undefined, clock: ConstructorParameters<typeof RateLimit>[1]) {
  const limit = perSecond === undefined ? undefined : new RateLimit(perSecond, clock);
  return (table: TableRef): TableRef =>
    limit === undefined ? table : { ...table, store: limitRequests(table.store, limit) };
}

/** A LIST goes on behind a key; an inventory, whose order is any, behind so many of its lines. */
function sourceOf(place: TableRef, inventory: string | undefined): BackfillSource {
  return {
    isOld: inventory !== undefined,
    async *list(after) {
      if (inventory !== undefined) {
        let line = 0;
        for await (const object of objectsOf(inventory, place)) if (++line > (after?.listed ?? 0)) yield object;
        return;
      }
      const prefix = place.root === '' ? '' : `${place.root}/`;
      const from = after?.after === undefined ? {} : { startAfter: tableKey(place, after.after) };
      for await (const { key, size, etag, modified } of place.store.list(prefix, from)) {
        yield { path: key.slice(prefix.length), size, etag, time: modified };
      }
    },
  };
}
