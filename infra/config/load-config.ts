import { existsSync, readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseResacaConfig } from './parse-config.ts';
import type { ResacaConfig } from './types.ts';

/**
 * The configuration in a file, checked: JSON, or a module (.ts, .mjs, .js) that exports it as `config`.
 * `stage` is used in place of the one in the file. Throws ConfigError naming every mistake.
 */
export async function loadConfig(file: string, stage?: unknown): Promise<ResacaConfig & { readonly stage: string }> {
  const value = await readConfig(file);
  const config = stage === undefined || typeof value !== 'object' ? value : { ...value, stage };
  const deployment = parseResacaConfig(config);
  return { ...(config as ResacaConfig), stage: deployment.stage };
}

async function readConfig(file: string): Promise<unknown> {
  const path = resolve(file);
  if (!existsSync(path)) throw new ConfigError([`${file}: there is no such file`]);
  if (extname(path) === '.json') return parseJson(file, readFileSync(path, 'utf8'));
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
  if (module.config === undefined) throw new ConfigError([`${file}: expected it to export \`config\``]);
  return module.config;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError([`${file}: is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
}
