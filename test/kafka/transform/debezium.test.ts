import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Datum, type DatumObject, NumberText } from '../../../src/kafka/decode/datum.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { unwrapEnvelope } from '../../../src/kafka/transform/debezium.ts';

const SOURCE = {
  version: '3.0.0.Final',
  connector: 'postgresql',
  name: 'pg',
  ts_ms: 1700000000001,
  snapshot: 'false',
  db: 'shop',
  schema: 'public',
  table: 'orders',
  txId: 571,
  lsn: 24023128,
};
const METADATA = {
  __ts_ms: 1700000000002,
  __source_ts_ms: 1700000000001,
  __db: 'shop',
  __schema: 'public',
  __table: 'orders',
  __lsn: 24023128,
};

const event = (fields: DatumObject): DatumObject => ({
  before: null,
  after: null,
  source: SOURCE,
  ts_ms: 1700000000002,
  transaction: null,
  ...fields,
});

function assertRefused(row: DatumObject, message: RegExp): void {
  assert.throws(
    () => unwrapEnvelope(row),
    (error) => {
      assert.ok(error instanceof PayloadError, String(error));
      assert.equal(error.code, 'INVALID_ENVELOPE');
      assert.match(error.message, message);
      return true;
    },
  );
}

describe('a change event of Debezium', () => {
  const cases: readonly (readonly [string, DatumObject, DatumObject])[] = [
    ['create', { op: 'c', after: { id: 1 } }, { id: 1, __op: 'c', __deleted: false, ...METADATA }],
    ['read', { op: 'r', after: { id: 1 } }, { id: 1, __op: 'r', __deleted: false, ...METADATA }],
    [
      'update',
      { op: 'u', before: { id: 1, a: 'old' }, after: { id: 1, a: 'new' } },
      { id: 1, a: 'new', __op: 'u', __deleted: false, ...METADATA },
    ],
    ['delete', { op: 'd', before: { id: 1, a: null } }, { id: 1, a: null, __op: 'd', __deleted: true, ...METADATA }],
    ['delete without an image', { op: 'd' }, { __op: 'd', __deleted: true, ...METADATA }],
    ['truncate', { op: 't' }, { __op: 't', __deleted: false, ...METADATA }],
    [
      'message',
      { op: 'm', message: { prefix: 'audit', content: 'YQ==' } },
      { prefix: 'audit', content: 'YQ==', __op: 'm', __deleted: false, ...METADATA },
    ],
    [
      'create in a transaction',
      { op: 'c', after: { id: 1 }, transaction: { id: '571:53', total_order: 1, data_collection_order: 1 } },
      { id: 1, __op: 'c', __deleted: false, ...METADATA, __transaction_id: '571:53' },
    ],
    [
      'document of MongoDB',
      { op: 'c', after: '{"_id": {"$oid": "5f"}, "n": 9007199254740993}' },
      { _id: { $oid: '5f' }, n: new NumberText('9007199254740993'), __op: 'c', __deleted: false, ...METADATA },
    ],
  ];
  for (const [name, fields, expected] of cases) {
    it(`gives the row of a ${name}`, () => {
      const bare = unwrapEnvelope(event(fields));
      assert.deepEqual(bare, { row: expected, op: fields.op });
      const wrapped = unwrapEnvelope({ schema: null, payload: event(fields) });
      assert.deepEqual(wrapped, bare);
    });
  }

  it('says where MySQL had it', () => {
    const source = { ts_ms: 1, db: 'shop', table: 'orders', file: 'mysql-bin.000003', pos: 484, gtid: null };
    assert.deepEqual(unwrapEnvelope({ op: 'c', after: { id: 1 }, source, ts_ms: 2 })?.row, {
      ...{ id: 1, __op: 'c', __deleted: false, __ts_ms: 2, __source_ts_ms: 1, __db: 'shop', __table: 'orders' },
      ...{ __file: 'mysql-bin.000003', __pos: 484 },
    });
  });

  it('has a row that may have fields named as those of the envelope', () => {
    const after = { op: 'x', payload: 1, schema: 2, __op: 'spoofed', __deleted: true };
    assert.deepEqual(unwrapEnvelope({ op: 'c', after, payload: 'a column of another transform' })?.row, {
      ...{ op: 'x', payload: 1, schema: 2, __op: 'c', __deleted: false },
    });
  });

  it('is none for heartbeats and empty payloads', () => {
    const none: readonly DatumObject[] = [
      { ts_ms: 1700000000002 },
      { ts_ms: 1700000000002, ts_us: 1, ts_ns: new NumberText('1700000000002000001') },
      { schema: { type: 'struct' }, payload: { ts_ms: 1700000000002 } },
      { schema: null, payload: null },
    ];
    for (const row of none) assert.equal(unwrapEnvelope(row), undefined, JSON.stringify(row));
  });

  it('is refused when it is none', () => {
    const wrong: readonly (readonly [DatumObject, RegExp])[] = [
      [{}, /has null as "op", expected one of c, r, u, d, t and m/],
      [{ id: 1, ts_ms: 2 }, /has null as "op"/],
      [{ op: 'x', after: {} }, /has the string "x" as "op"/],
      [{ op: ['c'], after: {} }, /has an array of 1 as "op"/],
      [{ op: 'c' }, /has null as "after", expected an object/],
      [{ op: 'u', after: [] }, /has an array of 0 as "after"/],
      [{ op: 'u', after: 'no JSON' }, /has the string "no JSON" as "after"/],
      [{ op: 'u', after: '[1]' }, /as "after", expected an object/],
      [{ op: 'd', before: 5 }, /has the number 5 as "before"/],
      [{ op: 'm' }, /has null as "message"/],
      [{ schema: {}, payload: 5 }, /has the number 5 as its payload/],
      [{ status: 'BEGIN', id: '571', ts_ms: 1 }, /as "op"/],
      [{ source: SOURCE, ddl: 'CREATE TABLE', tableChanges: [] }, /as "op"/],
    ];
    for (const [row, message] of wrong) assertRefused(row, message);
  });
});

/** An event with one column, and its schema. */
function typed(type: DatumObject, value: Datum): DatumObject {
  const row = { type: 'struct', optional: true, name: 'pg.public.orders.Value', fields: [{ field: 'x', ...type }] };
  const fields = [
    { field: 'before', ...row },
    { field: 'after', ...row },
    { field: 'op', type: 'string' },
  ];
  return {
    schema: { type: 'struct', name: 'pg.public.orders.Envelope', fields },
    payload: { op: 'c', after: { x: value } },
  };
}

const convert = (type: DatumObject, value: Datum): Datum => unwrapEnvelope(typed(type, value))?.row.x;

const decimal = (scale: string): DatumObject => ({
  type: 'bytes',
  name: 'org.apache.kafka.connect.data.Decimal',
  parameters: { scale, 'connect.decimal.precision': '10' },
});
const named = (name: string): DatumObject => ({ type: 'int64', name });
const base64 = (...bytes: readonly number[]) => Buffer.from(bytes).toString('base64');

describe('the schema of a change event', () => {
  const cases: readonly (readonly [DatumObject, Datum, Datum])[] = [
    [decimal('2'), base64(0x04, 0xe2), new NumberText('12.50')],
    [decimal('2'), base64(0xfb, 0x1e), new NumberText('-12.50')],
    [decimal('2'), base64(0xff), new NumberText('-0.01')],
    [decimal('0'), base64(0x00), new NumberText('0')],
    [decimal('-2'), base64(0x05), new NumberText('500')],
    [
      decimal('3'),
      base64(0x00, ...Array.from({ length: 16 }, () => 0xff)),
      new NumberText('340282366920938463463374607431768211.455'),
    ],
    [decimal('2'), 12.5, 12.5],
    [decimal('2'), null, null],
    [decimal('2'), base64(...Buffer.from('__debezium_unavailable_value')), '__debezium_unavailable_value'],
    [named('io.debezium.data.VariableScaleDecimal'), { scale: 1, value: base64(0x7d) }, new NumberText('12.5')],
    [named('io.debezium.time.Date'), 18828, '2021-07-20'],
    [named('io.debezium.time.Date'), -1, '1969-12-31'],
    [named('org.apache.kafka.connect.data.Date'), 0, '1970-01-01'],
    [named('io.debezium.time.Timestamp'), 1626823098519, '2021-07-20T23:18:18.519Z'],
    [named('org.apache.kafka.connect.data.Timestamp'), 1626823098000, '2021-07-20T23:18:18Z'],
    [named('io.debezium.time.MicroTimestamp'), 1626823098519001, '2021-07-20T23:18:18.519001Z'],
    [named('io.debezium.time.NanoTimestamp'), new NumberText('1626823098519001999'), '2021-07-20T23:18:18.519001Z'],
    [named('io.debezium.time.NanoTimestamp'), -1, '1969-12-31T23:59:59.999999Z'],
    [named('io.debezium.time.ZonedTimestamp'), '2021-07-20T23:18:18.519001Z', '2021-07-20T23:18:18.519001Z'],
    [named('io.debezium.time.Time'), 83898519, '23:18:18.519'],
    [named('org.apache.kafka.connect.data.Time'), 0, '00:00:00'],
    [named('io.debezium.time.MicroTime'), 83898519001, '23:18:18.519001'],
    [named('io.debezium.time.NanoTime'), 83898519001999, '23:18:18.519001'],
    [named('io.debezium.time.Year'), 2021, 2021],
    [named('io.debezium.data.Json'), '{"a":1}', '{"a":1}'],
    [{ type: 'int64' }, 1626823098519, 1626823098519],
    [{ type: 'array', items: named('io.debezium.time.Date') }, [0, null], ['1970-01-01', null]],
    [
      { type: 'map', values: named('io.debezium.time.Date') },
      { a: 1, b: null },
      { a: '1970-01-02', b: null },
    ],
    [
      { type: 'struct', fields: [{ field: 'd', ...decimal('1') }] },
      { d: base64(0x7d), e: 1 },
      { d: new NumberText('12.5'), e: 1 },
    ],
  ];
  for (const [type, value, expected] of cases) {
    it(`makes ${JSON.stringify(expected)} of ${JSON.stringify(value)} of ${type.name ?? type.type}`, () => {
      assert.deepEqual(convert(type, value), expected);
    });
  }

  it('refuses what the type cannot have', () => {
    const wrong: readonly (readonly [DatumObject, Datum])[] = [
      [decimal('2'), 'no base64!'],
      [decimal('2'), 'YQ'],
      [decimal('2'), ''],
      [decimal('2'), true],
      [decimal('2'), 'A'.repeat(4000)],
      [decimal('99999'), base64(1)],
      [decimal('-99999'), base64(1)],
      [decimal('1e3'), base64(1)],
      [named('org.apache.kafka.connect.data.Decimal'), base64(1)],
      [named('io.debezium.data.VariableScaleDecimal'), base64(1)],
      [named('io.debezium.data.VariableScaleDecimal'), { scale: 1e9, value: base64(1) }],
      [named('io.debezium.time.Date'), '2021-07-20'],
      [named('io.debezium.time.Date'), 1e9],
      [named('io.debezium.time.Date'), 0.5],
      [named('io.debezium.time.MicroTimestamp'), new NumberText('9223372036825200000')],
      [named('io.debezium.time.Timestamp'), new NumberText('1e400')],
      [named('io.debezium.time.Timestamp'), 1.5],
      [named('io.debezium.time.Time'), 86_400_000],
      [named('io.debezium.time.Time'), -1],
    ];
    for (const [type, value] of wrong) assertRefused(typed(type, value), /^The change event has .*, expected /);
  });

  it('leaves the event as it is where it says nothing', () => {
    for (const schema of [
      null,
      5,
      'x',
      [],
      {},
      { fields: 5 },
      { fields: [null, 5, { field: 'after', fields: [{}] }] },
    ]) {
      assert.deepEqual(unwrapEnvelope({ schema, payload: { op: 'c', after: { x: 1 } } })?.row.x, 1);
    }
  });

  it('does not change the event', () => {
    const row = typed(decimal('2'), base64(0x04, 0xe2));
    const before = structuredClone(row);
    unwrapEnvelope(row);
    assert.deepEqual(row, before);
  });
});

describe('any payload', () => {
  it('gives a row or a PayloadError, and never an inherited field', () => {
    const names = ['schema', 'payload', 'op', 'before', 'after', 'source', 'ts_ms', 'message', 'transaction', 'fields'];
    const more = ['field', 'name', 'items', 'values', 'parameters', 'scale', '__proto__', 'constructor', 'id'];
    const key = fc.constantFrom(...names, ...more);
    const texts = ['c', 'u', 'd', 't', 'm', 'after', 'before', '{}', 'AQ==', '2'];
    const types = ['org.apache.kafka.connect.data.Decimal', 'io.debezium.time.Date', 'io.debezium.time.NanoTimestamp'];
    const { object } = fc.letrec<{ value: Datum; object: DatumObject }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom<Datum>(null, undefined, true, 1, 1e300, ...texts, ...types, new NumberText('1e400')),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
    }));
    const envelope = fc.record({
      schema: object,
      payload: fc.record({ op: fc.constantFrom(...texts), after: object, before: object, source: object }),
    });
    fc.assert(
      fc.property(fc.oneof(object, envelope), (row) => {
        try {
          const unwrapped = unwrapEnvelope(row);
          if (unwrapped === undefined) return;
          assert.equal(Object.getPrototypeOf(unwrapped.row), Object.prototype);
          for (const value of Object.values(unwrapped.row)) assert.notEqual(typeof value, 'function');
        } catch (error) {
          if (!(error instanceof PayloadError)) throw error;
          assert.equal(error.code, 'INVALID_ENVELOPE');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('is refused rather than overflowing the stack', () => {
    let type: DatumObject = named('io.debezium.time.Date');
    let value: Datum = 1;
    for (let level = 0; level < 5000; level++) {
      type = { type: 'array', items: type };
      value = [value];
    }
    assertRefused(typed(type, value), /more than 100 levels/);
  });
});
