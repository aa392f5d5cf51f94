/** Builds the bundles, and the types of `resaca/infra`, into `dist/` and prints the sizes: `npm run build`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLES, bundleOptions, copyPackages } from './bundles.ts';

const ROOT = join(import.meta.dirname, '..');
const MAX_TRIES = 10;

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
  putInPlace(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
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
