import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFaultyStore, failCalls } from '../support/faulty-store.ts';
import { createQueueWorld } from '../support/queue-world.ts';

describe('an invocation', () => {
  it('gives back what could not be written, and says so in its metrics', async () => {
    let isDown = true;
    const world = createQueueWorld({
      wrap: (store) =>
        createFaultyStore(store, (call) =>
          isDown
            ? failCalls(({ method }) => method === 'put', { when: 'before', kind: 'unavailable' })(call)
            : undefined,
        ),
    });
    const messages = ['a', 'b'].map((id) => world.message(id, { id }));
    assert.deepEqual(await world.deliver(...messages), ['a', 'b']);
    assert.equal(world.metrics.at(-1)?.failures, 1);
    isDown = false;
    assert.deepEqual(await world.deliver(...messages), []);
    assert.equal(world.metrics.at(-1)?.failures, undefined);
    assert.equal(world.metrics.at(-1)?.recordsWritten, 2);
    assert.deepEqual(await world.column('id'), ['a', 'b']);
  });

  it('keeps what was committed before it failed', async () => {
    let puts = 0;
    const world = createQueueWorld({
      wrap: (store) => ({
        ...store,
        put: async (key, body) => {
          // The dead letters are written first.
          if (++puts > 1) throw new Error('no space');
          await store.put(key, body);
        },
      }),
    });
    assert.deepEqual(await world.deliver(world.message('bad', 'x'), world.message('a', { id: 'a' })), ['a']);
  });

  it('is refused for an event that is none of SQS', async () => {
    const world = createQueueWorld();
    const wrong = [
      { ...world.message('a', {}), attributes: {} },
      { ...world.message('a', {}), attributes: { SentTimestamp: 'now' } },
    ];
    for (const record of wrong) await assert.rejects(world.deliver(record), { code: 'INVALID_EVENT' });
  });

  it('tells the catalog of a new table, and of a new column, and of no other commit', async () => {
    const told: string[] = [];
    const world = createQueueWorld({ definitions: { send: async (...table) => void told.push(table.join('/')) } });
    await world.deliver(world.message('a', { id: 'a' }));
    await world.deliver(world.message('b', { id: 'b' }));
    assert.deepEqual(told, ['lake/bronze/orders']);
    await world.deliver(world.message('c', { id: 'c', more: 1 }));
    assert.deepEqual(told, ['lake/bronze/orders', 'lake/bronze/orders']);
  });

  it('costs two HEADs of each log, an upload and a commit, warm', async () => {
    const calls: string[] = [];
    const world = createQueueWorld({
      wrap: (store) =>
        createFaultyStore(store, ({ method, key }) => {
          calls.push(`${method} ${key.replace(/orders-[0-9a-f-]+\.zstd/, '*')}`);
          return undefined;
        }),
    });
    await world.deliver(world.message('a', { id: 'a' }), world.message('bad', 'x'));
    calls.length = 0;
    await world.deliver(world.message('b', { id: 'b' }));
    assert.deepEqual(calls.sort(), [
      'head bronze/orders/_delta_log/00000000000000000000.json',
      'head bronze/orders/_delta_log/00000000000000000001.json',
      'head bronze/orders__dead_letters/_delta_log/00000000000000000000.json',
      'head bronze/orders__dead_letters/_delta_log/00000000000000000001.json',
      'put bronze/orders/ingest_date=2026-11-24/*.parquet',
      'putIfAbsent bronze/orders/_delta_log/00000000000000000001.json',
    ]);
  });
});
