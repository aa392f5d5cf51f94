import { type DoctorOptions, examineTable } from '../../maintenance/doctor/doctor.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';
import { reportLines } from './print.ts';

const MAX_SAMPLE = 100_000;

export const doctorCommand: Command = {
  name: 'doctor',
  effect: 'reads',
  summary: 'look a table over, and say what should be done',
  description: [
    'Looks at the log, the sizes, statistics and partitions of the files, and the protocol of the Delta table TABLE, a ' +
      'local folder or s3://bucket/prefix, and says what is wrong and what to do. Nothing is written.',
    'With --files, the store is listed, to find active files that are missing and files that nobody needs. Ends with ' +
      'code 3 if something should be done.',
  ],
  positionals: ['TABLE'],
  options: {
    files: { help: 'look whether every active file is there, and what is there beside them (one LIST)' },
    sample: { value: 'N', help: 'ask for N active files, chosen by chance, instead' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: ['resaca doctor s3://lake/orders', 'resaca doctor s3://lake/orders --files --json'],
  run: runDoctor,
};

async function runDoctor(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const options = readOptions(args);
  const table = await openLocation(args.positionals[0] ?? '');
  const live = args.flag('json') ? () => undefined : terminal.show;
  const report = await examineTable(createEngine(), table, {
    ...options,
    onProgress: (files) => live([`Looking at ${table.url}: ${plural(files, 'file')}`]),
  });
  terminal.endShow();
  if (args.flag('json')) await terminal.print(JSON.stringify(report, null, 2));
  else for (const line of reportLines(report, terminal)) await terminal.print(line);
  return report.findings.some(({ severity }) => severity !== 'info') ? EXIT.incomplete : EXIT.ok;
}

function readOptions(args: ParsedArgs): DoctorOptions {
  const sample = args.value('sample');
  const files = args.flag('files');
  if (sample === undefined) return { files };
  if (files) throw new UsageError('--files and --sample cannot be used together');
  const size = parseWholeNumber(sample, 'sample', 1);
  if (size > MAX_SAMPLE) throw new UsageError(`--sample expects ${MAX_SAMPLE} at most; --files looks at all`);
  return { sample: size };
}
