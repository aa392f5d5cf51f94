/** Builds the bundles into `dist/` and prints their sizes: `npm run build`. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLES, bundleOptions } from './bundles.ts';

rmSync(join(import.meta.dirname, '../dist'), { recursive: true, force: true });
for (const bundle of BUNDLES) {
  const { metafile } = await build(bundleOptions(bundle));
  const bytes = metafile.outputs[bundle.output]?.bytes ?? 0;
  console.log(`${bundle.output}  ${(bytes / 1000).toFixed(0)} kB`);
}
