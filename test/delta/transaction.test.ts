import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Action, AddFile, CommitInfo, Metadata } from '../../src/delta/actions.ts';
import type { CheckpointReader } from '../../src/delta/checkpoint.ts';
import { type Commit, readCommit } from '../../src/delta/commit-file.ts';
import { listCommits } from '../../src/delta/log-segment.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { type StructType, serializeSchema } from '../../src/delta/schema.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { type CommitOptions, type CommitResult, commit, type Decision } from '../../src/delta/transaction.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore } from '../../src/storage/object-store.ts';
import { CrashError, createFaultyStore, everySingleFault, failCall, failCalls } from '../support/faulty-store.ts';

const SCHEMA: StructType = { type: 'struct', fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }] };
const ICT = { 'delta.enableInCommitTimestamps': 'true' };

/** The tables of these tests have no checkpoints. */
const reader: CheckpointReader = {
  readControl: () => assert.fail('there is no checkpoint'),
  readFiles: () => assert.fail('there is no checkpoint'),
  findFiles: () => assert.fail('there is no checkpoint'),
};

const tableOn = (store: ObjectStore): TableRef => ({ store, root: 'orders', url: 's3://lake/orders' });

function creation(configuration: Readonly<Record<string, string>> = {}, id = 'one'): Action[] {
  return newTableActions({ schema: SCHEMA, partitionColumns: [], configuration, id, createdTime: 0 });
}

function add(path: string, changes: Partial<AddFile> = {}): Action {
  return { add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, ...changes } };
}

function write(...actions: Action[]): Decision {
  return { kind: 'commit', actions, operation: 'WRITE', operationParameters: { mode: 'Append' }, isBlindAppend: true };
}

/** A clock that only sleeping moves, and that starts at `start`. */
function clock(deadline = 1_000_000, start = 0): CommitOptions {
  let time = start;
  const sleep = async (ms: number) => {
    time += ms;
    await turn();
  };
  return { deadline, now: () => time, sleep, random: () => 0.5 };
}

/** Creates the table `orders` in a new store. */
async function createTable(configuration: Readonly<Record<string, string>> = {}, now = 0) {
  const store = createMemoryStore({ now: () => now });
  const table = tableOn(store);
  const options = { ...clock(), now: () => now };
  const result = await commit(undefined, table, reader, () => write(...creation(configuration)), options);
  return { store, table, head: committed(result).snapshot };
}

function committed(result: CommitResult): Extract<CommitResult, { kind: 'committed' }> {
  assert.equal(result.kind, 'committed');
  return result as Extract<CommitResult, { kind: 'committed' }>;
}

async function readLog(table: TableRef): Promise<Commit[]> {
  return Promise.all((await listCommits(table, -1)).map((file) => readCommit(table, file)));
}

/** Paths of the adds in the log, in order. */
async function addedPaths(table: TableRef): Promise<string[]> {
  const log = await readLog(table);
  return log.flatMap(({ actions }) => actions.flatMap((action) => ('add' in action ? [action.add.path] : [])));
}

function infoOf({ actions }: Commit): CommitInfo {
  const [first] = actions;
  assert.ok(first !== undefined && 'commitInfo' in first, 'commitInfo comes first');
  return first.commitInfo;
}

/** Lets another writer win `races` races: it commits `decide(race)` just before each of our attempts. */
function beaten(
  store: ObjectStore,
  races: number,
  decide: (race: number, head: Snapshot | undefined) => Decision = (race) => write(add(`theirs-${race}`)),
  options = clock(),
): ObjectStore {
  let race = 0;
  return {
    ...store,
    async putIfAbsent(key, body) {
      if (race < races) {
        race += 1;
        const theirs = tableOn(store);
        const head = (await listCommits(theirs, -1)).length === 0 ? undefined : await loadSnapshot(theirs, reader);
        await commit(head, theirs, reader, (head) => decide(race, head), options);
      }
      return store.putIfAbsent(key, body);
    },
  };
}

describe('a commit', () => {
  it('creates the table as version 0', async () => {
    const { table, head } = await createTable();
    assert.equal(head.version, 0);
    assert.equal(head.metadata.id, 'one');
    assert.deepEqual(head.schema, SCHEMA);
    const { segment, timestamp, ...loaded } = await loadSnapshot(table, reader);
    const { segment: ours, timestamp: ourTime, ...rest } = head;
    assert.deepEqual(rest, loaded);
    assert.equal(ours.version, segment.version);
  });

  it('says first who made it, when and what it did', async () => {
    const { table, head } = await createTable();
    const decision: Decision = {
      kind: 'commit',
      actions: [{ txn: { appId: 'a', version: 1 } }, add('x')],
      operation: 'WRITE',
      operationParameters: { mode: 'Append', partitionBy: ['day'], predicate: null },
      operationMetrics: { numFiles: 1, numOutputBytes: 9007199254740993n },
      isBlindAppend: true,
    };
    const options = { ...clock(), now: () => 1234, token: 'our token' };
    const result = committed(await commit(head, table, reader, () => decision, options));
    assert.equal(result.version, 1);
    assert.equal(result.conflicts, 0);
    assert.equal(result.snapshot.version, 1);
    assert.equal(result.snapshot.txns.get('a')?.version, 1);

    const [, stored] = await readLog(table);
    assert.ok(stored !== undefined);
    assert.deepEqual(stored.actions, result.commit.actions);
    assert.deepEqual(stored.actions.slice(1), decision.actions);
    const { engineInfo, ...info } = infoOf(stored);
    assert.deepEqual(info, {
      timestamp: 1234,
      operation: 'WRITE',
      operationParameters: { mode: 'Append', partitionBy: '["day"]', predicate: 'null' },
      operationMetrics: { numFiles: '1', numOutputBytes: '9007199254740993' },
      isBlindAppend: true,
      txnId: 'our token',
    });
    assert.match(engineInfo ?? '', /^resaca\/\d+\.\d+\.\d+/);
  });

  it('costs one request', async () => {
    const { store, head } = await createTable();
    const counted = createFaultyStore(store, () => undefined);
    const table = tableOn(counted);
    await commit({ ...head, table }, table, reader, () => write(add('x')), clock());
    assert.deepEqual(
      counted.calls.map(({ method }) => method),
      ['putIfAbsent'],
    );
  });

  it('is not made when there is nothing to do', async () => {
    const { table, head } = await createTable();
    const result = await commit(head, table, reader, () => ({ kind: 'skip' }), clock());
    assert.deepEqual(result, { kind: 'skipped', snapshot: head, conflicts: 0 });
    assert.equal((await readLog(table)).length, 1);
  });

  it('has a token of its own each time', async () => {
    const { table, head } = await createTable();
    const first = committed(await commit(head, table, reader, () => write(add('x')), clock()));
    const second = committed(await commit(first.snapshot, table, reader, () => write(add('y')), clock()));
    assert.notEqual(infoOf(first.commit).txnId, infoOf(second.commit).txnId);
  });
});

describe('a commit that must not be', () => {
  const noSchema: Metadata = {
    id: 'one',
    format: { provider: 'parquet', options: {} },
    schemaString: '{}',
    partitionColumns: [],
    configuration: {},
  };
  const withColumn = (name: string, type: 'timestamp_ntz' | 'variant'): Metadata => ({
    ...noSchema,
    schemaString: serializeSchema({
      type: 'struct',
      fields: [...SCHEMA.fields, { name, type, nullable: true, metadata: {} }],
    }),
  });
  const cases: readonly (readonly [what: string, actions: readonly Action[], code: string])[] = [
    ['two actions for a file', [add('x'), { remove: { path: 'x', dataChange: true } }], 'CORRUPT_LOG'],
    [
      'an add with partition values that are none of the table',
      [add('x', { partitionValues: { p: '1' } })],
      'CORRUPT_LOG',
    ],
    ['a commitInfo of its own', [{ commitInfo: {} }, add('x')], 'CORRUPT_LOG'],
    ['a schema that is none', [{ metaData: noSchema }], 'INVALID_SCHEMA'],
    [
      'metadata of another table',
      [{ metaData: { ...noSchema, id: 'two', schemaString: serializeSchema(SCHEMA) } }],
      'CONFLICT',
    ],
    ['a column of a type that we cannot write', [{ metaData: withColumn('v', 'variant') }], 'UNSUPPORTED_WRITER'],
    ['a column that needs a feature, without it', [{ metaData: withColumn('at', 'timestamp_ntz') }], 'CORRUPT_LOG'],
  ];
  for (const [what, actions, code] of cases) {
    it(`is not made: ${what}`, async () => {
      const { table, head } = await createTable();
      await assert.rejects(
        commit(head, table, reader, () => write(...actions), clock()),
        { code },
      );
      assert.equal((await readLog(table)).length, 1);
    });
  }

  it('is not made: a first one without protocol and metaData', async () => {
    const table = tableOn(createMemoryStore());
    await assert.rejects(
      commit(undefined, table, reader, () => write(add('x')), clock()),
      { code: 'CORRUPT_LOG' },
    );
  });

  it('is not made: data removed from an append-only table; compacting it is fine', async () => {
    const { table, head } = await createTable({ 'delta.appendOnly': 'true' });
    const remove = (dataChange: boolean) => write({ remove: { path: 'x', dataChange } }, add('y'));
    await assert.rejects(
      commit(head, table, reader, () => remove(true), clock()),
      { code: 'UNSUPPORTED_WRITER' },
    );
    assert.equal(committed(await commit(head, table, reader, () => remove(false), clock())).version, 1);
  });

  it('is not made to a table that we may not write to', async () => {
    const { table, head } = await createTable();
    const metadata = { ...head.metadata, configuration: { 'delta.constraints.positive': 'id > 0' } };
    const constrained = { ...head, metadata, protocol: { minReaderVersion: 1, minWriterVersion: 3 } };
    const decide = () => assert.fail('there is nothing to decide');
    await assert.rejects(commit(constrained, table, reader, decide, clock()), { code: 'UNSUPPORTED_WRITER' });
  });
});

describe('a lost race', () => {
  it('is decided again on the winner', async () => {
    const { store, head } = await createTable();
    const table = tableOn(beaten(store, 2));
    const heads: (number | undefined)[] = [];
    const winners: number[] = [];
    const decide = (head: Snapshot | undefined) => {
      heads.push(head?.version);
      return write(add(`ours-on-${head?.version}`));
    };
    const options = { ...clock(), onCommit: ({ version }: Commit) => winners.push(version) };
    const result = committed(await commit({ ...head, table }, table, reader, decide, options));
    assert.deepEqual([result.version, result.conflicts], [3, 2]);
    assert.deepEqual(heads, [0, 1, 2]);
    assert.deepEqual(winners, [1, 2]);
    assert.deepEqual(await addedPaths(table), ['theirs-1', 'theirs-2', 'ours-on-2']);
  });

  it('may leave nothing to do', async () => {
    const { store, head } = await createTable();
    const table = tableOn(beaten(store, 1, () => write(add('x'))));
    const seen = new Set<string>();
    const onCommit = ({ actions }: Commit) => {
      for (const action of actions) if ('add' in action) seen.add(action.add.path);
    };
    const decide = () => (seen.has('x') ? ({ kind: 'skip' } as const) : write(add('x')));
    const result = await commit({ ...head, table }, table, reader, decide, { ...clock(), onCommit });
    assert.equal(result.kind, 'skipped');
    assert.equal(result.conflicts, 1);
    assert.equal(result.snapshot?.version, 1);
    assert.deepEqual(await addedPaths(table), ['x']);
  });

  it('is a conflict when the decision does not see what the winner did', async () => {
    const { store, head } = await createTable();
    const table = tableOn(beaten(store, 1, () => write(add('x'))));
    await assert.rejects(
      commit({ ...head, table }, table, reader, () => write(add('x')), clock()),
      { code: 'CONFLICT' },
    );
    assert.deepEqual(await addedPaths(table), ['x']);
  });

  it('takes over the metadata of the winner', async () => {
    const { store, head } = await createTable();
    const evolve = (_race: number, head: Snapshot | undefined) => {
      assert.ok(head !== undefined);
      const fields = [...SCHEMA.fields, { name: 'new', type: 'date' as const, nullable: true, metadata: {} }];
      return write({ metaData: { ...head.metadata, schemaString: serializeSchema({ type: 'struct', fields }) } });
    };
    const table = tableOn(beaten(store, 1, evolve));
    const columns: number[] = [];
    const decide = (head: Snapshot | undefined) => {
      columns.push(head?.schema.fields.length ?? 0);
      return write(add('x'));
    };
    const result = committed(await commit({ ...head, table }, table, reader, decide, clock()));
    assert.deepEqual(columns, [1, 2]);
    assert.equal(result.snapshot.schema.fields.length, 2);
  });

  it('is a conflict when a decision from before would undo the metadata of the winner', async () => {
    const { store, head } = await createTable();
    const evolved = (name: string): Action => {
      const fields = [...SCHEMA.fields, { name, type: 'date' as const, nullable: true, metadata: {} }];
      return { metaData: { ...head.metadata, schemaString: serializeSchema({ type: 'struct', fields }) } };
    };
    const table = tableOn(beaten(store, 1, () => write(evolved('theirs'))));
    await assert.rejects(
      commit({ ...head, table }, table, reader, () => write(evolved('ours')), clock()),
      {
        code: 'CONFLICT',
        message: /lacks the column "theirs"/,
      },
    );
  });

  it('ends when the winner made the table one that we may not write to', async () => {
    const { store, head } = await createTable();
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['catalogManaged'],
      writerFeatures: ['catalogManaged'],
    };
    const theirs = {
      ...store,
      async putIfAbsent(key: string, body: Uint8Array) {
        await store.putIfAbsent(key, Buffer.from(`${JSON.stringify({ protocol })}\n`));
        return store.putIfAbsent(key, body);
      },
    };
    const table = tableOn(theirs);
    await assert.rejects(
      commit({ ...head, table }, table, reader, () => write(add('x')), clock()),
      { code: 'UNSUPPORTED_READER' },
    );
    assert.deepEqual(await addedPaths(table), []);
  });

  it('of two creators leaves one table, to which the loser adds', async () => {
    const store = createMemoryStore();
    const decideAs = (id: string) => (head: Snapshot | undefined) => {
      return write(...(head === undefined ? creation({}, id) : []), add(`${id}.parquet`));
    };
    const table = tableOn(beaten(store, 1, () => decideAs('theirs')(undefined)));
    const result = committed(await commit(undefined, table, reader, decideAs('ours'), clock()));
    assert.equal(result.version, 1);
    assert.equal(result.snapshot.metadata.id, 'theirs');
    assert.deepEqual(await addedPaths(table), ['theirs.parquet', 'ours.parquet']);
  });

  it('costs time that doubles, until the deadline: then nothing was committed', async () => {
    const { store, head } = await createTable();
    const table = tableOn(beaten(store, Number.POSITIVE_INFINITY));
    const slept: number[] = [];
    const time = clock(100);
    const sleep = async (ms: number) => {
      slept.push(ms);
      await time.sleep?.(ms);
    };
    await assert.rejects(
      commit({ ...head, table }, table, reader, () => write(add('ours')), { ...time, sleep }),
      {
        code: 'COMMIT_CONTENTION',
        message: /Nothing was committed to s3:\/\/lake\/orders: .* 4 races were lost/,
        data: { table: table.url, conflicts: 4, version: 3 },
      },
    );
    assert.deepEqual(slept, [10, 20, 40]);
    assert.deepEqual(await addedPaths(table), ['theirs-1', 'theirs-2', 'theirs-3', 'theirs-4']);
  });

  it('is not even begun after the deadline', async () => {
    const { table, head } = await createTable();
    await assert.rejects(
      commit(head, table, reader, () => write(add('x')), clock(5, 5)),
      { code: 'COMMIT_CONTENTION' },
    );
    assert.deepEqual(await addedPaths(table), []);
  });
});

describe('many writers', () => {
  it('that commit at the same time lose and double nothing: 10 writers, 20 commits each', async () => {
    const { store, table, head } = await createTable();
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 0x7fffffff;
      return seed / 0x7fffffff;
    };
    let conflicts = 0;
    async function writer(name: number): Promise<void> {
      let current = head;
      for (let i = 0; i < 20; i += 1) {
        const decide = () => write(add(`${name}-${i}.parquet`));
        const options = { ...clock(Number.POSITIVE_INFINITY), random, sleep: () => turn() };
        const result = committed(await commit(current, table, reader, decide, options));
        current = result.snapshot;
        conflicts += result.conflicts;
        if (random() < 0.5) await turn();
      }
    }
    await Promise.all(Array.from({ length: 10 }, (_, name) => writer(name)));

    assert.ok(conflicts > 50, `they met in ${conflicts} races`);
    const snapshot = await loadSnapshot(tableOn(store), reader);
    assert.equal(snapshot.version, 200);
    const files: string[] = [];
    for await (const batch of activeFiles(snapshot, reader)) files.push(...batch.map(({ path }) => path));
    const expected = Array.from({ length: 200 }, (_, i) => `${Math.floor(i / 20)}-${i % 20}.parquet`);
    assert.deepEqual(files.sort(), expected.sort());
    assert.deepEqual((await addedPaths(table)).sort(), expected.sort());
  });

  it('that all create the table make one', async () => {
    const table = tableOn(createMemoryStore());
    const decideAs = (id: string) => (head: Snapshot | undefined) => {
      return write(...(head === undefined ? creation({}, id) : []), add(`${id}.parquet`));
    };
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const results = await Promise.all(ids.map((id) => commit(undefined, table, reader, decideAs(id), clock())));
    assert.deepEqual(results.map((result) => committed(result).version).sort(), [0, 1, 2, 3, 4]);
    assert.equal(new Set(results.map((result) => result.snapshot?.metadata.id)).size, 1);
    assert.deepEqual(
      (await addedPaths(table)).sort(),
      ids.map((id) => `${id}.parquet`),
    );
  });
});

describe('a store that fails', () => {
  it('after our write does not make us write twice', async () => {
    const { store, head } = await createTable();
    const lost = createFaultyStore(
      store,
      failCalls(({ method }) => method === 'putIfAbsent', { kind: 'unavailable', when: 'after' }),
    );
    const table = tableOn(lost);
    const result = committed(await commit({ ...head, table }, table, reader, () => write(add('x')), clock()));
    assert.deepEqual([result.version, result.conflicts], [1, 0]);
    assert.deepEqual(await addedPaths(tableOn(store)), ['x']);
  });

  it('until the deadline leaves the outcome open, and says so', async () => {
    const { store, head } = await createTable();
    const table = tableOn(
      createFaultyStore(
        store,
        failCalls(() => true, { kind: 'unavailable', when: 'before' }),
      ),
    );
    await assert.rejects(
      commit({ ...head, table }, table, reader, () => write(add('x')), clock(100)),
      (error) => isStoreError(error, 'UNAVAILABLE') && error.operation === 'putIfAbsent',
    );
  });

  // Two lost races: the calls are put, get, list and get of the winner, put, ..., put.
  const CALLS = 9;
  it('is tried in every call', async () => {
    const { store, head } = await createTable();
    const counted = createFaultyStore(beaten(store, 2), () => undefined);
    const table = tableOn(counted);
    await commit({ ...head, table }, table, reader, () => write(add('ours')), clock());
    assert.equal(counted.calls.length, CALLS);
  });

  for (const { name, number, fault } of everySingleFault(CALLS)) {
    it(`${name}, and is asked again, has each file once`, async () => {
      const { store, head } = await createTable();
      const faulty = createFaultyStore(beaten(store, 2), failCall(number, fault));
      const table = tableOn(faulty);
      const append = async (table: TableRef, head: Snapshot) => {
        const seen = new Set(await addedPaths(tableOn(store)));
        const onCommit = ({ actions }: Commit) => {
          for (const action of actions) if ('add' in action) seen.add(action.add.path);
        };
        const decide = () => (seen.has('ours') ? ({ kind: 'skip' } as const) : write(add('ours')));
        return commit(head, table, reader, decide, { ...clock(), onCommit });
      };
      const first = await append(table, { ...head, table }).catch((error: unknown) => error);
      if (first instanceof Error)
        assert.ok(first instanceof CrashError || isStoreError(first, 'UNAVAILABLE'), String(first));
      await append(tableOn(store), await loadSnapshot(tableOn(store), reader));
      const paths = await addedPaths(tableOn(store));
      assert.deepEqual(
        paths.filter((path) => path === 'ours'),
        ['ours'],
      );
      assert.equal(new Set(paths).size, paths.length);
    });
  }
});

describe('in-commit timestamps', () => {
  const timesOf = async (table: TableRef) => (await readLog(table)).map((commit) => infoOf(commit).inCommitTimestamp);

  it('are there from the first commit on, and are the time of the snapshot', async () => {
    const { table, head } = await createTable(ICT, 5000);
    assert.equal(head.timestamp, 5000);
    const options = { ...clock(), now: () => 6000 };
    const { snapshot } = committed(await commit(head, table, reader, () => write(add('x')), options));
    assert.equal(snapshot.timestamp, 6000);
    assert.deepEqual(await timesOf(table), [5000, 6000]);
  });

  it('are not there where the table does not have them', async () => {
    const { table } = await createTable();
    assert.deepEqual(await timesOf(table), [undefined]);
  });

  it('go up although the clock goes back, and after a lost race', async () => {
    const { store, head } = await createTable(ICT, 5000);
    const theirs = { ...clock(), now: () => 9000 };
    const table = tableOn(beaten(store, 1, undefined, theirs));
    const options = { ...clock(), now: () => 4000 };
    const first = committed(await commit({ ...head, table }, table, reader, () => write(add('x')), options));
    await commit(first.snapshot, table, reader, () => write(add('y')), options);
    assert.deepEqual(await timesOf(table), [5000, 9000, 9001, 9002]);
    assert.deepEqual(
      (await readLog(table)).map((commit) => infoOf(commit).timestamp),
      [5000, 9000, 4000, 4000],
    );
  });

  it('are written after a winner has turned them on', async () => {
    const { store, head } = await createTable();
    const enabling = {
      protocol: {
        minReaderVersion: 1,
        minWriterVersion: 7,
        writerFeatures: ['inCommitTimestamp', 'invariants', 'appendOnly'],
      },
      metaData: {
        ...head.metadata,
        configuration: {
          ...ICT,
          'delta.inCommitTimestampEnablementVersion': '1',
          'delta.inCommitTimestampEnablementTimestamp': '7000',
        },
      },
    };
    const theirs = [
      { commitInfo: { inCommitTimestamp: 7000 } },
      { protocol: enabling.protocol },
      { metaData: enabling.metaData },
    ];
    let lines: string | undefined = theirs.map((action) => `${JSON.stringify(action)}\n`).join('');
    const table = tableOn({
      ...store,
      async putIfAbsent(key, body) {
        if (lines !== undefined) await store.putIfAbsent(key, Buffer.from(lines));
        lines = undefined;
        return store.putIfAbsent(key, body);
      },
    });
    const options = { ...clock(), now: () => 3000 };
    const result = committed(await commit({ ...head, table }, table, reader, () => write(add('x')), options));
    assert.equal(result.version, 2);
    assert.deepEqual(await timesOf(table), [undefined, 7000, 7001]);
  });

  it('are not turned on by us for a table that has commits without them', async () => {
    const { table, head } = await createTable();
    const protocol = {
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ['inCommitTimestamp', 'invariants', 'appendOnly'],
    };
    const decision = write({ protocol }, { metaData: { ...head.metadata, configuration: ICT } });
    await assert.rejects(
      commit(head, table, reader, () => decision, clock()),
      {
        code: 'UNSUPPORTED_WRITER',
        message: /cannot be turned on/,
      },
    );
  });
});
