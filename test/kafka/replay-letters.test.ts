import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { FAILED, fail, replayDead, replayFailed } from './replay-world.ts';

const STRING = { topics: [{ topic: '*', value: 'string' }] };
const LETTERS = 'bronze/web__dead_letters';
const bad = (offset: number, facts = {}) => kafkaRecord(offset, { value: Uint8Array.of(0xff, offset), ...facts });

const range = (first: number, end: number) =>
  Array.from({ length: end - first }, (_, index) => `web/0/${first + index}`);

async function letterCodes(world: BronzeWorld): Promise<string[]> {
  return (await world.rows(LETTERS)).map(({ offset, error_code: code }) => `${offset} ${code}`);
}

describe('a replay of dead letters', () => {
  it('writes what a new configuration can take, with every byte, and takes it out', async () => {
    const world = createBronzeWorld({ config: STRING });
    const headers = [
      { key: 'trace', value: Uint8Array.of(0, 0xff) },
      { key: 'trace', value: undefined },
    ];
    const none = { key: undefined, timestamp: undefined, timestampType: 'NO_TIMESTAMP_TYPE' } as const;
    await world.deliver(kafkaRecord(0), bad(1, { headers }), kafkaRecord(2));
    await world.deliver(bad(3, none));
    world.advance(60_000);
    // The values as bytes need a table of their own, since the type of a column cannot change.
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    const replay = await replayDead(world, 'bronze/web', { config });
    assert.deepEqual(
      replay.steps.map(({ letters, removed }) => [letters, removed]),
      [[2, 2]],
    );
    assert.deepEqual(await letterCodes(world), []);
    const [first, second] = await world.rows('raw/web');
    assert.deepEqual(
      [first?.offset, first?.value, String(first?.key)],
      [1n, Uint8Array.of(0xff, 1), '107,101,121,32,49'],
    );
    assert.deepEqual(first?.headers, [
      { key: 'trace', value: Uint8Array.of(0, 0xff) },
      { key: 'trace', value: null },
    ]);
    assert.equal(Number(first?.timestamp), kafkaRecord(1).timestamp);
    assert.equal(Number(first?.ingested_at), world.now());
    const { key, timestamp, timestamp_type: type, value } = second ?? {};
    assert.deepEqual([key, timestamp, type, value], [null, null, 'NO_TIMESTAMP_TYPE', Uint8Array.of(0xff, 3)]);
    assert.equal((await replayDead(world, 'bronze/web', { config })).steps.length, 0);
  });

  it('keeps what fails again with its new reason, in one commit', async () => {
    const json = { topics: [{ topic: '*', format: 'json', schemaPolicy: 'evolve' }] };
    const world = createBronzeWorld({ config: json });
    const value = (text: string) => ({ value: new TextEncoder().encode(text) });
    await world.deliver(kafkaRecord(0, value('{"a":1}')), kafkaRecord(1, value('no')), kafkaRecord(2, value('{"a"')));
    await world.deliver(kafkaRecord(3, value('[')), kafkaRecord(4, value('{"a":2}')));
    const before = await world.rows(LETTERS);
    const { version } = await world.snapshot(LETTERS);
    const same = await replayDead(world, 'bronze/web', { config: json });
    assert.deepEqual(
      same.steps.map(({ letters, removed }) => [letters, removed]),
      [[3, 0]],
    );
    assert.deepEqual([await world.rows(LETTERS), (await world.snapshot(LETTERS)).version], [before, version]);

    world.advance(5_000);
    const text = { topics: [{ topic: '*', format: 'json', maxPayloadBytes: 3 }] };
    await replayDead(world, 'bronze/web', { config: text });
    assert.deepEqual(await letterCodes(world), ['1 INVALID_JSON', '2 TOO_LARGE', '3 INVALID_JSON']);
    const after = await world.snapshot(LETTERS);
    assert.equal(after.version, version + 1);
    const log = new TextDecoder().decode((await world.store.get(commitKey(after.table, after.version))).body);
    const actions = log
      .trim()
      .split('\n')
      .map((line): Action => JSON.parse(line));
    const removes = actions.flatMap((action) => ('remove' in action ? [action.remove] : []));
    const adds = actions.flatMap((action) => ('add' in action ? [action.add] : []));
    // The file with the letter that stays as it is has not been touched.
    assert.deepEqual([removes.length, adds.length], [1, 1]);
    assert.deepEqual([removes[0]?.dataChange, JSON.parse(adds[0]?.stats ?? '').numRecords], [true, 2]);
    // Since when it has been a dead letter is not forgotten.
    assert.deepEqual(
      (await world.rows(LETTERS)).map((row) => row.ingested_at),
      before.map((row) => row.ingested_at),
    );
  });

  it('takes out what the table has: after a crash, or replayed from the batch', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1));
    await world.deliver(bad(2));
    await fail(world, 'a', bad(0), bad(2));
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    await replayFailed(world, { config });
    const { steps } = await replayDead(world, 'bronze/web', { config });
    assert.deepEqual([steps[0]?.result.tables[0]?.present, steps[0]?.result.tables[0]?.written], [2, 1]);
    assert.deepEqual(await letterCodes(world), []);
    assert.deepEqual(await world.offsets('raw/web'), range(0, 3));
  });

  it('keeps one of several letters of a record', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1));
    const [add] = await world.adds(LETTERS);
    // What a crash between the two commits of the function leaves.
    await addAgain(world, add);
    assert.equal((await world.rows(LETTERS)).length, 4);
    await replayDead(world, 'bronze/web', { config: STRING });
    assert.deepEqual(await letterCodes(world), ['0 INVALID_UTF8', '1 INVALID_UTF8']);
    await addAgain(world, (await world.adds(LETTERS))[0]);
    await replayDead(world, 'bronze/web', { config: { topics: [{ topic: '*', table: 'raw/{topic}' }] } });
    assert.deepEqual([await letterCodes(world), await world.offsets('raw/web')], [[], range(0, 2)]);
  });

  it('replays letters of some codes, and some letters, only', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1), bad(2), kafkaRecord(3));
    world.advance(3_600_000);
    await world.deliver(kafkaRecord(3, { timestamp: world.now() }));
    const config = { topics: [{ topic: '*', generation: 1, table: 'raw/{topic}' }] };
    await replayDead(world, 'bronze/web', { config, codes: new Set(['OFFSET_REUSED']) });
    assert.deepEqual(await letterCodes(world), ['0 INVALID_UTF8', '1 INVALID_UTF8', '2 INVALID_UTF8']);
    await replayDead(world, 'bronze/web', { config, limit: 2 });
    assert.deepEqual(await letterCodes(world), ['2 INVALID_UTF8']);
    assert.deepEqual(await world.offsets('raw/web'), ['web/0/0', 'web/0/1', 'web/0/3']);
  });

  it('puts the records of a topic made anew beside those of the old one', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 5));
    world.advance(3_600_000);
    const timestamp = world.now();
    await world.deliver(
      kafkaRecord(0, { timestamp }),
      kafkaRecord(1, { timestamp }),
      kafkaRecord(2, { timestamp: timestamp + 1 }),
    );
    assert.equal((await letterCodes(world)).length, 3);
    // Until the generation is raised, they stay.
    const early = await replayDead(world, 'bronze/web');
    assert.deepEqual(early.steps[0]?.result.tables[0]?.failed, { OFFSET_REUSED: 3 });
    assert.equal((await letterCodes(world)).length, 3);
    const config = { topics: [{ topic: '*', generation: 1 }] };
    await replayDead(world, 'bronze/web', { config });
    assert.deepEqual(await letterCodes(world), []);
    const rows = await world.rows('bronze/web');
    assert.deepEqual(rows.map(({ offset }) => Number(offset)).sort(), [0, 0, 1, 1, 2, 2, 3, 4]);
    assert.equal(rows.filter((row) => Number(row.timestamp) >= timestamp).length, 3);
    // A repeat with a wrong clock looks the same to the function; here it is seen to be in the table.
    await world.deliver(kafkaRecord(0, { timestamp }));
    await replayDead(world, 'bronze/web', { config });
    assert.deepEqual([await letterCodes(world), (await world.rows('bronze/web')).length], [[], 8]);
  });

  it('takes out what a new filter leaves out', async () => {
    const json = (filter?: string) => ({ topics: [{ topic: '*', format: 'json', ...(filter && { filter }) }] });
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json', maxPayloadBytes: 3 }] } });
    const value = (text: string) => ({ value: new TextEncoder().encode(text) });
    await world.deliver(kafkaRecord(0, value('{"a":1}')), kafkaRecord(1, value('{"a":2}')));
    const { steps } = await replayDead(world, 'bronze/web', { config: json('a > `1`') });
    assert.deepEqual([steps[0]?.removed, steps[0]?.result.tables[0]?.dropped], [2, 1]);
    assert.deepEqual([await world.offsets('bronze/web'), await letterCodes(world)], [['web/0/1'], []]);
  });

  it('keeps letters whose new columns the table refuses, as a dry run tells', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(kafkaRecord(0), bad(1));
    // The column is there as a string, and its type cannot change.
    const config = { topics: [{ topic: '*', value: 'binary' }] };
    for (const isDryRun of [true, false]) {
      const { steps } = await replayDead(world, 'bronze/web', { config, isDryRun });
      assert.deepEqual(steps[0]?.result.tables[0]?.failed, { TABLE_REFUSED: 1 });
    }
    assert.deepEqual(await letterCodes(world), ['1 TABLE_REFUSED']);
    assert.match(String((await world.rows(LETTERS))[0]?.error), /cannot take the records: SCHEMA_CONFLICT/);
  });

  it('leaves letters of topics without a rule, and of tables that cannot be written', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', table: 'all', value: 'string' }] } });
    await world.deliver(bad(0), bad(1, { topic: 'orders' }), bad(2, { topic: 'hits' }));
    await world.store.put('raw/hits/_delta_log/00000000000000000000.json', new TextEncoder().encode('{'));
    const config = {
      topics: [
        { topic: 'web', table: 'raw/web' },
        { topic: 'hits', table: 'raw/hits' },
      ],
    };
    await assert.rejects(replayDead(world, 'all', { config }), { code: 'CORRUPT_LOG' });
    assert.deepEqual(await world.offsets('all__dead_letters'), ['hits/0/2', 'orders/0/1']);
    assert.deepEqual(await world.offsets('raw/web'), ['web/0/0']);
  });

  it('only tells what it would do in a dry run', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1, { topic: 'web' }));
    const before = await Array.fromAsync(world.store.list(''));
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    const { steps } = await replayDead(world, 'bronze/web', { config, isDryRun: true });
    assert.deepEqual([steps[0]?.removed, steps[0]?.result.tables[0]?.written], [2, 2]);
    assert.deepEqual(await Array.fromAsync(world.store.list('')), before);
    assert.deepEqual(await replayDead(world, 'bronze/none', { config }), {
      steps: [],
      unreadable: [],
      isUnfinished: false,
    });
  });

  it('leaves files alone that it could not write anew as they are', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0));
    await world.deliver(bad(1));
    await hideRow(world, (await world.adds(LETTERS))[0]);
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    const { unreadable, steps } = await replayDead(world, 'bronze/web', { config });
    assert.deepEqual(
      unreadable.map(({ reason }) => /deletion vector/.test(reason)),
      [true],
    );
    assert.equal(steps[0]?.removed, 1);
    assert.equal((await world.adds(LETTERS)).length, 1);
  });

  it('reads the letters again when someone rewrote their file meanwhile', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1));
    await world.deliver(bad(2));
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    // Between the read of the letters and the commit that takes them out.
    let isDone = false;
    const store = {
      ...world.store,
      async put(key: string, body: Uint8Array) {
        if (!isDone && key.startsWith('raw/')) {
          isDone = true;
          await rewriteFirst(world);
        }
        return world.store.put(key, body);
      },
    };
    const replay = await replayDead(world, 'bronze/web', { config, store });
    assert.deepEqual(
      replay.steps.map(({ isMoved }) => isMoved),
      [true, false],
    );
    assert.equal(replay.isUnfinished, false);
    assert.deepEqual([await letterCodes(world), await world.offsets('raw/web')], [[], range(0, 3)]);
  });

  it('leaves a file alone of which someone hid rows meanwhile', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1));
    let isDone = false;
    const store = {
      ...world.store,
      async put(key: string, body: Uint8Array) {
        if (!isDone && key.startsWith('raw/')) {
          isDone = true;
          await hideRow(world, (await world.adds(LETTERS))[0]);
        }
        return world.store.put(key, body);
      },
    };
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    const { steps, unreadable } = await replayDead(world, 'bronze/web', { config, store });
    assert.deepEqual([steps.map(({ isMoved }) => isMoved), unreadable.length], [[true], 1]);
    assert.equal((await world.adds(LETTERS))[0]?.deletionVector?.cardinality, 1);
    assert.deepEqual(await world.offsets('raw/web'), range(0, 2));
  });

  it('never brings back a letter that someone deleted meanwhile', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(bad(0), bad(1));
    let isDone = false;
    const store = {
      ...world.store,
      async put(key: string, body: Uint8Array) {
        if (!isDone && key.startsWith(LETTERS)) {
          isDone = true;
          const [file] = await world.adds(LETTERS);
          assert.ok(file);
          const { path, partitionValues, size } = file;
          await commit(world, LETTERS, [
            { remove: { path, dataChange: true, partitionValues, size, deletionTimestamp: 1 } },
          ]);
        }
        return world.store.put(key, body);
      },
    };
    // The letters fail again, with another reason, and would be written anew.
    const config = { topics: [{ topic: '*', format: 'json', table: 'raw/{topic}' }] };
    await replayDead(world, 'bronze/web', { config, store });
    assert.equal(isDone, true);
    assert.deepEqual(await letterCodes(world), []);
  });

  it('replays both ways at once, with the function beside it, each record once', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(kafkaRecord(0), bad(1), bad(2));
    await world.deliver(bad(3));
    await fail(world, 'a', bad(1), bad(3), ...kafkaRecords(10, 20));
    await fail(world, 'b', bad(2), ...kafkaRecords(15, 25));
    await world.deliver(...kafkaRecords(30, 32));
    const config = { topics: [{ topic: '*', table: 'bronze/{topic}', value: 'omit', key: 'omit' }] };
    const write = world.otherEnvironment();
    await Promise.all([
      replayFailed(world, { config }),
      replayDead(world, 'bronze/web', { config }),
      write(...kafkaRecords(32, 40)),
      replayFailed(world, { config, deletes: true }),
      replayDead(world, 'bronze/web', { config }),
      write(...kafkaRecords(36, 50)),
      replayDead(world, 'bronze/web', { config }),
    ]);
    assert.deepEqual(await world.offsets('bronze/web'), [...range(0, 4), ...range(10, 25), ...range(30, 50)]);
    assert.deepEqual(await letterCodes(world), []);
    assert.deepEqual(await Array.fromAsync(world.store.list(FAILED)), []);
  });
});

/** Hides a row of a file by a deletion vector. */
async function hideRow(world: BronzeWorld, add: AddFile | undefined): Promise<void> {
  assert.ok(add);
  const deletionVector = {
    storageType: 'u',
    pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
    sizeInBytes: 36,
    cardinality: 1,
  };
  const { path, partitionValues, size } = add;
  await commit(world, LETTERS, [
    { remove: { path, dataChange: true, partitionValues, size, deletionTimestamp: world.now() } },
    { add: { ...add, deletionVector } },
  ]);
}

/** Adds a copy of a file. */
async function addAgain(world: BronzeWorld, add: AddFile | undefined): Promise<void> {
  assert.ok(add);
  const copy = add.path.replace('.zstd', '-copy.zstd');
  await world.store.put(`${LETTERS}/${copy}`, (await world.store.get(`${LETTERS}/${add.path}`)).body);
  await commit(world, LETTERS, [{ add: { ...add, path: copy } }]);
}

/** Puts a copy in the place of one of the files, as a compaction does. The others stay. */
async function rewriteFirst(world: BronzeWorld): Promise<void> {
  const [add] = await world.adds(LETTERS);
  assert.ok(add);
  const copy = add.path.replace('.zstd', '-compacted.zstd');
  await world.store.put(`${LETTERS}/${copy}`, (await world.store.get(`${LETTERS}/${add.path}`)).body);
  const { path, partitionValues, size } = add;
  await commit(world, LETTERS, [
    { remove: { path, dataChange: false, partitionValues, size, deletionTimestamp: world.now() } },
    { add: { ...add, path: copy, dataChange: false } },
  ]);
}

async function commit(world: BronzeWorld, root: string, actions: readonly Action[]): Promise<void> {
  const { table, version } = await world.snapshot(root);
  assert.equal(await world.store.putIfAbsent(commitKey(table, version + 1), serializeCommit(actions)), 'created');
}
