import { readFile } from 'node:fs/promises';
import { OUTPUT_SETTINGS, type OutputSettings, readOutputSettings } from '../../cdf/output/settings.ts';
import { ConfigReader } from '../../ingest/config-reader.ts';
import { type OptionSpec, type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import { parseBytes } from '../units.ts';

/** The options that say what is written, and in which form. */
export const OUTPUT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  format: { value: 'FORMAT', help: 'csv, jsonl or parquet (default: csv)' },
  compression: { value: 'KIND', help: 'of csv and jsonl: none, gzip or zstd (default: none)' },
  changes: { value: 'LIST', help: 'which changes, such as insert,update_postimage,delete (default: all)' },
  layout: { value: 'LAYOUT', help: 'stream, or split: folders deletes and inserts for each version (default: stream)' },
  key: { value: 'LIST', help: 'with split: columns that the files of deletes have (default: all)' },
  'no-change-columns': { help: 'leave out _change_type, _commit_version and _commit_timestamp' },
  'max-file-size': { value: 'SIZE', help: 'rows after which another file begins (default: 256MiB)' },
  'max-versions': { value: 'N', help: 'versions of a folder at most (default: 1000; with split 1)' },
  rewrites: {
    value: 'WHAT',
    help: 'rewritten files in a table without a feed: refuse, or derive deletes and inserts (default: refuse)',
  },
  delimiter: { value: 'CHAR', help: 'csv: between fields (default: a comma)' },
  quote: { value: 'HOW', help: 'csv: minimal, all or none (default: minimal)' },
  escape: { value: 'HOW', help: 'csv: quotes in a field, double or backslash (default: double)' },
  'no-header': { help: 'csv: no line with the names' },
  null: { value: 'TEXT', help: 'csv: what null is (default: nothing)' },
  'line-ending': { value: 'KIND', help: 'csv: lf or crlf (default: lf)' },
  booleans: { value: 'KIND', help: 'csv: true-false or 1-0 (default: true-false)' },
  'null-booleans-as-false': { help: 'csv: a boolean that is null is written as false' },
  newlines: { value: 'HOW', help: 'csv: line ends in texts, keep or escape (default: keep)' },
  timestamps: {
    value: 'FORM',
    help: 'csv, jsonl: iso, mysql, epoch-seconds, epoch-millis or epoch-micros (default: iso)',
  },
  zone: { value: 'ZONE', help: 'csv, jsonl: of iso and mysql timestamps, such as Europe/Berlin (default: UTC)' },
  binary: { value: 'FORM', help: 'csv, jsonl: base64 or hex (default: base64)' },
  settings: { value: 'FILE', help: 'the same as JSON, as the function has them; options go before' },
};

/** Reads the settings of the output. Throws UsageError naming all that is wrong. */
export async function readOutputArgs(args: ParsedArgs): Promise<OutputSettings> {
  const file = args.value('settings');
  const given = file === undefined ? {} : await readSettings(file);
  const nested = (name: string) => (typeof given[name] === 'object' ? given[name] : {}) ?? {};
  const csv = { ...nested('csv'), ...csvArgs(args) };
  const values = { ...nested('values'), ...text(args, { timestamps: 'timestamps', zone: 'zone', binary: 'binary' }) };
  const size = args.value('max-file-size');
  const versions = args.value('max-versions');
  const merged = {
    ...given,
    ...text(args, { format: 'format', compression: 'compression', layout: 'layout', rewrites: 'rewrites' }),
    ...list(args, 'changes'),
    ...list(args, 'key'),
    ...(args.flag('no-change-columns') && { changeColumns: false }),
    ...(size !== undefined && { maxFileSize: parseBytes(size, 'max-file-size') }),
    ...(versions !== undefined && { maxVersions: parseWholeNumber(versions, 'max-versions', 1) }),
    values,
    ...(Object.keys(csv).length > 0 && { csv }),
  };
  const problems: string[] = [];
  const reader = new ConfigReader(merged, '', problems);
  reader.onlyKnows(OUTPUT_SETTINGS);
  const settings = readOutputSettings(reader);
  if (problems.length > 0) throw new UsageError(problems.join('; '));
  return settings;
}

function csvArgs(args: ParsedArgs): Record<string, unknown> {
  return {
    ...text(args, {
      delimiter: 'delimiter',
      quote: 'quote',
      escape: 'escape',
      null: 'nullText',
      'line-ending': 'lineEnding',
      booleans: 'booleans',
      newlines: 'newlines',
    }),
    ...(args.flag('no-header') && { header: false }),
    ...(args.flag('null-booleans-as-false') && { nullBooleansAsFalse: true }),
  };
}

/** Settings by the options that were given: name of the option to name of the setting. */
function text(args: ParsedArgs, names: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [option, setting] of Object.entries(names)) {
    const value = args.value(option);
    if (value !== undefined) found[setting] = value === '\\t' ? '\t' : value;
  }
  return found;
}

function list(args: ParsedArgs, name: string): Record<string, readonly string[]> {
  const value = args.value(name);
  return value === undefined ? {} : { [name]: value.split(',').map((item) => item.trim()) };
}

async function readSettings(file: string): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--settings ${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  }
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, like every other text that is no object.
  }
  throw new UsageError(`--settings ${file} has no JSON object`);
}
