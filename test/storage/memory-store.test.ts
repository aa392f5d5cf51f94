import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { objectStoreContract } from '../support/object-store-contract.ts';

objectStoreContract('the memory store', () => createMemoryStore());

describe('the memory store', () => {
  it('takes the time of a write from its clock', async () => {
    let time = 1_700_000_000_000;
    const store = createMemoryStore({ now: () => time });
    await store.put('a', Buffer.from('x'));
    time += 5;
    await store.put('b', Buffer.from('x'));
    assert.equal((await store.head('a'))?.modified, 1_700_000_000_000);
    assert.equal((await store.head('b'))?.modified, 1_700_000_000_005);
  });

  it('gives the same content the same etag', async () => {
    const store = createMemoryStore();
    await store.put('a', Buffer.from('same'));
    await store.put('b', Buffer.from('same'));
    assert.equal((await store.head('a'))?.etag, (await store.head('b'))?.etag);
  });

  it('is not changed through a body that a caller holds', async () => {
    const store = createMemoryStore();
    const body = Buffer.from('hello');
    await store.put('a', body);
    body.fill(0);
    (await store.get('a')).body.fill(0);
    assert.equal(Buffer.from((await store.get('a')).body).toString(), 'hello');
  });
});
