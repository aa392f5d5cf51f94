import type { TableRef } from '../../delta/table.ts';
import { optimizeTable } from '../../maintenance/optimize/optimize-table.ts';
import type { OptimizeResult } from '../../maintenance/optimize/options.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';
import { resultLines } from './print.ts';
import { asUsage, type OptimizeRequest, parseRequest } from './request.ts';

/** Does what a request asks for on another engine; prints it, and says how it ended. */
export type RunElsewhere = (table: TableRef, request: OptimizeRequest, context: CommandContext) => Promise<ExitCode>;

export interface OptimizeCommandParts {
  /** Serves `--engine spark`. @default it is refused */
  readonly spark?: RunElsewhere;
}

/** The command `resaca optimize`, with the engines that there are. */
export function createOptimizeCommand(parts: OptimizeCommandParts = {}): Command {
  return { ...DESCRIPTION, run: (args, context) => runOptimize(args, context, parts) };
}

const DESCRIPTION: Omit<Command, 'run'> = {
  name: 'optimize',
  effect: 'writes',
  summary: 'put small files of a table together into larger ones',
  description: [
    'Rewrites the small files of each partition of TABLE, a local path or s3://bucket/prefix, as files of the target ' +
      'size. No row changes: every new file is read again and compared before it is committed. Other writers may go on.',
    'Old files stay where they are for readers of older versions, until a vacuum. A run that was interrupted is ' +
      'continued by the same command.',
  ],
  positionals: ['TABLE'],
  options: {
    'target-size': {
      value: 'SIZE',
      help: "bytes of a new file, such as 128MiB (default: the table's delta.targetFileSize, or 128MiB)",
    },
    'min-file-size': { value: 'SIZE', help: 'files of this size stay (default: three quarters of the target)' },
    'min-files': { value: 'N', help: 'fewest files that are put together (default: 2)' },
    where: {
      value: 'FILTER',
      multiple: true,
      help: 'only these partitions: NAME=VALUE, or with !=, <, <=, >, >=; an empty value is null',
    },
    'older-than': { value: 'AGE', help: 'only files of this age, such as 1h: writers still add to younger ones' },
    'sort-by': { value: 'COLUMNS', help: 'sort the rows of each new file by a,b,...' },
    'z-order': { value: 'COLUMNS', help: 'order the rows of each new file by a,b,... alike' },
    'drop-unknown-columns': { help: 'rewrite files with columns that the table lacks, without these' },
    'max-bytes': { value: 'SIZE', help: 'bytes of small files that this run reads at most' },
    'max-time': { value: 'TIME', help: 'time that this run takes at most, such as 10m' },
    engine: { value: 'NAME', help: 'local, or spark for tables that one machine does not manage (default: local)' },
    'dry-run': { help: 'say what would be done' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca optimize s3://lake/web_requests --dry-run',
    "resaca optimize s3://lake/web_requests --where 'ds>=2026-11-01' --older-than 1h --max-time 10m",
    'resaca optimize lake/orders --sort-by customer,ordered_at',
  ],
  stopsCleanly: true,
};

async function runOptimize(
  args: ParsedArgs,
  context: CommandContext,
  { spark }: OptimizeCommandParts,
): Promise<ExitCode> {
  const request = parseRequest(args);
  const table = await openLocation(request.location);
  if (request.engine === 'spark') {
    if (spark === undefined) throw new UsageError('--engine spark is not set up here');
    return spark(table, request, context);
  }
  const result = await runLocally(table, request, context);
  const { terminal } = context;
  if (request.json) await terminal.print(JSON.stringify(result, null, 2));
  else for (const line of resultLines(result)) await terminal.print(line);
  return result.leftAloneCount === 0 ? EXIT.ok : EXIT.incomplete;
}

async function runLocally(
  table: TableRef,
  { options, dryRun, maxTime, json }: OptimizeRequest,
  { terminal, signal }: CommandContext,
): Promise<OptimizeResult> {
  const totals = { files: 0, bytes: 0 };
  try {
    return await asUsage(() =>
      optimizeTable(createEngine(), table, {
        ...options,
        dryRun,
        ...(maxTime !== undefined && { deadline: Date.now() + maxTime }),
        // Like the end of the time: what is ready is committed, and nothing is begun.
        shouldStop: () => signal.aborted,
        onBin({ inputFiles, inputBytes }) {
          totals.files += inputFiles;
          totals.bytes += inputBytes;
          if (!json) terminal.show([`${plural(totals.files, 'file')} put together, ${formatBytes(totals.bytes)}`]);
        },
      }),
    );
  } finally {
    terminal.endShow();
  }
}
