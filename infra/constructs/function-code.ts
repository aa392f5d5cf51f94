import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FileSystem } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';

/** Beside the code, under this name, lies the configuration of a function. */
export const CONFIG_FILE = 'config.json';

/** Files and folders beside a function's code: where they are, by their paths in it. */
export type FunctionFiles = Readonly<Record<string, string>>;

/**
 * The bundle of a function, as it was built and tested, with its configuration beside it: a function's variables hold
 * 4 kB, which a list of tables outgrows, and so the code and its configuration change together.
 * Throws when the bundle was not built.
 */
export function functionCode(name: string, config: unknown, files: FunctionFiles = {}): Code {
  const bundle = join(packageRoot(import.meta.dirname), 'dist/lambdas', name);
  if (!existsSync(bundle)) throw new Error(`the bundle of the function "${name}" is not there: run npm run build`);
  const folder = FileSystem.mkdtemp(`resaca-${name}-`);
  if (temporary.size === 0) process.once('exit', removeTemporary);
  temporary.add(folder);
  cpSync(bundle, folder, { recursive: true });
  for (const [path, source] of Object.entries(files)) cpSync(source, join(folder, path), { recursive: true });
  writeFileSync(join(folder, CONFIG_FILE), `${JSON.stringify(config, undefined, 2)}\n`);
  return Code.fromAsset(folder);
}

/** What the CDK has copied into its output when the process ends. */
const temporary = new Set<string>();

function removeTemporary(): void {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
}

/** The same from the sources and from the built package, which lie at different depths. */
export function packageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('the package of resaca has no package.json');
  return packageRoot(parent);
}
