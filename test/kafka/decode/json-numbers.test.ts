import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  flooredValue,
  formatDecimal,
  isExactDouble,
  numberOrText,
  parseDecimal,
  unscaledValue,
} from '../../../src/kafka/decode/cell-decimal.ts';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { parseJson } from '../../../src/kafka/decode/json.ts';
import { mayHoldInexactNumber } from '../../../src/kafka/decode/json-numbers.ts';
import { describeDatum, jsonText } from '../../../src/kafka/decode/json-text.ts';

/** Numbers of JSON's grammar, of every length, near the limits of doubles too. */
const digits = (maxLength: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength });
const wholes = digits(24).map((text) => text.replace(/^0+(?=.)/, ''));
const exponents = fc.oneof(fc.integer({ min: -30, max: 30 }), fc.integer({ min: -420, max: 420 }));
const numbers = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: wholes,
    fraction: fc.option(digits(24), { nil: '' }),
    exponent: fc.option(exponents, { nil: undefined }),
    marker: fc.constantFrom('e', 'E'),
    plus: fc.constantFrom('', '+', '0', '+00'),
  })
  .map(({ sign, whole, fraction, exponent, marker, plus }) => {
    const power = exponent === undefined ? '' : `${marker}${exponent < 0 ? exponent : `${plus}${exponent}`}`;
    return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${power}`;
  });

/** Whether two decimal texts are the same number, by fractions of whole numbers. */
function isSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => {
    const [, mantissa = '', exponent = '0'] = /^([^eE]+)(?:[eE](.+))?$/.exec(text) ?? [];
    const [whole = '', fraction = ''] = mantissa.split('.');
    const power = Number(exponent) - fraction.length;
    return { value: BigInt(whole + fraction), power };
  });
  assert.ok(x && y);
  const shift = Math.min(x.power, y.power);
  return x.value * 10n ** BigInt(x.power - shift) === y.value * 10n ** BigInt(y.power - shift);
}

describe('numbers of JSON', () => {
  it('keep their value, wherever they are', () => {
    const frames = fc.constantFrom(
      ['', ''],
      [' ', ''],
      ['{"a":', '}'],
      ['{"a":\n', '\n}'],
      ['[', ']'],
      ['[1,', ',2]'],
      ['[\t', '\r]'],
    );
    fc.assert(
      fc.property(numbers, frames, (text, [before, after]) => {
        const [parsed] = flatten(parseJson(Buffer.from(`${before}${text}${after}`), { maxDepth: 9 })).filter(
          (_, index, all) => all.length === 1 || index === 1,
        );
        const value = Number(text);
        const isExact = Number.isFinite(value) && isSame(text, String(value));
        assert.deepEqual(parsed, isExact ? value : new NumberText(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('are numbers as long as a double holds them', () => {
    const exact = [
      '1.10',
      '1e3',
      '-0',
      '-0.0e9',
      '0e999',
      '9007199254740992',
      '1152921504606847000',
      '5e-324',
      '1e308',
    ];
    for (const text of exact) assert.deepEqual(one(text), Number(text), text);
    const inexact = [
      '9007199254740993',
      '-9223372036854775808',
      '1152921504606846976',
      '0.12345678901234567890',
      '8956036934219786e7',
      '1e400',
      '-1E+400',
      '1e-400',
      '1.23456e-320',
      '3e-324',
      `1${'0'.repeat(309)}`,
    ];
    for (const text of inexact) assert.deepEqual(one(text), new NumberText(text), text);
  });

  it('are parsed without the slow way if a double holds them all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), fc.maxSafeInteger())),
        (list) => {
          assert.equal(mayHoldInexactNumber(JSON.stringify({ list })), false);
        },
      ),
    );
    const strings = ['0f8fad5b-d9cb-469f-a165-70867728950e', '12345678901234567890', 'e1e400', '2026-11-24T12:58:03Z'];
    assert.equal(mayHoldInexactNumber(JSON.stringify(strings)), false);
    assert.equal(mayHoldInexactNumber('{"a":9007199254740993}'), true);
  });

  it('are written as they are', () => {
    fc.assert(
      fc.property(fc.array(numbers), (list) => {
        const value = parseJson(Buffer.from(`[${list.join(',')}]`), { maxDepth: 1 });
        const again = JSON.parse(`[${jsonText(value).slice(1, -1)}]`, (_key, member, context?: { source?: string }) =>
          typeof member === 'number' ? context?.source : member,
        ) as string[];
        assert.equal(again.length, list.length);
        for (const [index, text] of list.entries()) assert.ok(isSame(again[index] ?? '', text), text);
      }),
    );
  });

  it('may have a hundred thousand digits', () => {
    const long = '1'.repeat(100_000);
    const zeros = '0'.repeat(100_000);
    for (const text of [long, `0.${long}`, `-${long}e-99999`, `0.${zeros}1`, `1${zeros}`, `1e${long}`, `0.${zeros}`]) {
      assert.equal(one(text) instanceof NumberText, text !== `0.${zeros}`);
      assert.ok(describeDatum(one(text)).length < 100);
    }
    assert.equal(typeof one(`"${long}"`), 'string');
    assert.deepEqual(flatten(one(`["${'1e'.repeat(50_000)}"]`)).length, 1);
  });
});

describe('jsonText', () => {
  it('writes as JSON.stringify does, but for numbers', () => {
    const big = new NumberText('12345678901234567890.10');
    assert.equal(
      jsonText({ a: [big, -0, 1e21], '"': 'é\n', u: undefined, n: null }),
      String.raw`{"a":[12345678901234567890.10,-0,1e+21],"\"":"é\n","n":null}`,
    );
    assert.equal(jsonText([undefined, Number.NaN, big]), '[null,null,12345678901234567890.10]');
    assert.equal(jsonText([undefined, Number.NaN]), '[null,null]');
    assert.equal(jsonText(undefined), 'null');
    assert.equal(jsonText(big), big.text);
    assert.equal(jsonText('\ud800'), String.raw`"\ud800"`);
  });
});

describe('decimals', () => {
  it('are taken apart without a change', () => {
    fc.assert(
      fc.property(numbers, (text) => {
        const decimal = parseDecimal(text);
        assert.ok(decimal);
        assert.ok(isSame(`${decimal.negative ? '-' : ''}${decimal.digits || '0'}e${decimal.exponent}`, text));
        assert.doesNotMatch(decimal.digits, /^0|0$/);
      }),
    );
  });

  it('are no other texts', () => {
    for (const text of [
      '',
      '.',
      '-',
      'e5',
      '1e',
      '0x10',
      '1_0',
      ' 1',
      '1 ',
      '1\n',
      '１',
      '1..2',
      '--1',
      'NaN',
      'Infinity',
    ]) {
      assert.equal(parseDecimal(text), undefined, text);
    }
    assert.deepEqual(parseDecimal('+.50'), { negative: false, digits: '5', exponent: -1 });
    assert.deepEqual(parseDecimal('005.'), { negative: false, digits: '5', exponent: 0 });
  });

  it('have an unscaled value, if it is whole and short enough', () => {
    const unscaled = (text: string, scale: number, maxDigits = 38) => {
      const decimal = parseDecimal(text);
      return decimal && unscaledValue(decimal, scale, maxDigits);
    };
    assert.equal(unscaled('12.50', 2), 1250n);
    assert.equal(unscaled('-12.50', 1), -125n);
    assert.equal(unscaled('12.50', 0), undefined);
    assert.equal(unscaled('0.000', 0), 0n);
    assert.equal(unscaled('999', 0, 3), 999n);
    assert.equal(unscaled('1e3', 0, 3), undefined);
    assert.equal(unscaled(`1e${'9'.repeat(400)}`, 0), undefined);
    assert.equal(unscaled(`1e-${'9'.repeat(400)}`, 0), undefined);
  });

  it('are formatted with their scale', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }),
        fc.integer({ min: 0, max: 38 }),
        (value, scale) => {
          const decimal = parseDecimal(formatDecimal(value, scale));
          assert.equal(decimal && unscaledValue(decimal, scale, 40), value);
        },
      ),
    );
    assert.equal(formatDecimal(-5n, 2), '-0.05');
    assert.equal(formatDecimal(0n, 2), '0.00');
  });

  it('are cut off towards the smaller number', () => {
    const floored = (text: string, scale: number) => {
      const decimal = parseDecimal(text);
      return decimal && flooredValue(decimal, scale, 18);
    };
    assert.equal(floored('1.239', 2), 123n);
    assert.equal(floored('-1.239', 2), -124n);
    assert.equal(floored('-1.23', 2), -123n);
    assert.equal(floored('1e-400', 2), 0n);
    assert.equal(floored('-1e-400', 2), -1n);
    assert.equal(floored('1234567890123456789.5', 0), undefined);
    assert.equal(floored('123456789012345678.5', 0), 123456789012345678n);
    assert.equal(floored('0.0', -3), 0n);
  });

  it('know the doubles that are the same', () => {
    assert.equal(isExactDouble('1.10', 1.1), true);
    assert.equal(isExactDouble('-0', 0), true);
    assert.equal(isExactDouble('-1', 1), false);
    assert.equal(isExactDouble('10', 1), false);
    assert.equal(isExactDouble('1e400', Number.POSITIVE_INFINITY), false);
    assert.deepEqual(numberOrText('12.50'), 12.5);
    assert.deepEqual(numberOrText('12345678901234567.5'), new NumberText('12345678901234567.5'));
  });
});

function one(text: string): Datum {
  return parseJson(Buffer.from(text), { maxDepth: 9 });
}

function flatten(value: Datum): Datum[] {
  if (Array.isArray(value)) return value.flatMap(flatten);
  return typeof value === 'object' && value !== null && 'a' in value ? [value.a] : [value];
}
