import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action, AddFile, DeletionVector } from '../../src/delta/actions.ts';
import { assertCommittable, backOff, type RetryOptions, tryCommit } from '../../src/delta/commit.ts';
import { parseCommit, serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { CrashError, createFaultyStore, everySingleFault, failCall, failCalls } from '../support/faulty-store.ts';

const tableOn = (store: ObjectStore): TableRef => ({ store, root: 'orders', url: 's3://lake/orders' });

function actionsOf(token: string): Action[] {
  return [{ commitInfo: { txnId: token, operation: 'WRITE' } }, { add: fileOf(`${token}.parquet`) }];
}

function fileOf(path: string, partitionValues: AddFile['partitionValues'] = {}): AddFile {
  return { path, partitionValues, size: 1, modificationTime: 1, dataChange: true };
}

/** A clock that only sleeping moves. */
function clock(deadline: number): RetryOptions & { readonly slept: number[] } {
  const slept: number[] = [];
  let time = 0;
  const sleep = async (ms: number) => {
    slept.push(ms);
    time += ms;
  };
  return { deadline, now: () => time, sleep, random: () => 0.5, slept };
}

async function tokenAt(store: ObjectStore, version: number): Promise<string | undefined> {
  const table = tableOn(store);
  const { body } = await store.get(commitKey(table, version));
  const [first] = parseCommit(body, { table, version });
  return first !== undefined && 'commitInfo' in first ? first.commitInfo.txnId : undefined;
}

describe('tryCommit', () => {
  it('writes the version as one JSON line an action, with one request', async () => {
    const store = createFaultyStore(createMemoryStore(), () => undefined);
    assert.equal(await tryCommit(tableOn(store), 7, actionsOf('us'), clock(1000)), 'committed');
    assert.deepEqual(
      store.calls.map(({ method }) => method),
      ['putIfAbsent'],
    );
    const { body } = await store.get('orders/_delta_log/00000000000000000007.json');
    assert.deepEqual(Buffer.from(body).toString().split('\n'), [
      ...actionsOf('us').map((action) => JSON.stringify(action)),
      '',
    ]);
  });

  it('leaves the version of another writer as it is, and says so', async () => {
    const store = createMemoryStore();
    await tryCommit(tableOn(store), 0, actionsOf('them'), clock(1000));
    const outcome = await tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000));
    assert.deepEqual(outcome, { kind: 'conflict', version: 0 });
    assert.equal(await tokenAt(store, 0), 'them');
  });

  it('knows another writer by a commit without commitInfo, too', async () => {
    const store = createMemoryStore();
    await store.putIfAbsent(commitKey(tableOn(store), 0), serializeCommit([{ add: fileOf('x') }]));
    assert.deepEqual(await tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000)), {
      kind: 'conflict',
      version: 0,
    });
  });

  it('recognises its own commit when the store says that it is there', async () => {
    const store = createMemoryStore();
    await tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000));
    assert.equal(await tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000)), 'committed');
  });

  it('recognises its own commit when the answer to the write was lost', async () => {
    const inner = createMemoryStore();
    const store = createFaultyStore(inner, failCall(1, { kind: 'unavailable', when: 'after' }));
    assert.equal(await tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000)), 'committed');
    assert.deepEqual(
      store.calls.map(({ method }) => method),
      ['putIfAbsent', 'get'],
    );
  });

  it('writes again when the write did not arrive', async () => {
    const inner = createMemoryStore();
    const store = createFaultyStore(inner, failCall(1, { kind: 'unavailable', when: 'before' }));
    const time = clock(1000);
    assert.equal(await tryCommit(tableOn(store), 0, actionsOf('us'), time), 'committed');
    assert.deepEqual(
      store.calls.map(({ method }) => method),
      ['putIfAbsent', 'get', 'putIfAbsent'],
    );
    assert.deepEqual(time.slept, [10]);
    assert.equal(await tokenAt(inner, 0), 'us');
  });

  it('gives way when another writer came before the repeated write', async () => {
    const inner = createMemoryStore();
    const store = createFaultyStore(inner, failCall(1, { kind: 'unavailable', when: 'before' }));
    const time = clock(1000);
    const sleep = async () => {
      await tryCommit(tableOn(inner), 0, actionsOf('them'), clock(1000));
    };
    const outcome = await tryCommit(tableOn(store), 0, actionsOf('us'), { ...time, sleep });
    assert.deepEqual(outcome, { kind: 'conflict', version: 0 });
    assert.equal(await tokenAt(inner, 0), 'them');
  });

  it('says that the outcome is not known when the deadline comes before it is, and starts nothing after that', async () => {
    const inner = createMemoryStore();
    const store = createFaultyStore(
      inner,
      failCalls(() => true, { kind: 'unavailable', when: 'before' }),
    );
    const time = clock(100);
    await assert.rejects(
      tryCommit(tableOn(store), 3, actionsOf('us'), time),
      (error) =>
        isStoreError(error, 'UNAVAILABLE') &&
        error.key === commitKey(tableOn(inner), 3) &&
        error.cause instanceof StoreError,
    );
    assert.deepEqual(time.slept, [10, 20, 40]);
    assert.equal(store.calls.length, 8);
  });

  for (const { name, number, fault } of everySingleFault(3)) {
    it(`ends with the truth after ${name} of a lost race and of a free version`, async () => {
      for (const taken of [false, true]) {
        const inner = createMemoryStore();
        if (taken) await tryCommit(tableOn(inner), 0, actionsOf('them'), clock(1000));
        const store = createFaultyStore(inner, failCall(number, fault));
        const outcome = await tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000)).catch(
          (error: unknown) => error,
        );
        if (outcome === 'committed') assert.equal(await tokenAt(inner, 0), 'us');
        else if (!(outcome instanceof CrashError)) assert.deepEqual(outcome, { kind: 'conflict', version: 0 });
        if (taken) assert.equal(await tokenAt(inner, 0), 'them');
      }
    });
  }

  it('does not repeat what the store refuses', async () => {
    const store: ObjectStore = {
      ...createMemoryStore(),
      putIfAbsent: async (key) => {
        throw new StoreError('ACCESS_DENIED', 'putIfAbsent', key, 'no');
      },
    };
    await assert.rejects(tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000)), { code: 'ACCESS_DENIED' });
  });

  it('does not take a version that cannot be parsed for its own or a lost race', async () => {
    const store = createMemoryStore();
    await store.put(commitKey(tableOn(store), 0), Buffer.from('{"add":'));
    await assert.rejects(tryCommit(tableOn(store), 0, actionsOf('us'), clock(1000)), { code: 'CORRUPT_LOG' });
  });

  it('needs a token', async () => {
    const store = createMemoryStore();
    await assert.rejects(tryCommit(tableOn(store), 0, [{ add: fileOf('x') }], clock(1000)), { code: 'CORRUPT_LOG' });
    assert.equal(await store.head(commitKey(tableOn(store), 0)), undefined);
  });
});

describe('backOff', () => {
  it('draws from a time that doubles up to a second', () => {
    const longest = [0, 1, 2, 3, 5, 6, 100, 5000].map((attempt) => backOff(attempt, () => 1));
    assert.deepEqual(longest, [20, 40, 80, 160, 640, 1000, 1000, 1000]);
    assert.equal(
      backOff(3, () => 0),
      0,
    );
    assert.equal(
      backOff(3, () => 0.25),
      40,
    );
  });
});

describe('assertCommittable', () => {
  const table = tableOn(createMemoryStore());
  const deletionVector: DeletionVector = { storageType: 'u', pathOrInlineDv: 'ab', sizeInBytes: 1, cardinality: 1 };
  const remove = (path: string) => ({ remove: { path, dataChange: true } });
  const metaData: Action = {
    metaData: {
      id: 'x',
      format: { provider: 'parquet', options: {} },
      schemaString: '{}',
      partitionColumns: [],
      configuration: {},
    },
  };
  const protocol: Action = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
  const commitInfo: Action = { commitInfo: { txnId: 'us' } };
  const txn = (appId: string): Action => ({ txn: { appId, version: 1 } });
  const domain = (name: string): Action => ({ domainMetadata: { domain: name, configuration: '', removed: false } });

  const refused: readonly (readonly [what: string, actions: readonly Action[], message: RegExp])[] = [
    ['an add twice', [{ add: fileOf('x') }, { add: fileOf('x') }], /two actions for the file x/],
    ['an add and a remove of a file', [{ add: fileOf('x') }, remove('x')], /two actions for the file x/],
    [
      'a file in two spellings',
      [{ add: fileOf('p=1') }, remove('s3a://lake/orders/p%3D1')],
      /two actions for the file p=1/,
    ],
    [
      'a file with the same deletion vector twice',
      [{ add: { ...fileOf('x'), deletionVector } }, { add: { ...fileOf('x'), deletionVector } }],
      /the file x with deletion vector uab/,
    ],
    ['two metaData', [metaData, metaData], /two actions for the metadata/],
    ['two protocol', [protocol, protocol], /two actions for the protocol/],
    ['two commitInfo', [commitInfo, commitInfo], /two actions for the commit itself/],
    ['two txn of one application', [txn('a'), txn('b'), txn('a')], /two actions for the application a/],
    ['two of one domain', [domain('a'), domain('a')], /two actions for the domain a/],
  ];
  for (const [what, actions, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => assertCommittable(table, actions, []), { code: 'CORRUPT_LOG', message });
    });
  }

  const partitions: readonly (readonly [values: AddFile['partitionValues'], message: RegExp])[] = [
    [{}, /with partition values for nothing, expected day, hour/],
    [{ day: '1' }, /for day, expected day, hour/],
    [{ day: '1', hour: null, id: '1' }, /for day, hour, id, expected day, hour/],
    [{ day: '1', Hour: '1' }, /for day, Hour, expected day, hour/],
  ];
  for (const [values, message] of partitions) {
    it(`refuses an add with the partition values ${JSON.stringify(values)}`, () => {
      const actions = [{ add: fileOf('x', values) }];
      assert.throws(() => assertCommittable(table, actions, ['day', 'hour']), { code: 'CORRUPT_LOG', message });
    });
  }

  it('takes one of each, in any number of files, applications and domains', () => {
    const actions: Action[] = [
      commitInfo,
      protocol,
      metaData,
      txn('a'),
      txn('b'),
      domain('a'),
      domain('b'),
      { add: fileOf('x', { hour: null, day: '1' }) },
      { add: fileOf('y', { day: '1', hour: '2' }) },
      remove('z'),
      // Rows of a file are deleted by these two.
      remove('v'),
      { add: { ...fileOf('v', { day: '1', hour: '2' }), deletionVector } },
    ];
    assert.doesNotThrow(() => assertCommittable(table, actions, ['day', 'hour']));
  });
});
