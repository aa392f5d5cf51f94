import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEPLOYMENT_PARTS } from '../ingest/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import { UsageError } from './args.ts';

/**
 * Reads a configuration: JSON, or a module such as resaca.config.ts that exports `config`. Throws UsageError, which names the
 * file, for one that is not there, and for what `parse` refuses.
 */
export async function readConfigFile<T>(path: string, parse: (value: unknown) => T): Promise<T> {
  try {
    return parse(await readValue(path));
  } catch (error) {
    const isTheirs = error instanceof ConfigError || error instanceof SyntaxError;
    if (!isTheirs && !(error instanceof Error && 'code' in error)) throw error;
    throw new UsageError(`${path}: ${error.message}`);
  }
}

/** The rules of tables in a deployment's configuration; anything else as it is. */
export function rulesOf(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !DEPLOYMENT_PARTS.includes(name)));
}

/** A part of a deployment's configuration; undefined where there is none. */
export function partOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readValue(path: string): Promise<unknown> {
  if (extname(path) === '.json') return JSON.parse(await readFile(path, 'utf8'));
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(resolve(path)).href);
  if (module.config === undefined) throw new ConfigError(['expected it to export `config`']);
  return module.config;
}
