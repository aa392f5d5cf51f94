import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { createCountingStore } from './counting-store.ts';
import { objectStoreContract } from './object-store-contract.ts';
import { listKeys } from './store-assertions.ts';

objectStoreContract('a counting store', () => createCountingStore(createMemoryStore()));

describe('a counting store', () => {
  it('counts every request and the bytes of the bodies', async () => {
    const store = createCountingStore(createMemoryStore());
    await store.put('a', Buffer.from('hello'));
    await store.putIfAbsent('b', Buffer.from('12'));
    await store.putIfAbsent('b', Buffer.from('12'));
    await store.get('a', { range: { start: 0, end: 3 } });
    await assert.rejects(store.get('nothing'));
    await store.head('a');
    await store.delete('a');
    const { counts } = store;
    assert.deepEqual(counts, {
      get: 2,
      head: 1,
      put: 1,
      putIfAbsent: 2,
      delete: 1,
      list: 0,
      bytesRead: 3,
      bytesWritten: 9,
    });
    assert.deepEqual(store.requests.at(-1), { method: 'delete', key: 'a' });
    store.reset();
    assert.equal(store.counts.get, 0);
    assert.equal(counts.get, 2);
  });

  it('counts the pages of a listing that the caller got to', async () => {
    const inner = createMemoryStore();
    for (const key of ['a', 'b', 'c', 'd']) await inner.put(key, Buffer.from(key));
    const store = createCountingStore(inner, { pageSize: 2 });
    for (const [last, pages] of [
      ['b', 1],
      ['c', 2],
      ['d', 2],
    ] as const) {
      store.reset();
      for await (const { key } of store.list('')) if (key === last) break;
      assert.equal(store.counts.list, pages, `up to ${last}`);
    }
    store.reset();
    await listKeys(store);
    assert.equal(store.counts.list, 2);
    store.reset();
    await listKeys(store, 'nothing');
    assert.equal(store.counts.list, 1);
  });
});
