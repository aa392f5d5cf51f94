import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { packageRoot } from './function-code.ts';

/** Of the functions of AWS Lambda, as the packages of DuckDB call them. */
export type DuckDbArchitecture = 'arm64' | 'x64';

export const DUCKDB_VERSION = '1.5.6-r.1';
/** Of the packages in the registry, as package-lock.json has it, which is not in the package of resaca. */
export const DUCKDB_INTEGRITY: Readonly<Record<DuckDbArchitecture, string>> = {
  arm64: 'sha512-3jnUaDil1BrF/6vAZwVaInJ1xoBaWGHB4PDiUnzJWKCo8a8TLx9j7/gPyPl/UGRBftrYIuTihRZSfF4mWMgtWA==',
  x64: 'sha512-IXcrZJE6kEqM0Z4wwdVnGBHX/frOS33VPNAwDXQ/Q+Fs84b058Qe94chrCCIcNJlG8Y3UHIUU4eBeCQxW5mN1Q==',
};

/** Its folder below a function's code, where Node finds it. */
export function duckDbPackage(architecture: DuckDbArchitecture): string {
  return `@duckdb/node-bindings-linux-${architecture}`;
}

export interface DuckDbSearch {
  /** From which installed packages are looked for. @default that of resaca */
  readonly from?: string;
  /** Where what was fetched is kept. @default node_modules/.cache/resaca in the working directory */
  readonly cache?: string;
  /** Puts the package of a name and version into a folder, as an archive, and returns its path. @default `npm pack` */
  readonly fetch?: (name: string, version: string, folder: string) => string;
}

/**
 * The folder with DuckDB as a library for Linux. npm installs the one of the machine it runs on only, which may be a Mac, or
 * have another processor than the function: then the package is fetched from npm's registry, once, and its digest is
 * checked. Throws Error that says what to do where it cannot be had.
 */
export function duckDbLibrary(architecture: DuckDbArchitecture, search: DuckDbSearch = {}): string {
  const name = duckDbPackage(architecture);
  const { from = packageRoot(import.meta.dirname), cache = resolve('node_modules/.cache/resaca') } = search;
  const installed = installedFolder(name, from);
  if (installed !== undefined) return installed;
  const folder = join(cache, `duckdb-${DUCKDB_VERSION}-linux-${architecture}`);
  if (!existsSync(folder)) fetchInto(folder, architecture, search.fetch ?? npmPack);
  return folder;
}

function installedFolder(name: string, from: string): string | undefined {
  try {
    const file = createRequire(join(from, 'package.json')).resolve(`${name}/package.json`);
    const { version } = JSON.parse(readFileSync(file, 'utf8'));
    return version === DUCKDB_VERSION ? dirname(file) : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Beside its place first: whoever comes at the same time finds all of it or nothing. */
function fetchInto(folder: string, architecture: DuckDbArchitecture, fetch: NonNullable<DuckDbSearch['fetch']>): void {
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    const archive = fetch(duckDbPackage(architecture), DUCKDB_VERSION, work);
    checkIntegrity(archive, architecture);
    execFileSync('tar', ['-xzf', archive, '-C', work]);
    rename(join(work, 'package'), folder);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    const name = `${duckDbPackage(architecture)}@${DUCKDB_VERSION}`;
    const otherwise = architecture === 'arm64' ? 'x86_64' : 'arm64';
    throw new Error(
      `DuckDB for the medallion function could not be fetched (${why}): install ${name} with npm install --force --no-save ` +
        `where the registry can be reached, or set medallion.architecture to "${otherwise}"`,
      { cause },
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function checkIntegrity(archive: string, architecture: DuckDbArchitecture): void {
  const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  const expected = DUCKDB_INTEGRITY[architecture];
  if (digest !== expected) throw new Error(`the registry gave another package: expected ${expected}, got ${digest}`);
}

/** Another process may have been first. */
function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

function npmPack(name: string, version: string, folder: string): string {
  const args = ['pack', `${name}@${version}`, '--silent', '--pack-destination', folder];
  // npm is a script of the shell on Windows.
  const options = { encoding: 'utf8', shell: process.platform === 'win32' } as const;
  return join(folder, execFileSync('npm', args, options).trim());
}
