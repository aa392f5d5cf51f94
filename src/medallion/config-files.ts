import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Settings that name a file, and those that its content is. */
const SQL_FILES = { sqlFile: 'sql', sparkSqlFile: 'sparkSql' } as const;

/**
 * The part for the medallion as it was written, with the content of files of SQL in their place, and absolute paths of the
 * modules of functions; `folder` is that of the configuration file. What has another form than steps stays as it is, for the
 * parser to tell. What is wrong is added to `problems`.
 */
export function inlineStepFiles(medallion: unknown, folder: string, problems: string[]): unknown {
  if (!isObject(medallion) || !Array.isArray(medallion.steps)) return medallion;
  const steps = medallion.steps.map((step: unknown, index) =>
    isObject(step) ? inlineFiles(step, folder, (text) => problems.push(`medallion.steps[${index}].${text}`)) : step,
  );
  return { ...medallion, steps };
}

function inlineFiles(
  step: Readonly<Record<string, unknown>>,
  folder: string,
  problem: (text: string) => void,
): Readonly<Record<string, unknown>> {
  const { sqlFile: _, sparkSqlFile: __, ...result }: Record<string, unknown> = step;
  for (const [setting, content] of Object.entries(SQL_FILES)) {
    const file = step[setting];
    if (file === undefined) continue;
    if (step[content] !== undefined) problem(`${setting}: is given, and so is ${content}; expected one of them`);
    if (typeof file === 'string')
      result[content] = readText(resolve(folder, file), (text) => problem(`${setting}: ${text}`));
    else problem(`${setting}: expected text, got ${JSON.stringify(file)}`);
  }
  if (typeof step.function === 'string') {
    result.function = resolve(folder, step.function);
    if (!/\.m?[jt]s$/.test(step.function))
      problem(`function: expected a module, .ts, .mts, .js or .mjs, got "${step.function}"`);
    else if (!existsSync(resolve(folder, step.function))) problem(`function: there is no file ${step.function}`);
  }
  return result;
}

function readText(path: string, problem: (text: string) => void): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    problem(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    // Something, so that it is not told of as missing, too.
    return 'SELECT 1';
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
