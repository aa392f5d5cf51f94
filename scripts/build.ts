/**
 * Builds the bundles, and the types of `resaca/infra`, into `dist/` and prints the sizes: `npm run build`. Does nothing where
 * they are of the same sources: every run of the CDK's command begins with it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { BUNDLES, bundleOptions, copyPackages } from './bundles.ts';

const ROOT = join(import.meta.dirname, '..');
const MAX_TRIES = 10;
/** What the bundles and types are made of. */
const SOURCES = ['src', 'lambdas', 'infra', 'scripts', 'package-lock.json', 'package.json', 'tsconfig.json'];
/** In `dist/`: the digest of the sources. */
const STAMP = '.sources';

const sources = digestOf(SOURCES);
if (stampOf(join(ROOT, 'dist')) === sources) {
  console.log('dist is up to date');
  process.exit();
}

// Built beside it and put in its place as a whole: whoever reads `dist/` meanwhile finds no half of it.
const folder = join(ROOT, `.dist-${process.pid}`);
mkdirSync(folder);
try {
  for (const bundle of BUNDLES) {
    const { metafile } = await build(bundleOptions(bundle, folder));
    copyPackages(bundle, folder);
    const bytes = Object.entries(metafile.outputs).find(([path]) => path.endsWith(bundle.output))?.[1].bytes ?? 0;
    console.log(`dist/${bundle.output}  ${(bytes / 1000).toFixed(0)} kB`);
  }
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'infra', '--outDir', join(folder, 'types')], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  writeFileSync(join(folder, STAMP), sources);
  putInPlace(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Of the names and contents of all files. */
function digestOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesOf).sort()) hash.update(`${path}\0`).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex');
}

function filesOf(path: string): string[] {
  if (statSync(join(ROOT, path)).isFile()) return [path];
  return readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function stampOf(folder: string): string | undefined {
  const file = join(folder, STAMP);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Another build may do the same at the same time; one of the two results stays. */
function putInPlace(built: string): void {
  const target = join(ROOT, 'dist');
  for (let tries = 1; ; tries += 1) {
    try {
      rmSync(target, { recursive: true, force: true });
      renameSync(built, target);
      return;
    } catch (error) {
      const isRace = error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY';
      if (!isRace || tries === MAX_TRIES) throw error;
    }
  }
}
