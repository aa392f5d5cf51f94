import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bill } from '../../src/cost/cost-items.ts';
import { PRICES } from '../../src/cost/prices.ts';
import { type Loads, type Suite, suiteBills } from '../../src/cost/suite.ts';

const APPEND = { window: 30, batchSize: 1_000, memory: 512, queue: 'standard', eventBridge: false } as const;
const QUEUE = { name: 'orders', window: 30, batchSize: 1_000, memory: 1_024, fifo: false };
const FILES = { filesPerDay: 86_400, tables: 2, tableFiles: 1_000_000, bytes: 1e6 };
/** Everything that there is. */
const ALL: Suite = {
  append: APPEND,
  bronze: { reader: 'mapping', window: 60, memory: 1_024 },
  queues: [QUEUE, { ...QUEUE, name: 'returns', fifo: true }],
  webhooks: { secrets: 1, memory: 512 },
  loader: { memory: 1_024 },
  merge: { window: 300, batchSize: 10_000, memory: 1_024, deleteSources: true },
  tagging: { eventBridge: true },
  catalog: { every: 24 },
  exports: { every: [60] },
  maintenance: { memory: 2_048, optimizeEvery: 24, vacuumEvery: 24, cleanLogEvery: 24, reconcileEvery: 24 },
  dashboard: true,
  keys: 2,
};
const LOADS: Loads = {
  files: FILES,
  stream: { gbPerDay: 50, topics: 4, recordBytes: 400 },
  messages: { perDay: 1e6, bytes: 400 },
  requests: { perDay: 1e6, bytes: 400 },
  loaded: { perDay: 1_000, bytes: 10e6 },
  staged: { perDay: 100_000, bytes: 5_000, tables: 3 },
};

const bare: Suite = { dashboard: false, keys: 0 };
const bills = (suite: Suite, loads: Loads = LOADS) => suiteBills(suite, loads, PRICES);
function bill(name: string, suite: Suite, loads: Loads = LOADS): Bill {
  const found = bills(suite, loads).find((one) => one.name === name);
  assert.ok(found, `there is no bill of ${name}`);
  return found;
}
const quantity = ({ items }: Bill, what: RegExp) =>
  items.filter((item) => what.test(item.what)).reduce((sum, item) => sum + item.quantity, 0);

describe('the bills of a deployment', () => {
  it('are those of the parts that are on', () => {
    const names = bills(ALL).map(({ name }) => name);
    assert.deepEqual(names, [
      'append',
      'bronze',
      'queue orders',
      'queue returns',
      'webhooks',
      'loader',
      'merge',
      'tagging',
      'catalog',
      'exports',
      'maintenance',
      'stack',
    ]);
    assert.deepEqual(
      bills({ ...bare, loader: { memory: 1_024 } }).map(({ name }) => name),
      ['loader'],
    );
  });

  it('have whole, finite figures and say what they rest on', () => {
    for (const { name, items, total, basis } of bills(ALL)) {
      assert.ok(Number.isFinite(total) && total > 0, name);
      assert.equal(
        items.reduce((sum, { usd }) => sum + usd, 0),
        total,
      );
      assert.ok(
        items.every(({ quantity: count }) => Number.isFinite(count) && count > 0),
        name,
      );
      assert.ok(name === 'stack' || basis.length > 0, name);
    }
  });

  it('have what a part costs at rest where it has no load', () => {
    const atRest = bills(ALL, {});
    assert.ok(atRest.length === bills(ALL).length);
    for (const { name, items } of atRest.filter((one) => !/catalog|exports|maintenance/.test(one.name))) {
      assert.ok(!items.some(({ price }) => price === 's3.put' || price === 'lambda.request'), name);
    }
  });

  it('count a file in the bill of the queue that takes its event', () => {
    const fifo = bill('append', { ...bare, append: { ...APPEND, queue: 'fifo', window: 0, batchSize: 10 } });
    assert.ok(fifo.items.some(({ what, price }) => what.startsWith('events') && price === 'sqs.fifo'));
    const bridge = bill('append', { ...bare, append: { ...APPEND, eventBridge: true } });
    assert.equal(quantity(bridge, /EventBridge/), quantity(bridge, /^footers/));
  });

  it('let what the loader makes land', () => {
    const suite = { ...bare, append: APPEND, loader: { memory: 1_024 } };
    const more =
      quantity(bill('append', suite), /^footers/) - quantity(bill('append', { ...bare, append: APPEND }), /^footers/);
    assert.ok(Math.abs(more - (1_000 * 730) / 24) < 1e-6);
    const large: Loads = { loaded: { perDay: 1, bytes: 1e9 } };
    assert.ok(Math.abs(quantity(bill('append', suite, large), /^footers/) - (10 * 730) / 24) < 1e-6);
  });

  it('give requests of webhooks to the queues, and count their sending once', () => {
    const suite: Suite = { ...bare, queues: [QUEUE], webhooks: { secrets: 1, memory: 512 } };
    const { requests } = LOADS;
    assert.ok(requests);
    const month = (1e6 * 730) / 24;
    const queue = bill('queue orders', suite, { requests });
    assert.equal(quantity(queue, /sent one by one/), 0);
    const both = bill('queue orders', suite, { requests, messages: { perDay: 10, bytes: 400 } });
    assert.ok(Math.abs(quantity(both, /sent one by one/) - (10 * 730) / 24) < 1e-6);
    assert.ok(Math.abs(quantity(queue, /received and deleted/) - 0.2 * month) < 1e-3);
    assert.ok(Math.abs(quantity(bill('webhooks', suite, { requests }), /sent to the queue/) - month) < 1e-3);
    // A message of 100 kB is billed as two.
    const large = bill('webhooks', suite, { requests: { perDay: 1e6, bytes: 100_000 } });
    assert.ok(Math.abs(quantity(large, /sent to the queue/) - 2 * month) < 1e-3);
  });

  it('have a checkpoint for each hundred commits of all that commits', () => {
    const suite = { ...bare, append: APPEND, queues: [QUEUE], maintenance: { memory: 2_048 } };
    const commits = (name: string, what: RegExp) => quantity(bill(name, suite), what);
    const all = commits('append', /^commits/) + commits('queue orders', /^function: invocations/);
    assert.ok(Math.abs(commits('maintenance', /^checkpoints: invocations/) - all / 100) < 1e-6);
  });

  it('have only the upkeep that is asked for', () => {
    const plain = bill('maintenance', { ...bare, append: APPEND, maintenance: { memory: 2_048 } });
    assert.ok(!plain.items.some(({ what }) => /optimize|vacuum|clean-up|reconcile/.test(what)));
    const vacuum = bill('maintenance', { ...bare, append: APPEND, maintenance: { memory: 2_048, vacuumEvery: 24 } });
    // A table of a million files is listed by a thousand.
    assert.ok(Math.abs(quantity(vacuum, /^vacuum: LISTs/) - ((2 * 730) / 24) * 1_003) < 1e-6);
    const optimized = (bytes: number) =>
      quantity(
        bill(
          'maintenance',
          { ...bare, append: APPEND, maintenance: { memory: 2_048, optimizeEvery: 24 } },
          {
            files: { ...FILES, bytes },
          },
        ),
        /^optimize: time/,
      );
    // Files that are large enough are left alone.
    assert.ok(optimized(1e6) > 10 * optimized(200e6));
  });

  it('grow with what is exported, and with how often it is looked', () => {
    const of = (every: number, loads = LOADS) =>
      bill('exports', { ...bare, append: APPEND, exports: { every: [every] } }, loads);
    assert.ok(Math.abs(quantity(of(5), /messages/) / quantity(of(60), /messages/) - 12) < 1e-9);
    const more = { files: { ...FILES, bytes: 100e6 } };
    assert.ok(quantity(of(60, more), /function: time/) > 10 * quantity(of(60, { files: FILES }), /function: time/));
  });
});
