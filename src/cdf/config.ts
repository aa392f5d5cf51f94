import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import {
  OUTPUT_SETTINGS,
  type OutputSettings,
  type OutputSettingsInput,
  readOutputSettings,
} from './output/settings.ts';

/** A place in S3. */
export interface S3Place {
  readonly bucket: string;
  /** Key prefix without slashes at its ends; '' for the whole bucket. */
  readonly prefix: string;
}

/** Tables whose changes are exported again and again. */
export interface ExportRule {
  /** Tells exports apart: in messages, logs and metrics. @default the prefix of the tables */
  readonly name: string;
  /** Where the tables lie, in whole path segments: one table, or a folder of them. */
  readonly tables: S3Place;
  /** The changes of the table `lake/orders` go to the folder `lake/orders` in it. */
  readonly to: S3Place;
  /** The first version of a table without a position. @default 0 */
  readonly from: number;
  readonly output: OutputSettings;
}

/** An export as a user writes it: what is left out has its default. */
export interface ExportRuleInput extends OutputSettingsInput {
  readonly name?: string;
  /** Of the tables. @default the bucket that the deployment names */
  readonly bucket?: string;
  /** Of the tables. */
  readonly prefix: string;
  /** `s3://bucket/prefix`, or a prefix alone in the bucket of the tables. */
  readonly to: string;
  readonly from?: number;
}

/** Names of buckets that are known at the deployment only, of the tables and of what is exported. */
export interface ExportBuckets {
  readonly tables: string;
  readonly to: string;
}

export interface CdfExportConfig {
  readonly exports: readonly ExportRule[];
}

/** Settings of an export beside those of its output. */
export const EXPORT_SETTINGS = ['name', 'bucket', 'prefix', 'to', 'from', ...OUTPUT_SETTINGS] as const;

/**
 * Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. `buckets` are those
 * of exports by their names, where the configuration names none.
 */
export function parseCdfExportConfig(
  value: unknown,
  buckets: Readonly<Record<string, ExportBuckets>> = {},
): CdfExportConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['exports']);
  const bucketsOf = (name: string) => (Object.hasOwn(buckets, name) ? buckets[name] : undefined);
  const exports = root.children('exports').map((reader) => readExportRule(reader, bucketsOf));
  const names = exports.map(({ name }) => name);
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index))) {
    problems.push(`exports: "${name}" is there twice; give each a name of its own`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { exports };
}

/** Reads an export, also where it stands in the configuration of a deployment. `further` are settings known there. */
export function readExportRule(
  reader: ConfigReader,
  bucketsOf: (name: string) => ExportBuckets | undefined,
  further: readonly string[] = [],
): ExportRule {
  reader.onlyKnows([...EXPORT_SETTINGS, ...further]);
  const prefix = trimmed(reader.matching('prefix', PREFIX, 'a prefix such as "lake/orders"', ''));
  if (!reader.has('prefix')) reader.problem('prefix', 'is required, such as "lake/orders"');
  const name = reader.optionalText('name') ?? prefix;
  const buckets = bucketsOf(name);
  const bucket = reader.optionalText('bucket') ?? buckets?.tables ?? '';
  if (bucket === '') reader.problem('bucket', 'is required');
  const to = readTarget(reader, buckets?.to ?? bucket);
  if (to.bucket === bucket && `${to.prefix}/`.startsWith(`${prefix}/`)) {
    reader.problem('to', `expected it outside of the tables in "${prefix}", where a vacuum would delete the files`);
  }
  const from = reader.integer('from', 0, Number.MAX_SAFE_INTEGER, 0);
  return { name, tables: { bucket, prefix }, to, from, output: readOutputSettings(reader) };
}

function readTarget(reader: ConfigReader, bucket: string): S3Place {
  const to = reader.optionalText('to');
  if (to === undefined) reader.problem('to', 'is required, such as s3://feeds/orders');
  const [, target, folder = ''] = S3_URL.exec(to ?? '') ?? [];
  if (target !== undefined) return { bucket: target, prefix: trimmed(folder) };
  if (to !== undefined && !PREFIX.test(to))
    reader.problem('to', `expected s3://bucket/prefix, or a prefix, got "${to}"`);
  return { bucket, prefix: trimmed(to ?? '') };
}

const PREFIX = /^[^*?{}\\:]*[^*?{}\\:/][^*?{}\\:]*$/;
const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^*?]*))?$/;

function trimmed(text: string): string {
  return text.replace(/^\/+|\/+$/g, '');
}
