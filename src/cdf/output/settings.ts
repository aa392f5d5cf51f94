import type { ConfigReader } from '../../ingest/config-reader.ts';
import { CHANGE_TYPES, type ChangeType } from '../changes/change-type.ts';
import type { ValueSettings } from '../text/cell-text.ts';
import type { CsvSettings } from '../text/csv-text.ts';
import { isTimeZone, TIMESTAMP_FORMATS } from '../text/time-text.ts';

/** What is written of changes, and in which form. It is kept with a range that is begun, so that it ends as it began. */
export interface OutputSettings {
  /** @default 'csv' */
  readonly format: 'csv' | 'jsonl' | 'parquet';
  /** Of CSV and JSON lines; Parquet has ZSTD inside. @default 'none' */
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Bytes of rows after which another file begins, before compression. @default 256 MiB */
  readonly maxFileSize: number;
  /** Which changes are written. @default all; without `update_preimage` where they are split */
  readonly changes: readonly ChangeType[];
  /** `stream`: all in the order of the versions. `split`: folders `deletes` and `inserts` of a version. @default 'stream' */
  readonly layout: 'stream' | 'split';
  /** Columns that stand in `deletes`; empty for all. @default all */
  readonly key: readonly string[];
  /** Whether rows have `_change_type`, `_commit_version` and `_commit_timestamp`. @default true */
  readonly changeColumns: boolean;
  /** Versions of a range at most. @default 1000; 1 where they are split, since deletes are to be applied before inserts */
  readonly maxVersions: number;
  /** Bytes of the files of changes after which a range ends. @default 1 GiB */
  readonly maxRangeBytes: number;
  /** Whether files that were rewritten in a table without a feed count as deleted and inserted rows. @default 'refuse' */
  readonly rewrites: 'refuse' | 'derive';
  readonly values: ValueSettings;
  readonly csv: CsvSettings;
}

/** As a person writes it: what is left out has its default. */
export type OutputSettingsInput = Partial<Omit<OutputSettings, 'values' | 'csv'>> & {
  readonly values?: Partial<ValueSettings>;
  readonly csv?: Partial<CsvSettings>;
};

export const OUTPUT_SETTINGS = [
  'format',
  'compression',
  'maxFileSize',
  'changes',
  'layout',
  'key',
  'changeColumns',
  'maxVersions',
  'maxRangeBytes',
  'rewrites',
  'values',
  'csv',
] as const satisfies readonly (keyof OutputSettings)[];

const MIB = 2 ** 20;

/** Reads the settings of an output; what is wrong goes to the reader's problems. */
export function readOutputSettings(reader: ConfigReader): OutputSettings {
  const format = reader.choice('format', ['csv', 'jsonl', 'parquet'], 'csv');
  const compression = reader.choice('compression', ['none', 'gzip', 'zstd'], 'none');
  if (format === 'parquet' && compression !== 'none') {
    reader.problem('compression', 'is for csv and jsonl: Parquet files are compressed inside, with ZSTD');
  }
  if (format !== 'csv' && reader.has('csv')) reader.problem('csv', `is for the format csv, got ${format}`);
  const layout = reader.choice('layout', ['stream', 'split'], 'stream');
  const key = reader.texts('key');
  if (key.length > 0 && layout !== 'split') reader.problem('key', "is for the layout 'split', of whose deletes it is");
  return {
    format,
    compression,
    maxFileSize: reader.integer('maxFileSize', MIB, 2 ** 40, 256 * MIB),
    changes: readChangeTypes(reader, layout),
    layout,
    key,
    changeColumns: reader.boolean('changeColumns', true),
    maxVersions: reader.integer('maxVersions', 1, 100_000, layout === 'split' ? 1 : 1_000),
    maxRangeBytes: reader.integer('maxRangeBytes', MIB, 2 ** 50, 1_024 * MIB),
    rewrites: reader.choice('rewrites', ['refuse', 'derive'], 'refuse'),
    values: readValues(reader.child('values')),
    csv: readCsv(reader.child('csv')),
  };
}

function readChangeTypes(reader: ConfigReader, layout: OutputSettings['layout']): readonly ChangeType[] {
  const all = CHANGE_TYPES.filter((type) => layout === 'stream' || type !== 'update_preimage');
  if (!reader.has('changes')) return all;
  const given = reader.texts('changes');
  const unknown = given.find((name) => !CHANGE_TYPES.some((type) => type === name));
  if (unknown !== undefined) reader.problem('changes', `expected ${CHANGE_TYPES.join(', ')}, got "${unknown}"`);
  if (given.length === 0) reader.problem('changes', 'has none; leave it out for all');
  return CHANGE_TYPES.filter((type) => given.includes(type));
}

function readValues(reader: ConfigReader): ValueSettings {
  reader.onlyKnows(['timestamps', 'zone', 'binary']);
  const zone = reader.optionalText('zone') ?? 'UTC';
  if (!isTimeZone(zone)) reader.problem('zone', `expected a time zone such as Europe/Berlin, got "${zone}"`);
  return {
    timestamps: reader.choice('timestamps', TIMESTAMP_FORMATS, 'iso'),
    zone,
    binary: reader.choice('binary', ['base64', 'hex'], 'base64'),
  };
}

function readCsv(reader: ConfigReader): CsvSettings {
  reader.onlyKnows([
    'delimiter',
    'quote',
    'escape',
    'header',
    'nullText',
    'lineEnding',
    'booleans',
    'nullBooleansAsFalse',
    'newlines',
  ]);
  const nullText = reader.optionalText('nullText') ?? '';
  if (/["\r\n]/.test(nullText)) reader.problem('nullText', 'is never quoted: expected no quote and no line end');
  const delimiter = reader.matching('delimiter', /^[^"\\\r\n]$/u, 'one character, no quote or backslash', ',');
  if (nullText.includes(delimiter)) reader.problem('nullText', `is never quoted: expected no "${delimiter}" in it`);
  return {
    delimiter,
    quote: reader.choice('quote', ['minimal', 'all', 'none'], 'minimal'),
    escape: reader.choice('escape', ['double', 'backslash'], 'double'),
    header: reader.boolean('header', true),
    nullText,
    lineEnding: reader.choice('lineEnding', ['lf', 'crlf'], 'lf'),
    booleans: reader.choice('booleans', ['true-false', '1-0'], 'true-false'),
    nullBooleansAsFalse: reader.boolean('nullBooleansAsFalse', false),
    newlines: reader.choice('newlines', ['keep', 'escape'], 'keep'),
  };
}
