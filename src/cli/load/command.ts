import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, plural } from '../format.ts';
import { createEngine } from '../maintenance-engine.ts';
import { appendLoaded } from './append.ts';
import { type FileReport, loadOne, previewOne } from './files.ts';
import { readOptions } from './options.ts';
import { reportJson, reportLines } from './print.ts';
import { openSource, openTable } from './source.ts';

export const loadCommand: Command = {
  name: 'load',
  effect: 'writes',
  summary: 'load CSV, JSON lines, Avro and Parquet files into a Delta table',
  description: [
    'Reads each FILE, a local path or s3://bucket/key, and appends its rows to the table in the types that the table has, or ' +
      'that --column gives; new columns of JSON lines and Avro get theirs from the values. gzip and zstd are recognised.',
    'A file with a row that does not fit is left out as a whole, unless --max-rejected lets rows stay out; the reasons are ' +
      'noted under _resaca/quarantine, rejected rows under _resaca/rejected. The same content of a file is loaded once: a run ' +
      'that was interrupted is continued by the same command.',
  ],
  positionals: ['FILE...'],
  options: {
    table: { value: 'TABLE', help: 'the table: a local folder or s3://bucket/prefix; made where there is none' },
    format: { value: 'FORMAT', help: 'json-lines, csv, avro or parquet (default: by the ending)' },
    column: { value: 'NAME:TYPE', multiple: true, help: 'type of a new column, such as at:timestamp' },
    partition: { value: 'NAME:TYPE', multiple: true, help: 'partition column of a new table, such as ds:date' },
    'schema-policy': {
      value: 'POLICY',
      help: 'columns that the table lacks: evolve, strict or fixed (default: evolve)',
    },
    'max-rejected': { value: 'N', help: 'rows that may be left out of a file, or a share such as 5% (default: 0)' },
    delimiter: { value: 'TEXT', help: 'of CSV (default: a comma, or a tab for .tsv)' },
    header: { value: 'NAMES', help: 'columns of CSV without a header, separated by commas' },
    null: { value: 'TEXT', multiple: true, help: 'field of CSV that is null (default: the empty one)' },
    encoding: { value: 'NAME', help: 'of CSV: utf-8 or latin1 (default: utf-8)' },
    'infer-types': { help: 'find out the types of new columns of CSV; they are strings otherwise' },
    'dry-run': { help: 'read everything, and show the rows and columns; write nothing' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca load orders.csv.gz --table lake/orders --infer-types --dry-run',
    'resaca load s3://exports/a.jsonl s3://exports/b.jsonl --table s3://lake/events --partition day:date',
    'resaca load a.csv b.csv --table lake/orders --column id:long --max-rejected 1%',
  ],
  stopsCleanly: true,
  run: runLoad,
};

async function runLoad(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const options = readOptions(args);
  const isDry = args.flag('dry-run');
  const table = await openTable(options.table);
  const engine = {
    ...createEngine(),
    reader: createCheckpointReader(),
    telemetry: { log: () => undefined, metrics: () => undefined },
  };
  const live = args.flag('json') ? () => undefined : terminal.show;
  const reports: FileReport[] = [];
  for (const name of args.positionals) {
    signal.throwIfAborted();
    const { source, format } = await openSource(name, options.format);
    const onPart = (rows: number) => {
      signal.throwIfAborted();
      const done = reports.length;
      live([`${source.url}: ${formatCount(rows)} rows; ${plural(done, 'file')} of ${args.positionals.length} before`]);
    };
    const job = { source, format, table, settings: options.settings, limits: options.limits, onPart };
    reports.push(isDry ? await previewOne(engine, job) : await loadOne(engine, job));
  }
  terminal.endShow();
  const appended = isDry ? undefined : await appendLoaded(table, options.settings, reports);
  if (args.flag('json')) await terminal.print(JSON.stringify(reportJson(table, reports, appended), null, 2));
  else await terminal.print(reportLines(table, reports, appended, terminal).join('\n'));
  const isWhole = reports.every(({ problem, rejected }) => problem === undefined && rejected === 0);
  return isWhole && (appended?.quarantined.length ?? 0) === 0 ? EXIT.ok : EXIT.incomplete;
}
