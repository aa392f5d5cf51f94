import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { StoredBatch } from '../../src/kafka/deferred/pending.ts';
import { closedSubset, settle } from '../../src/kafka/deferred/settle.ts';
import { offsetAppId } from '../../src/kafka/offsets.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { createFaultyStore, everySingleFault, type FaultyStore, failCall } from '../support/faulty-store.ts';

const config = { commits: 'deferred' };
const jsonConfig = { ...config, topics: [{ topic: '*', format: 'json', metadataPrefix: 'k_' }] };

function range(partition: number, end: number): string[] {
  return Array.from({ length: end }, (_, offset) => `web/${partition}/${offset}`);
}

async function pending(world: BronzeWorld): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of world.store.list('_resaca/')) keys.push(key);
  return keys;
}

function json(offset: number, value: object): KafkaRecord {
  return kafkaRecord(offset, { value: new TextEncoder().encode(JSON.stringify(value)) });
}

describe('deferred commits', () => {
  it('commit the files of many batches at once, with the offsets of all', async () => {
    const world = createBronzeWorld({ config });
    await world.deliver(...kafkaRecords(0, 10));
    await world.deliver(...kafkaRecords(10, 20));
    await world.deliver(...kafkaRecords(0, 5, { partition: 1 }));
    assert.deepEqual(await world.offsets('bronze/web'), []);
    assert.equal((await pending(world)).length, 3);
    await world.commitPending();
    assert.deepEqual(await world.offsets('bronze/web'), [...range(0, 20), ...range(1, 5)]);
    assert.deepEqual(await pending(world), []);
    const { version, txns } = await world.snapshot('bronze/web');
    assert.equal(version, 1);
    assert.deepEqual([...txns.values()].map(({ appId, version: offset }) => [appId, offset]).sort(), [
      ['resaca/deferred', 1],
      ['resaca/web/0', 19],
      ['resaca/web/1', 4],
    ]);
    await world.commitPending();
    assert.equal((await world.snapshot('bronze/web')).version, 1);
  });

  it('write each record once, whatever overlaps', async () => {
    const world = createBronzeWorld({ config });
    await world.deliver(...kafkaRecords(0, 10));
    world.coldStart();
    await world.deliver(...kafkaRecords(0, 10));
    await world.deliver(...kafkaRecords(5, 15), ...kafkaRecords(0, 4, { partition: 1 }));
    await world.commitPending();
    await world.deliver(...kafkaRecords(12, 20), ...kafkaRecords(2, 6, { partition: 1 }));
    await world.commitPending();
    assert.deepEqual(await world.offsets('bronze/web'), [...range(0, 20), ...range(1, 6)]);
    assert.deepEqual(await pending(world), []);
  });

  it('give the table its columns before the files that have them', async () => {
    const world = createBronzeWorld({ config: jsonConfig });
    await world.deliver(json(0, { a: 1 }));
    await world.deliver(json(1, { a: 2, b: 'x' }), json(2, { a: 'no' }));
    await world.deliver(json(1, { a: 2, b: 'x' }), json(2, { a: 'no' }), json(3, { c: [1.5], a: 3 }));
    await world.commitPending();
    const rows = await world.rows('bronze/web');
    assert.deepEqual(
      rows.map(({ a, b }) => [Number(a), b ?? null]).sort(),
      [
        [1, null],
        [2, 'x'],
        [3, null],
      ].sort(),
    );
    assert.deepEqual(rows.map(({ c }) => JSON.stringify(c ?? null)).sort(), ['[1.5]', 'null', 'null']);
    assert.deepEqual(
      (await world.rows('bronze/web__dead_letters')).map(({ error_code: code }) => String(code)),
      // Which offsets are handled is known with the commit: until then dead letters may come again.
      ['TYPE_MISMATCH', 'TYPE_MISMATCH'],
    );
  });

  it('leave what cannot be committed for the next turn', async () => {
    const world = createBronzeWorld({ config });
    await world.deliver(kafkaRecord(0), kafkaRecord(0, { topic: 'other' }));
    const log = 'bronze/other/_delta_log/00000000000000000000.json';
    const { body } = await world.store.get(log);
    await world.store.put(log, new TextEncoder().encode('{'));
    await assert.rejects(world.commitPending(), /1 tables could not be committed to/);
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0']);
    assert.equal((await pending(world)).length, 1);
    await world.store.put(log, body);
    await world.commitPending();
    assert.deepEqual(await world.offsets('bronze/other'), ['other/0/0']);
  });

  it('may run twice at once', async () => {
    const world = createBronzeWorld({ config });
    for (let first = 0; first < 100; first += 10) await world.deliver(...kafkaRecords(first, first + 12));
    await Promise.allSettled([world.commitPending(), world.commitPending(), world.commitPending()]);
    await world.commitPending();
    assert.deepEqual((await world.offsets('bronze/web')).length, 102);
    assert.equal(new Set(await world.offsets('bronze/web')).size, 102);
  });
});

describe('a failure before or after any one store call, with deferred commits', async () => {
  async function run(world: BronzeWorld): Promise<void> {
    await world.deliver(...kafkaRecords(5, 12), ...kafkaRecords(0, 4, { partition: 1 }));
    await world.deliver(...kafkaRecords(9, 14));
    await world.commitPending();
  }
  const faulty: FaultyStore[] = [];
  const rehearsal = createBronzeWorld({
    config,
    wrap: (store) => {
      const wrapped = createFaultyStore(store, () => undefined);
      faulty.push(wrapped);
      return wrapped;
    },
  });
  await rehearsal.deliver(...kafkaRecords(0, 8));
  faulty.length = 0;
  rehearsal.coldStart();
  await run(rehearsal);
  const calls = faulty.reduce((sum, { calls: all }) => sum + all.length, 0);

  it('(the run makes a fair number of calls)', () => assert.ok(calls >= 12, `${calls} calls`));

  for (const { name, number, fault } of everySingleFault(calls)) {
    it(name, async () => {
      let armed = false;
      let shared: FaultyStore | undefined;
      const world = createBronzeWorld({
        config,
        wrap: (store) => {
          if (!armed) return store;
          shared ??= createFaultyStore(store, failCall(number, fault));
          return shared;
        },
      });
      await world.deliver(...kafkaRecords(0, 8));
      armed = true;
      world.coldStart();
      await run(world).catch(() => undefined);
      armed = false;
      world.coldStart();
      await run(world);
      assert.deepEqual(await world.offsets('bronze/web'), [...range(0, 14), ...range(1, 4)]);
      assert.deepEqual(await pending(world), []);
    });
  }
});

describe('the settling of overlapping batches', () => {
  const keeper = { application: 'resaca', rule: { generation: 0 } };
  const interval = fc.tuple(fc.nat(40), fc.nat(15)).map(([first, length]) => ({ first, last: first + length }));
  const batchOf = (ranges: readonly { first: number; last: number }[], index: number): StoredBatch => ({
    key: String(index),
    root: 'bronze/web',
    tableId: '',
    keeper,
    metadataPrefix: '',
    files: [],
    ranges: ranges.map((one, partition) => ({ topic: 'web', partition, ...one })),
  });
  const batches = fc
    .array(fc.array(interval, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 })
    .map((all) => all.map(batchOf));

  it('keeps each offset once, and none that the table has', () => {
    fc.assert(
      fc.property(batches, fc.nat(30), (all, reached) => {
        const known = new Map([[offsetAppId(keeper, 'web', 0), reached]]);
        const seen = new Map<string, number>();
        for (const { batch, wanted, kind } of settle(all, known)) {
          for (const one of batch.ranges) {
            const behind = wanted.get(one);
            for (let offset = one.first; offset <= one.last; offset++) {
              const id = `${one.partition}/${offset}`;
              const isWanted = behind !== undefined && offset > behind;
              seen.set(id, (seen.get(id) ?? 0) + (isWanted ? 1 : 0));
              if (kind === 'whole') assert.ok(isWanted);
              if (kind === 'none') assert.ok(!isWanted);
            }
          }
        }
        for (const [id, count] of seen) {
          const [partition, offset] = id.split('/').map(Number);
          assert.equal(count, partition === 0 && Number(offset) <= reached ? 0 : 1, id);
        }
      }),
    );
  });

  it('takes with a batch all that begin before it', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 5 }), (all, limit) => {
        const chosen = new Set(closedSubset(all, limit));
        assert.ok(chosen.size >= Math.min(limit, all.length));
        const firstOf = (batch: StoredBatch, partition: number) => batch.ranges[partition]?.first;
        for (const batch of chosen) {
          for (const other of all.filter((one) => !chosen.has(one))) {
            for (const { partition, first } of batch.ranges) {
              const theirs = firstOf(other, partition);
              assert.ok(theirs === undefined || theirs >= first, `${other.key} begins before ${batch.key}`);
            }
          }
        }
      }),
    );
  });
});
