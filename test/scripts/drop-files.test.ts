import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { dropFiles } from '../../scripts/local-aws/drop-files.ts';
import { sampleFiles } from '../../scripts/local-aws/sample-files.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { BUCKET, parquet, rowsOf } from '../support/landing.ts';

/** ms. */
const LONG = 60_000;

const file = (table: string, name: string, content = parquet(rowsOf(0, 3))) => ({
  table,
  key: `${table}/${name}`,
  content: () => content,
});

/** A bucket of which the pipeline takes what lands, but for these keys. */
function landingWithout(...forgotten: readonly string[]) {
  const store = createMemoryStore();
  const pipeline = createPipeline(store);
  const dropping: ObjectStore = {
    ...store,
    async put(key, body) {
      await store.put(key, body);
      if (!forgotten.includes(key)) await pipeline.append(key);
    },
  };
  return { store: dropping, bucket: BUCKET, queue: { depth: async () => 1 }, deadLetters: { depth: async () => 2 } };
}

function plainTerminal() {
  const errors = new PassThrough();
  return { terminal: createTerminal(new PassThrough(), errors), notes: () => String(errors.read() ?? '') };
}

describe('the files that are dropped', () => {
  it('are followed into their tables and into quarantine', async () => {
    const { terminal, notes } = plainTerminal();
    const files = [file('a', 'p=1/x é.parquet'), file('b', 'y.parquet'), file('b', 'bad.parquet', new Uint8Array(9))];
    const quarantined = await dropFiles(landingWithout(), files, terminal, LONG);
    assert.deepEqual(
      quarantined.map(({ key, reason }) => [key, reason]),
      [['b/bad.parquet', 'NOT_PARQUET']],
    );
    assert.match(notes(), /dropped 3 of 3; in tables 2; in quarantine 1; in queue 1; dead letters 2\n$/);
  });

  it('are named when they do not arrive in time', async () => {
    const landing = landingWithout('a/2.parquet');
    const files = [file('a', '1.parquet'), file('a', '2.parquet')];
    await dropFiles(landing, files.slice(0, 1), plainTerminal().terminal, LONG);
    await assert.rejects(dropFiles(landing, files, plainTerminal().terminal, 0), {
      message:
        'after 0.0 s 1 of 2 files of s3://landing in no table and not in quarantine: a/2.parquet; in queue 1; dead letters 2',
    });
  });

  it('are given up when one cannot be dropped', async () => {
    const landing = landingWithout();
    const refused: ObjectStore = {
      ...landing.store,
      put: async (key) => {
        throw new StoreError('ACCESS_DENIED', 'put', key, 'not here');
      },
    };
    const dropped = dropFiles({ ...landing, store: refused }, [file('a', '1.parquet')], plainTerminal().terminal, LONG);
    await assert.rejects(dropped, /put of "a\/1.parquet" failed \(ACCESS_DENIED\)/);
  });
});

describe('the sample files', () => {
  const tablesOf = (config: unknown) => [
    ...new Set(sampleFiles(parseResacaConfig(config), BUCKET, 0).map(({ table }) => table)),
  ];

  it('are of tables by the convention, under the first prefix that the deployment takes', () => {
    assert.deepEqual(tablesOf({}), ['web_requests', 'orders']);
    assert.deepEqual(tablesOf({ landing: { prefixes: ['lake', 'raw'] } }), ['lake/web_requests', 'lake/orders']);
  });

  it('are none where files like them are for tables with rules, or are not announced', () => {
    assert.deepEqual(tablesOf({ tables: [{ prefix: 'web_requests', partitionColumns: [] }] }), ['orders']);
    assert.deepEqual(tablesOf({ convention: 'none', tables: [{ prefix: 'raw' }] }), []);
    assert.deepEqual(tablesOf({ landing: { suffixes: ['.zip'] } }), []);
  });
});
