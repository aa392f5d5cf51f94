import { basename, dirname, extname, join } from 'node:path';
import type { BuildOptions } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

/** Something that is built into one file, or into one and those that it loads when they are needed. */
export interface Bundle {
  /** Relative to the repository. */
  readonly entry: string;
  /** Relative to the folder that is built into. */
  readonly output: string;
  /**
   * Whether packages are put into the one file. Otherwise they are found in node_modules at run-time, and what is
   * imported dynamically becomes a file of its own, so that the packages it needs are loaded with it and not before.
   */
  readonly includesPackages: boolean;
  /** The oldest Node on which it runs. */
  readonly target: string;
}

export const APPEND_BUNDLE: Bundle = {
  entry: 'lambdas/append/handler.ts',
  output: 'lambdas/append/index.mjs',
  includesPackages: true,
  target: 'node24',
};

export const BUNDLES: readonly Bundle[] = [
  APPEND_BUNDLE,
  { entry: 'src/cli/resaca.ts', output: 'cli/resaca.mjs', includesPackages: false, target: 'node22' },
  { entry: 'infra/index.ts', output: 'infra/index.mjs', includesPackages: false, target: 'node22' },
];

/** Packages that are still CommonJS call `require`, which a module does not have. */
const REQUIRE_BANNER =
  "import { createRequire as bundleCreateRequire } from 'node:module';const require = bundleCreateRequire(import.meta.url);";

/** The options of esbuild for a bundle in a folder; the metafile says what went into it. */
export function bundleOptions(bundle: Bundle, folder = join(ROOT, 'dist')) {
  const extension = extname(bundle.output);
  return {
    absWorkingDir: ROOT,
    entryPoints: [bundle.entry],
    outdir: join(folder, dirname(bundle.output)),
    entryNames: basename(bundle.output, extension),
    outExtension: { '.js': extension },
    splitting: !bundle.includesPackages,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: bundle.target,
    // The SDK ships both forms; its ES modules are the smaller bundle.
    mainFields: ['module', 'main'],
    packages: bundle.includesPackages ? 'bundle' : 'external',
    ...(bundle.includesPackages ? { banner: { js: REQUIRE_BANNER } } : {}),
    minify: bundle.includesPackages,
    sourcemap: true,
    // The map names lines. With the sources in it, Node needs 10 ms more to start a function.
    sourcesContent: false,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
  } satisfies BuildOptions;
}
