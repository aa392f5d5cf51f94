import { cpSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

/** Something that is built into one file, or into one and those that it loads when they are needed. */
export interface Bundle {
  /** Relative to the repository. */
  readonly entry: string;
  /** Relative to the folder that is built into. */
  readonly output: string;
  /** Whether packages are put into the files. Otherwise they are found in node_modules at run-time. */
  readonly includesPackages: boolean;
  /**
   * Whether what is imported dynamically becomes a file of its own, so that it and the packages it needs are loaded with it
   * and not before.
   */
  readonly splits: boolean;
  /** Packages that cannot be put into the one file, because they load files of their own; they are copied beside it. */
  readonly copiedPackages?: readonly string[];
  /** The oldest Node on which it runs. */
  readonly target: string;
}

export const APPEND_BUNDLE: Bundle = {
  entry: 'lambdas/append/handler.ts',
  output: 'lambdas/append/index.mjs',
  includesPackages: true,
  // One file would hold all of the SDK: esbuild drops nothing of a module that is imported dynamically somewhere.
  splits: true,
  target: 'node24',
};

export const BRONZE_BUNDLE: Bundle = {
  entry: 'lambdas/bronze/handler.ts',
  output: 'lambdas/bronze/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const COMMITTER_BUNDLE: Bundle = {
  entry: 'lambdas/committer/handler.ts',
  output: 'lambdas/committer/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const CONSUMER_BUNDLE: Bundle = {
  entry: 'lambdas/consumer/handler.ts',
  output: 'lambdas/consumer/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const MAINTENANCE_BUNDLE: Bundle = {
  entry: 'lambdas/maintenance/handler.ts',
  output: 'lambdas/maintenance/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const GROUP_BUNDLE: Bundle = {
  entry: 'lambdas/group/handler.ts',
  output: 'lambdas/group/index.mjs',
  includesPackages: true,
  splits: true,
  target: 'node24',
};

export const TAG_BUNDLE: Bundle = {
  entry: 'lambdas/tag/handler.ts',
  output: 'lambdas/tag/index.mjs',
  includesPackages: true,
  splits: true,
  target: 'node24',
};

export const QUEUE_INGEST_BUNDLE: Bundle = {
  entry: 'lambdas/queue-ingest/handler.ts',
  output: 'lambdas/queue-ingest/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const CDF_EXPORT_BUNDLE: Bundle = {
  entry: 'lambdas/cdf-export/handler.ts',
  output: 'lambdas/cdf-export/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const LOAD_BUNDLE: Bundle = {
  entry: 'lambdas/load/handler.ts',
  output: 'lambdas/load/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const MERGE_BUNDLE: Bundle = {
  entry: 'lambdas/merge/handler.ts',
  output: 'lambdas/merge/index.mjs',
  includesPackages: true,
  splits: true,
  copiedPackages: ['parquet-wasm'],
  target: 'node24',
};

export const WEBHOOK_BUNDLE: Bundle = {
  entry: 'lambdas/webhook/handler.ts',
  output: 'lambdas/webhook/index.mjs',
  includesPackages: true,
  splits: true,
  target: 'node24',
};

export const CATALOG_BUNDLE: Bundle = {
  entry: 'lambdas/catalog/handler.ts',
  output: 'lambdas/catalog/index.mjs',
  includesPackages: true,
  splits: true,
  target: 'node24',
};

export const MEDALLION_BUNDLE: Bundle = {
  entry: 'lambdas/medallion/handler.ts',
  output: 'lambdas/medallion/index.mjs',
  includesPackages: true,
  splits: true,
  // Without DuckDB itself, of which each architecture has another: it is added at synthesis, see infra/constructs/duckdb-library.ts.
  copiedPackages: ['parquet-wasm', '@duckdb/node-api', '@duckdb/node-bindings', 'detect-libc'],
  target: 'node24',
};

export const BUNDLES: readonly Bundle[] = [
  APPEND_BUNDLE,
  BRONZE_BUNDLE,
  COMMITTER_BUNDLE,
  CONSUMER_BUNDLE,
  MAINTENANCE_BUNDLE,
  GROUP_BUNDLE,
  TAG_BUNDLE,
  QUEUE_INGEST_BUNDLE,
  WEBHOOK_BUNDLE,
  LOAD_BUNDLE,
  CATALOG_BUNDLE,
  CDF_EXPORT_BUNDLE,
  MERGE_BUNDLE,
  MEDALLION_BUNDLE,
  { entry: 'src/cli/resaca.ts', output: 'cli/resaca.mjs', includesPackages: false, splits: true, target: 'node22' },
  { entry: 'infra/index.ts', output: 'infra/index.mjs', includesPackages: false, splits: true, target: 'node22' },
];

/** Packages that are still CommonJS call `require`, which a module does not have. */
const REQUIRE_BANNER =
  "import { createRequire as bundleCreateRequire } from 'node:module';const require = bundleCreateRequire(import.meta.url);";

/**
 * Imported as an ES module, `node:http` has all its exports read, one of which loads undici: a third of the time that a
 * function needs to start. Taken as it is, it has not.
 */
const NODE_HTTP = join(import.meta.dirname, 'node-http.cjs');
/** The Kafka client's WebAssembly is a file beside it, or, as its package offers it, text in its code. */
const ALIASES = {
  http: NODE_HTTP,
  'node:http': NODE_HTTP,
  '@platformatic/wasm-utils': '@platformatic/wasm-utils/bundled',
};

/**
 * Gives each file of a package a map of its own that names nothing but its start, by which esbuild leaves it out of the
 * bundle's. Node reads the maps when a function starts; those of packages are two thirds of them.
 */
const NO_MAPS_OF_PACKAGES: Plugin = {
  name: 'no-maps-of-packages',
  setup({ onLoad }) {
    const map = Buffer.from('{"version":3,"sources":["package"],"mappings":"AAAA"}').toString('base64');
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${map}`,
      loader: 'default',
    }));
  },
};

/** The options of esbuild for a bundle in a folder; the metafile says what went into it. */
export function bundleOptions(bundle: Bundle, folder = join(ROOT, 'dist')) {
  const extension = extname(bundle.output);
  return {
    absWorkingDir: ROOT,
    entryPoints: [bundle.entry],
    outdir: join(folder, dirname(bundle.output)),
    chunkNames: 'chunks/[name]-[hash]',
    entryNames: basename(bundle.output, extension),
    outExtension: { '.js': extension },
    splitting: bundle.splits,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: bundle.target,
    // The SDK ships both forms; its ES modules are the smaller bundle.
    mainFields: ['module', 'main'],
    packages: bundle.includesPackages ? 'bundle' : 'external',
    external: [...(bundle.copiedPackages ?? [])],
    ...(bundle.includesPackages ? { alias: ALIASES } : {}),
    ...(bundle.includesPackages ? { banner: { js: REQUIRE_BANNER } } : {}),
    plugins: bundle.includesPackages ? [NO_MAPS_OF_PACKAGES] : [],
    minify: bundle.includesPackages,
    sourcemap: true,
    // The map names lines. With the sources in it, Node needs 10 ms more to start a function.
    sourcesContent: false,
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
  } satisfies BuildOptions;
}

/** Puts the packages that a bundle needs as they are beside it, with what Node needs of them. */
export function copyPackages({ output, copiedPackages = [] }: Bundle, folder: string): void {
  for (const name of copiedPackages) {
    const source = join(ROOT, 'node_modules', name);
    const target = join(folder, dirname(output), 'node_modules', name);
    cpSync(source, target, { recursive: true, filter: (path) => isForNode(relative(source, path)) });
  }
}

/** Of the builds of a WebAssembly package, the one for Node. */
function isForNode(path: string): boolean {
  return !/^(bundler|esm)(\/|$)|\.d\.ts$|^README/.test(path);
}
