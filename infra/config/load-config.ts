import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { inlineStepFiles } from '../../src/medallion/config-files.ts';
import { sqlProblems } from '../../src/medallion/engine/check-sql.ts';
import { parseResacaConfig } from './parse-config.ts';
import type { ResacaConfig } from './types.ts';

/**
 * The configuration in a file, checked: JSON, or a module (.ts, .mjs, .js) that exports it as `config`.
 * `stage` is used in place of the one in the file. Throws ConfigError naming every mistake.
 */
export async function loadConfig(file: string, stage?: unknown): Promise<ResacaConfig & { readonly stage: string }> {
  const value = withStepFiles(await readConfig(file), dirname(resolve(file)));
  const config = stage === undefined || typeof value !== 'object' ? value : { ...value, stage };
  const deployment = parseResacaConfig(config);
  const problems = await sqlProblems(deployment.medallion?.steps ?? []);
  if (problems.length > 0) {
    throw new ConfigError(problems.map(({ step, name, text }) => `medallion.steps[${step}].${name}: ${text}`));
  }
  return { ...(config as ResacaConfig), stage: deployment.stage };
}

/** With what steps have in files of their own. */
function withStepFiles(value: unknown, folder: string): unknown {
  if (typeof value !== 'object' || value === null || !('medallion' in value)) return value;
  const problems: string[] = [];
  const medallion = inlineStepFiles(value.medallion, folder, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...value, medallion };
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
