import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UnavailableError } from './local-aws/unavailable-error.ts';

const run = promisify(execFile);

const CACHE = join(import.meta.dirname, '../.cache/node');

/** For installations that hang, ms. */
const TIMEOUT = 5 * 60_000;

export interface NodePackagesOptions {
  readonly cache?: string;
  /** A module that is run once in the new folder, to make what the packages make at their first use. */
  readonly prepare?: string;
}

/**
 * The folder with these npm packages, given with exact versions (`name@1.2.3`), for what is too large to be installed
 * with the project. It is made under `cache` on first use, and found there from then on as long as the list stays the
 * same. May be called by many processes at once: each makes its own, and the first one is taken.
 * Throws `UnavailableError` without a package registry.
 */
export async function npmPackages(
  name: string,
  packages: readonly string[],
  { cache = CACHE, prepare }: NodePackagesOptions = {},
): Promise<string> {
  const identity = JSON.stringify([process.arch, process.versions.modules, prepare ?? '', ...packages]);
  const hash = createHash('sha256').update(identity).digest('hex');
  const folder = join(cache, `${name}-${hash.slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.${randomUUID()}.tmp`;
  try {
    await mkdir(making, { recursive: true });
    await install(name, making, packages);
    if (prepare !== undefined) await runModule(making, prepare);
    await publish(making, folder);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return folder;
}

async function install(name: string, folder: string, packages: readonly string[]): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  const options = ['--save-exact', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await run('npm', ['install', ...options, ...packages], { cwd: folder, timeout: TIMEOUT });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(
      `npm could not install the packages of ${name}, for which it needs a package registry: ${reason.trim().split('\n').at(-1)}`,
    );
  }
}

async function runModule(folder: string, text: string): Promise<void> {
  await run(process.execPath, ['--input-type=module', '--eval', text], { cwd: folder, timeout: TIMEOUT });
}

/** A folder that is not empty is not replaced by a rename: then another process was first. */
async function publish(making: string, folder: string): Promise<void> {
  try {
    await rename(making, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}
