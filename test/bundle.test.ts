import assert from 'node:assert/strict';
import { builtinModules } from 'node:module';
import { describe, it } from 'node:test';
import { build } from 'esbuild';
import { APPEND_BUNDLE, BRONZE_BUNDLE, bundleOptions, COMMITTER_BUNDLE } from '../scripts/bundles.ts';

/** Bytes. A larger bundle starts slower; the SDK's S3 client is most of it. */
const MAX_BYTES = 1_000_000;

const NODE_MODULES = new Set(builtinModules);

describe('the bundle of the append function', async () => {
  const { metafile, outputFiles } = await build({ ...bundleOptions(APPEND_BUNDLE), write: false });
  const inputs = Object.keys(metafile.inputs);
  const code = outputFiles.find(({ path }) => path.endsWith('.mjs'))?.text ?? '';

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
    assert.doesNotMatch(code, /\bWebAssembly\b/);
  });

  it('imports nothing that is not part of Node', () => {
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
    assert.deepEqual(
      imports.filter((path) => !path.startsWith('node:') && !NODE_MODULES.has(path)),
      [],
    );
  });

  it(`is smaller than ${MAX_BYTES} bytes`, () => {
    assert.ok(code.length > 0 && code.length < MAX_BYTES, `${code.length} bytes`);
  });
});

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
