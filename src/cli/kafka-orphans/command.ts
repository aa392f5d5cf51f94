import type { TableRef } from '../../delta/table.ts';
import { findStrayFiles, type StrayFile } from '../../maintenance/stray-files.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatRows, formatTime, isoTime, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { parseDuration } from '../units.ts';

const DEFAULT_AGE = '1h';
/** Files that are named in the text of each kind; the JSON has all. */
const MAX_NAMED = 100;

export const kafkaOrphansCommand: Command = {
  name: 'kafka orphans',
  effect: 'reads',
  summary: 'list data files that no commit of their table has',
  description: [
    'Lists the *.parquet files under TABLE that are not in the table: those that a writer left which crashed before its ' +
      'commit, and those that the log has removed, which wait for a vacuum. Nothing is deleted.',
    'Young files are left out, because their commit may be under way. TABLE is a local path or s3://bucket/prefix, or, ' +
      'with --config, the root of a table in the bucket of the configuration.',
  ],
  positionals: ['TABLE...'],
  options: {
    config: { value: 'FILE', help: 'the configuration of the function or of the consumer, JSON' },
    'older-than': { value: 'AGE', help: `only files of this age, such as 90m, 6h or 2d (default: ${DEFAULT_AGE})` },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca kafka orphans s3://lake/bronze/orders',
    'resaca kafka orphans --config kafka.json bronze/orders bronze/hits --older-than 1d',
  ],
  run: runOrphans,
};

async function runOrphans(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const before = Date.now() - parseDuration(args.value('older-than') ?? DEFAULT_AGE, 'older-than');
  const tables = await openTables(args);
  const found: { readonly table: string; readonly files: readonly StrayFile[] }[] = [];
  for (const table of tables) {
    terminal.show([`Looking through ${table.url}`]);
    const files = await Array.fromAsync(findStrayFiles(table, createCheckpointReader(), { before }));
    terminal.endShow();
    found.push({ table: table.url, files });
    if (!args.flag('json')) for (const line of tableLines(table.url, files)) await terminal.print(line);
  }
  if (args.flag('json')) {
    const json = found.map(({ table, files }) => ({ table, files: files.map(fileJson) }));
    await terminal.print(JSON.stringify({ before: isoTime(before), tables: json }, null, 2));
  }
  return EXIT.ok;
}

async function openTables(args: ParsedArgs): Promise<TableRef[]> {
  const path = args.value('config');
  if (path === undefined) return Promise.all(args.positionals.map(openLocation));
  // Loaded when needed, with the parsers of all that a configuration may hold.
  const { readTablesConfig } = await import('../kafka-replay/read-config.ts');
  const { tableAt } = await readTablesConfig(path);
  return args.positionals.map((root) => tableAt(root.replace(/^\/+|\/+$/g, '')));
}

function tableLines(table: string, files: readonly StrayFile[]): string[] {
  if (files.length === 0) return [`${table}: no such files`];
  return (['orphan', 'removed'] as const).flatMap((kind) => {
    const own = files.filter((file) => file.kind === kind);
    if (own.length === 0) return [];
    const bytes = own.reduce((sum, { size }) => sum + size, 0);
    const what = kind === 'orphan' ? 'that no commit has' : 'that the log has removed';
    const rows = own
      .slice(0, MAX_NAMED)
      .map(({ path, size, modified }) => [formatTime(modified), formatBytes(size), JSON.stringify(path)]);
    const lines = formatRows(rows, [{}, { align: 'right' }]).map((line) => `  ${line}`);
    const more = own.length > MAX_NAMED ? [`  and ${own.length - MAX_NAMED} more`] : [];
    return [`${table}: ${plural(own.length, 'file')} ${what}, ${formatBytes(bytes)}`, ...lines, ...more];
  });
}

function fileJson({ path, size, modified, kind }: StrayFile) {
  return { path, size, modified: isoTime(modified), kind };
}
