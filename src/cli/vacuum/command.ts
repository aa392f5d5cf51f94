import { type VacuumOptions, type VacuumResult, vacuumTable } from '../../maintenance/vacuum/vacuum.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { readInventory } from '../inventory/read-inventory.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';
import { parseDuration } from '../units.ts';
import { withRetention } from './durations.ts';
import { resultJson, resultLines } from './print.ts';

const ORPHANS = ['auto', 'delete', 'keep'] as const;

export const vacuumCommand: Command = {
  name: 'vacuum',
  effect: 'writes',
  summary: 'delete files that no version of a table needs any more',
  description: [
    'Deletes the files under TABLE, a local folder or s3://bucket/prefix, that the log removed before the retention, and ' +
      'those that crashed writers left. Versions within the retention can be read afterwards; older ones cannot.',
    'The retention is the table’s delta.deletedFileRetentionDuration, or 7 days. Hidden folders, tables inside of the ' +
      'table and what waits for a commit are left alone; so are, in a table into which files land, files that no commit has.',
  ],
  positionals: ['TABLE'],
  options: {
    'dry-run': { help: 'say what would be deleted, and delete nothing' },
    yes: { help: 'do not ask' },
    retain: { value: 'TIME', help: 'how long files are kept, such as 7d or 36h' },
    'allow-short-retention': { help: 'let --retain be shorter than what the table says' },
    orphans: {
      value: 'WHAT',
      help: 'files that no commit has: auto, delete or keep (default: auto, which keeps them where files land)',
    },
    inventory: {
      value: 'FILE',
      help: 'an S3 Inventory instead of a LIST: its manifest.json, or a .parquet or CSV file (.gz)',
    },
    json: { help: 'one JSON object instead of text' },
  },
  examples: ['resaca vacuum s3://lake/orders --dry-run', 'resaca vacuum s3://lake/orders --retain 14d --yes'],
  stopsCleanly: true,
  run: runVacuum,
};

async function runVacuum(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const options = readOptions(args);
  const table = await openLocation(args.positionals[0] ?? '');
  const dryRun = args.flag('dry-run');
  const question = `Delete files of ${table.url}? They cannot be brought back. --dry-run shows them.`;
  if (!dryRun && !args.flag('yes') && !(await isConfirmed(question, context))) return EXIT.failed;
  const inventory = args.value('inventory');
  const live = args.flag('json') ? () => undefined : terminal.show;
  const result = await withRetention(() =>
    vacuumTable(createEngine(), table, {
      ...options,
      ...(inventory !== undefined && { listing: readInventory(inventory, table) }),
      dryRun,
      signal,
      onProgress: (progress) => live([progressLine(progress)]),
    }),
  );
  terminal.endShow();
  if (args.flag('json')) await terminal.print(JSON.stringify(resultJson(result), null, 2));
  else for (const line of resultLines(result)) await terminal.print(line);
  return result.remaining ? EXIT.incomplete : EXIT.ok;
}

function readOptions(args: ParsedArgs): VacuumOptions {
  const retain = args.value('retain');
  const orphans = args.value('orphans') ?? 'auto';
  const known = ORPHANS.find((choice) => choice === orphans);
  if (known === undefined) throw new UsageError(`--orphans expects ${ORPHANS.join(', ')}, got "${orphans}"`);
  return {
    ...(retain !== undefined && { retention: parseDuration(retain, 'retain') }),
    allowShortRetention: args.flag('allow-short-retention'),
    orphans: known,
  };
}

function progressLine({ listed, removed, orphans, table }: VacuumResult): string {
  const bytes = formatBytes(removed.bytes + orphans.bytes);
  return `${table}: ${formatCount(listed)} listed, ${plural(removed.files + orphans.files, 'file')} (${bytes}) deleted`;
}
