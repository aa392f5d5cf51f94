import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { type ParsedArgs, parseTime, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { rowCount } from './file-totals.ts';
import { fileJson, reportJson } from './json.ts';
import { reportLines } from './print.ts';
import { type InspectOptions, inspectTable } from './report.ts';

const DEFAULT_HISTORY = 10;

export const inspectCommand: Command = {
  name: 'inspect',
  effect: 'reads',
  summary: 'show what a Delta table is made of',
  description: [
    'Shows the schema, protocol and features, files and rows, partitions, file sizes, statistics, log and history of ' +
      'the Delta table TABLE, a local folder or s3://bucket/prefix. Reads the log only, never the data files.',
  ],
  positionals: ['TABLE'],
  options: {
    version: { value: 'N', help: 'the table as it was at version N' },
    timestamp: {
      value: 'TIME',
      help: 'the table as it was at TIME, such as 2026-11-24T06:30:00Z (UTC unless it says so)',
    },
    history: { value: 'N', help: `show the newest N commits (default ${DEFAULT_HISTORY})` },
    files: { help: 'list every file, before the rest' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca inspect landing/web_requests',
    'resaca inspect s3://lake/web_requests --timestamp 2026-11-24 --json',
  ],
  run: runInspect,
};

async function runInspect(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const table = await openLocation(args.positionals[0] ?? '');
  const options = readOptions(args);
  const reader = createCheckpointReader();
  if (!args.flag('json')) {
    const onFile: InspectOptions['onFile'] = async (add) => {
      const rows = rowCount(add);
      const rowText = rows === undefined ? 'rows unknown' : plural(rows, 'row');
      await terminal.print(`${formatBytes(add.size).padStart(8)}  ${rowText.padStart(14)}  ${fileName(add.path)}`);
    };
    const report = await inspectTable(table, reader, { ...options, ...(args.flag('files') && { onFile }) });
    if (args.flag('files')) await terminal.print(`${formatCount(report.totals.files)} files\n`);
    await terminal.print(reportLines(report, terminal).join('\n'));
    return EXIT.ok;
  }
  if (!args.flag('files')) {
    await terminal.print(JSON.stringify(reportJson(await inspectTable(table, reader, options)), null, 2));
    return EXIT.ok;
  }
  // Written file by file, so that a large table need not fit into memory.
  let separator = '{"activeFiles":[\n';
  const report = await inspectTable(table, reader, {
    ...options,
    async onFile(add) {
      await terminal.write(separator + JSON.stringify(fileJson(table, add)));
      separator = ',\n';
    },
  });
  const opening = report.totals.files === 0 ? separator : '';
  await terminal.print(`${opening}\n],\n${JSON.stringify(reportJson(report)).slice(1)}`);
  return EXIT.ok;
}

function readOptions(args: ParsedArgs): InspectOptions {
  const version = args.value('version');
  const timestamp = args.value('timestamp');
  if (version !== undefined && timestamp !== undefined) {
    throw new UsageError('--version and --timestamp cannot be used together');
  }
  return {
    ...(version !== undefined && { version: parseWholeNumber(version, 'version') }),
    ...(timestamp !== undefined && { timestamp: parseTime(timestamp, 'timestamp') }),
    history: parseWholeNumber(args.value('history') ?? String(DEFAULT_HISTORY), 'history'),
  };
}

function fileName(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
