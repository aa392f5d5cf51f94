import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FooterMemory, NoRoomError } from '../../src/ingest/footer-memory.ts';
import { createAppendWorld } from '../support/append-world.ts';
import { parquet } from '../support/landing.ts';

const MIB = 2 ** 20;

describe('the memory for footers', () => {
  it('has no room for more than its limit, except for the first one', async () => {
    const share = new FooterMemory(100).open();
    await share.take(150);
    await assert.rejects(share.take(1), NoRoomError);
  });

  it('lets a table that holds nothing wait for the others', async () => {
    const memory = new FooterMemory(100);
    const [first, second] = [memory.open(), memory.open()];
    await first.take(80);
    let taken = false;
    const waiting = second.take(50).then(() => {
      taken = true;
    });
    await new Promise(setImmediate);
    assert.equal(taken, false);
    first.release();
    await waiting;
    await second.take(50);
    await assert.rejects(second.take(1), NoRoomError);
  });

  it('gives nothing to a table that has failed', async () => {
    const memory = new FooterMemory(100);
    const share = memory.open();
    await share.take(80);
    share.release();
    await assert.rejects(share.take(1), NoRoomError);
    await memory.open().take(100);
  });

  it('gives one of several that wait the room, and sends the others on', async () => {
    const memory = new FooterMemory(100);
    const [first, second] = [memory.open(), memory.open()];
    await first.take(100);
    const takes = Promise.allSettled([second.take(100), second.take(100)]);
    first.release();
    assert.deepEqual((await takes).map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });
});

describe('a batch whose footers are too large to be held together', () => {
  const columns = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`c${index}`, 'long' as const]));
  const rows = Array.from({ length: 8 }, (_, row) =>
    Object.fromEntries(Object.keys(columns).map((name) => [name, row])),
  );
  const wide = parquet(rows, columns, { rowGroupSize: 1 });

  it('is committed in turns, each file once', async () => {
    const world = createAppendWorld({ config: { footerMemory: MIB, tableConcurrency: 2 } });
    const roots = ['a', 'b', 'c'];
    const keys = roots.flatMap((root) => Array.from({ length: 8 }, (_, index) => `${root}/f${index}.parquet`));
    const records: object[] = [];
    for (const key of keys) records.push(await world.land(key, wide));
    await world.land('a/gone.parquet', wide);
    records.push(await world.remove('a/gone.parquet'));
    assert.deepEqual(await world.deliver(...records.map((record) => [record])), []);
    for (const root of roots) {
      const expected = keys.filter((key) => key.startsWith(`${root}/`)).map((key) => key.slice(2));
      const { files, snapshot } = await world.table(root);
      assert.deepEqual(files.map(({ path }) => path).sort(), expected);
      assert.ok(snapshot.version >= 2 && snapshot.version <= 7, `${root} is at version ${snapshot.version}`);
    }
  });

  it('keeps no other table from its files when one cannot be read', async () => {
    const world = createAppendWorld({ config: { footerMemory: MIB } });
    await world.store.put('broken/_delta_log/00000000000000000000.json', new TextEncoder().encode('{'));
    const records: object[] = [];
    for (let index = 0; index < 40; index += 1) records.push(await world.land(`broken/f${index}.parquet`, wide));
    records.push(await world.land('sound/a.parquet', wide));
    const failed = await world.deliver(...records.map((record) => [record]));
    assert.equal(failed.length, 40);
    assert.equal((await world.table('sound')).files.length, 1);
  });

  it('reads each footer about once', async () => {
    let gets = 0;
    const world = createAppendWorld({
      config: { footerMemory: MIB },
      wrap: (store) => ({
        ...store,
        get(key, options) {
          if (key.endsWith('.parquet')) gets += 1;
          return store.get(key, options);
        },
      }),
    });
    const records: object[] = [];
    for (let index = 0; index < 200; index += 1) records.push(await world.land(`a/f${index}.parquet`, wide));
    assert.deepEqual(await world.deliver(...records.map((record) => [record])), []);
    const { snapshot } = await world.table('a');
    // Two requests for a footer of this size, and in each round one in vain by each reader at most.
    assert.ok(gets <= 2 * 200 + 32 * (snapshot.version + 1), `${gets} requests, ${snapshot.version + 1} commits`);
  });

  it('adopts existing files after the last of its commits, within the same memory', async () => {
    const tables = [{ prefix: 'a', adoptExisting: true }];
    const world = createAppendWorld({ config: { footerMemory: MIB, tables } });
    for (let index = 0; index < 12; index += 1) await world.land(`a/old${index}.parquet`, wide);
    await world.land('a/f0.parquet', parquet([{ c0: 1 }], { c0: 'long' }));
    const records: object[] = [];
    for (let index = 0; index < 8; index += 1) records.push(await world.land(`a/f${index}.parquet`, wide));
    assert.deepEqual(await world.deliver(...records.map((record) => [record])), []);
    const { files } = await world.table('a');
    assert.equal(files.length, 20);
    assert.deepEqual([...new Set(files.map(({ size }) => size))], [wide.byteLength]);
  });

  it('is one commit where there is room', async () => {
    const world = createAppendWorld();
    const records: object[] = [];
    for (let index = 0; index < 8; index += 1) records.push(await world.land(`a/f${index}.parquet`, wide));
    assert.deepEqual(await world.deliver(...records.map((record) => [record])), []);
    assert.equal((await world.table('a')).snapshot.version, 0);
  });
});
