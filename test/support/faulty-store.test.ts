import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError } from '../../src/storage/object-store.ts';
import { CrashError, createFaultyStore, everySingleFault, failCall, failCalls } from './faulty-store.ts';
import { objectStoreContract } from './object-store-contract.ts';
import { listKeys, rejectsWith } from './store-assertions.ts';

objectStoreContract('a faulty store without faults', () => createFaultyStore(createMemoryStore(), () => undefined));

describe('a faulty store', () => {
  it('fails the n-th call only: before it has an effect, or after', async () => {
    for (const when of ['before', 'after'] as const) {
      const inner = createMemoryStore();
      const store = createFaultyStore(inner, failCall(2, { when, kind: 'unavailable' }));
      await store.put('a', Buffer.from('x'));
      await rejectsWith('UNAVAILABLE', store.put('b', Buffer.from('x')));
      await store.put('c', Buffer.from('x'));
      assert.deepEqual(await listKeys(inner), when === 'before' ? ['a', 'c'] : ['a', 'b', 'c']);
      assert.equal(store.calls.length, 3);
    }
  });

  it('lets nothing pass after a crash', async () => {
    const inner = createMemoryStore();
    const store = createFaultyStore(inner, failCall(1, { when: 'after', kind: 'crash' }));
    await assert.rejects(store.putIfAbsent('a', Buffer.from('x')), CrashError);
    await assert.rejects(store.put('b', Buffer.from('x')), CrashError);
    await assert.rejects(listKeys(store), CrashError);
    assert.deepEqual(await listKeys(inner), ['a']);
    assert.equal(store.calls.length, 1);
  });

  it('fails all calls that match', async () => {
    const store = createFaultyStore(
      createMemoryStore(),
      failCalls(({ method, key }) => method === 'get' && key.endsWith('.parquet'), {
        when: 'before',
        kind: 'unavailable',
      }),
    );
    await store.put('a.parquet', Buffer.from('x'));
    await store.put('a.json', Buffer.from('x'));
    await store.get('a.json');
    await rejectsWith('UNAVAILABLE', store.get('a.parquet'));
    await rejectsWith('UNAVAILABLE', store.get('a.parquet'));
  });

  it('fails a listing at its start or half-way, also when it is empty', async () => {
    for (const [when, keys, expected] of [
      ['before', ['a', 'b'], []],
      ['after', ['a', 'b'], ['a']],
      ['after', [], []],
    ] as const) {
      const inner = createMemoryStore();
      for (const key of keys) await inner.put(key, Buffer.from(key));
      const store = createFaultyStore(inner, failCall(1, { when, kind: 'unavailable' }));
      const seen: string[] = [];
      const listing = (async () => {
        for await (const { key } of store.list('')) seen.push(key);
      })();
      await assert.rejects(listing, (error) => isStoreError(error, 'UNAVAILABLE'));
      assert.deepEqual(seen, expected);
    }
  });

  it('can be made to fail in every single way', () => {
    const faults = [...everySingleFault(3)];
    assert.equal(faults.length, 12);
    assert.equal(new Set(faults.map(({ name }) => name)).size, 12);
    assert.deepEqual(faults.at(-1), { name: 'crash after call 3', number: 3, fault: { when: 'after', kind: 'crash' } });
  });
});
