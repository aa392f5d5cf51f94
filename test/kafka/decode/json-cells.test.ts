import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseType } from '../../../src/delta/ddl.ts';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { parseJson } from '../../../src/kafka/decode/json.ts';
import { type JsonCellOptions, jsonToCell } from '../../../src/kafka/decode/json-cells.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import type { CellValue } from '../../../src/parquet/write/cell.ts';
import { RowWriter } from '../../../src/parquet/write/row-writer.ts';
import { types } from '../../support/arbitrary-rows.ts';
import { refuses } from '../../support/payload-errors.ts';

const n = (text: string) => new NumberText(text);
const LONG = 'x'.repeat(10_000);

/** For each type, values with their cells, and values that are refused. */
const CASES: Readonly<Record<string, { takes: readonly (readonly [Datum, CellValue])[]; refuses: readonly Datum[] }>> =
  {
    boolean: {
      takes: [
        [true, true],
        [false, false],
        ['true', true],
        ['false', false],
      ],
      refuses: ['TRUE', 'yes', 1, 0, '', [], {}, n('1e400')],
    },
    byte: {
      takes: [
        [127, 127],
        [-128, -128],
        ['-128', -128],
        ['1.0', 1],
        [n('1.00000000000000000000'), 1],
        [-0, 0],
      ],
      refuses: [128, -129, 1.5, '128', '1.5', 'a', '', ' 1', true, n('1e400'), n('1.00000000000000000001'), [], {}],
    },
    short: { takes: [[32_767, 32_767]], refuses: [32_768, -32_769] },
    int: {
      takes: [
        [2_147_483_647, 2_147_483_647],
        ['1e3', 1000],
        ['+007', 7],
      ],
      refuses: [2_147_483_648, -2_147_483_649, '0x10', '1_000', Number.NaN, Number.POSITIVE_INFINITY, LONG],
    },
    bigint: {
      takes: [
        [-0, 0],
        [9_007_199_254_740_991, 9_007_199_254_740_991],
        [n('9007199254740993'), 9_007_199_254_740_993n],
        [n('-9223372036854775808'), -9_223_372_036_854_775_808n],
        [n('9223372036854775807'), 9_223_372_036_854_775_807n],
        ['9223372036854775807', 9_223_372_036_854_775_807n],
        [1_152_921_504_606_847_000, 1_152_921_504_606_847_000n],
        [n('1152921504606846976'), 1_152_921_504_606_846_976n],
        ['12.0', 12],
        ['-0', 0],
      ],
      refuses: [
        n('9223372036854775808'),
        n('-9223372036854775809'),
        1e19,
        0.5,
        '0.5',
        n('1e400'),
        true,
        '1'.repeat(1e5),
      ],
    },
    float: {
      takes: [
        [0.1, 0.1],
        [16_777_217, 16_777_217],
        [n('9007199254740993'), 9_007_199_254_740_992],
        ['1.5', 1.5],
        ['NaN', Number.NaN],
        ['-Infinity', Number.NEGATIVE_INFINITY],
      ],
      refuses: [1e39, -1e39, '1e39', n('1e400'), 'one', '', true],
    },
    double: {
      takes: [
        [0.1, 0.1],
        [-0, -0],
        ['0.1', 0.1],
        ['NaN', Number.NaN],
        ['nan', Number.NaN],
        ['Infinity', Number.POSITIVE_INFINITY],
        ['+infinity', Number.POSITIVE_INFINITY],
        ['-Infinity', Number.NEGATIVE_INFINITY],
        [n('0.12345678901234567890'), 0.12345678901234568],
        [n('1e-400'), 0],
        [n('1152921504606846976'), 2 ** 60],
        ['1152921504606847000', 2 ** 60],
      ],
      refuses: [
        n('9007199254740993'),
        '9007199254740993',
        n('1e400'),
        '-1e400',
        '',
        'x',
        '0x10',
        true,
        [1],
        '1'.repeat(1e5),
      ],
    },
    'decimal(5,2)': {
      takes: [
        [12.5, 1250n],
        [-0, 0n],
        ['12.50', 1250n],
        ['-999.99', -99_999n],
        ['1e2', 10_000n],
        [n('1.0000000000000000000000'), 100n],
        [0.07, 7n],
      ],
      refuses: [1000, 0.001, '12.345', '1e3', 'x', '', '0x10', Number.NaN, true, n('1e400'), `1.${'1'.repeat(1e5)}`],
    },
    'decimal(38,0)': {
      takes: [
        [n('9'.repeat(38)), 10n ** 38n - 1n],
        [`${'0'.repeat(1e5)}1`, 1n],
        ['1e37', 10n ** 37n],
      ],
      refuses: [n('1'.repeat(39)), `1e${'9'.repeat(1e5)}`, '1'.repeat(1e5)],
    },
    string: {
      takes: [
        ['', ''],
        ['é\u{1f600}', 'é\u{1f600}'],
        [1.5, '1.5'],
        [-0, '-0'],
        [true, 'true'],
        [n('1.10000000000000000001'), '1.10000000000000000001'],
        [{ a: [1, n('12345678901234567890'), null] }, '{"a":[1,12345678901234567890,null]}'],
        [['a', { b: 'c' }], '["a",{"b":"c"}]'],
      ],
      refuses: ['\ud800', 'a\udc00b'],
    },
    binary: {
      takes: [
        ['', Buffer.from('')],
        ['AQID', Buffer.from([1, 2, 3])],
        ['AQI=', Buffer.from([1, 2])],
        ['+/8=', Buffer.from([0xfb, 0xff])],
      ],
      refuses: ['AQI', 'AQJ=', '-_8=', 'A===', ' AQID', 'AQ\nID', 'AQID=', 'é', 1, [1, 2]],
    },
    date: {
      takes: [
        ['1970-01-01', 0],
        ['2024-02-29', 19_782],
        ['0001-01-01', -719_162],
        ['9999-12-31', 2_932_896],
        ['2024-02-29T23:00:00-02:00', 19_783],
        ['1969-12-31T23:59:59.999999Z', -1],
        ['9999-12-31T23:59:59Z', 2_932_896],
        ['0001-01-01T00:00:00Z', -719_162],
        [19_782, 19_782],
        [-0, 0],
      ],
      refuses: [
        '2023-02-29',
        '2024-13-01',
        '0000-01-01',
        '24-02-29',
        '2024-2-9',
        '19782',
        2_932_897,
        -719_163,
        1.5,
        true,
      ],
    },
  };

describe('jsonToCell', () => {
  for (const [type, { takes, refuses: refused }] of Object.entries(CASES)) {
    it(`gives cells of ${type}`, () => {
      const toCell = jsonToCell(parseType(type), { path: ['a', 'b'] });
      for (const [value, cell] of takes) assert.deepEqual(toCell(value), cell, String(value));
      for (const value of refused) {
        const { message } = refuses(() => toCell(value), 'TYPE_MISMATCH', /^The column "a\.b" got .*, expected /);
        assert.ok(message.length < 250, message);
      }
      assert.equal(toCell(null), null);
      assert.equal(toCell(undefined), null);
    });
  }

  it('says what it got and what it expected', () => {
    const messageOf = (type: string, value: Datum) => {
      return refuses(() => jsonToCell(parseType(type), { path: ['a', 'b.c'] })(value), 'TYPE_MISMATCH').message;
    };
    assert.equal(
      messageOf('tinyint', '1000'),
      'The column "a.`b.c`" got the string "1000", expected byte, a whole number from -128 to 127',
    );
    assert.equal(
      messageOf('decimal(5,2)', n('0.123')),
      'The column "a.`b.c`" got the number 0.123, expected decimal(5,2), a number of at most 3 digits before and 2 behind the point',
    );
    assert.match(messageOf('string', '\ud800'), /expected string, without halves of surrogate pairs$/);
    assert.match(messageOf('array<int>', {}), /got an object, expected array<integer>$/);
    refuses(() => jsonToCell('boolean')(1), 'TYPE_MISMATCH', /^The value got the number 1, expected boolean/);
  });

  it('keeps integers and decimals exactly', () => {
    const long = jsonToCell('long');
    const decimal = jsonToCell('decimal(38,10)');
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        for (const text of [`${value}`, `${value}.000`, `${value}e0`, `"${value}"`]) {
          assert.equal(BigInt(long(parse(text)) as number), value);
          assert.equal(decimal(parse(text)), value * 10n ** 10n);
        }
      }),
    );
  });

  it('has no cells but null for void and variant', () => {
    for (const type of ['void', 'variant'] as const) {
      assert.equal(jsonToCell(type)(null), null);
      refuses(() => jsonToCell(type)(1), 'TYPE_MISMATCH');
    }
  });

  it('gives cells that a file takes, or throws a PayloadError', () => {
    fc.assert(
      fc.property(types, fc.jsonValue(), (type, json) => {
        const schema = { type: 'struct' as const, fields: [{ name: 'c', type, nullable: true, metadata: {} }] };
        let cell: CellValue;
        try {
          cell = jsonToCell(type, { unknownFields: 'ignore' })(parse(JSON.stringify(json)));
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
          return;
        }
        new RowWriter(schema).append([cell]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('jsonToCell of parts', () => {
  const toCell = (type: string, value: Datum, options?: JsonCellOptions) => jsonToCell(parseType(type), options)(value);

  it('takes arrays', () => {
    assert.deepEqual(toCell('array<bigint>', [1, '2', null]), [1, 2, null]);
    refuses(() => toCell('array<int>', [1, 'x'], { path: ['a'] }), 'TYPE_MISMATCH', /"a\.element" got the string "x"/);
    for (const value of ['[]', {}, 1, n('1e400')]) refuses(() => toCell('array<int>', value), 'TYPE_MISMATCH');
  });

  it('takes objects for maps, with keys of the type', () => {
    assert.deepEqual(toCell('map<string,int>', parse('{"__proto__":1,"b":null}')), [
      ['__proto__', 1],
      ['b', null],
    ]);
    assert.deepEqual(toCell('map<bigint,string>', parse('{"9223372036854775807":"a","5":"b"}')), [
      [5, 'b'],
      [9_223_372_036_854_775_807n, 'a'],
    ]);
    refuses(() => toCell('map<int,int>', { x: 1 }, { path: ['m'] }), 'TYPE_MISMATCH', /"m\.key" got the string "x"/);
    refuses(() => toCell('map<string,int>', { x: 'y' }, { path: ['m'] }), 'TYPE_MISMATCH', /"m\.value"/);
    refuses(() => toCell('map<string,int>', { '\ud800': 1 }), 'TYPE_MISMATCH');
    refuses(() => toCell('map<int,int>', { 1: 1, '01': 2 }), 'TYPE_MISMATCH', /keys differ/);
    refuses(() => toCell('map<array<int>,int>', { 1: 1 }), 'TYPE_MISMATCH');
    for (const value of [[], 'x', n('1e400')]) refuses(() => toCell('map<string,int>', value), 'TYPE_MISMATCH');
  });

  it('takes objects for structs, with null for what is missing', () => {
    assert.deepEqual(toCell('struct<a:int,b:struct<c:date>>', { b: { c: '1970-01-02' } }), { a: null, b: { c: 1 } });
    assert.deepEqual(toCell('struct<a:int>', {}), { a: null });
    assert.deepEqual(toCell('struct<a:int>', { a: undefined }), { a: null });
    for (const value of [[], 'x', n('1e400')]) refuses(() => toCell('struct<a:int>', value), 'TYPE_MISMATCH');
  });

  it('takes no inherited property for a field', () => {
    const type = 'struct<`__proto__`:struct<a:int>,constructor:string,toString:int,hasOwnProperty:int>';
    const cell = toCell(type, {}) as object;
    assert.deepEqual(Object.entries(cell), [
      ['__proto__', null],
      ['constructor', null],
      ['toString', null],
      ['hasOwnProperty', null],
    ]);
    const full = toCell(type, parse('{"hasOwnProperty":1,"__proto__":{"a":2},"constructor":"c"}')) as object;
    assert.deepEqual(Object.entries(full), [
      ['__proto__', { a: 2 }],
      ['constructor', 'c'],
      ['toString', null],
      ['hasOwnProperty', 1],
    ]);
  });

  it('refuses null where a part has none', () => {
    const type = 'struct<a:struct<b:int not null>>';
    refuses(() => toCell(type, { a: {} }), 'TYPE_MISMATCH', /"a\.b" got nothing, expected integer, not null/);
    refuses(() => toCell(type, { a: { b: null } }), 'TYPE_MISMATCH', /"a\.b" got null/);
    assert.deepEqual(toCell(type, {}), { a: null });
    assert.deepEqual(toCell(type, { a: { B: 1 } }), { a: { b: 1 } });
    const list = { type: 'array', elementType: 'int', containsNull: false } as const;
    refuses(() => jsonToCell({ ...list, elementType: 'integer' })([null]), 'TYPE_MISMATCH', /"element" got null/);
  });

  it('finds the column of a field by its exact name first', () => {
    const type = 'struct<userId:int,b:int>';
    assert.deepEqual(toCell(type, { USERID: 1 }), { userId: 1, b: null });
    assert.deepEqual(toCell(type, { B: 2, userId: 1 }), { userId: 1, b: 2 });
    for (const value of [
      { userid: 2, userId: 1 },
      { userId: 1, userid: 2 },
    ]) {
      refuses(() => toCell(type, value), 'UNKNOWN_COLUMN', /got the field "userid"/);
      assert.deepEqual(toCell(type, value, { unknownFields: 'ignore' }), { userId: 1, b: null });
    }
    assert.deepEqual(toCell(type, { USERID: 1, userid: 2 }, { unknownFields: 'ignore' }), { userId: 1, b: null });
  });

  it('refuses, ignores or reports fields that a struct does not have', () => {
    const type = 'array<struct<a:int>>';
    const value = parse('[{"a":1,"x":{"y":2}},{"__proto__":3,"a":4},{"a":5}]');
    const expected = [{ a: 1 }, { a: 4 }, { a: 5 }];
    refuses(() => toCell(type, value, { path: ['c'] }), 'UNKNOWN_COLUMN', /"c\.element" got the field "x"/);
    const long = refuses(() => toCell(type, [{ [LONG]: 1 }], { unknownFields: 'error' }), 'UNKNOWN_COLUMN');
    assert.ok(long.message.length < 200);
    assert.deepEqual(toCell(type, value, { unknownFields: 'ignore' }), expected);
    const seen: unknown[] = [];
    const onUnknown = (path: readonly string[], member: Datum) => seen.push([path, member]);
    assert.deepEqual(toCell(type, value, { path: ['c'], unknownFields: 'report', onUnknown }), expected);
    assert.deepEqual(seen, [
      [['c', 'element', 'x'], { y: 2 }],
      [['c', 'element', '__proto__'], 3],
    ]);
  });
});

function parse(text: string): Datum {
  return parseJson(Buffer.from(text), { maxDepth: 100 });
}
