/** Builds the bundles, and the types of `resaca/infra`, into `dist/` and prints the sizes: `npm run build`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLES, bundleOptions } from './bundles.ts';

const ROOT = join(import.meta.dirname, '..');

// Built beside it and put in its place at once: whoever reads `dist/` meanwhile finds all of it.
const folder = join(ROOT, `.dist-${process.pid}`);
mkdirSync(folder);
try {
  for (const bundle of BUNDLES) {
    const { metafile } = await build(bundleOptions(bundle, folder));
    const bytes = Object.entries(metafile.outputs).find(([path]) => path.endsWith(bundle.output))?.[1].bytes ?? 0;
    console.log(`dist/${bundle.output}  ${(bytes / 1000).toFixed(0)} kB`);
  }
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'infra', '--outDir', join(folder, 'types')], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  renameSync(folder, join(ROOT, 'dist'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
