import { type CatalogConfig, parseCatalogConfig } from '../catalog/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

/**
 * The environment of the catalog function; see `readEnvironment`. `RESACA_CATALOG_BUCKETS` are the buckets in which tables
 * are looked for, a JSON list of names that are often known at the deployment only; the configuration may name them instead.
 */
export function catalogEnvironment(env: NodeJS.ProcessEnv = process.env): FunctionEnvironment<CatalogConfig> {
  const { RESACA_CATALOG_BUCKETS: buckets, ...rest } = env;
  const environment = readEnvironment(rest, (value) =>
    parseCatalogConfig(buckets && isObject(value) ? { buckets: parseBuckets(buckets), ...value } : value),
  );
  if (environment.catalogQueueUrl === undefined) {
    throw new ConfigError(['RESACA_CATALOG_QUEUE_URL: is missing: the queue of this function']);
  }
  return environment;
}

function parseBuckets(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([`RESACA_CATALOG_BUCKETS: is not JSON: ${reason}`]);
  }
}
