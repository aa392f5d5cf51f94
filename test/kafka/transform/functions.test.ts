import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { compareNumbers } from '../../../src/kafka/transform/decimal.ts';
import { compileExpression } from '../../../src/kafka/transform/expression.ts';
import { isoTimestamp, parseTimestamp } from '../../../src/kafka/transform/iso-time.ts';

const call = (text: string, x: Datum = null) => compileExpression(text).evaluate({ x });
const fails = (text: string, x: Datum, reason: RegExp) => {
  assert.throws(
    () => call(text, x),
    (error) => error instanceof PayloadError && error.code === 'EXPRESSION_FAILED' && reason.test(error.message),
    text,
  );
};

describe('the functions of kafka-delta-ingest', () => {
  it('cut text by characters', () => {
    const cases: readonly (readonly [string, Datum, string])[] = [
      ['substr(x, `0`, `10`)', '2021-03-16T14:38:58Z', '2021-03-16'],
      ['substr(x,`0`,`4`)', 'William', 'Will'],
      ['substr(x, `2`, `3`)', 'William', 'lli'],
      ['substr(x, `5`, `100`)', 'William', 'am'],
      ['substr(x, `100`, `1`)', 'William', ''],
      ['substr(x, `-3`, `2`)', 'William', 'Wi'],
      ['substr(x, `0`, `-1`)', 'William', ''],
      ['substr(x, `1.9`, `2.9`)', 'William', 'il'],
      ['substr(x, `1`, `2`)', 'a👋b👋c', '👋b'],
    ];
    for (const [text, x, expected] of cases) assert.equal(call(text, x), expected, `${text} of ${x}`);
    fails('substr(x, `0`, `1`)', null, /substr\(\) got null as argument 1, expected a string/);
    fails('substr(x, `0`, `1`)', 5, /expected a string/);
    assert.throws(() => compileExpression('substr(x, `0`)'), /got 2 arguments, expected 3/);
  });

  it('give times as ISO 8601', () => {
    const cases: readonly (readonly [string, Datum, Datum])[] = [
      ['epoch_seconds_to_iso8601(x)', 1626823098, '2021-07-20T23:18:18Z'],
      ['epoch_seconds_to_iso8601(x)', 1626823098.51995, '2021-07-20T23:18:18Z'],
      ['epoch_seconds_to_iso8601(to_number(x))', '1626823098.51995', '2021-07-20T23:18:18Z'],
      ['epoch_seconds_to_iso8601(to_number(x))', '1626823098', '2021-07-20T23:18:18Z'],
      ['epoch_seconds_to_iso8601(x)', -1.5, '1969-12-31T23:59:59Z'],
      ['epoch_millis_to_iso8601(x)', 1626823098519, '2021-07-20T23:18:18.519Z'],
      ['epoch_millis_to_iso8601(x)', 1626823098000, '2021-07-20T23:18:18Z'],
      ['epoch_micros_to_iso8601(x)', 1626823098000000, '2021-07-20T23:18:18Z'],
      ['epoch_micros_to_iso8601(x)', 1626823098519001, '2021-07-20T23:18:18.519001Z'],
      ['epoch_micros_to_iso8601(x)', 1626823098500000, '2021-07-20T23:18:18.500Z'],
      ['epoch_micros_to_iso8601(x)', -1, '1969-12-31T23:59:59.999999Z'],
      ['epoch_micros_to_iso8601(x)', new NumberText('9223372036854775'), '2262-04-11T23:47:16.854775Z'],
      ['epoch_millis_to_micro(x)', 1732279537028, 1732279537028000],
      ['epoch_millis_to_micro(x)', 9007199254741.9, new NumberText('9007199254741000')],
    ];
    for (const [text, x, expected] of cases) {
      if (expected instanceof NumberText) assert.equal(String(call(text, x)), expected.text, text);
      else assert.equal(call(text, x), expected, `${text} of ${x}`);
    }
    fails('epoch_seconds_to_iso8601(x)', '1626823098', /got the string "1626823098" as argument 1, expected a number/);
    fails('epoch_seconds_to_iso8601(x)', 1e300, /expected a time in the years 1 to 9999/);
    fails('epoch_millis_to_iso8601(x)', -62_135_596_800_001, /years 1 to 9999/);
    fails('epoch_millis_to_micro(x)', 1e17, /more than 64 bits/);
  });
});

describe('the functions of our own', () => {
  it('give dates and timestamps of ms and of texts', () => {
    const cases: readonly (readonly [Datum, string])[] = [
      [1626823098519, '2021-07-20T23:18:18.519Z'],
      ['2021-07-20', '2021-07-20T00:00:00Z'],
      ['2021-07-20T23:18:18.5+02:00', '2021-07-20T21:18:18.500Z'],
      ['2021-07-20 00:18:18-0030', '2021-07-20T00:48:18Z'],
      ['2021-07-20T01:00:00+02', '2021-07-19T23:00:00Z'],
      ['2021-07-20T23:18Z', '2021-07-20T23:18:00Z'],
      ['2021-07-20T23:18:18.123456789Z', '2021-07-20T23:18:18.123456Z'],
      ['0001-01-01', '0001-01-01T00:00:00Z'],
    ];
    for (const [x, expected] of cases) {
      assert.equal(call('create_timestamp(x)', x), expected, String(x));
      assert.equal(call('to_date(x)', x), expected.slice(0, 10), String(x));
    }
    for (const x of [
      '',
      '2021-02-30',
      '2021-07-20T24:00',
      '20 July',
      '2021-7-2',
      '2021-07-20T10:00+19:00',
      null,
      true,
    ]) {
      fails('to_date(x)', x, /as argument 1, expected/);
    }
    fails('create_timestamp(x)', '0001-01-01T00:00+01:00', /years 1 to 9999/);
  });

  it('hash', () => {
    assert.equal(call('sha256(x)', 'é'), '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c');
    fails('sha256(x)', 5, /expected a string/);
  });

  it('parse JSON in texts', () => {
    assert.deepEqual(call('parse_json(x).a[0]', '{"a": [{"b": 1}]}'), { b: 1 });
    assert.deepEqual(call('parse_json(x)', '[9007199254740993, 0.1, 1e400]'), [
      new NumberText('9007199254740993'),
      0.1,
      new NumberText('1e400'),
    ]);
    fails('parse_json(x)', '{"a":', /got the string ".*", expected JSON/);
    fails('parse_json(x)', { a: 1 }, /expected a string/);
  });

  it('are right where the library is not', () => {
    const cases: readonly (readonly [string, Datum, Datum])[] = [
      ['sort(x)', [10, 9, 1], [1, 9, 10]],
      ['sort(x)', ['\ue000', '👋', 'a'], ['a', '\ue000', '👋']],
      ['max(x)', ['b', 'a', 'B'], 'b'],
      ['max_by(x, &@)', ['a', 'c', 'b'], 'c'],
      ['min_by(x, &@)', ['b', 'a', 'c'], 'a'],
      ["ends_with(x, 'abc')", 'c', false],
      ["pad_left(x, `3`, '0')", '', '000'],
      ['trim(x)', ' \n a\nb \u0085', 'a\nb'],
      ["trim(x, 'ab')", 'abcab', 'c'],
      ["replace(x, 'a', '$&-', `2`)", 'aaa', '$&-$&-a'],
      ['contains(x, `{"a": 1}`)', [{ a: 1 }], true],
      ['to_number(x)', '', null],
      ['to_number(x)', ' 12', null],
      ['to_number(x)', '0x10', null],
      ['to_number(x)', '1e3', 1000],
      ['length(x)', '👋a\ud83d', 3],
      ['to_string(x)', [new NumberText('1.50'), undefined, { a: undefined }], '[1.50,null,{}]'],
      ['find_first(x, `"b"`, `-5`)', 'abc', 1],
      ['split(x, `""`)', 'ab', ['a', 'b']],
      [
        'zip(x, x[::-1])',
        [1, 2],
        [
          [1, 2],
          [2, 1],
        ],
      ],
    ];
    for (const [text, x, expected] of cases)
      assert.deepEqual(call(text, x), expected, `${text} of ${JSON.stringify(x)}`);
    fails("pad_left(x, `3`, 'ab')", 'x', /expected one character/);
    fails('pad_left(x, `-1`)', 'x', /expected a whole number of zero or more/);
    fails("replace(x, 'a', 'b', `0.5`)", 'x', /expected a whole number of zero or more/);
  });
});

describe('exact numbers', () => {
  it('have the order of their values', () => {
    const whole = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
    fc.assert(
      fc.property(
        whole,
        whole,
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: 30 }),
        (a, b, zeros, shift) => {
          const left = new NumberText(`${a}.${'0'.repeat(zeros + 1)}`);
          const right = new NumberText(`${b * 10n ** BigInt(shift)}e-${shift}`);
          assert.equal(Math.sign(compareNumbers(left, right)), a < b ? -1 : Number(a > b));
          assert.equal(compareNumbers(new NumberText(String(a)), left), 0);
        },
      ),
    );
    const ordered = ['-1e400', '-2', '-0.5', '-1e-400', '0e5', '1e-400', '0.05', '0.5', '2', '10', '1e400'];
    for (const [index, text] of ordered.entries()) {
      for (const [other, right] of ordered.entries()) {
        const sign = Math.sign(compareNumbers(new NumberText(text), new NumberText(right)));
        assert.equal(sign, Math.sign(index - other), `${text} and ${right}`);
      }
    }
  });
});

describe('ISO times', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }), (micros) => {
        const text = isoTimestamp(micros);
        assert.ok(text !== undefined);
        assert.equal(parseTimestamp(text), micros, text);
      }),
    );
    assert.equal(isoTimestamp(-62_135_596_800_000_001n), undefined);
    assert.equal(isoTimestamp(253_402_300_800_000_000n), undefined);
  });
});
