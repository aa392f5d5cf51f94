import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createQueueWorld, type QueueWorld } from '../support/queue-world.ts';

const LETTERS = 'bronze/orders__dead_letters';
const DAY = 86_400_000;

describe('messages become rows', () => {
  it('of objects, arrays and lines, in one commit', async () => {
    const world = createQueueWorld();
    const failed = await world.deliver(
      world.message('a', { id: 1, name: 'one' }),
      world.message('b', [{ id: 2 }, { id: 3 }]),
      world.message('c', '{"id":4}\n\n{"id":5}\r\n'),
      world.message('d', '{\n  "id": 6\n}'),
    );
    assert.deepEqual(failed, []);
    assert.deepEqual(await world.column('id'), ['1', '2', '3', '4', '5', '6']);
    const { version, schema, metadata } = await world.snapshot();
    assert.equal(version, 0);
    assert.deepEqual(
      schema.fields.map(({ name, type }) => [name, type]),
      [
        ['id', 'long'],
        ['name', 'string'],
        ['ingest_date', 'date'],
      ],
    );
    assert.deepEqual(metadata.partitionColumns, ['ingest_date']);
  });

  it('out of the envelope of SNS, which is known by its shape', async () => {
    const world = createQueueWorld();
    const envelope = {
      Type: 'Notification',
      MessageId: 'n-1',
      TopicArn: 'arn:aws:sns:eu-west-1:111122223333:orders',
      Message: '{"id":1}',
      Timestamp: '2026-11-24T05:59:58.000Z',
      SignatureVersion: '1',
    };
    const lookalike = { Type: 'Notification', TopicArn: 'mine', Message: 'hello' };
    await world.deliver(world.message('a', envelope), world.message('b', lookalike));
    assert.deepEqual(await world.column('id'), ['1', 'null']);
    assert.deepEqual(await world.column('TopicArn'), ['mine', 'null']);
    // SNS delivers at least once: the same notification as another message.
    world.advance(20_000);
    await world.deliver(world.message('a2', envelope));
    assert.equal((await world.rows()).length, 2);
  });

  it('out of oxbow’s wrapper, where the configuration says so', async () => {
    const world = createQueueWorld({ config: { wrapper: 'records' } });
    await world.deliver(
      world.message('a', { Records: [{ id: 1 }, { id: 2 }] }),
      world.message('b', { id: 3 }),
      world.message('c', { Records: [{ id: 4 }, 5] }),
      world.message('d', { Records: [] }),
    );
    assert.deepEqual(await world.column('id'), ['1', '2']);
    const errors = await world.column('error', LETTERS);
    assert.deepEqual(errors, [
      'The element 1 of Records is the number 5, expected an object',
      'expected an object with a list of objects in Records, but Records is an array of 0',
      'expected an object with a list of objects in Records, but Records is nothing',
    ]);
  });

  it('with columns that say where they come from, set by expressions, and without what the filter leaves out', async () => {
    const world = createQueueWorld({
      config: {
        sourceColumns: { message_id: 'message-id', sent: 'sent-at', at: 'ingested-at', source: 'queue', line: 'line' },
        transforms: { tenant: 'kafka.headers.tenant' },
        filter: "kind != 'ping'",
        partitionBy: [],
      },
    });
    const facts = { messageAttributes: { tenant: { dataType: 'String', stringValue: 'acme' } } };
    const message = world.message('a', [{ kind: 'x' }, { kind: 'y' }], facts);
    const time = new Date(world.now());
    world.advance(5_000);
    assert.deepEqual(await world.deliver(message, world.message('b', { kind: 'ping' })), []);
    const rows = (await world.rows()).toSorted((a, b) => Number(a.line) - Number(b.line));
    const common = { message_id: 'a', sent: time, at: new Date(world.now()), source: 'orders', tenant: 'acme' };
    assert.deepEqual(rows, [
      { ...common, line: 0, kind: 'x' },
      { ...common, line: 1, kind: 'y' },
    ]);
  });
});

describe('what does not fit', () => {
  it('goes to the dead letters with its reason, and takes nothing with it', async () => {
    const world = createQueueWorld();
    await world.deliver(world.message('first', { id: 1, at: { x: 1 } }));
    const failed = await world.deliver(
      world.message('no-json', 'hello'),
      world.message('text', { id: 'seven' }),
      world.message('half', [{ id: 8 }, { id: 'eight' }]),
      world.message('scalar', '42'),
      world.message('line', '{"id":9}\n{"id":'),
      world.message('good', { id: 10 }),
    );
    assert.deepEqual(failed, []);
    assert.deepEqual(await world.column('id'), ['1', '10']);
    const letters = await world.rows(LETTERS);
    const errors = Object.fromEntries(
      letters.map(({ message_id, error_code, error }) => [message_id, [error_code, error]]),
    );
    assert.deepEqual(Object.keys(errors).sort(), ['half', 'line', 'no-json', 'scalar', 'text']);
    assert.equal(errors.text?.[0], 'TYPE_MISMATCH');
    assert.match(errors['no-json']?.[1], /not JSON/);
    assert.match(errors.line?.[1], /^Line 2: /);
    assert.equal(letters.find(({ message_id }) => message_id === 'text')?.body, '{"id":"seven"}');
  });

  it('is a new field, where the policy is strict', async () => {
    const world = createQueueWorld({ config: { schemaPolicy: 'strict' } });
    await world.deliver(world.message('a', { id: 1 }));
    await world.deliver(world.message('b', { id: 2, extra: true }), world.message('c', { id: 3 }));
    assert.deepEqual(await world.column('id'), ['1', '3']);
    assert.deepEqual(await world.column('error_code', LETTERS), ['UNKNOWN_COLUMN']);
  });

  it('becomes a column, where the policy is evolve', async () => {
    const world = createQueueWorld();
    await world.deliver(world.message('a', { id: 1 }));
    await world.deliver(world.message('b', { id: 2, extra: true }));
    assert.deepEqual(await world.column('extra'), ['true', 'undefined']);
  });

  it('is no dead letter twice', async () => {
    const world = createQueueWorld();
    const bad = world.message('bad', 'hello');
    for (let delivery = 0; delivery < 3; delivery++) {
      assert.deepEqual(await world.deliver(bad, bad), []);
      world.coldStart();
    }
    assert.equal((await world.rows(LETTERS)).length, 1);
    assert.deepEqual(await world.rows(), []);
  });
});

describe('a message that comes again', () => {
  it('is known, warm and cold, by its id', async () => {
    const world = createQueueWorld();
    const [a, b, c] = ['a', 'b', 'c'].map((id) => world.message(id, { id }));
    assert.ok(a && b && c);
    await world.deliver(a, b, a);
    world.advance(30_000);
    await world.deliver(a, c);
    world.coldStart();
    world.advance(7 * DAY);
    await world.deliver(c, b, a);
    assert.deepEqual(await world.column('id'), ['a', 'b', 'c']);
    assert.equal((await world.snapshot()).version, 1);
    // The same text in another message is another message.
    await world.deliver(world.message('d', { id: 'a' }));
    assert.equal((await world.rows()).length, 4);
  });

  it('is known after many commits, and after a checkpoint of them', async () => {
    const world = createQueueWorld();
    const first = world.message('first', { n: 0 });
    await world.deliver(first);
    for (let n = 1; n <= 70; n++) {
      world.advance(60_000);
      await world.deliver(world.message(`m-${n}`, { n }));
    }
    world.coldStart();
    await world.deliver(first);
    assert.equal((await world.rows()).length, 71);
  });

  it('is known by the name that its sender gave it, for as long as the configuration says', async () => {
    const world = createQueueWorld({ config: { keyWindow: 2 } });
    const facts = { messageAttributes: { 'resaca-key': { dataType: 'String', stringValue: 'delivery-1' } } };
    await world.deliver(world.message('a', { id: 1 }, facts));
    world.coldStart();
    world.advance(3_600_000);
    await world.deliver(world.message('b', { id: 1 }, facts));
    assert.equal((await world.rows()).length, 1);
    // Beyond that its commits are not looked at any more: another commit has to be in between.
    world.advance(2 * 3_600_000);
    await world.deliver(world.message('c', { id: 2 }));
    world.coldStart();
    world.advance(60_000);
    await world.deliver(world.message('d', { id: 1 }, facts));
    assert.ok((await world.rows()).length >= 2);
  });

  it('is known after the table was compacted, and its file is gone', async () => {
    const world = createQueueWorld();
    const message = world.message('a', { id: 1 });
    await world.deliver(message);
    const [add] = await world.adds('bronze/orders');
    assert.ok(add);
    const { partitionValues, size, modificationTime } = add;
    const compacted = { path: 'x.parquet', partitionValues, size, modificationTime, dataChange: false };
    await world.store.put(`bronze/orders/x.parquet`, (await world.store.get(`bronze/orders/${add.path}`)).body);
    await world.store.put(
      'bronze/orders/_delta_log/00000000000000000001.json',
      Buffer.from(
        [
          { commitInfo: { operation: 'OPTIMIZE', txnId: 'x' } },
          { remove: { path: add.path, dataChange: false, deletionTimestamp: world.now() } },
          { add: compacted },
        ]
          .map((action) => `${JSON.stringify(action)}\n`)
          .join(''),
      ),
    );
    await world.store.delete(`bronze/orders/${add.path}`);
    world.coldStart();
    await world.deliver(message);
    assert.deepEqual(await world.column('id'), ['1']);
    assert.equal((await world.snapshot()).version, 1);
  });
});

describe('a log that was cleaned up too early', () => {
  it('keeps the messages that it may have had in the queue, loudly, and takes the others', async () => {
    const world = createQueueWorld();
    const old = world.message('old', { id: 1 });
    const other = world.message('other', { id: 2 });
    await world.deliver(old);
    for (let n = 0; n < 3; n++) {
      world.advance(DAY);
      await world.deliver(world.message(`m-${n}`, { id: 10 + n }));
    }
    await checkpoint(world);
    for (const version of [0, 1])
      await world.store.delete(`bronze/orders/_delta_log/${String(version).padStart(20, '0')}.json`);
    world.coldStart();
    const failed = await world.deliver(old, other, world.message('new', { id: 3 }));
    assert.deepEqual(failed, ['old', 'other']);
    assert.deepEqual(await world.column('id'), ['1', '10', '11', '12', '3']);
    const errors = world.logs.filter(({ level }) => level === 'error');
    assert.equal(errors.length, 1);
    assert.match(String(errors[0]?.message), /lost commits/);
    assert.equal(errors[0]?.messages, 2);
    assert.ok(world.metrics.some(({ failures }) => failures === 1));
  });

  it('holds the later messages of the group in a FIFO queue', async () => {
    const world = createQueueWorld({ config: { fifo: true } });
    const inGroup = (id: string, group: string) => {
      const attributes = { SentTimestamp: String(world.now()), MessageGroupId: group };
      return world.message(id, { id }, { attributes });
    };
    const old = inGroup('old', 'g');
    await world.deliver(inGroup('x', 'h'));
    world.advance(DAY);
    await world.deliver(inGroup('y', 'h'));
    await checkpoint(world);
    await world.store.delete('bronze/orders/_delta_log/00000000000000000000.json');
    world.coldStart();
    world.advance(120_000);
    assert.deepEqual(await world.deliver(old, inGroup('later', 'g'), inGroup('z', 'h')), ['old', 'later']);
    assert.deepEqual(await world.column('id'), ['x', 'y', 'z']);
  });
});

/** The current version becomes a checkpoint. */
async function checkpoint(world: QueueWorld): Promise<void> {
  const { table } = await world.snapshot();
  const engine = {
    reader: createCheckpointReader(),
    now: world.now,
    random: Math.random,
    sleep: async () => undefined,
  };
  const result = await checkpointTable(engine, table);
  assert.equal(result.outcome, 'written');
}
