import { CHANGE_TYPES, totalOf } from '../../cdf/changes/change-type.ts';
import { isCdfError } from '../../cdf/errors.ts';
import { type ExportedRange, type ExportResult, exportTable } from '../../cdf/export/export-table.ts';
import { rangeName } from '../../cdf/export/range.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { readBound } from './bounds.ts';
import { OUTPUT_OPTIONS, readOutputArgs } from './output-args.ts';
import { openTarget } from './target.ts';

export const cdfExportCommand: Command = {
  name: 'cdf export',
  effect: 'writes',
  summary: 'write the changes of a table as CSV, JSON lines or Parquet',
  description: [
    'Writes the rows that were inserted, updated and deleted since the last time, from the change data feed of TABLE, a local ' +
      'folder or s3://bucket/prefix, or from the files that its commits added and removed.',
    'Each range of versions gets a folder in --to, with _SUCCESS once it is complete: the names of the files, and the rows ' +
      'by kind of change. A run that is cut off is begun again by the next one, with the same files.',
  ],
  positionals: ['TABLE'],
  options: {
    to: { value: 'PLACE', help: 'a folder, or s3://bucket/prefix' },
    from: { value: 'WHEN', help: 'the first version, or a time, where there is no position yet (default: 0)' },
    until: { value: 'WHEN', help: 'the last version, or a time (default: the latest)' },
    position: { value: 'OBJECT', help: 'a file, or s3://bucket/key (default: _position.json in --to)' },
    restart: { help: 'begin at --from, whatever the position is; complete ranges are not written again' },
    ...OUTPUT_OPTIONS,
    'dry-run': { help: 'say which versions would be exported, and write nothing' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca cdf export s3://lake/orders --to s3://feeds/orders --format jsonl --compression gzip',
    "resaca cdf export ./orders --to ./out --layout split --key id --quote all --escape backslash --null '\\N'",
  ],
  stopsCleanly: true,
  run: runExport,
};

async function runExport(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const from = readBound(args, 'from');
  const until = readBound(args, 'until');
  if (args.flag('restart') && from === undefined) throw new UsageError('--restart needs --from');
  const output = await readOutputArgs(args);
  const table = await openLocation(args.positionals[0] ?? '');
  const target = await openTarget(args, table);
  const dryRun = args.flag('dry-run');
  const ranges: ExportedRange[] = [];
  const lines = args.flag('json') ? undefined : terminal;
  try {
    const result = await exportTable(table, target, createCheckpointReader(), {
      output,
      ...(from !== undefined && { from }),
      ...(until !== undefined && { until }),
      restart: args.flag('restart'),
      dryRun,
      isTimeUp: () => signal.aborted,
      onRange: (range) => {
        ranges.push(range);
        lines?.show([rangeLine(range, dryRun)]);
      },
    });
    terminal.endShow();
    for (const range of lines === undefined ? [] : ranges) await terminal.print(rangeLine(range, dryRun));
    await terminal.print(
      lines === undefined
        ? JSON.stringify({ table: table.url, to: target.url, ...result, exported: ranges.map(rangeJson) }, null, 2)
        : summary(table.url, result, dryRun),
    );
    return result.state === 'done' ? EXIT.ok : EXIT.incomplete;
  } catch (error) {
    terminal.endShow();
    if (!isCdfError(error, 'TIME_UP')) throw error;
    terminal.note(`resaca: ${error.message}`);
    return EXIT.incomplete;
  }
}

function rangeLine({ from, until, manifest, wasComplete }: ExportedRange, dryRun: boolean): string {
  const versions = from === until ? `version ${from}` : `versions ${from} to ${until}`;
  if (wasComplete) return `${versions}: was complete`;
  if (dryRun || manifest === undefined) return `${versions}: would be exported`;
  const changes = CHANGE_TYPES.filter((type) => manifest.changes[type] > 0).map(
    (type) => `${formatCount(manifest.changes[type])} ${type}`,
  );
  const bytes = formatBytes(manifest.files.reduce((sum, file) => sum + file.bytes, 0));
  const rows = changes.length === 0 ? 'no changes' : changes.join(', ');
  return `${versions}: ${rows} (${plural(manifest.files.length, 'file')}, ${bytes}) in ${rangeName(manifest)}`;
}

function rangeJson({ from, until, manifest, wasComplete }: ExportedRange) {
  return { from, until, folder: rangeName({ from, until }), wasComplete, ...(manifest !== undefined && { manifest }) };
}

function summary(url: string, result: ExportResult, dryRun: boolean): string {
  const { ranges, version, latest, changes, versions } = result;
  if (ranges === 0) return `${url}: nothing new; version ${version ?? 'none'} of ${latest} is exported`;
  const done = dryRun ? 'would export' : 'exported';
  const rows = dryRun ? '' : `, ${plural(totalOf(changes), 'row')}`;
  const left = result.state === 'more' ? '; more is left for the next run' : '';
  return `${url}: ${done} ${plural(versions, 'version')}${rows}, up to version ${version} of ${latest}${left}`;
}
