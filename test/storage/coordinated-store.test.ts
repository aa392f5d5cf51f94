import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CommitEntry, isCommitProtocolError } from '../../src/storage/commits/commit-table.ts';
import { createCoordinatedStore, DEFAULT_EXPIRE_AFTER } from '../../src/storage/commits/coordinated-store.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore } from '../../src/storage/object-store.ts';
import { CrashError, everySingleFault } from '../support/faulty-store.ts';
import { type InterceptedCommits, type Interception, interceptCommits } from '../support/intercepted-commits.ts';
import { createMemoryCommitTable } from '../support/memory-commit-table.ts';
import { objectStoreContract } from '../support/object-store-contract.ts';
import { listKeys } from '../support/store-assertions.ts';

const ROOT = 'lake/orders';
const TABLE_PATH = 's3a://bucket/lake/orders';
const LOG = `${ROOT}/_delta_log/`;
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const name = (version: number): string => `${String(version).padStart(20, '0')}.json`;
const key = (version: number): string => LOG + name(version);
const bytes = (content: string): Uint8Array => Buffer.from(content);

/** A bucket and a coordinator's table, and any number of processes that use them. */
function createWorld({ now = () => NOW } = {}) {
  const memory = createMemoryStore({ now });
  const table = createMemoryCommitTable();
  const entry = (version: number, tempPath: string, complete = false): CommitEntry => ({
    tablePath: TABLE_PATH,
    fileName: name(version),
    tempPath,
    complete,
    ...(complete && { expireTime: now() / 1000 + 1 }),
  });
  return {
    memory,
    table,
    entry,
    process(interception: Interception = {}): InterceptedCommits & { readonly commits: ObjectStore } {
      const seen = interceptCommits({ store: memory, table }, interception);
      const coordination = { table: seen.table, tablePath: TABLE_PATH };
      const commits = createCoordinatedStore({
        store: seen.store,
        coordinationOf: (root) => (root === ROOT ? coordination : undefined),
        now,
      });
      return { ...seen, commits };
    },
    async text(at: string): Promise<string> {
      return Buffer.from((await memory.get(at)).body).toString();
    },
    /** Every commit is in the log with these contents, its entry is complete, and nothing else is left. */
    async assertCommitted(...contents: readonly string[]): Promise<void> {
      const keys = contents.map((_, version) => key(version));
      assert.deepEqual(await listKeys(memory, LOG), keys);
      assert.deepEqual(await Promise.all(keys.map((at) => this.text(at))), contents);
      for (const { fileName, complete, expireTime } of table.entries) {
        assert.equal(complete, true, `${fileName} is complete`);
        assert.equal(typeof expireTime, 'number', `${fileName} expires`);
      }
    },
  };
}

objectStoreContract('the coordinated store', () => {
  const table = createMemoryCommitTable();
  return createCoordinatedStore({
    store: createMemoryStore(),
    coordinationOf: (root) => ({ table, tablePath: `s3://bucket/${root}` }),
  });
});

describe('a commit through the coordinator', () => {
  it('makes the steps of S3DynamoDBLogStore in their order, and deletes its temporary file last', async () => {
    const world = createWorld();
    const { commits, calls } = world.process();
    assert.equal(await commits.putIfAbsent(key(0), bytes('first')), 'created');
    const first = calls.length;
    assert.equal(await commits.putIfAbsent(key(1), bytes('second')), 'created');
    const temp = calls[first + 3]?.key ?? '';
    assert.match(temp, /^lake\/orders\/_delta_log\/\.tmp\/0{19}1\.json\.[0-9a-f-]{36}$/);
    assert.deepEqual(
      calls.slice(first).map(({ method, key: at }) => `${method} ${at.replace(LOG, '')}`),
      [
        `head ${name(1)}`,
        `table.get ${name(0)}`,
        `head ${name(0)}`,
        `put ${temp.replace(LOG, '')}`,
        `table.putIfAbsent ${name(1)}`,
        `putIfAbsent ${name(1)}`,
        `table.complete ${name(1)}`,
        `delete ${temp.replace(LOG, '')}`,
      ],
    );
    await world.assertCommitted('first', 'second');
    assert.deepEqual(
      world.table.entries.map(({ tablePath, fileName, expireTime }) => [tablePath, fileName, expireTime]),
      [0, 1].map((version) => [TABLE_PATH, name(version), Math.floor(NOW / 1000) + DEFAULT_EXPIRE_AFTER]),
    );
  });

  it('says that a version exists which another writer has', async () => {
    const world = createWorld();
    const { commits } = world.process();
    await commits.putIfAbsent(key(0), bytes('first'));
    assert.equal(await world.process().commits.putIfAbsent(key(0), bytes('other')), 'exists');
    await world.assertCommitted('first');
  });

  it('loses against an entry whose commit is not in the log yet, and brings it there', async () => {
    for (const tempPath of [`.tmp/${name(0)}.${crypto.randomUUID()}`, `_commit_${crypto.randomUUID()}.json.tmp`]) {
      const world = createWorld();
      await world.memory.put(LOG + tempPath, bytes('theirs'));
      world.table.put(world.entry(0, tempPath));
      const { commits } = world.process();
      assert.equal(await commits.putIfAbsent(key(0), bytes('ours')), 'exists');
      assert.equal(await world.text(key(0)), 'theirs');
      await world.assertCommitted('theirs');
    }
  });

  it('completes the version before its own first', async () => {
    const world = createWorld();
    const { commits } = world.process();
    await commits.putIfAbsent(key(0), bytes('first'));
    const tempPath = `_commit_${crypto.randomUUID()}.json.tmp`;
    await world.memory.put(LOG + tempPath, bytes('theirs'));
    world.table.put(world.entry(1, tempPath));
    assert.equal(await commits.putIfAbsent(key(2), bytes('third')), 'created');
    await world.assertCommitted('first', 'theirs', 'third');
  });

  it('is refused after a version that is not there', async () => {
    const world = createWorld();
    const { commits } = world.process();
    await commits.putIfAbsent(key(0), bytes('first'));
    await rejectsWithCode('COMMIT_OUT_OF_ORDER', commits.putIfAbsent(key(2), bytes('third')));
    await world.assertCommitted('first');
  });

  it('is refused where the entries of a deleted table are left', async () => {
    const world = createWorld();
    const { commits } = world.process();
    await commits.putIfAbsent(key(0), bytes('first'));
    await commits.putIfAbsent(key(1), bytes('second'));
    await world.memory.delete(key(0));
    await world.memory.delete(key(1));
    await rejectsWithCode('OLD_COMMIT_ENTRIES', commits.putIfAbsent(key(0), bytes('again')));
    world.table.remove(TABLE_PATH, name(0));
    await commits.putIfAbsent(key(0), bytes('again'));
    await rejectsWithCode('OLD_COMMIT_ENTRIES', commits.putIfAbsent(key(1), bytes('again')));
  });

  it('goes on over a table that had no entries', async () => {
    const world = createWorld();
    await world.memory.put(key(0), bytes('first'));
    await world.memory.put(key(1), bytes('second'));
    const { commits } = world.process();
    assert.deepEqual(await listKeys(commits, LOG), [key(0), key(1)]);
    assert.equal(await commits.putIfAbsent(key(2), bytes('third')), 'created');
    await world.assertCommitted('first', 'second', 'third');
  });

  it('takes a refused entry that is its own for its own', async () => {
    const world = createWorld();
    const { store, table } = world.process();
    const repeated = {
      ...table,
      async putIfAbsent(entry: CommitEntry) {
        await table.putIfAbsent(entry);
        return table.putIfAbsent(entry);
      },
    };
    const commits = createCoordinatedStore({
      store,
      coordinationOf: () => ({ table: repeated, tablePath: TABLE_PATH }),
    });
    assert.equal(await commits.putIfAbsent(key(0), bytes('first')), 'created');
    await world.assertCommitted('first');
  });

  it('leaves other tables and other objects to the store', async () => {
    const world = createWorld();
    const { commits } = world.process();
    assert.equal(await commits.putIfAbsent(`other/_delta_log/${name(0)}`, bytes('first')), 'created');
    assert.equal(await commits.putIfAbsent(`${LOG}_something.json`, bytes('x')), 'created');
    await commits.put(`${LOG}_last_checkpoint`, bytes('{}'));
    assert.deepEqual(world.table.entries, []);
  });
});

describe('a crash of a writer', () => {
  it('at any call leaves all of a commit or nothing, and the next one makes it whole', async () => {
    for (const version of [0, 1]) {
      const dry = createWorld();
      await prepare(dry, version);
      const counted = dry.process();
      await counted.commits.putIfAbsent(key(version), bytes('ours'));
      const commitPoint = counted.calls.find(({ method }) => method === 'table.putIfAbsent')?.number ?? 0;
      for (const { name: title, number, fault } of everySingleFault(counted.calls.length)) {
        const world = createWorld();
        await prepare(world, version);
        const dying = world.process({ plan: (call) => (call.number === number ? fault : undefined) });
        const result = await settle(dying.commits.putIfAbsent(key(version), bytes('ours')));
        const isCommitted = number > commitPoint || (number === commitPoint && fault.when === 'after');
        if (fault.kind === 'unavailable' && number > commitPoint) assert.equal(result, 'created', title);
        else assert.equal(result, fault.kind, title);

        const listed = await listKeys(world.process().commits, LOG);
        assert.equal(listed.includes(key(version)), isCommitted, title);
        if (isCommitted) assert.equal(await world.text(key(version)), 'ours', title);
        const next = isCommitted ? version + 1 : version;
        assert.equal(await world.process().commits.putIfAbsent(key(next), bytes('next')), 'created', title);
        assert.ok(
          world.table.entries.every(({ complete }) => complete),
          title,
        );
      }
    }
  });

  it('is recovered by a look at the commit alone, without a listing', async () => {
    const world = createWorld();
    const dying = world.process({
      plan: ({ method }) => (method === 'putIfAbsent' ? { when: 'before', kind: 'unavailable' } : undefined),
    });
    assert.equal(await dying.commits.putIfAbsent(key(0), bytes('ours')), 'created');
    assert.equal(await world.memory.head(key(0)), undefined);
    const { commits } = world.process();
    assert.equal((await commits.head(key(0)))?.size, 4);
    await world.assertCommitted('ours');
    assert.equal(await commits.head(key(1)), undefined);
    await assert.rejects(commits.get(key(1)), (error) => isStoreError(error, 'NOT_FOUND'));
  });

  it('is recovered by whoever reads the commit, too', async () => {
    const world = createWorld();
    const dying = world.process({
      plan: ({ method }) => (method === 'putIfAbsent' ? { when: 'before', kind: 'crash' } : undefined),
    });
    await settle(dying.commits.putIfAbsent(key(0), bytes('ours')));
    const { body } = await world.process().commits.get(key(0), { range: { start: 1, end: 3 } });
    assert.equal(Buffer.from(body).toString(), 'ur');
    await world.assertCommitted('ours');
  });

  it('of those who recover leaves the rest to the next', async () => {
    const makeWorld = async () => {
      const world = createWorld();
      const tempPath = `.tmp/${name(0)}.${crypto.randomUUID()}`;
      await world.memory.put(LOG + tempPath, bytes('theirs'));
      world.table.put(world.entry(0, tempPath));
      return world;
    };
    const counted = (await makeWorld()).process();
    await listKeys(counted.commits, LOG);
    for (const { name: title, number, fault } of everySingleFault(counted.calls.length)) {
      const world = await makeWorld();
      const dying = world.process({ plan: (call) => (call.number === number ? fault : undefined) });
      await settle(listKeys(dying.commits, LOG));
      assert.deepEqual(
        (await listKeys(world.process().commits, LOG)).filter((at) => !at.includes('.tmp/')),
        [key(0)],
        title,
      );
      assert.equal(await world.text(key(0)), 'theirs', title);
      assert.ok(
        world.table.entries.every(({ complete }) => complete),
        title,
      );
    }
  });

  it('before its entry leaves a temporary file that harms nobody', async () => {
    const world = createWorld();
    const dying = world.process({
      plan: ({ method }) => (method === 'table.putIfAbsent' ? { when: 'before', kind: 'crash' } : undefined),
    });
    await settle(dying.commits.putIfAbsent(key(0), bytes('lost')));
    const { commits } = world.process();
    assert.equal(await commits.putIfAbsent(key(0), bytes('first')), 'created');
    assert.equal(await commits.putIfAbsent(key(1), bytes('second')), 'created');
    assert.deepEqual((await listKeys(world.memory, LOG)).slice(-2), [key(0), key(1)]);
  });
});

describe('two protocols on one table', () => {
  it('are found where a conditional writer takes the place of a commit of ours', async () => {
    const world = createWorld();
    const ours = world.process({
      async turn() {
        // Between our entry and its commit.
        if (world.table.entries.length === 1) await world.memory.putIfAbsent(key(0), bytes('theirs'));
      },
    });
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', ours.commits.putIfAbsent(key(0), bytes('ours')));
    assert.equal(await world.text(key(0)), 'theirs');
    const [entry] = world.table.entries;
    assert.equal(await world.text(LOG + (entry?.tempPath ?? '')), 'ours');
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', listKeys(world.process().commits, LOG));
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', world.process().commits.putIfAbsent(key(1), bytes('more')));
  });

  it('are found where one took the place of a commit of Spark, which believes that it is there', async () => {
    const world = createWorld();
    const tempPath = `.tmp/${name(0)}.${crypto.randomUUID()}`;
    await world.memory.put(LOG + tempPath, bytes('spark'));
    world.table.put(world.entry(0, tempPath));
    await world.memory.putIfAbsent(key(0), bytes('theirs'));
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', listKeys(world.process().commits, LOG));
    assert.equal(await world.text(LOG + tempPath), 'spark');
  });

  it('are found by a commit that is newer than all entries and has none', async () => {
    const world = createWorld();
    const { commits } = world.process();
    await commits.putIfAbsent(key(0), bytes('first'));
    await world.memory.putIfAbsent(key(1), bytes('theirs'));
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', listKeys(commits, LOG));
    await assert.rejects(listKeys(commits, LOG), /00001\.json of s3a:.*without an entry.*commit-protocols\.md/s);
  });

  it('are not suspected where entries have expired, or a commit came in between', async () => {
    const clock = { now: NOW };
    const world = createWorld({ now: () => clock.now });
    const { commits, table } = world.process();
    await commits.putIfAbsent(key(0), bytes('first'));
    clock.now += (DEFAULT_EXPIRE_AFTER + 1) * 1000;
    await world.memory.putIfAbsent(key(1), bytes('second'));
    assert.deepEqual(await listKeys(commits, LOG), [key(0), key(1)]);

    await world.process().commits.putIfAbsent(key(2), bytes('third'));
    const late = createCoordinatedStore({
      store: world.memory,
      coordinationOf: () => ({
        table: { ...table, latest: async () => world.table.entries.at(-1) },
        tablePath: TABLE_PATH,
      }),
      now: () => clock.now,
    });
    const listing = late.list(LOG)[Symbol.asyncIterator]();
    await listing.next();
    await world.process().commits.putIfAbsent(key(3), bytes('fourth'));
    assert.equal((await Array.fromAsync({ [Symbol.asyncIterator]: () => listing })).length, 3);
  });

  it('are found by a conditional writer of ours that sees what Spark left for the version before', async () => {
    const clock = { now: NOW };
    const other = 'lake/plain';
    const world = createWorld({ now: () => clock.now });
    const { commits } = world.process();
    const log = `${other}/_delta_log/`;
    await commits.putIfAbsent(log + name(0), bytes('ours'));
    await world.memory.put(`${log}.tmp/${name(0)}.${crypto.randomUUID()}`, bytes('spark'));
    // The look of this process still counts, and another process looks for itself.
    assert.equal(await commits.putIfAbsent(log + name(1), bytes('ours')), 'created');
    await world.memory.put(`${log}.tmp/${name(1)}.${crypto.randomUUID()}`, bytes('spark'));
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', world.process().commits.putIfAbsent(log + name(2), bytes('x')));
    clock.now += 16 * 60_000;
    await rejectsWithCode('COMMIT_PROTOCOLS_MIXED', commits.putIfAbsent(log + name(2), bytes('x')));
    assert.equal(await world.memory.head(log + name(2)), undefined);
    // What is older is of a time before the table changed its protocol.
    await world.memory.put(log + name(2), bytes('x'));
    assert.equal(await world.process().commits.putIfAbsent(log + name(3), bytes('x')), 'created');
  });
});

describe('an entry without its content', () => {
  it('is completed where its commit is in the log: its writer or a peer has moved it', async () => {
    const world = createWorld();
    await world.memory.put(key(0), bytes('theirs'));
    world.table.put(world.entry(0, `_commit_${crypto.randomUUID()}.json.tmp`));
    assert.deepEqual(await listKeys(world.process().commits, LOG), [key(0)]);
    await world.assertCommitted('theirs');
  });

  it('is an error that names both places where it is in neither', async () => {
    const world = createWorld();
    const tempPath = `.tmp/${name(0)}.${crypto.randomUUID()}`;
    world.table.put(world.entry(0, tempPath));
    await rejectsWithCode('COMMIT_LOST', listKeys(world.process().commits, LOG));
  });

  it('is nothing where its writer has given it up meanwhile', async () => {
    const world = createWorld();
    const tempPath = `_commit_${crypto.randomUUID()}.json.tmp`;
    world.table.put(world.entry(0, tempPath));
    let turns = 0;
    const { commits } = world.process({
      async turn() {
        turns += 1;
        // After the look at the entry, before the one at its content.
        if (turns === 2) world.table.remove(TABLE_PATH, name(0));
      },
    });
    assert.deepEqual(await listKeys(commits, LOG), []);
  });
});

describe('a commit that its writer gives up while it is recovered', () => {
  it('is left alone when another writer has the version meanwhile', async () => {
    const world = createWorld();
    const [given, other] = [0, 1].map(() => `_commit_${crypto.randomUUID()}.json.tmp`);
    await world.memory.put(LOG + given, bytes('given up'));
    world.table.put(world.entry(0, given ?? ''));
    const { commits } = world.process({
      plan({ method }) {
        // After the content was read: delta-rs deletes its entry, and another writer commits.
        if (method === 'putIfAbsent') {
          world.table.put(world.entry(0, other ?? '', true));
          void world.memory.put(key(0), bytes('other'));
        }
        return undefined;
      },
    });
    assert.deepEqual((await listKeys(commits, LOG)).at(0), key(0));
    assert.equal(await world.text(key(0)), 'other');
  });
});

type World = ReturnType<typeof createWorld>;

async function prepare(world: World, versions: number): Promise<void> {
  const { commits } = world.process();
  for (let version = 0; version < versions; version += 1) await commits.putIfAbsent(key(version), bytes('before'));
}

/** What a call gave, or which fault it died of. */
async function settle<T>(work: Promise<T>): Promise<T | 'crash' | 'unavailable'> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof CrashError) return 'crash';
    if (isStoreError(error, 'UNAVAILABLE')) return 'unavailable';
    throw error;
  }
}

async function rejectsWithCode(code: Parameters<typeof isCommitProtocolError>[1], work: Promise<unknown>) {
  await assert.rejects(work, (error) => {
    assert.equal(isCommitProtocolError(error) ? error.code : error, code);
    return true;
  });
}
