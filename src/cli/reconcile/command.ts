import { type ReconcileOptions, type ReconcileResult, reconcileTable } from '../../recovery/reconcile-table.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, isoTime, plural } from '../format.ts';
import { objectsOf } from '../recovery/inventory.ts';
import { choiceOf, LANDING_OPTIONS, openLanding, unknownOf } from '../recovery/landing.ts';
import { names, sumLines } from '../recovery/print.ts';
import { parseDuration } from '../units.ts';

export const reconcileCommand: Command = {
  name: 'reconcile',
  effect: 'writes',
  summary: 'append what events missed to a table, and remove what is gone',
  description: [
    'Compares what lies under TABLE, a local folder or s3://bucket/prefix, with its log. Files that no commit tells of, or ' +
      'that were overwritten, are appended by the rules of --config; active files whose objects are gone are removed, if ' +
      'the rule of the table has it so for delete events.',
    'Young files are left to their events, and to the commits of those who write them. What the log has removed does not ' +
      'come back; files of which it cannot be told any more are left, and named. Files in quarantine are left there: see ' +
      'resaca quarantine. It may run beside the append function.',
  ],
  positionals: ['TABLE'],
  options: {
    ...LANDING_OPTIONS,
    'dry-run': { help: 'do everything but write' },
    yes: { help: 'do not ask' },
    'min-age': { value: 'TIME', help: 'only files of this age, such as 30m or 2h (default: 1h)' },
    deletes: { value: 'WHAT', help: 'active files whose objects are gone: keep or remove (default: as the rule says)' },
    inventory: {
      value: 'FILE',
      help: 'an S3 Inventory instead of a LIST: its manifest.json, or a .parquet or CSV file (.gz)',
    },
    unknown: { value: 'WHAT', help: 'files of which the log cannot tell: leave or add (default: leave)' },
    'allow-streams': { help: 'take tables, too, whose files come from a stream' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca reconcile s3://lake/orders --dry-run',
    'resaca reconcile s3://lake/orders --config resaca.config.ts --min-age 2h --yes',
    'resaca reconcile s3://lake/orders --inventory manifest.json --deletes keep --yes',
  ],
  stopsCleanly: true,
  run: runReconcile,
};

async function runReconcile(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const options = readOptions(args);
  const { place: table, engine, suffixes } = await openLanding(args.positionals[0] ?? '', args);
  const dryRun = args.flag('dry-run');
  const question = `Append to ${table.url} what events missed, and remove what is gone? --dry-run shows it.`;
  if (!dryRun && !args.flag('yes') && !(await isConfirmed(question, context))) return EXIT.failed;
  const inventory = args.value('inventory');
  const live = args.flag('json') ? () => undefined : terminal.show;
  const result = await reconcileTable(engine, table, {
    ...options,
    ...(suffixes !== undefined && { suffixes }),
    ...(inventory !== undefined && { inventory: objectsOf(inventory, table) }),
    signal,
    onProgress: (progress) => live([progressLine(progress)]),
  });
  terminal.endShow();
  if (args.flag('json')) await terminal.print(JSON.stringify(resultJson(result, dryRun), null, 2));
  else for (const line of resultLines(result, dryRun)) await terminal.print(line);
  const { quarantined, unknown, failed, lost, remaining } = result;
  return quarantined + unknown + failed + lost > 0 || remaining ? EXIT.incomplete : EXIT.ok;
}

function readOptions(args: ParsedArgs): ReconcileOptions {
  const minAge = args.value('min-age');
  const deletes = choiceOf(args, 'deletes', ['keep', 'remove'] as const);
  return {
    ...(minAge !== undefined && { minAge: parseDuration(minAge, 'min-age') }),
    ...(deletes !== undefined && { deletes }),
    unknown: unknownOf(args),
    allowStreams: args.flag('allow-streams'),
  };
}

function progressLine({ table, listed, missed, gone }: ReconcileResult): string {
  return `${table}: ${formatCount(listed)} listed, ${formatCount(missed)} missed, ${formatCount(gone)} gone`;
}

function resultLines(result: ReconcileResult, dryRun: boolean): string[] {
  const { table, version, samples, missed, unknown, gone, lost, ignored, listed, remaining } = result;
  const at = version === null ? 'no table yet' : `version ${version}`;
  const lines = [
    `${table}${dryRun ? ': dry run, nothing was written' : ''} (${at}): ${plural(listed, 'object')} listed, ${formatCount(ignored)} of them not of the table`,
    ...sumLines(result, dryRun),
  ];
  if (missed > 0) lines.push('  missed by events:', ...names(samples.missed, missed));
  if (gone > 0) lines.push(`  active, and gone (${plural(gone, 'file')}):`, ...names(samples.gone, gone));
  if (unknown > 0) lines.push('  left, --unknown add takes them:', ...names(samples.unknown, unknown));
  if (lost > 0) {
    lines.push(
      `  active, gone, and not of files that land (${plural(lost, 'file')}): the table cannot be read`,
      ...names(samples.lost, lost),
    );
  }
  if (remaining) lines.push('  stopped before the end; the same command goes on');
  return lines;
}

function resultJson(result: ReconcileResult, dryRun: boolean): object {
  return { ...result, dryRun, before: isoTime(result.before) };
}
