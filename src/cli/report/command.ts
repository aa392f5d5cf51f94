import { collectReport, type ReportOptions, type ReportProgress } from '../../report/collect/collect.ts';
import { renderReport } from '../../report/render/page.ts';
import { type ParsedArgs, parseTime, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';
import { factsJson } from './json.ts';
import { writeWhole } from './write-file.ts';

const DEFAULT_COMMITS = 1_000;
/** The name of the standard output. */
const STDOUT = '-';

export const reportCommand: Command = {
  name: 'report',
  effect: 'reads',
  summary: 'write a report of a table with pictures, as one HTML file',
  description: [
    'Writes an HTML file about the Delta table TABLE, a local folder or s3://bucket/prefix: growth, file sizes, lag, ' +
      'commits by writer, partitions, quarantine, health, schema. It opens in a browser without a server, and asks for ' +
      'nothing from anywhere. Reads the log and the records of the quarantine, never the data files.',
  ],
  positionals: ['TABLE'],
  options: {
    out: { value: 'FILE', help: 'where the report is written, - for the standard output' },
    commits: { value: 'N', help: `read the newest N commits (default ${DEFAULT_COMMITS})` },
    since: { value: 'TIME', help: 'no commits before TIME, such as 2026-11-24T06:30:00Z (UTC unless it says so)' },
    json: { help: 'print the facts as one JSON object, and write no file' },
  },
  examples: [
    'resaca report s3://lake/orders --out report.html',
    'resaca report landing/web_requests --since 2026-11-01 --commits 100000 --out november.html',
    'resaca report s3://lake/orders --out - | aws s3 cp - s3://reports/orders.html --content-type text/html',
  ],
  run: runReport,
};

async function runReport(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const out = readOut(args);
  const options = readOptions(args);
  const table = await openLocation(args.positionals[0] ?? '');
  const isOnTerminal = out !== undefined && out !== STDOUT;
  const live = isOnTerminal ? terminal.show : () => undefined;
  const facts = await collectReport(createEngine(), table, {
    ...options,
    onProgress: (progress) => live([progressLine(table.url, progress)]),
  });
  terminal.endShow();
  if (out === undefined) {
    await terminal.print(JSON.stringify(factsJson(facts), null, 2));
    return EXIT.ok;
  }
  const page = renderReport(facts);
  if (out === STDOUT) {
    await terminal.write(page);
    return EXIT.ok;
  }
  await writeWhole(out, page);
  await terminal.print(`${out}: ${table.url}, version ${facts.version}, ${formatBytes(Buffer.byteLength(page))}`);
  return EXIT.ok;
}

/** Where the report goes; undefined with `--json`. */
function readOut(args: ParsedArgs): string | undefined {
  const out = args.value('out');
  if (args.flag('json')) {
    if (out !== undefined) throw new UsageError('--out and --json cannot be used together');
    return undefined;
  }
  if (out === undefined || out === '') throw new UsageError('--out FILE is missing (or --json)');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(out)) {
    throw new UsageError(`--out expects a local file, got "${out}"; --out - | aws s3 cp - s3://… puts it on S3`);
  }
  return out;
}

function readOptions(args: ParsedArgs): ReportOptions {
  const since = args.value('since');
  return {
    commits: parseWholeNumber(args.value('commits') ?? String(DEFAULT_COMMITS), 'commits', 1),
    ...(since !== undefined && { since: parseTime(since, 'since') }),
  };
}

function progressLine(url: string, { files, commits }: ReportProgress): string {
  return `Reading ${url}: ${plural(files, 'file')}, ${plural(commits, 'commit')}`;
}
