import { type CdfExportConfig, type ExportBuckets, parseCdfExportConfig } from '../cdf/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

export interface CdfExportEnvironment extends FunctionEnvironment<CdfExportConfig> {
  /** URL of the queue of the work on tables. */
  readonly queueUrl: string;
}

/**
 * The environment of the export function; see `readEnvironment`. `RESACA_EXPORT_QUEUE_URL` is the queue of its work, and
 * `RESACA_EXPORT_BUCKETS` the buckets as JSON by the names of the exports, `{"orders": {"tables": name, "to": name}}`,
 * which are known at the deployment only; the configuration may name them instead.
 */
export function cdfExportEnvironment(env: NodeJS.ProcessEnv = process.env): CdfExportEnvironment {
  const { RESACA_EXPORT_QUEUE_URL: queueUrl, RESACA_EXPORT_BUCKETS: buckets, ...rest } = env;
  if (!queueUrl) throw new ConfigError(['RESACA_EXPORT_QUEUE_URL: is missing']);
  const known = readBuckets(buckets);
  return { ...readEnvironment(rest, (value) => parseCdfExportConfig(value, known)), queueUrl };
}

function readBuckets(text: string | undefined): Readonly<Record<string, ExportBuckets>> {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) && Object.values(value).every(isBuckets)) return value as Record<string, ExportBuckets>;
  } catch {
    // Told below, like every other text that is no object of names.
  }
  const expected = 'expected {"export": {"tables": bucket, "to": bucket}}';
  throw new ConfigError([`RESACA_EXPORT_BUCKETS: ${expected}, got ${text.slice(0, 200)}`]);
}

function isBuckets(value: unknown): boolean {
  return isObject(value) && 'tables' in value && 'to' in value && [value.tables, value.to].every(isText);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
