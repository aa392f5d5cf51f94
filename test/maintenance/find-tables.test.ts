import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findTables } from '../../src/maintenance/find-tables.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { createCountingStore } from '../support/counting-store.ts';

const EMPTY = new Uint8Array();
const COMMIT = '_delta_log/00000000000000000000.json';

async function storeOf(keys: readonly string[]) {
  const store = createMemoryStore();
  for (const key of keys) await store.put(key, EMPTY);
  return createCountingStore(store);
}

describe('tables are found', () => {
  const cases: readonly (readonly [string, readonly string[], string, readonly string[]])[] = [
    ['in an empty store', [], '', []],
    ['at the root', [COMMIT, 'a/part.parquet', `b/${COMMIT}`], '', ['']],
    ['side by side', [`a/${COMMIT}`, 'a/x.parquet', `b/${COMMIT}`], '', ['a', 'b']],
    ['with names that sort around a slash', [`a/${COMMIT}`, `a-b/${COMMIT}`, `a0/${COMMIT}`], '', ['a-b', 'a', 'a0']],
    ['whose files sort before their log', ['t/2026/x.parquet', 't/A=1/x.parquet', `t/${COMMIT}`], '', ['t']],
    ['in folders', [`lake/bronze/orders/${COMMIT}`, `lake/gold/${COMMIT}`], '', ['lake/bronze/orders', 'lake/gold']],
    ['beside files of no table', ['a/x.txt', 'raw/readme', `raw/t/${COMMIT}`, 'z'], '', ['raw/t']],
    ['under a prefix only', [`a/${COMMIT}`, `b/c/${COMMIT}`, `bb/${COMMIT}`], 'b', ['b/c']],
    ['that are the prefix', [`a/b/${COMMIT}`, `a/b-c/${COMMIT}`], 'a/b', ['a/b']],
    ['but not inside of a table', [`a/${COMMIT}`, `a/inner/${COMMIT}`], '', ['a']],
  ];
  for (const [what, keys, prefix, expected] of cases) {
    it(what, async () => {
      assert.deepEqual(await Array.fromAsync(findTables(await storeOf(keys), prefix)), expected);
    });
  }

  it('whatever else there is', async () => {
    const segment = fc.constantFrom('a', 'b', 'A', '0', 'a-b', 'x=1');
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    await fc.assert(
      fc.asyncProperty(fc.array(path), fc.array(path), async (roots, folders) => {
        const keys = [...roots.map((root) => `${root}/${COMMIT}`), ...folders.map((folder) => `${folder}/f.parquet`)];
        const outer = new Set(roots.filter((root) => !roots.some((other) => root.startsWith(`${other}/`))));
        const found = await Array.fromAsync(findTables(await storeOf(keys)));
        assert.deepEqual(found.toSorted(), [...outer].toSorted());
      }),
    );
  });

  it('without listing what is in them', async () => {
    const store = await storeOf([
      `a/${COMMIT}`,
      ...Array.from({ length: 5_000 }, (_, index) => `a/part-${index}.parquet`),
      `b/${COMMIT}`,
    ]);
    assert.deepEqual(await Array.fromAsync(findTables(store)), ['a', 'b']);
    assert.ok(store.counts.list < 10, `${store.counts.list} requests`);
  });
});
