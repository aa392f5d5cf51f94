import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeltaError } from '../../src/delta/errors.ts';
import { parseMaintenanceConfig } from '../../src/maintenance/config.ts';
import { createMaintenanceHandler, type MaintenanceDeps } from '../../src/maintenance/handler.ts';
import { deduplicationOf, groupOf, type UpkeepMessage } from '../../src/maintenance/messages.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { SparkWorkError } from '../../src/spark/errors.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const COMMIT = '_delta_log/00000000000000000000.json';

function world(overrides: Partial<MaintenanceDeps> = {}) {
  const stores = { lake: createMemoryStore(), other: createMemoryStore() };
  const sent: { message: UpkeepMessage; occasion: string }[] = [];
  const postponed: UpkeepMessage[] = [];
  const counted: object[] = [];
  const done: string[] = [];
  const logs: string[] = [];
  let clock = 0;
  const deps: MaintenanceDeps = {
    reader: createCheckpointReader(),
    config: parseMaintenanceConfig({ places: [{ bucket: 'lake', prefixes: ['raw', 'x'] }, { bucket: 'other' }] }),
    telemetry: {
      log: (level, message) => logs.push(`${level}: ${message}`),
      metrics: (_table, values) => counted.push(values),
    },
    queue: {
      send: async (message, occasion) => void sent.push({ message, occasion }),
      postpone: async (message) => void postponed.push(message),
    },
    runTask: async (task, _engine, table) => {
      done.push(`${task} ${table.url}`);
      return { state: 'done', metrics: {}, details: {} };
    },
    storeFor: (bucket) => stores[bucket as keyof typeof stores],
    urlOf: (bucket, root) => `s3://${bucket}/${root}`,
    now: () => clock,
    random: () => 0,
    sleep: async () => undefined,
    ...overrides,
  };
  const handle = createMaintenanceHandler(deps);
  return {
    stores,
    sent,
    postponed,
    counted,
    done,
    logs,
    tick: (ms: number) => {
      clock += ms;
    },
    handle: (event: unknown, time = 60_000) =>
      handle(event, { awsRequestId: 'request', getRemainingTimeInMillis: () => time }),
    message: (message: object) => ({ Records: [{ messageId: '1', body: JSON.stringify(message) }] }),
  };
}

describe('the maintenance function', () => {
  it('puts the work for each table of its places into the queue', async () => {
    const { stores, sent, handle } = world();
    for (const root of ['raw/a', 'raw/b', 'elsewhere/c']) await stores.lake.put(`${root}/${COMMIT}`, new Uint8Array());
    await stores.other.put(`t/${COMMIT}`, new Uint8Array());
    await handle({ tasks: ['optimize', 'checkpoint'], time: 'now' });
    assert.deepEqual(
      sent.map(({ message: { bucket, root, tasks }, occasion }) => [bucket, root, tasks, occasion]),
      [
        ['lake', 'raw/a', ['optimize', 'checkpoint'], 'now'],
        ['lake', 'raw/b', ['optimize', 'checkpoint'], 'now'],
        ['other', 't', ['optimize', 'checkpoint'], 'now'],
      ],
    );
  });

  it('reconciles where files land, the tables that have no log yet included', async () => {
    const config = parseMaintenanceConfig({
      places: [{ bucket: 'lake', prefixes: ['raw'], landing: true }, { bucket: 'other' }],
      reconcile: {},
    });
    const { stores, sent, handle } = world({
      config,
      openReconcile: async () => ({
        async *roots(_store, bucket, prefix) {
          yield `${prefix}/a`;
          yield `${prefix}/new-in-${bucket}`;
        },
        run: async () => ({ state: 'done', metrics: {}, details: {} }),
      }),
    });
    await stores.lake.put(`raw/a/${COMMIT}`, new Uint8Array());
    await stores.other.put(`t/${COMMIT}`, new Uint8Array());
    await handle({ tasks: ['reconcile'], time: 'now' });
    await handle({ tasks: ['reconcile', 'vacuum'], time: 'later' });
    assert.deepEqual(
      sent.map(({ message: { root, tasks } }) => [root, ...tasks]),
      [
        ['raw/a', 'reconcile'],
        ['raw/new-in-lake', 'reconcile'],
        ['raw/a', 'reconcile', 'vacuum'],
        ['raw/new-in-lake', 'reconcile', 'vacuum'],
        ['t', 'vacuum'],
      ],
    );
  });

  it('does the work of a message in its order', async () => {
    const { done, sent, handle, message } = world();
    await handle(message({ bucket: 'lake', root: 'raw/a', tasks: ['optimize', 'checkpoint', 'vacuum'] }));
    assert.deepEqual(done, ['optimize s3://lake/raw/a', 'checkpoint s3://lake/raw/a', 'vacuum s3://lake/raw/a']);
    assert.deepEqual(sent, []);
  });

  it('puts what it has no time for into the queue again', async () => {
    const seen: string[] = [];
    const { sent, handle, message, tick } = world({
      runTask: async (task) => {
        seen.push(task);
        tick(60_000);
        return { state: 'more', metrics: {}, details: {} };
      },
    });
    await handle(message({ bucket: 'lake', root: 'raw/a', tasks: ['optimize', 'checkpoint'], turn: 3 }));
    assert.deepEqual(seen, ['optimize']);
    assert.deepEqual(sent, [
      { message: { bucket: 'lake', root: 'raw/a', tasks: ['optimize', 'checkpoint'], turn: 4 }, occasion: 'request' },
    ]);
  });

  it('goes on with the next task where one is only begun', async () => {
    const { sent, handle, message } = world({
      runTask: async (task) => ({ state: task === 'optimize' ? 'more' : 'done', metrics: {}, details: {} }),
    });
    await handle(message({ bucket: 'lake', root: 'a', tasks: ['optimize', 'checkpoint'] }));
    assert.deepEqual(sent[0]?.message.tasks, ['optimize']);
  });

  it('has work that waits for Spark come again later, and what follows it with it', async () => {
    const seen: string[] = [];
    const { sent, postponed, handle, message } = world({
      runTask: async (task) => {
        seen.push(task);
        return { state: 'waiting', metrics: {}, details: {} };
      },
    });
    await handle(message({ bucket: 'lake', root: 'raw/a', tasks: ['optimize', 'checkpoint'], turn: 2 }));
    assert.deepEqual(seen, ['optimize']);
    assert.deepEqual(sent, []);
    assert.deepEqual(postponed, [{ bucket: 'lake', root: 'raw/a', tasks: ['optimize', 'checkpoint'], turn: 3 }]);
  });

  it('puts work that waited back among that of its table, in the same way when it is delivered twice', async () => {
    const { sent, done, handle, message } = world();
    const waited = message({ bucket: 'lake', root: 'raw/a', tasks: ['optimize'], turn: 3, isPostponed: true });
    await handle(waited);
    await handle(waited);
    const once = { message: { bucket: 'lake', root: 'raw/a', tasks: ['optimize'], turn: 3 }, occasion: '1' };
    assert.deepEqual(sent, [once, once]);
    assert.deepEqual(done, []);
  });

  it('counts a Spark job that came to nothing, and starts no other before the next schedule', async () => {
    const { logs, sent, postponed, counted, handle, message } = world({
      runTask: async (task) => {
        if (task === 'optimize') throw new SparkWorkError('SPARK_JOB_FAILED', 'no capacity');
        return { state: 'done', metrics: {}, details: {} };
      },
    });
    await handle(message({ bucket: 'lake', root: 'raw/a', tasks: ['optimize', 'checkpoint'], turn: 3 }));
    assert.deepEqual(logs, ['error: optimize failed on Spark, nothing was committed', 'info: checkpoint done']);
    assert.deepEqual(counted, [{ sparkFailures: 1 }, {}]);
    assert.deepEqual([...sent, ...postponed], []);
  });

  it('gives up work that comes to no end', async () => {
    const { sent, handle, message } = world({
      runTask: async () => ({ state: 'more', metrics: {}, details: {} }),
    });
    const endless = message({ bucket: 'lake', root: 'a', tasks: ['optimize'], turn: 100 });
    await assert.rejects(handle(endless), /optimize of s3:\/\/lake\/a came to no end in 100 turns/);
    assert.deepEqual(sent, []);
  });

  it('fails with the task, so that the message comes again', async () => {
    const { logs, handle, message } = world({ runTask: () => Promise.reject(new Error('no such table')) });
    await assert.rejects(handle(message({ bucket: 'lake', root: 'a', tasks: ['vacuum'] })), /no such table/);
    assert.deepEqual(logs, ['error: vacuum failed, its message will be delivered again']);
  });

  it('leaves a task out that is not for the table, with a warning', async () => {
    const refusal = new DeltaError('UNSUPPORTED_WRITER', 'columns are mapped');
    const { logs, sent, handle, message } = world({
      runTask: async (task) => {
        if (task === 'optimize') throw refusal;
        return { state: 'done', metrics: {}, details: {} };
      },
    });
    await handle(message({ bucket: 'lake', root: 'a', tasks: ['optimize', 'checkpoint'] }));
    assert.deepEqual(logs, ['warn: optimize left out', 'info: checkpoint done']);
    assert.deepEqual(sent, []);
  });

  for (const [what, event] of [
    ['a task that there is not', { bucket: 'lake', root: 'a', tasks: ['clean'] }],
    ['no task', { bucket: 'lake', root: 'a', tasks: [] }],
    ['no bucket', { root: 'a', tasks: ['vacuum'] }],
    ['no root', { bucket: 'lake', tasks: ['vacuum'] }],
    ['a text', 'vacuum'],
  ] as const) {
    it(`refuses a message with ${what}`, async () => {
      const { done, handle } = world();
      const body = typeof event === 'string' ? event : JSON.stringify(event);
      await assert.rejects(handle({ Records: [{ messageId: '1', body }] }), { code: 'INVALID_MESSAGE' });
      assert.deepEqual(done, []);
    });
  }

  it('refuses a schedule without a time, which tells its events apart', async () => {
    await assert.rejects(world().handle({ tasks: ['vacuum'] }), { code: 'INVALID_MESSAGE' });
  });
});

describe('the messages of a table', () => {
  const message = { bucket: 'lake', root: 'a', tasks: ['checkpoint'] } as const;

  it('are one group, another than those of other tables', () => {
    assert.equal(groupOf(message), groupOf({ ...message, tasks: ['vacuum'] } as UpkeepMessage));
    assert.notEqual(groupOf(message), groupOf({ bucket: 'lake', root: 'b' }));
    assert.match(groupOf(message), /^[0-9a-f]{64}$/);
  });

  it('count once for one occasion', () => {
    const id = deduplicationOf(message, 'version 10');
    assert.equal(deduplicationOf({ ...message }, 'version 10'), id);
    for (const other of [
      deduplicationOf(message, 'version 20'),
      deduplicationOf({ ...message, tasks: ['vacuum'] }, 'version 10'),
      deduplicationOf({ ...message, root: 'b' }, 'version 10'),
      deduplicationOf({ ...message, turn: 1 }, 'version 10'),
    ]) {
      assert.notEqual(other, id);
    }
  });
});
