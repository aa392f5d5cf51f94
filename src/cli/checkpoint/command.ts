import {
  type CheckpointOptions,
  type CheckpointResult,
  checkpointTable,
} from '../../maintenance/checkpoint/checkpoint-table.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';

export const checkpointCommand: Command = {
  name: 'checkpoint',
  effect: 'writes',
  summary: 'write a checkpoint of the latest version of a table',
  description: [
    'Writes a checkpoint, so that readers of TABLE need not read the commits before it, and names it in _last_checkpoint. ' +
      'Where there is one of that version, only the latter is done, if need be.',
    'A table whose protocol has the feature v2Checkpoint gets one with sidecars, of which those without changes are named ' +
      'again, unless delta.checkpointPolicy is "classic". Other tables get a single file.',
  ],
  positionals: ['TABLE...'],
  options: {
    version: { value: 'N', help: 'of this version instead of the latest' },
    classic: { help: 'a single file, whatever the table asks for' },
    v2: { help: 'one with sidecars; the table must have the feature' },
    'dry-run': { help: 'say what would be written, and write nothing' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: ['resaca checkpoint s3://lake/orders', 'resaca checkpoint --dry-run --json ./orders'],
  run: runCheckpoint,
};

async function runCheckpoint(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const options = parseOptions(args);
  const results: ({ readonly table: string } & CheckpointResult)[] = [];
  for (const table of await Promise.all(args.positionals.map(openLocation))) {
    const show = (files: number): void => terminal.show([`${table.url}: ${plural(files, 'file')} of the checkpoint`]);
    const result = await checkpointTable(createEngine(), table, { ...options, onProgress: show });
    terminal.endShow();
    results.push({ table: table.url, ...result });
    if (!args.flag('json')) for (const line of resultLines(table.url, result)) await terminal.print(line);
  }
  if (args.flag('json')) await terminal.print(JSON.stringify({ checkpoints: results }, null, 2));
  return EXIT.ok;
}

function parseOptions(args: ParsedArgs): CheckpointOptions {
  if (args.flag('classic') && args.flag('v2')) throw new UsageError('--classic and --v2 exclude each other');
  const version = args.value('version');
  return {
    dryRun: args.flag('dry-run'),
    ...(version === undefined ? {} : { version: parseWholeNumber(version, 'version') }),
    ...(args.flag('classic') ? { kind: 'classic' as const } : {}),
    ...(args.flag('v2') ? { kind: 'v2' as const } : {}),
  };
}

const KIND_NAMES = { classic: 'classic', multiPart: 'multi-part', v2: 'V2' } as const;

function resultLines(table: string, { version, kind, outcome, announced, written }: CheckpointResult): string[] {
  const what = `${KIND_NAMES[kind]} checkpoint of version ${version}`;
  if (outcome === 'planned') return [`${table}: would write a ${what}`];
  if (written === undefined) return [`${table}: has a ${what}${announced ? ', which is announced now' : ''}`];
  const { rows, adds, bytes, bytesWritten, sidecars } = written;
  const files = adds === undefined ? '' : `, ${plural(adds, 'active file')}`;
  const lines = [`${table}: wrote a ${what}: ${plural(rows, 'action')}${files}, ${formatBytes(bytes)}`];
  if (kind === 'v2') {
    lines.push(
      `  ${plural(sidecars.written, 'sidecar')} written, ${formatCount(sidecars.reused)} named again; ` +
        `${formatBytes(bytesWritten)} written in all`,
    );
  }
  return lines;
}
