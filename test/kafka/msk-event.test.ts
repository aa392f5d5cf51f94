import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KafkaEventError, type KafkaEventErrorData, parseMskEvent } from '../../src/kafka/msk-event.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { failedInvocation, mskEvent } from '../support/kafka-events.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const LONGEST_TOPIC = 'a'.repeat(249);

/** The fields of a record as JSON text, so that numbers and keys are what `JSON.parse` makes of them. */
const RAW = {
  topic: '"web.requests"',
  partition: '3',
  offset: '15',
  timestamp: '1545084650987',
  timestampType: '"CREATE_TIME"',
  key: '"a2V5"',
  value: '"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg=="',
  headers: '[{"trace":[104,101,-61,-85]}]',
};

type RawFields = Readonly<Partial<Record<keyof typeof RAW, string | undefined>>>;

/** The JSON text of a record, with other fields, or without those that are undefined. */
function rawRecord(fields: RawFields = {}): string {
  const entries = Object.entries({ ...RAW, ...fields }).filter(([, value]) => value !== undefined);
  return `{${entries.map(([name, value]) => `"${name}":${value}`).join()}}`;
}

function rawEvent(lists: string, source = '"aws:kafka"'): unknown {
  return JSON.parse(`{"eventSource":${source},"bootstrapServers":"b-1.example:9098","records":${lists}}`);
}

function parseOne(fields: RawFields): KafkaRecord {
  const { partitions } = parseMskEvent(rawEvent(`{"web.requests-3":[${rawRecord(fields)}]}`));
  const record = partitions[0]?.records[0];
  assert.ok(record);
  return record;
}

function assertRefused(event: unknown, message: RegExp, data?: KafkaEventErrorData): void {
  assert.throws(
    () => parseMskEvent(event),
    (error) => {
      assert.ok(error instanceof KafkaEventError, String(error));
      assert.equal(error.code, 'INVALID_KAFKA_EVENT');
      assert.match(error.message, message);
      assert.ok(error.message.length < 500, 'an error does not repeat the event');
      if (data !== undefined) assert.deepEqual(error.data, data);
      return true;
    },
  );
}

describe('an event of the Kafka event source mapping', () => {
  it('is read from Amazon MSK and from a self-managed Kafka', () => {
    const expected: KafkaRecord = {
      topic: 'web.requests',
      partition: 3,
      offset: 15,
      timestamp: 1545084650987,
      timestampType: 'CREATE_TIME',
      key: bytes('key'),
      value: bytes('Hello, this is a test.'),
      headers: [{ key: 'trace', value: bytes('heë') }],
    };
    for (const source of ['"aws:kafka"', '"SelfManagedKafka"']) {
      const event = rawEvent(`{"web.requests-3":[${rawRecord()}]}`, source);
      const partitions = [{ topic: 'web.requests', partition: 3, records: [expected] }];
      assert.deepEqual(parseMskEvent(event), { partitions });
    }
  });

  it('is what its records were, whatever is in them', () => {
    fc.assert(
      fc.property(batches, fc.constantFrom('aws:kafka', 'SelfManagedKafka'), (records, eventSource) => {
        const delivered: unknown = JSON.parse(JSON.stringify(mskEvent(records, { eventSource })));
        const lists = Map.groupBy(records, ({ topic, partition }) => `${topic}-${partition}`);
        const partitions = [...lists.values()].map((list) => ({
          topic: list[0]?.topic,
          partition: list[0]?.partition,
          records: list.toSorted((a, b) => a.offset - b.offset),
        }));
        const byName = (a: { topic?: string | undefined; partition?: number | undefined }) =>
          `${a.topic}-${a.partition}`;
        const received = parseMskEvent(delivered).partitions;
        const sorted = <T extends object>(all: readonly T[]) =>
          all.toSorted((a, b) => (byName(a) < byName(b) ? -1 : 1));
        assert.deepEqual(sorted(received), sorted(partitions));
      }),
      { numRuns: 300 },
    );
  });

  it('may be empty', () => {
    assert.deepEqual(parseMskEvent(rawEvent('{}')), { partitions: [] });
    assert.deepEqual(parseMskEvent(rawEvent('{"web-0":[]}')), { partitions: [] });
  });

  it('is grouped by what each record says, in the order of offsets, whatever the lists are called', () => {
    const at = (offset: number, partition = '0') => rawRecord({ topic: '"web"', offset: `${offset}`, partition });
    const event = rawEvent(`{"web-9":[${at(7)},${at(5)}],"x":[${at(6, '1')},${at(6)}]}`);
    assert.deepEqual(
      parseMskEvent(event).partitions.map(({ topic, partition, records }) => [
        topic,
        partition,
        records.map(({ offset }) => offset),
      ]),
      [
        ['web', 0, [5, 6, 7]],
        ['web', 1, [6]],
      ],
    );
  });

  it('has an offset once when it comes twice with the same record, and is refused when the records differ', () => {
    const record = kafkaRecord(5, { headers: [{ key: 'trace', value: bytes('1') }] });
    const twice = mskEvent([record, kafkaRecord(4), record]);
    assert.deepEqual(parseMskEvent(twice).partitions[0]?.records, [kafkaRecord(4), record]);
    const differing = mskEvent([record, { ...record, headers: [{ key: 'trace', value: bytes('2') }] }]);
    assertRefused(differing, /two records that differ have the offset 5 in partition 0 of topic web/, {
      topic: 'web',
      partition: 0,
      offset: 5,
    });
  });

  it('of 6 MB is read, in many records and in one', () => {
    const many = kafkaRecords(0, 10_000, { value: bytes('v'.repeat(300)) });
    assert.deepEqual(parseMskEvent(mskEvent(many)).partitions, [{ topic: 'web', partition: 0, records: many }]);
    const large = new Uint8Array(4_500_000).map((_, index) => index % 251);
    const [batch] = parseMskEvent(mskEvent([kafkaRecord(0, { value: large })])).partitions;
    assert.ok(Buffer.from(large).equals(batch?.records[0]?.value ?? new Uint8Array(0)));
  });
});

describe('a record of a Kafka event', () => {
  it('has no key, value, timestamp or headers where they are null or missing', () => {
    for (const none of ['null', undefined]) {
      const record = parseOne({ key: none, value: none, timestamp: none, headers: none });
      const { key, value, timestamp, headers } = record;
      assert.deepEqual([key, value, timestamp, headers], [undefined, undefined, undefined, []]);
    }
  });

  it('may have an empty key and an empty value, which are not the same as none', () => {
    const { key, value } = parseOne({ key: '""', value: '""' });
    assert.deepEqual({ key, value }, { key: new Uint8Array(0), value: new Uint8Array(0) });
  });

  it('has headers in their order: names twice, names of any kind, null values, every byte', () => {
    const headers = '[{"a":[-128,-1,0,127]},{"__proto__":[1]},{"7":null},{"a":[]},{"":[255,128]}]';
    assert.deepEqual(parseOne({ headers }).headers, [
      { key: 'a', value: Uint8Array.of(128, 255, 0, 127) },
      { key: '__proto__', value: Uint8Array.of(1) },
      { key: '7', value: undefined },
      { key: 'a', value: new Uint8Array(0) },
      { key: '', value: Uint8Array.of(255, 128) },
    ]);
  });

  it('has a timestamp unless its type, the value -1 or its size says that it has none', () => {
    for (const [timestamp, timestampType, expected] of [
      ['0', 'CREATE_TIME', 0],
      ['1764000000123', 'LOG_APPEND_TIME', 1_764_000_000_123],
      ['-1', 'CREATE_TIME', undefined],
      ['1764000000123', 'NO_TIMESTAMP_TYPE', undefined],
      ['9007199254740991', 'CREATE_TIME', Number.MAX_SAFE_INTEGER],
      ['9223372036854775807', 'CREATE_TIME', undefined],
    ] as const) {
      const record = parseOne({ timestamp, timestampType: `"${timestampType}"` });
      assert.equal(record.timestamp, expected, timestamp);
      assert.equal(record.timestampType, timestampType);
    }
  });

  it('is exact up to the largest offset and partition', () => {
    assert.equal(parseOne({ offset: '9007199254740991' }).offset, Number.MAX_SAFE_INTEGER);
    assert.equal(parseOne({ partition: '2147483647' }).partition, 2_147_483_647);
    assert.equal(parseOne({ topic: `"${LONGEST_TOPIC}"` }).topic, LONGEST_TOPIC);
  });

  it('may have fields that are not known', () => {
    const schema = '{"dataFormat":"AVRO","schemaId":"1234"}';
    const event = rawEvent(`{"web-0":[${rawRecord().replace('{', `{"valueSchemaMetadata":${schema},`)}]}`);
    assert.equal(parseMskEvent(event).partitions.length, 1);
  });

  const cases: readonly (readonly [field: keyof typeof RAW, value: string | undefined, message: RegExp])[] = [
    ['topic', undefined, /expected the name of a topic in topic, got undefined/],
    ['topic', '""', /got ""/],
    ['topic', '".."', /got "\.\."/],
    ['topic', '"a/../b"', /got "a\/\.\.\/b"/],
    ['topic', '"web\\n"', /got "web\\n"/],
    ['topic', `"${LONGEST_TOPIC}a"`, /got "a{80}"/],
    ['partition', '"0"', /expected an integer from 0 to 2\^31 - 1 in partition, got "0"/],
    ['partition', '-1', /got -1/],
    ['partition', '2147483648', /got 2147483648/],
    ['offset', '9007199254740992', /expected an integer from 0 to 2\^53 - 1 in offset, got 9007199254740992/],
    ['offset', '9007199254740993', /got 9007199254740992/],
    ['offset', '-1', /got -1/],
    ['offset', '1.5', /got 1\.5/],
    ['offset', 'null', /got null/],
    ['timestamp', '"now"', /expected ms since the epoch in timestamp, got "now"/],
    ['timestamp', '1.5', /got 1\.5/],
    ['timestampType', '"CreateTime"', /expected one of CREATE_TIME, .* in timestampType, got "CreateTime"/],
    ['timestampType', undefined, /got undefined/],
    ['key', '"a2V5!"', /expected base64 in key, got 5 characters that are none/],
    ['key', '[1]', /expected base64 in key, got a list/],
    ['value', '"a2V"', /expected base64 in value, got 3 characters/],
    ['value', '" a2V5"', /got 5 characters/],
    ['value', '"a!_5"', /got 4 characters/],
    ['value', '"a2V5a2V=="', /got 9 characters/],
    ['value', '7', /expected base64 in value, got a number/],
    ['headers', '{"a":[1]}', /expected a list in headers, got an object/],
    ['headers', '[{"a":[1]},{}]', /expected an object with one header in headers\[1\]/],
    ['headers', '[{"a":[1],"b":[2]}]', /expected an object with one header in headers\[0\]/],
    ['headers', '[null]', /headers\[0\]/],
    ['headers', '[{"a":"MQ=="}]', /expected null or a list of bytes as the value of headers\[0\]/],
    ['headers', '[{"a":[256]}]', /headers\[0\]/],
    ['headers', '[{"a":[-129]}]', /headers\[0\]/],
    ['headers', '[{"a":[1.5]}]', /headers\[0\]/],
    ['headers', '[{"a":[null]}]', /headers\[0\]/],
  ];
  for (const [field, value, message] of cases) {
    const name = value === undefined ? `without ${field}` : `with the ${field} ${value.slice(0, 40)}`;
    it(`${name} fails the event`, () => {
      const lists = `{"web-3":[${rawRecord({ offset: '14' })},${rawRecord({ [field]: value })}]}`;
      assertRefused(rawEvent(lists), message);
    });
  }

  it('that cannot be read is named with its place', () => {
    const lists = `{"web-3":[${rawRecord({ offset: '14' })},${rawRecord({ value: '"?"' })}]}`;
    const place = /^records\["web-3"\]\[1\] \(topic "web\.requests", partition 3, offset 15\): /;
    const data = { list: 'web-3', index: 1, topic: 'web.requests', partition: 3, offset: 15 };
    assertRefused(rawEvent(lists), place, data);
    assertRefused(rawEvent('{"web-3":[7]}'), /^records\["web-3"\]\[0\]: expected a record, got 7/, {
      list: 'web-3',
      index: 0,
    });
  });
});

describe('an event that is none of Kafka is refused', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
  for (const [name, event, message] of [
    ['nothing', undefined, /expected a Kafka event, got undefined/],
    ['text', '{}', /got "\{\}"/],
    ['a list', [], /got a list/],
    ['an event of SQS', { Records: [{ eventSource: 'aws:sqs' }] }, /expected the eventSource .*, got undefined/],
    ['another source', { eventSource: 'aws:kinesis', records: {} }, /got "aws:kinesis"/],
    ['no records', { eventSource: 'aws:kafka' }, /expected an object of lists in records, got undefined/],
    ['a list of records', rawEvent(`[${rawRecord()}]`), /expected an object of lists in records, got a list/],
    ['no list', rawEvent(`{"web-0":${rawRecord()}}`), /expected a list in records\["web-0"\], got an object/],
    ['deep JSON', { eventSource: deep, records: {} }, /got a list/],
    ['long text', { eventSource: 'x'.repeat(1_000_000) }, /got "x{80}"/],
  ] as const) {
    it(name, () => assertRefused(event, message));
  }
});

describe('what the mapping could not deliver', () => {
  const event = mskEvent([...kafkaRecords(5, 8), kafkaRecord(1, { partition: 2 })]);

  it('is read from an on-failure destination in S3 and in Kafka', () => {
    const inS3 = JSON.parse(JSON.stringify(failedInvocation(event)));
    assert.equal(typeof inS3.payload, 'string');
    assert.deepEqual(parseMskEvent(inS3), parseMskEvent(event));
    assert.deepEqual(parseMskEvent({ ...inS3, payload: event }), parseMskEvent(event));
  });

  it('has no records in SQS and SNS', () => {
    const { payload: _, ...metadata } = failedInvocation(event);
    assertRefused(metadata, /the invocation record has no payload: destinations in SQS and SNS get no records/);
    assertRefused({ ...metadata, payload: null }, /no payload/);
  });

  it('is refused when its payload is no Kafka event', () => {
    const record = failedInvocation(event);
    const cut = record.payload.slice(0, -1);
    assertRefused({ ...record, payload: cut }, /the payload of the invocation record is not JSON/);
    assertRefused({ ...record, payload: '[]' }, /expected a Kafka event as the payload .*, got a list/);
    assertRefused({ ...record, payload: JSON.stringify(record) }, /expected the eventSource/);
  });
});

const binary = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined });
const times: fc.Arbitrary<Pick<KafkaRecord, 'timestamp' | 'timestampType'>> = fc.oneof(
  fc.record({
    timestamp: fc.option(fc.maxSafeNat(), { nil: undefined }),
    timestampType: fc.constantFrom('CREATE_TIME', 'LOG_APPEND_TIME'),
  }),
  fc.constant({ timestamp: undefined, timestampType: 'NO_TIMESTAMP_TYPE' }),
);
const topics = fc.oneof(
  fc.constantFrom('web', 'web-0', 'web-0-0', '__proto__', LONGEST_TOPIC),
  fc.stringMatching(/^[A-Za-z][\w.-]{0,20}$/),
);
const headerNames = fc.oneof(fc.constantFrom('trace', '__proto__', '0', ''), fc.string({ unit: 'binary' }));

/** The records of some partitions, in any order, with each offset once. */
const batches: fc.Arbitrary<KafkaRecord[]> = fc.uniqueArray(
  fc
    .record({
      topic: topics,
      partition: fc.oneof(fc.nat(3), fc.nat(0x7fff_ffff)),
      offset: fc.oneof(fc.nat(50), fc.maxSafeNat()),
      time: times,
      key: binary,
      value: binary,
      headers: fc.array(fc.record({ key: headerNames, value: binary }, { noNullPrototype: true }), { maxLength: 4 }),
    })
    .map(({ time, ...facts }) => ({ ...facts, ...time })),
  { selector: ({ topic, partition, offset }) => `${topic}-${partition}-${offset}` },
);
