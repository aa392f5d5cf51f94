import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { createJsonDecoder, parseJson } from '../../../src/kafka/decode/json.ts';
import { jsonText } from '../../../src/kafka/decode/json-text.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { refuses } from '../../support/payload-errors.ts';

const LIMITS = { maxDepth: 100 };

describe('parseJson', () => {
  it('gives back any value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        assert.deepEqual(parse(text), JSON.parse(text));
        assert.equal(jsonText(parse(text)), text);
      }),
    );
  });

  it('tells what is no JSON from what is, as JSON.parse does', () => {
    const texts = fc.string({ unit: fc.constantFrom(...'{}[]",:\\01.eE+-utrnfalse \n\u0000é') });
    fc.assert(
      fc.property(texts, (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          refuses(() => parse(text), 'INVALID_JSON');
          return;
        }
        assert.equal(JSON.stringify(parse(text)), JSON.stringify(expected));
      }),
    );
  });

  it('keeps members that have meaning in JavaScript, with and without exact numbers', () => {
    for (const number of ['1', '9007199254740993']) {
      const text = `{"__proto__":{"admin":true},"constructor":${number},"toString":1,"toJSON":2}`;
      const value = parse(text) as object;
      assert.deepEqual(Object.keys(value), ['__proto__', 'constructor', 'toString', 'toJSON']);
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
      assert.equal('admin' in value, false);
      assert.equal(jsonText(value as Datum), text);
    }
  });

  it('takes the last of several members of a name', () => {
    assert.deepEqual(parse('{"a":1,"b":2,"a":3}'), { a: 3, b: 2 });
    assert.deepEqual(parse('{"a":9007199254740993,"a":3}'), { a: 3 });
  });

  it('takes a byte order mark, at the start only', () => {
    assert.deepEqual(parse('\ufeff{"a":1}'), { a: 1 });
    assert.equal(parse('\ufeff7'), 7);
    refuses(() => parse('\ufeff\ufeff{}'), 'INVALID_JSON');
    refuses(() => parse('{}\ufeff'), 'INVALID_JSON');
  });

  it('takes a part of a larger buffer', () => {
    const bytes = Buffer.from('x{"a":1}x');
    assert.deepEqual(parseJson(new Uint8Array(bytes.buffer, bytes.byteOffset + 1, 7), LIMITS), { a: 1 });
  });

  it('refuses what is not UTF-8', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xff, 0xfe],
    ]) {
      refuses(() => parseJson(Uint8Array.from(bytes), LIMITS), 'INVALID_JSON', /not UTF-8/);
    }
  });

  it('gives a value or a PayloadError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          parseJson(bytes, LIMITS);
        } catch (error) {
          assert.ok(error instanceof PayloadError);
        }
      }),
    );
  });

  it('refuses what is nested too deeply, and nothing else', () => {
    const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}${']}'.repeat(depth / 2)}`;
    assert.ok(parse(nested(100)));
    refuses(() => parse(nested(102)), 'TOO_LARGE', /deeper than 100/);
    refuses(() => parse('['.repeat(5_000_000)), 'TOO_LARGE');
    refuses(() => parse('{"a":'.repeat(1_000_000)), 'TOO_LARGE');
    refuses(() => parse(`${'['.repeat(101)}9007199254740993${']'.repeat(101)}`), 'TOO_LARGE');
    assert.deepEqual(parse(`[${'[],'.repeat(1000)}{}]`), [...Array.from({ length: 1000 }, () => []), {}]);
    for (const text of ['[{['.repeat(100), `\\"${'['.repeat(200)}\\\\`]) {
      assert.deepEqual(parse(`["${text}"]`), [JSON.parse(`"${text}"`)]);
    }
    refuses(() => parseJson(Buffer.from('[[[]]]'), { maxDepth: 2 }), 'TOO_LARGE');
  });

  it('counts the depth as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 8 }), (value, maxDepth) => {
        const parsed = () => parseJson(Buffer.from(JSON.stringify(value)), { maxDepth });
        if (depthOf(value) > maxDepth) refuses(parsed, 'TOO_LARGE');
        else assert.deepEqual(parsed(), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('quotes little of a payload', () => {
    const long = 'x'.repeat(100_000);
    for (const text of [long, `"${long}`, `{"${long}":${long}}`, `{"a":"${long}"`, `[${'1,'.repeat(100_000)}`]) {
      const { message } = refuses(() => parse(text), 'INVALID_JSON');
      assert.ok(message.length < 200, message);
    }
  });
});

describe('the decoder of JSON', () => {
  const decoder = createJsonDecoder({ lines: false });

  it('needs no preparation', async () => {
    assert.equal(await decoder.prepare([Buffer.from('{}')]), undefined);
  });

  it('takes an object, or an array of objects, for rows', () => {
    assert.deepEqual(decoder.decode(Buffer.from(' {"a":1} ')), { kind: 'json', rows: [{ a: 1 }] });
    assert.deepEqual(decoder.decode(Buffer.from('[{"a":1},{}]')), { kind: 'json', rows: [{ a: 1 }, {}] });
    assert.deepEqual(decoder.decode(Buffer.from('{}')).rows, [{}]);
  });

  it('says what it got instead of an object', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /empty/],
      ['[]', /an array of 0/],
      ['null', /is null/],
      ['17', /the number 17/],
      ['1e400', /the number 1e400/],
      ['true', /the boolean true/],
      [`"${'x'.repeat(1000)}"`, /the string "x{60}"\.\.\./],
      ['[{},[]]', /element 1 .* an array of 0/],
      ['[null]', /element 0 .* null/],
      ['[9007199254740993]', /the number 9007199254740993/],
      ['{"a":1}{"b":2}', /not JSON/],
      ['{"a":NaN}', /not JSON/],
    ];
    for (const [text, message] of cases) refuses(() => decoder.decode(Buffer.from(text)), 'INVALID_JSON', message);
  });

  it('has a limit of depth', () => {
    const decode = (depth: number, maxDepth?: number) => {
      const options = maxDepth === undefined ? { lines: false } : { lines: false, maxDepth };
      return createJsonDecoder(options).decode(Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`));
    };
    assert.equal(decode(100).rows.length, 1);
    refuses(() => decode(101), 'TOO_LARGE');
    assert.equal(decode(3, 3).rows.length, 1);
    refuses(() => decode(4, 3), 'TOO_LARGE');
  });
});

describe('the decoder of JSON lines', () => {
  const decoder = createJsonDecoder({ lines: true, maxDepth: 2 });
  const rows = (text: string) => decoder.decode(Buffer.from(text)).rows;

  it('takes an object from each line that is not blank', () => {
    assert.deepEqual(rows('{"a":1}'), [{ a: 1 }]);
    assert.deepEqual(rows('{"a":1}\n{"a":2}\n'), [{ a: 1 }, { a: 2 }]);
    assert.deepEqual(rows('\ufeff\r\n {"a":1}\r\n\t\r\n\n{"a":9007199254740993}'), [
      { a: 1 },
      { a: new NumberText('9007199254740993') },
    ]);
  });

  it('names the line of an error', () => {
    refuses(() => rows('{}\n\n{"a":}\n'), 'INVALID_JSON', /^Line 3: /);
    refuses(() => rows('{}\r\n[{}]'), 'INVALID_JSON', /^Line 2: .* an array of 1, expected an object$/);
    refuses(() => rows('{}\n{"a":[[]]}'), 'TOO_LARGE', /^Line 2: /);
    refuses(() => rows('{"a":\n1}'), 'INVALID_JSON', /^Line 1: /);
  });

  it('refuses a payload without rows', () => {
    for (const text of ['', '\n', ' \r\n\t']) refuses(() => rows(text), 'INVALID_JSON', /no line/);
  });

  it('counts the depth of each line for itself', () => {
    assert.equal(rows('{"a":[]}\n'.repeat(50)).length, 50);
  });
});

function parse(text: string): Datum {
  return parseJson(Buffer.from(text), LIMITS);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
