import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectInfo } from '../../src/storage/object-store.ts';
import { parseTagConfig } from '../../src/tag/config.ts';
import type { Tag } from '../../src/tag/rules.ts';
import { tagListed } from '../../src/tag/tag-listed.ts';
import type { TagStore } from '../../src/tag/tag-object.ts';

const RULES = parseTagConfig({ rules: [{ prefix: '{tenant}', tags: { tenant: '{tenant}' } }] });

async function* listed(keys: readonly string[]): AsyncGenerator<ObjectInfo, void> {
  for (const key of keys) yield { key, size: 1, etag: 'e', modified: 0 };
}

/** Tags in memory; what `fails` names throws. */
function createTags(keys: readonly string[], fails: (key: string) => boolean = () => false) {
  const tags = new Map<string, readonly Tag[]>(keys.map((key) => [key, []]));
  const store: TagStore = {
    async get({ key }) {
      if (fails(key)) throw new Error(`no access to ${key}`);
      return tags.get(key);
    },
    async put({ key }, all) {
      tags.set(key, all);
      return true;
    },
  };
  return { store, tags };
}

describe('objects that are there already', () => {
  const keys = Array.from({ length: 1_200 }, (_, index) => `t${index % 3}/${String(index).padStart(5, '0')}`);

  it('are tagged as those that land', async () => {
    const { store, tags } = createTags(keys.slice(1));
    const result = await tagListed(store, RULES, listed(keys), { bucket: 'b' });
    assert.deepEqual([result.listed, result.tagged, result.gone, result.failed], [1_200, 1_199, 1, 0]);
    assert.ok(keys.slice(1).every((key) => tags.get(key)?.[0]?.value === key.slice(0, 2)));
    assert.equal(result.lastKey, keys.at(-1));
  });

  it('do not keep others from it', async () => {
    const { store } = createTags(keys, (key) => key.endsWith('7'));
    const result = await tagListed(store, RULES, listed(keys), { bucket: 'b' });
    assert.deepEqual([result.tagged, result.failed, result.failures.length], [1_080, 120, 100]);
    assert.deepEqual(result.failures[0]?.reason, `no access to ${result.failures[0]?.key}`);
  });

  it('end the run where none can be tagged', async () => {
    const { store } = createTags(keys, () => true);
    await assert.rejects(tagListed(store, RULES, listed(keys), { bucket: 'b' }), /no access to t/);
  });

  it('are left where the run is stopped, behind a key that is told', async () => {
    const { store, tags } = createTags(keys);
    const controller = new AbortController();
    const options = { bucket: 'b', signal: controller.signal, onProgress: () => controller.abort() };
    const first = await tagListed(store, RULES, listed(keys), options);
    assert.deepEqual([first.tagged, first.remaining, first.lastKey], [500, true, keys[499]]);
    assert.equal([...tags.values()].filter((all) => all.length > 0).length, 500);
  });
});
