import { type AdoptionProgress, isAdopting } from '../../ingest/adopt.ts';
import { type PartitionColumn, parseAppendConfig } from '../../ingest/config.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { type Conversion, type ConvertResult, convert, openConversion, parquetPath } from './convert.ts';
import { progressLines, resultJson, resultLines } from './print.ts';
import { type Survey, surveyPrefix } from './survey.ts';

export const convertCommand: Command = {
  name: 'convert',
  effect: 'writes',
  summary: 'turn a folder or prefix of Parquet files into a Delta table',
  description: [
    'Turns the *.parquet files under TABLE, a local folder or s3://bucket/prefix, into a Delta table in place: their ' +
      'footers are read, and only the log is written. Folders like ds=2026-11-24 become partition columns.',
    'In a table that was made by this command, the files that it does not know are added. So a run that was ' +
      'interrupted is continued by the same command. A table that something else made is left alone.',
    'Files that do not fit stay where they are, and are noted with the reason under _resaca/quarantine.',
  ],
  positionals: ['TABLE'],
  options: {
    partition: {
      value: 'NAME:TYPE',
      multiple: true,
      help: 'type of a partition column of a new table, such as ds:date (default: string)',
    },
    'dry-run': { help: 'do everything but write' },
    yes: { help: 'do not ask' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca convert landing/web_requests --dry-run',
    'resaca convert s3://lake/web_requests --partition ds:date --yes',
  ],
  stopsCleanly: true,
  run: runConvert,
};

async function runConvert(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const types = partitionTypes(args.values('partition'));
  const table = await openLocation(args.positionals[0] ?? '');
  const live = args.flag('json') ? () => undefined : terminal.show;
  const conversion = await openConversion(table, createCheckpointReader());
  assertOurs(conversion);
  const survey = await surveyPrefix(table, parquetPath(table.root), (files) => {
    signal.throwIfAborted();
    live([`Looking for files under ${table.url}: ${formatCount(files)}`]);
  });
  terminal.endShow();
  if (survey.files === 0) throw new Error(`there are no files *.parquet under ${table.url}`);
  const partitionColumns = typedColumns(conversion, survey, types);
  const dryRun = args.flag('dry-run');
  if (!dryRun && !args.flag('yes') && !(await isConfirmed(questionOf(conversion, survey), context))) return EXIT.failed;

  const begin = Date.now();
  let last: AdoptionProgress | undefined;
  const result = await stoppable(
    signal,
    () => last,
    () =>
      convert(conversion, {
        partitionColumns,
        dryRun,
        onProgress(progress) {
          last = progress;
          signal.throwIfAborted();
          live(progressLines(progress, survey, Date.now() - begin, terminal));
        },
      }),
  );
  terminal.endShow();
  if (args.flag('json')) await terminal.print(JSON.stringify(resultJson(conversion, result, dryRun), null, 2));
  else
    await terminal.print(
      resultLines(conversion, result, { dryRun, duration: Date.now() - begin }, terminal).join('\n'),
    );
  if (survey.compacted > 0) terminal.note(compactedNote(survey.compacted));
  return result.progress.quarantined === 0 && survey.compacted === 0 ? EXIT.ok : EXIT.incomplete;
}

/** Their rows are also in the small files that they were made of, or in them alone where these are gone. */
function compactedNote(files: number): string {
  return (
    `${plural(files, 'file')} resaca-compacted-* or resaca-merged-* left out: a table that was here before had small files put ` +
    'together in them. Where these are gone, restore its _delta_log instead.'
  );
}

/** In another writer's table, a file that the log does not know may be one that it removed so long ago that no tombstone is left. */
function assertOurs({ head, table }: Conversion): void {
  if (head === undefined || isAdopting(head)) return;
  throw new Error(`${table.url} is a Delta table already (version ${head.version}), and was not made by convert`);
}

/** Says what an interrupt left behind. */
async function stoppable(
  signal: AbortSignal,
  progress: () => AdoptionProgress | undefined,
  run: () => Promise<ConvertResult>,
): Promise<ConvertResult> {
  try {
    return await run();
  } catch (error) {
    if (!signal.aborted) throw error;
    const added = progress()?.added ?? 0;
    throw new Error(`stopped after ${plural(added, 'file')}; the same command continues from there`);
  }
}

function partitionTypes(texts: readonly string[]): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const text of texts) {
    const [, name, type] = /^(.+):([^:]+)$/.exec(text) ?? [];
    if (name === undefined || type === undefined) {
      throw new UsageError(`--partition expects NAME:TYPE, such as ds:date, got "${text}"`);
    }
    assertPartitionType(name, type);
    types.set(name, type);
  }
  return types;
}

function assertPartitionType(name: string, type: string): void {
  try {
    parseAppendConfig({ tables: [{ prefix: '', partitionColumns: [{ name, type }] }] });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(
      `--partition ${name}:${type}: ${error.problems.map((problem) => problem.replace(/^[^:]*: /, '')).join('; ')}`,
    );
  }
}

/** The columns of the first file's path with the types asked for. */
function typedColumns(
  { head }: Conversion,
  { partitionColumns }: Survey,
  types: ReadonlyMap<string, string>,
): readonly PartitionColumn[] {
  if (types.size > 0 && head !== undefined) {
    throw new UsageError('--partition is for new tables, and this one is there already');
  }
  const unknown = [...types.keys()].find((name) => !partitionColumns.includes(name));
  if (unknown !== undefined) {
    const found = partitionColumns.length === 0 ? 'no partition columns' : partitionColumns.join(', ');
    throw new UsageError(`--partition names "${unknown}"; the path of the first file has ${found}`);
  }
  return partitionColumns.map((name) => ({ name, type: types.get(name) ?? 'string' }) as PartitionColumn);
}

function questionOf({ table, head }: Conversion, { files, bytes }: Survey): string {
  const found = `${plural(files, 'Parquet file')}, ${formatBytes(bytes)}, under ${table.url}`;
  const what =
    head === undefined
      ? 'Make a Delta table of them?'
      : `Add what is new to the table, which is at version ${head.version}?`;
  return `${found}\n${what}`;
}
