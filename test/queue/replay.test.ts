import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { SqsRecord } from '../../src/queue/message.ts';
import { LEDGER_DIR } from '../../src/queue/replay/ledger.ts';
import { type LetterReplayOptions, replayLetters } from '../../src/queue/replay/replay-letters.ts';
import type { ReplayMessage, ReplayQueue } from '../../src/queue/replay/send.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CrashError, createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { createQueueWorld, type QueueWorld } from '../support/queue-world.ts';

const LETTERS = 'bronze/orders__dead_letters';
const HOUR = 3_600_000;

/** Messages of which the table takes one, and two do not fit; the second of these has attributes. */
async function withLetters(): Promise<QueueWorld> {
  const world = createQueueWorld({ config: { schemaPolicy: 'strict', columns: { id: 'string' } } });
  await world.deliver(world.message('good', { id: 'good' }));
  world.advance(1_000);
  await world.deliver(
    world.message('bad', 'hello'),
    world.message(
      'wide',
      { id: 'wide', city: 'Porto' },
      {
        messageAttributes: {
          tenant: { dataType: 'String', stringValue: 'acme' },
          'resaca-key': { dataType: 'String', stringValue: 'the name by its sender' },
        },
      },
    ),
  );
  world.advance(1_000);
  return world;
}

/** A queue in memory. `refuse` says why it does not take a message; a text that begins with `!` is thrown after it was taken. */
function createQueue(refuse: (message: ReplayMessage) => string | undefined = () => undefined) {
  const taken: ReplayMessage[] = [];
  const queue: ReplayQueue = {
    url: 'https://sqs/orders',
    async send(messages) {
      const sent: ReplayMessage[] = [];
      const refusals: string[] = [];
      for (const message of messages) {
        const reason = refuse(message);
        if (reason === undefined || reason.startsWith('!')) taken.push(message);
        if (reason?.startsWith('!') === true) throw new Error(reason);
        if (reason === undefined) sent.push(message);
        else refusals.push(reason);
      }
      return { sent, refusals };
    },
  };
  return { queue, taken, ids: () => taken.map(({ letterId }) => letterId).sort() };
}

function replay(
  world: QueueWorld,
  queue: ReplayQueue,
  { store = world.store, ...options }: Partial<LetterReplayOptions> & { readonly store?: ObjectStore } = {},
) {
  const table = { store, root: LETTERS, url: `s3://lake/${LETTERS}` };
  return replayLetters({ reader: createCheckpointReader(), queue, now: world.now }, table, { filter: {}, ...options });
}

/** What SQS makes of a message: another id. */
function delivered(world: QueueWorld, { letterId, body, attributes }: ReplayMessage, copy = ''): SqsRecord {
  const messageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue }]) => [
      name,
      { dataType: DataType, stringValue: StringValue },
    ]),
  );
  return world.message(`again-${letterId}${copy}`, body, { messageAttributes });
}

describe('the replay of the dead letters of a queue', () => {
  it('sends each message once, as it was but for its name, and leaves the table as it is', async () => {
    const world = await withLetters();
    const { queue, taken, ids } = createQueue();
    const first = await replay(world, queue);
    assert.deepEqual(ids(), ['bad', 'wide']);
    assert.deepEqual([first.letters, first.sent, first.codes], [2, 2, { INVALID_JSON: 1, UNKNOWN_COLUMN: 1 }]);
    const wide = taken.find(({ letterId }) => letterId === 'wide');
    assert.deepEqual(wide, {
      letterId: 'wide',
      code: 'UNKNOWN_COLUMN',
      body: '{"id":"wide","city":"Porto"}',
      attributes: {
        tenant: { DataType: 'String', StringValue: 'acme' },
        'resaca-key': { DataType: 'String', StringValue: 'replay wide' },
      },
    });
    const again = await replay(world, queue);
    assert.deepEqual([again.sent, again.before, ids().length], [0, 2, 2]);
    assert.deepEqual(await world.column('message_id', LETTERS), ['bad', 'wide']);
  });

  it('becomes rows where it fits now, each once, and letters of their own where not', async () => {
    const world = await withLetters();
    const { queue, taken, ids } = createQueue();
    await replay(world, queue);
    const evolving = createQueueWorld({ config: { columns: { id: 'string' } }, wrap: () => world.store });
    evolving.advance(world.now() - evolving.now());
    // As if a run that was killed had sent all twice.
    const twice = taken.flatMap((message) => [delivered(evolving, message), delivered(evolving, message, '-copy')]);
    assert.deepEqual(await evolving.deliver(...twice), []);
    assert.deepEqual(await world.column('id'), ['good', 'wide']);
    assert.deepEqual(await world.column('message_id', LETTERS), ['again-bad', 'bad', 'wide']);
    // What failed once more is a new letter, and is sent back once more, once.
    assert.equal((await replay(world, queue)).sent, 1);
    assert.equal((await replay(world, queue)).sent, 0);
    assert.deepEqual(ids(), ['again-bad', 'bad', 'wide']);
  });

  it('sends those that are meant, whatever was chosen before', async () => {
    const world = await withLetters();
    const between = world.now();
    world.advance(HOUR);
    await world.deliver(world.message('late', '[1]'));
    const { queue, ids } = createQueue();
    const codes = new Set(['UNKNOWN_COLUMN']);
    assert.equal((await replay(world, queue, { filter: { codes } })).sent, 1);
    assert.deepEqual(ids(), ['wide']);
    assert.equal((await replay(world, queue, { filter: { queue: 'others' } })).letters, 0);
    assert.equal((await replay(world, queue, { filter: { since: between } })).sent, 1);
    assert.deepEqual(ids(), ['late', 'wide']);
    assert.equal((await replay(world, queue, { filter: { before: between } })).sent, 1);
    assert.deepEqual(ids(), ['bad', 'late', 'wide']);
  });

  it('sends those of versions', async () => {
    const world = await withLetters();
    await world.deliver(world.message('late', '[1]'));
    const { queue, ids } = createQueue();
    const { version } = await world.snapshot(LETTERS);
    const result = await replay(world, queue, { versions: async () => ({ from: version }) });
    assert.deepEqual([ids(), result.replaced], [['late'], 0]);
    await replay(world, queue, { versions: async () => ({ until: version - 1 }) });
    assert.deepEqual(ids(), ['bad', 'late', 'wide']);
  });

  it('sends so many at most, and goes on', async () => {
    const world = await withLetters();
    const { queue, ids } = createQueue();
    const first = await replay(world, queue, { max: 1 });
    assert.deepEqual([first.sent, first.remaining], [1, true]);
    const second = await replay(world, queue, { max: 1 });
    assert.deepEqual([second.sent, second.before, second.remaining, ids().length], [1, 1, false, 2]);
    assert.equal((await replay(world, queue, { signal: AbortSignal.abort() })).sent, 0);
  });

  it('writes and sends nothing in a dry run', async () => {
    const world = await withLetters();
    const { queue, ids } = createQueue();
    const result = await replay(world, queue, { isDryRun: true });
    assert.deepEqual([result.sent, ids()], [2, []]);
    assert.deepEqual(await Array.fromAsync(world.store.list(`${LETTERS}/${LEDGER_DIR}`)), []);
  });

  it('keeps what the queue refuses for the next run', async () => {
    const world = await withLetters();
    const { queue, ids } = createQueue(({ letterId }) => (letterId === 'bad' ? 'InvalidMessageContents' : undefined));
    const result = await replay(world, queue);
    assert.deepEqual([result.sent, result.refused, result.reasons], [1, 1, ['InvalidMessageContents']]);
    const other = createQueue();
    assert.equal((await replay(world, other.queue)).sent, 1);
    assert.deepEqual([...ids(), ...other.ids()], ['wide', 'bad']);
  });

  it('sends again within half an hour what may have been sent, and leaves it later', async () => {
    const world = await withLetters();
    const broken = createQueue(() => '!socket hang up');
    await assert.rejects(replay(world, broken.queue), /socket hang up/);
    world.advance(HOUR / 2 + 1_000);
    const { queue, ids } = createQueue();
    const left = await replay(world, queue);
    assert.deepEqual([left.sent, left.uncertain], [0, 2]);
    assert.equal((await replay(world, queue, { sendsUncertain: true })).sent, 2);
    assert.equal((await replay(world, queue, { sendsUncertain: true })).sent, 0);
    assert.deepEqual(ids(), ['bad', 'wide']);

    const soon = await withLetters();
    await assert.rejects(replay(soon, broken.queue), /socket hang up/);
    soon.advance(HOUR / 2 - 1_000);
    assert.equal((await replay(soon, createQueue().queue)).sent, 2);
  });

  it('reads letters that were written before they had a group, and the column is added to their table', async () => {
    const world = await withLetters();
    const key = `${LETTERS}/_delta_log/00000000000000000000.json`;
    const commit = new TextDecoder().decode((await world.store.get(key)).body);
    const older = commit.replace(/,\{\\"name\\":\\"group_id\\".*?\}\}/, '');
    assert.ok(older.length < commit.length);
    await world.store.put(key, new TextEncoder().encode(older));
    assert.doesNotMatch((await world.snapshot(LETTERS)).metadata.schemaString, /group_id/);
    const { queue, ids } = createQueue();
    assert.equal((await replay(world, queue)).sent, 2);
    world.coldStart();
    await world.deliver(world.message('later', '[1]'));
    assert.match((await world.snapshot(LETTERS)).metadata.schemaString, /group_id/);
    assert.equal((await replay(world, queue)).sent, 1);
    assert.deepEqual(ids(), ['bad', 'later', 'wide']);
  });

  it('does not go on from records that it cannot read', async () => {
    const world = await withLetters();
    await world.store.put(`${LETTERS}/${LEDGER_DIR}/x.json`, new TextEncoder().encode('{"sent":[]}'));
    await assert.rejects(replay(world, createQueue().queue), /x\.json is no record of messages that were sent back/);
  });

  it('names a table that has no dead letters of a queue', async () => {
    const world = await withLetters();
    const table = { store: world.store, root: 'bronze/orders', url: 's3://lake/bronze/orders' };
    const deps = { reader: createCheckpointReader(), queue: createQueue().queue, now: world.now };
    await assert.rejects(
      replayLetters(deps, table, { filter: {} }),
      /bronze\/orders is no table of a queue's dead letters: it lacks the column "message_id"; it has id/,
    );
  });
});

describe('a replay that dies before or after any one store call', async () => {
  const rehearsal = await withLetters();
  const counted = createFaultyStore(rehearsal.store, () => undefined);
  await replay(rehearsal, createQueue().queue, { store: counted });

  for (const { name, number, fault } of everySingleFault(counted.calls.length)) {
    it(`loses no message, and the table has each once: ${name}`, async () => {
      const world = await withLetters();
      const { queue, taken } = createQueue();
      const store = createFaultyStore(world.store, failCall(number, fault));
      await replay(world, queue, { store }).catch((error: unknown) => {
        assert.ok(
          error instanceof CrashError || (error instanceof Error && error.name === 'StoreError'),
          String(error),
        );
      });
      await replay(world, queue);
      const evolving = createQueueWorld({ config: { columns: { id: 'string' } }, wrap: () => world.store });
      evolving.advance(world.now() - evolving.now());
      await evolving.deliver(...taken.map((message, index) => delivered(evolving, message, `-${index}`)));
      assert.deepEqual(await world.column('id'), ['good', 'wide']);
      assert.equal((await world.column('message_id', LETTERS)).length, 3);
      assert.equal((await replay(world, queue, { filter: { codes: new Set(['UNKNOWN_COLUMN']) } })).sent, 0);
    });
  }
});
