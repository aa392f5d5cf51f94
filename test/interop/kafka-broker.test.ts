import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Admin, Consumer, type ConsumerOptions, type Message, Producer } from '@platformatic/kafka';
import { startEventSourceMapping } from '../support/event-source-mapping.ts';
import { startKafkaBroker } from '../support/kafka-broker.ts';
import type { MskEvent } from '../support/kafka-events.ts';
import { type Compression, startKafkaProducer } from '../support/kafka-producer.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => {
  const broker = await startKafkaBroker({ security: 'sasl_ssl' });
  return { broker, producer: await startKafkaProducer(broker.plaintext) };
});

/** That what the tests of Kafka stand on is what it says. */
describe('the Kafka broker of the tests', { skip: found.skip ?? false }, () => {
  const { broker, producer } = available(found);
  const plaintext = { clientId: 'test', bootstrapBrokers: [broker.plaintext] };
  const secured = { clientId: 'test', bootstrapBrokers: [broker.bootstrap], tls: { ca: broker.ca ?? '' } };

  it('keeps its records through a crash', async () => {
    const records = (...values: string[]) => values.map((value) => ({ topic: 'crash', value }));
    await broker.createTopic('crash', { partitions: 2, config: { 'segment.bytes': '1048576' } });
    await producer.send(records('a', 'b'));
    await broker.kill();
    await broker.restart();
    await producer.send(records('c'));
    assert.deepEqual((await read(plaintext, 'crash', 3)).sort(), ['a', 'b', 'c']);
  });

  it('begins a topic anew that was deleted', async () => {
    await broker.createTopic('anew', { partitions: 1 });
    await send(plaintext, 'anew', ['a', 'b']);
    await broker.deleteTopic('anew');
    await broker.createTopic('anew', { partitions: 1 });
    await send(plaintext, 'anew', ['c']);
    assert.deepEqual(await read(plaintext, 'anew', 1), ['c']);
  });

  const { username, password } = broker.user;
  const unsecured = (claims: object) =>
    `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
  const now = Date.now() / 1000;
  const token = unsecured({ sub: username, iat: now - 60, exp: now + 3_600 });
  const mechanisms: readonly NonNullable<ConsumerOptions<Buffer, Buffer, Buffer, Buffer>['sasl']>[] = [
    { mechanism: 'SCRAM-SHA-512', username, password },
    { mechanism: 'PLAIN', username, password },
    { mechanism: 'OAUTHBEARER', token },
  ];
  for (const sasl of mechanisms) {
    it(`takes ${sasl.mechanism} over TLS`, async () => {
      const topic = `sasl-${sasl.mechanism}`;
      await broker.createTopic(topic, { partitions: 1 });
      await send({ ...secured, sasl }, topic, ['a']);
      assert.deepEqual(await read({ ...secured, sasl }, topic, 1), ['a']);
    });
  }

  it('refuses wrong passwords, and certificates that are not its own', async () => {
    const wrong = { mechanism: 'SCRAM-SHA-512', username, password: 'wrong' } as const;
    await assert.rejects(topics({ ...secured, sasl: wrong }));
    await assert.rejects(topics({ ...secured, tls: {}, sasl: { ...wrong, password } }));
    assert.ok((await topics({ ...secured, sasl: { ...wrong, password } })).includes('crash'));
  });
});

describe('the event source mapping of the tests', { skip: found.skip ?? false }, () => {
  const { broker, producer } = available(found);
  after(() => broker.stop());

  /** All records of the events that a topic becomes, and how many events there were. */
  async function delivered(topic: string, partitions: number[], options: object = {}) {
    const events: MskEvent[] = [];
    const invoke = async (event: MskEvent) => events.push(event);
    const pollers = [{ partitions, invoke }];
    const mapping = await startEventSourceMapping({ bootstrap: broker.plaintext, topic, pollers, ...options });
    await mapping.drained();
    await mapping.stop();
    return { events, records: events.flatMap(({ records }) => Object.values(records)).flat() };
  }

  it('makes the event that AWS describes', async () => {
    await broker.createTopic('event', { partitions: 2 });
    const headers = [
      ['a', Uint8Array.of(1, 128, 255)],
      ['a', null],
      ['__proto__', ''],
    ] as const;
    const full = { topic: 'event', partition: 1, key: 'k', value: new Uint8Array(), headers, timestamp: 5 };
    await producer.send([{ topic: 'event', partition: 0, timestamp: 6 }, full]);
    const { events, records } = await delivered('event', [0, 1]);
    assert.equal(events.length, 1);
    assert.deepEqual(Object.keys(events[0]?.records ?? {}).sort(), ['event-0', 'event-1']);
    const common = { topic: 'event', offset: 0, timestampType: 'CREATE_TIME' };
    assert.deepEqual(
      records.sort((a, b) => a.partition - b.partition),
      [
        { ...common, partition: 0, timestamp: 6, headers: [] },
        {
          ...common,
          partition: 1,
          timestamp: 5,
          key: 'aw==',
          value: '',
          headers: [{ a: [1, -128, -1] }, { a: null }, JSON.parse('{"__proto__": []}')],
        },
      ],
    );
  });

  it('delivers what was sent in all kinds of compression, and nothing that was aborted', async () => {
    await broker.createTopic('kinds', { partitions: 1 });
    const kinds: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
    const batch = (value: string) => Array.from({ length: 20 }, () => ({ topic: 'kinds', value: value.repeat(20) }));
    const expected: string[] = [];
    for (const compression of kinds) {
      for (const transaction of ['none', 'abort', 'commit'] as const) {
        const value = `${compression}-${transaction}`;
        const [first] = await producer.send(batch(value), { compression, transaction });
        assert.equal(first?.partition, 0);
        if (transaction !== 'abort') expected.push(value);
      }
    }
    const values = (records: readonly { value?: string }[]) => [
      ...new Set(
        records.map(({ value }) =>
          Buffer.from(value ?? '', 'base64')
            .toString()
            .slice(0, -1),
        ),
      ),
    ];
    const { records } = await delivered('kinds', [0]);
    assert.equal(records.length, 20 * expected.length);
    assert.deepEqual(
      values(records),
      expected.map((value) => value.repeat(20).slice(0, -1)),
    );
    const all = await delivered('kinds-all', [0], { topic: 'kinds', group: 'all', isolation: 'read_uncommitted' });
    assert.equal(all.records.length, 20 * kinds.length * 3);
  });

  it('repeats what fails, in order, and goes on from the committed offsets', async () => {
    await broker.createTopic('repeat', { partitions: 1 });
    await producer.send(Array.from({ length: 10 }, (_, index) => ({ topic: 'repeat', value: String(index) })));
    const offsets: number[][] = [];
    const invoke = async ({ records }: MskEvent) => {
      offsets.push((records['repeat-0'] ?? []).map(({ offset }) => offset));
      if (offsets.length % 2 === 1) throw new Error('not this time');
    };
    const pollers = [{ partitions: [0], invoke }];
    const options = { bootstrap: broker.plaintext, topic: 'repeat', batchSize: 4, pollers };
    const mapping = await startEventSourceMapping(options);
    await mapping.drained();
    await mapping.stop();
    const batches = [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ];
    assert.deepEqual(
      offsets,
      batches.flatMap((batch) => [batch, batch]),
    );
    assert.equal((await delivered('repeat', [0])).records.length, 0);
  });
});

type Connection = Pick<
  ConsumerOptions<Buffer, Buffer, Buffer, Buffer>,
  'clientId' | 'bootstrapBrokers' | 'tls' | 'sasl'
>;

async function send(connection: Connection, topic: string, values: readonly string[]): Promise<void> {
  const producer = new Producer(connection);
  const messages = values.map((value) => ({ topic, value: Buffer.from(value) }));
  await producer.send({ messages }).finally(() => producer.close());
}

/** The values of the first `count` records. */
async function read(connection: Connection, topic: string, count: number): Promise<string[]> {
  const consumer = new Consumer({ ...connection, groupId: topic });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  const values: string[] = [];
  for await (const { value } of stream as AsyncIterable<Message<Buffer, Buffer, Buffer, Buffer>>) {
    if (values.push(value.toString()) === count) break;
  }
  await consumer.close(true);
  return values;
}

async function topics(connection: Connection): Promise<string[]> {
  const admin = new Admin({ ...connection, retries: 0 });
  return admin.listTopics().finally(() => admin.close());
}
