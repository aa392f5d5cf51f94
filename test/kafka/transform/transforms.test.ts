import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Datum, type DatumObject, NumberText } from '../../../src/kafka/decode/datum.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import type { KafkaRecord } from '../../../src/kafka/record.ts';
import { compileExpression } from '../../../src/kafka/transform/expression.ts';
import { compileFilter } from '../../../src/kafka/transform/filter.ts';
import { recordContext } from '../../../src/kafka/transform/record-context.ts';
import { compileTransforms } from '../../../src/kafka/transform/transforms.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const RECORD: KafkaRecord = {
  topic: 'web.requests',
  partition: 3,
  offset: 42,
  timestamp: 1626823098519,
  timestampType: 'CREATE_TIME',
  key: bytes('ключ'),
  value: undefined,
  headers: [
    { key: 'tenant', value: bytes('old') },
    { key: 'tenant', value: bytes('acme') },
    { key: 'none', value: undefined },
    { key: 'binary', value: new Uint8Array([0xff]) },
    { key: '__proto__', value: bytes('x') },
  ],
};

function apply(transforms: Readonly<Record<string, string>>, row: DatumObject, record = RECORD): DatumObject {
  const transform = compileTransforms(transforms);
  assert.ok(transform);
  return transform.apply(row, record);
}

describe('the metadata of a record', () => {
  const cases: readonly (readonly [string, Datum])[] = [
    ['kafka.topic', 'web.requests'],
    ['kafka.partition', 3],
    ['kafka.offset', 42],
    ['kafka.timestamp', 1626823098519],
    ['kafka.timestamp_type', 0],
    ['kafka.key', 'ключ'],
    ['kafka.headers.tenant', 'acme'],
    ['kafka.headers."__proto__"', 'x'],
    ['kafka.headers.none', null],
    ['kafka.headers.binary', null],
    ['kafka.headers.constructor', null],
    ['kafka.headers.tenant.x', null],
    ['kafka.constructor', null],
    ['kafka.value', null],
    ['kafka.topic.x', null],
    ['$.kafka.offset', 42],
    ['@.kafka.offset', 42],
    ['kafka.headers | tenant', 'acme'],
    ['keys(kafka)', ['topic', 'partition', 'offset', 'timestamp', 'timestamp_type', 'key', 'headers']],
    ["list[*].{id: id, at: join('/', [$.kafka.topic, to_string($.kafka.offset)])}", [{ id: 1, at: 'web.requests/42' }]],
    ['list[*].kafka', ['own']],
    ['keys(@)', ['list', 'kafka']],
    ['length(kafka.topic) > `3` && kafka.offset == `42`', true],
  ];
  const row = { list: [{ id: 1, kafka: 'own' }], kafka: { offset: -1, topic: 'spoofed' } };

  for (const [text, expected] of cases) {
    it(`is seen by ${text}`, () => assert.deepEqual(compileExpression(text).evaluate(row, RECORD), expected));
  }

  it('is the whole of it by the name alone', () => {
    assert.deepEqual(compileExpression('kafka').evaluate(row, RECORD), recordContext(RECORD));
    const headers = recordContext(RECORD).headers;
    assert.deepEqual(headers, JSON.parse('{"tenant": "acme", "none": null, "binary": null, "__proto__": "x"}'));
  });

  it('gives null for what a record lacks', () => {
    const bare: KafkaRecord = { ...RECORD, timestamp: undefined, timestampType: 'NO_TIMESTAMP_TYPE', key: undefined };
    const text = '[kafka.timestamp, kafka.timestamp_type, kafka.key]';
    assert.deepEqual(compileExpression(text).evaluate({}, bare), [null, -1, null]);
    const appended: KafkaRecord = { ...RECORD, timestampType: 'LOG_APPEND_TIME', key: new Uint8Array([0xc3]) };
    assert.deepEqual(compileExpression(text).evaluate({}, appended), [RECORD.timestamp, 1, null]);
  });

  it("leaves a row's own field where there is no record", () => {
    for (const text of ['kafka.topic', 'not_null(kafka.topic)', '[kafka][0].topic', '$.kafka.topic']) {
      assert.equal(compileExpression(text).evaluate(row), 'spoofed', text);
    }
  });

  it('is told from what depends on the row', () => {
    const uses: readonly (readonly [string, boolean, boolean])[] = [
      ['a.b', true, false],
      ['kafka.topic', false, true],
      ['kafka', false, true],
      ['kafka.headers.x', false, true],
      ['upper(kafka.topic)', false, true],
      ["'text'", false, false],
      ['a || kafka.topic', true, true],
      ['@', true, false],
      ['length($)', true, false],
      ['$.kafka.topic', false, true],
      ['[0]', true, false],
      ['*', true, false],
      ['kafka.headers | a', false, true],
      ['split(kafka.topic, `"."`)[0]', false, true],
    ];
    for (const [text, usesRow, usesRecord] of uses) {
      const expression = compileExpression(text);
      assert.deepEqual([expression.usesRow, expression.usesRecord], [usesRow, usesRecord], text);
    }
  });
});

describe('transforms', () => {
  it('set fields, and keep the others', () => {
    const row = { meta: { producer: { timestamp: '2021-03-24T15:06:17.321710+00:00' } }, name: 'A' };
    const transforms = {
      date: 'substr(meta.producer.timestamp, `0`, `10`)',
      'meta.kafka.offset': 'kafka.offset',
      'meta.kafka.partition': 'kafka.partition',
      'meta.kafka.topic': 'kafka.topic',
    };
    assert.deepEqual(apply(transforms, row), {
      meta: { ...row.meta, kafka: { offset: 42, partition: 3, topic: 'web.requests' } },
      name: 'A',
      date: '2021-03-24',
    });
    assert.deepEqual(row, { meta: { producer: row.meta.producer }, name: 'A' }, 'the row stays as it was');
  });

  it('see the row as it came', () => {
    assert.deepEqual(apply({ a: 'b', b: 'a' }, { a: 1, b: 2 }), { a: 2, b: 1 });
  });

  it('set nothing for null', () => {
    assert.deepEqual(apply({ a: 'missing', b: 'missing', 'c.d': 'missing' }, { a: 1 }), { a: 1 });
    assert.deepEqual(apply({ a: 'no', b: 'zero' }, { no: false, zero: 0 }), { no: false, zero: 0, a: false, b: 0 });
  });

  it('make the objects on the way, and replace what is none', () => {
    const number = new NumberText('1e400');
    assert.deepEqual(
      apply({ 'a.b.c': 'x', 'n.b': 'x', 'l.b': 'x', 't.b': 'x' }, { x: 1, n: number, l: [1], t: 'text' }),
      {
        x: 1,
        n: { b: 1 },
        l: { b: 1 },
        t: { b: 1 },
        a: { b: { c: 1 } },
      },
    );
  });

  it('keep numbers as they are', () => {
    const n = new NumberText('9007199254740993');
    assert.equal(apply({ m: 'n' }, { n }).m, n);
  });

  it("keep a row's own field kafka, and see the record's metadata", () => {
    assert.deepEqual(apply({ offset: 'kafka.offset' }, { kafka: { offset: -1 } }), {
      kafka: { offset: -1 },
      offset: 42,
    });
  });

  it('set fields of any name, and change no prototype', () => {
    const transforms = JSON.parse('{"__proto__.polluted": "x", "constructor.prototype.polluted": "x"}');
    const result = apply(transforms, { x: true });
    assert.equal(Object.getPrototypeOf(result), Object.prototype);
    assert.deepEqual(Object.keys(result), ['x', '__proto__', 'constructor']);
    assert.equal(compileExpression('polluted').evaluate({}), null);
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  });

  it('are none for no entries, and name the field that is wrong', () => {
    assert.equal(compileTransforms({}), undefined);
    assert.throws(
      () => compileTransforms({ ok: 'a', bad: 'a b' }),
      /^Error: The field "bad": The expression a b, at position 3/,
    );
    assert.throws(() => compileTransforms({ 'a..b': 'a' }), /The field "a\.\.b" is not a name/);
    assert.throws(
      () => apply({ a: 'lower(x)' }, { x: 1 }),
      (error) => {
        return error instanceof PayloadError && error.code === 'EXPRESSION_FAILED';
      },
    );
  });
});

describe('a filter', () => {
  it('keeps rows by truth', () => {
    const values: readonly (readonly [Datum, boolean])[] = [
      [null, false],
      [undefined, false],
      [false, false],
      ['', false],
      [[], false],
      [{}, false],
      [true, true],
      [0, true],
      ['false', true],
      [[null], true],
      [{ a: null }, true],
      [new NumberText('0e400'), true],
    ];
    const keeps = compileFilter('x');
    for (const [x, expected] of values) assert.equal(keeps({ x }, RECORD), expected, JSON.stringify(x));
  });

  it('sees the row and the metadata', () => {
    const keeps = compileFilter("type == 'click' && kafka.headers.tenant == 'acme' && amount >= `10`");
    assert.equal(keeps({ type: 'click', amount: 10 }, RECORD), true);
    assert.equal(keeps({ type: 'view', amount: 10 }, RECORD), false);
    assert.equal(keeps({ type: 'click', amount: '10' }, RECORD), false);
    assert.throws(() => compileFilter('a =='), /at position 5/);
  });
});
