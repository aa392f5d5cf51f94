import assert from 'node:assert/strict';
import { builtinModules } from 'node:module';
import { describe, it } from 'node:test';
import { build, type Metafile } from 'esbuild';
import {
  APPEND_BUNDLE,
  BRONZE_BUNDLE,
  bundleOptions,
  COMMITTER_BUNDLE,
  GROUP_BUNDLE,
  MEDALLION_BUNDLE,
  TAG_BUNDLE,
} from '../scripts/bundles.ts';

/** Bytes. A larger bundle starts slower; the SDK's S3 client is most of it. */
const MAX_BYTES = 1_000_000;

const NODE_MODULES = new Set(builtinModules);

describe('the bundle of the append function', async () => {
  const { metafile, outputFiles } = await build({ ...bundleOptions(APPEND_BUNDLE), write: false });
  const inputs = Object.keys(metafile.inputs);
  const files = outputFiles.filter(({ path }) => path.endsWith('.mjs'));
  const code = files.find(({ path }) => path.endsWith('/index.mjs'))?.text ?? '';
  const imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.flatMap(({ path, external }) => (external === true ? [path] : [])),
  );

  it('holds the handler and the S3 client', () => {
    assert.ok(inputs.includes(APPEND_BUNDLE.entry));
    assert.ok(inputs.some((path) => path.includes('node_modules/@aws-sdk/client-s3/')));
    assert.match(code, /export\{[^}]*\bhandler\b[^}]*\}/);
  });

  it('holds no WebAssembly and no Arrow, which only the writer of Parquet needs', () => {
    assert.deepEqual(
      inputs.filter((path) => /parquet-wasm|apache-arrow|\.wasm$/.test(path)),
      [],
    );
    for (const { text } of files) assert.doesNotMatch(text, /\bWebAssembly\b/);
  });

  it('imports nothing that is not part of Node', () => {
    assert.deepEqual(
      imports.filter((path) => !path.startsWith('node:') && !NODE_MODULES.has(path)),
      [],
    );
  });

  it('does not import Node’s http as an ES module, with which undici would be loaded', () => {
    assert.deepEqual(
      imports.filter((path) => /^(node:)?http$/.test(path)),
      [],
    );
  });

  it('leaves what only some tables and some credentials need for when it is needed', () => {
    const start = loadedAtStart(metafile.outputs);
    const names = start.flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}));
    assert.ok(names.includes(APPEND_BUNDLE.entry));
    assert.deepEqual(
      names.filter((path) =>
        /client-(sqs|dynamodb)|s3-multipart|jmespath|src\/kafka|credential-provider-sso/.test(path),
      ),
      [],
    );
  });

  it('has maps of its own sources, and next to nothing of packages', () => {
    const maps = outputFiles.filter(({ path }) => path.endsWith('.map')).map(({ text }) => JSON.parse(text));
    const sources: string[] = maps.flatMap((map) => map.sources);
    assert.ok(sources.some((path) => path.endsWith('src/ingest/append.ts')));
    const packages = sources.filter((path) => path.includes('/node_modules/') && !path.endsWith('/package.json'));
    assert.deepEqual(
      packages.filter((path) => !path.endsWith('/package')),
      [],
    );
  });

  it(`starts with less than ${MAX_BYTES} bytes`, () => {
    const bytes = loadedAtStart(metafile.outputs).reduce((sum, path) => sum + (metafile.outputs[path]?.bytes ?? 0), 0);
    assert.ok(bytes > 0 && bytes < MAX_BYTES, `${bytes} bytes`);
  });
});

/** The outputs that are loaded with the handler, itself included. */
function loadedAtStart(outputs: Metafile['outputs']): readonly string[] {
  const found = new Set(Object.keys(outputs).filter((path) => path.endsWith('/index.mjs')));
  for (const path of found) {
    for (const { kind, path: target } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement' && target in outputs) found.add(target);
    }
  }
  return [...found];
}

for (const bundle of [BRONZE_BUNDLE, COMMITTER_BUNDLE]) {
  describe(`the bundle ${bundle.output}`, async () => {
    const { metafile, outputFiles } = await build({ ...bundleOptions(bundle), write: false });
    const code = outputFiles.find(({ path }) => path.endsWith('/index.mjs'))?.text ?? '';
    const loaded = Object.entries(metafile.outputs).filter(([path]) => path.endsWith('.mjs'));
    const imports = loaded.flatMap(([, output]) => output.imports.filter(({ external }) => external === true));

    it('leaves the writer of Parquet, which loads a file of its own, beside it', () => {
      const packages = imports
        .map(({ path }) => path)
        .filter((path) => !/^node:/.test(path) && !NODE_MODULES.has(path));
      assert.deepEqual([...new Set(packages)], ['parquet-wasm']);
    });

    it('loads it only when there is something to write', () => {
      const kinds = imports.filter(({ path }) => path === 'parquet-wasm').map(({ kind }) => kind);
      assert.deepEqual([...new Set(kinds)], ['dynamic-import']);
    });

    it('leaves what only some formats and registries need for when it is needed', () => {
      const start = loaded.find(([path]) => path.endsWith('/index.mjs'))?.[1];
      const inputs = Object.keys(start?.inputs ?? {});
      assert.deepEqual(
        inputs.filter((path) =>
          /node_modules\/(protobufjs|apache-arrow|@aws-sdk\/client-(glue|secrets-manager))\//.test(path),
        ),
        [],
      );
    });

    it(`starts with less than ${MAX_BYTES} bytes`, () => {
      assert.ok(code.length > 0 && code.length < MAX_BYTES, `${code.length} bytes`);
    });
  });
}

describe('the bundle of the medallion function', async () => {
  const { metafile } = await build({ ...bundleOptions(MEDALLION_BUNDLE), write: false });
  const imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.filter(({ external, path }) => external === true && !NODE_MODULES.has(path) && !/^node:/.test(path)),
  );

  it('loads DuckDB from beside it, with the first step that has something to compute', () => {
    const duckDb = imports.filter(({ path }) => path.startsWith('@duckdb/'));
    assert.deepEqual(
      [...new Set(duckDb.map(({ path, kind }) => `${kind} ${path}`))],
      ['dynamic-import @duckdb/node-api'],
    );
    assert.ok(
      imports.every(({ path }) => MEDALLION_BUNDLE.copiedPackages?.includes(path)),
      JSON.stringify(imports),
    );
  });

  it(`starts with less than ${MAX_BYTES} bytes`, () => {
    const bytes = loadedAtStart(metafile.outputs).reduce((sum, path) => sum + (metafile.outputs[path]?.bytes ?? 0), 0);
    assert.ok(bytes > 0 && bytes < MAX_BYTES, `${bytes} bytes`);
  });
});

/** What each of the functions beside the append needs, and what it does not. */
const SMALL: readonly (readonly [typeof GROUP_BUNDLE, RegExp, RegExp])[] = [
  [GROUP_BUNDLE, /client-sqs\//, /client-(s3|dynamodb)\/|src\/(parquet|kafka)\//],
  [TAG_BUNDLE, /client-s3\//, /client-(sqs|dynamodb)\/|src\/(parquet|kafka)\//],
];

for (const [bundle, needed, unneeded] of SMALL) {
  describe(`the bundle ${bundle.output}`, async () => {
    const { metafile } = await build({ ...bundleOptions(bundle), write: false });
    const start = loadedAtStart(metafile.outputs);
    const inputs = start.flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}));

    it('holds what the function needs', () => {
      assert.ok(inputs.includes(bundle.entry));
      assert.ok(inputs.some((path) => needed.test(path)));
    });

    it('holds nothing that it does not need', () => {
      assert.deepEqual(
        inputs.filter((path) => unneeded.test(path)),
        [],
      );
    });
  });
}
