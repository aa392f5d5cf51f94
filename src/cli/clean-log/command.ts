import {
  type CleanLogOptions,
  type CleanLogResult,
  type CleanLogSkip,
  cleanLog,
} from '../../maintenance/log-cleanup/clean-log.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, isoTime, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';
import { parseDuration } from '../units.ts';
import { durationText, withRetention } from '../vacuum/durations.ts';

export const cleanLogCommand: Command = {
  name: 'clean-log',
  effect: 'writes',
  summary: 'delete the commits and checkpoints of versions that are too old to be read',
  description: [
    'Deletes what of the log of TABLE, a local folder or s3://bucket/prefix, is not needed for the versions within the ' +
      'retention: commits and checkpoints before the newest checkpoint that is older than it. Data files stay: see vacuum.',
    'The retention is the table’s delta.logRetentionDuration, or 30 days, and ends at midnight UTC. Nothing is deleted ' +
      'where the table has delta.enableExpiredLogCleanup false, or the feature checkpointProtection.',
  ],
  positionals: ['TABLE'],
  options: {
    'dry-run': { help: 'say what would be deleted, and delete nothing' },
    yes: { help: 'do not ask' },
    retain: { value: 'TIME', help: 'how long versions are kept, such as 30d' },
    'allow-short-retention': {
      help: 'let it be shorter than what the table says, or than events of landed files may take',
    },
    json: { help: 'one JSON object instead of text' },
  },
  examples: ['resaca clean-log s3://lake/orders --dry-run', 'resaca clean-log s3://lake/orders --yes'],
  stopsCleanly: true,
  run: runCleanLog,
};

async function runCleanLog(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const options = readOptions(args);
  const table = await openLocation(args.positionals[0] ?? '');
  const question = `Delete old versions from the log of ${table.url}? --dry-run shows how many.`;
  if (options.dryRun !== true && !args.flag('yes') && !(await isConfirmed(question, context))) return EXIT.failed;
  const onProgress = (files: number): void =>
    terminal.show([`${table.url}: ${plural(files, 'file')} ${options.dryRun === true ? 'to delete' : 'deleted'}`]);
  const result = await withRetention(() => cleanLog(createEngine(), table, { ...options, signal, onProgress }));
  terminal.endShow();
  if (args.flag('json')) {
    await terminal.print(JSON.stringify({ ...result, cutoff: isoTime(result.cutoff) }, null, 2));
  } else {
    for (const line of resultLines(result)) await terminal.print(line);
  }
  return result.remaining ? EXIT.incomplete : EXIT.ok;
}

function readOptions(args: ParsedArgs): CleanLogOptions {
  const retain = args.value('retain');
  return {
    ...(retain !== undefined && { retention: parseDuration(retain, 'retain') }),
    allowShortRetention: args.flag('allow-short-retention'),
    dryRun: args.flag('dry-run'),
  };
}

const SKIPPED: Readonly<Record<CleanLogSkip, string>> = {
  DISABLED: 'the table has delta.enableExpiredLogCleanup false',
  CHECKPOINT_PROTECTION: 'the table has the feature checkpointProtection',
  NO_CHECKPOINT: 'no version is that old and has a checkpoint at or before it that can be read',
};

function resultLines(result: CleanLogResult): string[] {
  const { dryRun, deleted, skipped, keptFrom, files, bytes, remaining } = result;
  const verb = dryRun ? 'would delete' : 'deleted';
  const kinds = Object.entries(deleted).filter(([, count]) => count > 0);
  return [
    `${result.table}: version ${result.version}`,
    `  versions are kept for ${durationText(result.retention)}, since ${isoTime(result.cutoff)}`,
    ...(skipped === undefined ? [] : [`  no version goes: ${SKIPPED[skipped]}`]),
    ...(keptFrom === undefined ? [] : [`  the log is kept from the checkpoint of version ${keptFrom} on`]),
    `  ${verb} ${plural(files, 'file')} (${formatBytes(bytes)})${kinds.length === 0 ? '' : ':'}`,
    ...kinds.map(([kind, count]) => `    ${kind}: ${count}`),
    ...(remaining ? ['  stopped before the end; the same command goes on'] : []),
  ];
}
