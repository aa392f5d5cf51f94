import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createLoadWorld, type LoadWorld } from '../support/load-world.ts';

/** Small parts: 64 KiB of source hold about four batches. */
const COUNT = 60_000;
const LIMITS = { partRows: 5_000 };
const IDS = Array.from({ length: COUNT }, (_, id) => id);

const jsonl = IDS.map((id) => JSON.stringify({ id, name: `row ${id}`, group: `g${id % 3}` })).join('\n');
const csv = `id,name,group\n${IDS.map((id) => `${id},"row\n${id}",g${id % 3}`).join('\n')}\n`;

async function ids(world: LoadWorld): Promise<number[]> {
  return (await world.rows()).map(({ id }) => Number(id)).sort((a, b) => a - b);
}

describe('a file that needs several invocations', () => {
  for (const [name, body] of [
    ['a.jsonl', jsonl],
    ['a.csv', csv],
    ['a.jsonl.gz', gzipSync(jsonl)],
    ['a.csv.gz', gzipSync(csv)],
  ] as const) {
    it(`is gone on with where it stopped: ${name}`, async () => {
      const rule = { partitionBy: [{ name: 'group' }], columns: { id: 'long' } };
      const options = { rule, config: LIMITS };
      const world = createLoadWorld({ ...options, pace: 4_000 });
      const event = await world.put(`in/${name}`, body);
      // The clock goes on with each look: a few parts an invocation.
      const invocations = await world.run(event, 30_000);
      assert.ok(invocations > 2, `${invocations} invocations`);
      await world.append(2);
      assert.deepEqual(await ids(world), IDS);

      // At once, it makes the very same files.
      const other = createLoadWorld(options);
      assert.equal(await other.run(await other.put(`in/${name}`, body)), 1);
      const files = await world.keys('lake/t/group=');
      assert.ok(files.length > 6, `${files.length} files`);
      assert.deepEqual(await other.keys('lake/t/group='), files);
      for (const key of files) {
        assert.deepEqual((await world.store.get(key)).body, (await other.store.get(key)).body, key);
      }
      // Nothing is left but the note that it is done.
      assert.equal((await world.keys('lake/t/_resaca/')).length, 1);
    });
  }

  it('shows none of its rows before all of them are there, and none at all if there are too many bad ones', async () => {
    const options = { rule: { columns: { id: 'long' } }, config: LIMITS, pace: 4_000 };
    const world = createLoadWorld(options);
    const event = await world.put('in/a.jsonl', `${jsonl}\n{"id":"x"}\n`);
    await world.invoke(event, 30_000);
    assert.equal(world.sent.length, 1);
    assert.ok((await world.keys('lake/t/_resaca/loaded/')).some((key) => key.endsWith('.staged')));
    assert.deepEqual(await world.keys('lake/t/resaca-loaded-'), []);
    await world.run({ Records: [{ messageId: 'again', body: world.sent.shift() ?? '' }] });
    assert.deepEqual(await world.keys('lake/t/resaca-loaded-'), []);
    const [record] = await world.quarantined();
    assert.equal(record?.reason, 'TOO_MANY_REJECTED');
    assert.equal(record?.line, COUNT + 1);
    assert.equal((await world.keys('lake/t/_resaca/loaded/')).length, 1);
  });
});

describe('a message that comes again', () => {
  it('does nothing once the file is loaded, also where its files are gone since', async () => {
    const world = createLoadWorld();
    const event = await world.put('in/a.jsonl', '{"id":1}');
    await world.run(event);
    const [key = ''] = await world.keys('lake/t/resaca-loaded-');
    await world.store.delete(key);
    await world.run(event);
    assert.deepEqual(await world.keys('lake/t/resaca-loaded-'), []);
    assert.equal(world.metrics.length, 1);
  });

  it('at the same time loads the file once', async () => {
    const world = createLoadWorld({ rule: { partitionBy: [{ name: 'group' }] }, config: LIMITS });
    const event = await world.put('in/a.jsonl', jsonl);
    assert.deepEqual(await Promise.all([world.invoke(event), world.invoke(event), world.invoke(event)]), [[], [], []]);
    await world.append(2);
    assert.deepEqual(await ids(world), IDS);
    await world.run(event);
    assert.equal((await world.keys('lake/t/_resaca/')).length, 1);
  });

  it('is for another file once the object is overwritten', async () => {
    const world = createLoadWorld();
    const first = await world.put('in/a.jsonl', '{"id":1}');
    const second = await world.put('in/a.jsonl', '{"id":2}');
    await world.run(first);
    assert.deepEqual(await world.keys('lake/t/'), []);
    await world.run(second);
    await world.append();
    assert.deepEqual(await ids(world), [2]);
  });

  it('shows all rows of a file that began to be visible, also where it is overwritten then', async () => {
    const { createFaultyStore } = await import('../support/faulty-store.ts');
    let isCrashing = true;
    const world = createLoadWorld({
      rule: { partitionBy: [{ name: 'p' }] },
      wrap: (store) =>
        createFaultyStore(store, ({ method, key }) =>
          isCrashing && method === 'putIfAbsent' && key.startsWith('lake/t/p=2')
            ? { when: 'before', kind: 'crash' }
            : undefined,
        ),
    });
    const event = await world.put('in/a.jsonl', '{"id":1,"p":1}\n{"id":2,"p":2}');
    await world.invoke(event);
    isCrashing = false;
    assert.equal((await world.keys('lake/t/p=')).length, 1);
    const later = await world.put('in/a.jsonl', '{"id":3,"p":3}');
    await world.run(event);
    await world.run(later);
    await world.append();
    assert.deepEqual(await ids(world), [1, 2, 3]);
    assert.equal((await world.keys('lake/t/_resaca/loaded/')).length, 2);
  });

  it('clears up what was begun of a file that is overwritten then', async () => {
    const world = createLoadWorld({ rule: { columns: { id: 'long' } }, config: LIMITS, pace: 4_000 });
    const event = await world.put('in/a.jsonl', jsonl);
    await world.invoke(event, 30_000);
    assert.ok((await world.keys('lake/t/_resaca/loaded/')).length > 2);
    await world.put('in/a.jsonl', '{"id":3}');
    await world.run(event);
    assert.deepEqual(await world.keys('lake/t/'), []);
  });

  it('does nothing where the object is gone', async () => {
    const world = createLoadWorld();
    const event = await world.put('in/a.jsonl', '{"id":1}');
    await world.store.delete('in/a.jsonl');
    await world.run(event);
    assert.deepEqual(await world.keys(''), []);
  });

  it('loads a file that was refused, if it was uploaded once more', async () => {
    const world = createLoadWorld({ rule: { schemaPolicy: 'strict' } });
    const rest = async (event: Parameters<LoadWorld['run']>[0]) => {
      await world.run(event);
      await world.append();
    };
    await rest(await world.put('in/a.jsonl', '{"id":1}'));
    const event = await world.put('in/b.jsonl', '{"id":2,"new":1}');
    await rest(event);
    await rest(event);
    assert.equal((await world.quarantined()).length, 1);
    // The table gets the column from a file that lands.
    const other = createLoadWorld();
    await other.run(await other.put('in/c.jsonl', '{"id":3,"new":1}'));
    const [key = ''] = await other.keys('lake/t/resaca-loaded-');
    await world.store.put('lake/t/c.parquet', (await other.store.get(key)).body);
    await world.append();
    world.advance(60_000);
    await rest(await world.put('in/b.jsonl', '{"id":2,"new":1}'));
    assert.deepEqual(await ids(world), [1, 2, 3]);
  });

  it('leaves a file alone whose parts were published long ago', async () => {
    const { createFaultyStore } = await import('../support/faulty-store.ts');
    let isCrashing = true;
    const world = createLoadWorld({
      config: LIMITS,
      wrap: (store) =>
        createFaultyStore(store, ({ method, key }) =>
          isCrashing && method === 'putIfAbsent' && /t\/resaca-loaded-.*00002/.test(key)
            ? { when: 'before', kind: 'crash' }
            : undefined,
        ),
    });
    const event = await world.put('in/a.jsonl', jsonl);
    await world.invoke(event);
    isCrashing = false;
    const visible = await world.keys('lake/t/resaca-loaded-');
    assert.ok(visible.length > 0);
    world.advance(7 * 24 * 3_600_000);
    await world.run(event);
    assert.equal((await world.quarantined())[0]?.reason, 'STALE_PROGRESS');
    assert.deepEqual(await world.keys('lake/t/resaca-loaded-'), visible);
  });

  it('stops where the object becomes another one while it is read', async () => {
    const world = createLoadWorld({
      wrap: (store) => ({
        ...store,
        async get(key, options) {
          // The first read tells how it is compressed.
          if (key === 'in/a.jsonl' && options?.range?.start === 0 && options.range.end > 4) {
            await store.put(key, new TextEncoder().encode('{"id":2}'));
          }
          return store.get(key, options);
        },
      }),
    });
    await world.run(await world.put('in/a.jsonl', '{"id":1}'));
    assert.deepEqual(await world.keys('lake/t/'), []);
    assert.deepEqual(await world.quarantined(), []);
  });

  it('fails where it is no notification, and is left where no rule is for it', async () => {
    const world = createLoadWorld();
    const event = await world.put('in/_SUCCESS.csv', 'a');
    const [record] = event.Records;
    assert.deepEqual(await world.invoke({ Records: [{ messageId: 'bad', body: '{}' }] }), ['bad']);
    assert.deepEqual(await world.invoke({ Records: record === undefined ? [] : [record] }), []);
    assert.deepEqual(await world.keys('lake/'), []);
  });
});
