import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cacheRegistry } from '../../../src/kafka/registry/cached-registry.ts';
import { createLru } from '../../../src/kafka/registry/lru.ts';
import { type RegisteredSchema, unknownSchemaId } from '../../../src/kafka/registry/schema-registry.ts';

const schema: RegisteredSchema = { type: 'AVRO', schema: '"int"', references: [] };

function countingRegistry(answer: (id: string) => RegisteredSchema) {
  const asked: string[] = [];
  return {
    asked,
    async get(id: string) {
      asked.push(id);
      return answer(id);
    },
  };
}

describe('a cached registry', () => {
  it('asks once for each id, also at the same time', async () => {
    const registry = countingRegistry(() => schema);
    const cached = cacheRegistry(registry);
    const [first] = await Promise.all([cached.get('1'), cached.get('1'), cached.get('2')]);
    assert.equal(first, schema);
    await cached.get('1');
    assert.deepEqual(registry.asked, ['1', '2']);
  });

  it('asks again for an id that has none after a minute', async () => {
    let now = 0;
    let isThere = false;
    const registry = countingRegistry((id) => {
      if (isThere) return schema;
      throw unknownSchemaId(id, 'there is none');
    });
    const cached = cacheRegistry(registry, { now: () => now });
    await assert.rejects(cached.get('1'), { code: 'UNKNOWN_SCHEMA' });
    isThere = true;
    now = 59_999;
    await assert.rejects(cached.get('1'), { code: 'UNKNOWN_SCHEMA' });
    now = 60_000;
    assert.equal(await cached.get('1'), schema);
    assert.equal(registry.asked.length, 2);
  });

  it('asks again at once when the registry could not be asked', async () => {
    let isUp = false;
    const registry = countingRegistry(() => {
      if (isUp) return schema;
      throw new Error('no connection');
    });
    const cached = cacheRegistry(registry);
    await assert.rejects(cached.get('1'), { message: 'no connection' });
    isUp = true;
    assert.equal(await cached.get('1'), schema);
  });

  it('keeps no more schemas than there is room for', async () => {
    const big: RegisteredSchema = { type: 'AVRO', schema: 'x'.repeat(24 * 1024 * 1024), references: [] };
    const registry = countingRegistry(() => big);
    const cached = cacheRegistry(registry);
    for (const id of ['1', '2', '3', '3', '2', '1']) await cached.get(id);
    assert.deepEqual(registry.asked, ['1', '2', '3', '1']);
  });
});

describe('a map of bounded weight', () => {
  it('drops what was not asked for the longest', () => {
    const map = createLru<number>({ maxWeight: 2 });
    map.set('a', 1);
    map.set('b', 2);
    assert.equal(map.get('a'), 1);
    map.set('c', 3);
    assert.deepEqual(['a', 'b', 'c'].map(map.get), [1, undefined, 3]);
  });

  it('counts a value that replaces another one once', () => {
    const map = createLru<number>({ maxWeight: 10, weigh: (weight) => weight });
    map.set('a', 6);
    map.set('a', 4);
    map.set('b', 6);
    assert.deepEqual(['a', 'b'].map(map.get), [4, 6]);
    map.delete('a');
    map.set('c', 4);
    assert.deepEqual(['b', 'c'].map(map.get), [6, 4]);
    map.set('d', 100);
    assert.deepEqual(['b', 'c', 'd'].map(map.get), [undefined, undefined, 100]);
  });
});
