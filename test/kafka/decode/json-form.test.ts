import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseType } from '../../../src/delta/ddl.ts';
import { asNullable, type DataType } from '../../../src/delta/schema.ts';
import { NumberText } from '../../../src/kafka/decode/datum.ts';
import { jsonToCell } from '../../../src/kafka/decode/json-cells.ts';
import { cellToJson, convertCell } from '../../../src/kafka/decode/json-form.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import type { CellValue } from '../../../src/parquet/write/cell.ts';
import { rowsOf, types } from '../../support/arbitrary-rows.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const FIELD = { type: 'integer', nullable: true, metadata: {} } as const;

/** Types, and cells of them. */
const typedCells = types.chain((type) => {
  const schema = { type: 'struct' as const, fields: [{ name: 'c', type, nullable: true, metadata: {} }] };
  return rowsOf(schema).map(([cell]) => ({ type, cell }));
});

describe('cellToJson', () => {
  it('has a form for each type', () => {
    const cases: readonly (readonly [string, CellValue, unknown])[] = [
      ['string', 'é', 'é'],
      ['string', bytes('é'), 'é'],
      ['binary', Uint8Array.of(1, 2), 'AQI='],
      ['boolean', false, false],
      ['tinyint', -1, -1],
      ['bigint', 5, 5],
      ['bigint', 5n, 5],
      ['bigint', 9_007_199_254_740_993n, new NumberText('9007199254740993')],
      ['double', 0.1, 0.1],
      ['double', Number.NaN, 'NaN'],
      ['float', Number.NEGATIVE_INFINITY, '-Infinity'],
      ['decimal(5,2)', -1250n, -12.5],
      ['decimal(38,2)', 10n ** 37n + 1n, new NumberText(`1${'0'.repeat(34)}0.01`)],
      ['date', -1, '1969-12-31'],
      ['timestamp', 1, '1970-01-01T00:00:00.000001Z'],
      ['timestamp', -1n, '1969-12-31T23:59:59.999999Z'],
      ['timestamp_ntz', 0, '1970-01-01T00:00:00.000000'],
      ['array<bigint>', [1n, null], [1, null]],
      ['map<string,date>', new Map([['a', 0]]), { a: '1970-01-01' }],
      ['map<int,int>', [[1, 2], [3, null], [1, 4]], { 1: 4, 3: null }], // biome-ignore format: pairs
      ['map<array<int>,int>', [[[1, 2], 3]], { '[1,2]': 3 }], // biome-ignore format: pairs
      ['struct<a:bigint,b:int>', { a: 1n }, { a: 1, b: null }],
      ['struct<a:bigint>', null, null],
    ];
    for (const [type, cell, expected] of cases) assert.deepEqual(cellToJson(parseType(type))(cell), expected, type);
    assert.equal(cellToJson('void')(null), null);
    assert.throws(() => cellToJson('variant')(1), TypeError);
  });

  it('keeps names that have meaning in JavaScript', () => {
    const map = cellToJson(parseType('map<string,int>'))([['__proto__', 1]]) as object;
    const struct = cellToJson(parseType('struct<`__proto__`:int,constructor:int>'))({}) as object;
    assert.deepEqual(Object.entries(map), [['__proto__', 1]]);
    assert.deepEqual(Object.entries(struct), [
      ['__proto__', null],
      ['constructor', null],
    ]);
    assert.equal(Object.getPrototypeOf(map), Object.prototype);
  });

  it('is read back by jsonToCell, with the same form again', () => {
    fc.assert(
      fc.property(typedCells, ({ type, cell }) => {
        const form = cellToJson(type)(cell);
        let again: CellValue;
        try {
          again = jsonToCell(asNullable(type))(form);
        } catch (error) {
          // Years beyond 9999, and keys that are no strings, have a form that is not read.
          assert.ok(error instanceof PayloadError);
          fc.pre(!/[+-]\d{6,7}-|key"|keys differ/.test(error.message));
          throw error;
        }
        assert.deepEqual(cellToJson(type)(again), form);
      }),
    );
  });
});

describe('convertCell', () => {
  const convert = (from: string, to: string, cell: CellValue) => convertCell(parseType(from), parseType(to))(cell);

  it('passes cells of the same type on', () => {
    fc.assert(
      fc.property(typedCells, ({ type, cell }) => {
        assert.equal(convertCell(type, type)(cell), cell);
      }),
    );
  });

  it('gives null for null', () => {
    fc.assert(
      fc.property(types, types, (from, to) => {
        assert.equal(convertCell(from, to)(null), null);
      }),
    );
  });

  it('takes everything for a string, as its JSON', () => {
    fc.assert(
      fc.property(typedCells, ({ type, cell }) => {
        const expected = jsonToCell('string')(cellToJson(type)(cell));
        const converted = convertCell(type, 'string')(cell);
        if (type === 'string') assert.deepEqual(cellToJson('string')(converted), expected);
        else assert.deepEqual(converted, expected);
      }),
    );
  });

  it('widens numbers and times', () => {
    const cases: readonly (readonly [string, string, CellValue, CellValue])[] = [
      ['tinyint', 'int', 5, 5],
      ['int', 'bigint', -5, -5],
      ['int', 'double', 5, 5],
      ['float', 'double', 0.5, 0.5],
      ['float', 'double', Number.NaN, Number.NaN],
      ['bigint', 'double', 2n ** 60n, 2 ** 60],
      ['bigint', 'int', 7n, 7],
      ['bigint', 'decimal(20,1)', 9_007_199_254_740_993n, 90_071_992_547_409_930n],
      ['decimal(5,2)', 'decimal(7,3)', 1250n, 12_500n],
      ['decimal(5,2)', 'decimal(5,1)', 1250n, 125n],
      ['decimal(5,2)', 'double', 1250n, 12.5],
      ['double', 'string', 1.5, '1.5'],
      ['string', 'int', '12', 12],
      ['string', 'timestamp', bytes('1970-01-01T00:00:01Z'), 1_000_000],
      ['date', 'timestamp', 1, 86_400_000_000],
      ['timestamp', 'date', 86_400_000_001n, 1],
      ['timestamp', 'timestamp_ntz', 5n, 5n],
      ['timestamp_ntz', 'timestamp', 2n ** 62n, 2n ** 62n],
      ['bigint', 'timestamp', 5n, 5000],
      ['binary', 'string', Uint8Array.of(1, 2), 'AQI='],
      ['struct<a:int>', 'map<string,bigint>', { a: 1 }, [['a', 1]]],
    ];
    for (const [from, to, cell, expected] of cases)
      assert.deepEqual(convert(from, to, cell), expected, `${from} ${to}`);
    assert.equal(convertCell('long', 'timestamp', { timestampUnit: 'us' })(5n), 5);
  });

  it('refuses what the type does not hold', () => {
    const cases: readonly (readonly [string, string, CellValue])[] = [
      ['bigint', 'double', 9_007_199_254_740_993n],
      ['bigint', 'int', 2n ** 31n],
      ['int', 'tinyint', 128],
      ['decimal(5,2)', 'decimal(5,1)', 1255n],
      ['decimal(5,0)', 'decimal(5,2)', 10_000n],
      ['double', 'bigint', 1.5],
      ['double', 'bigint', Number.NaN],
      ['timestamp', 'bigint', 5n],
      ['string', 'boolean', 'x'],
      ['array<int>', 'int', [1]],
      ['int', 'struct<a:int>', 1],
      ['timestamp', 'date', 2n ** 62n],
    ];
    for (const [from, to, cell] of cases) {
      const path = { path: ['a', 'b'] };
      assert.throws(() => convertCell(parseType(from), parseType(to), path)(cell), {
        code: 'TYPE_MISMATCH',
        message: /^The column "a\.b" got /,
      });
    }
  });

  it('converts structs, arrays and maps part by part', () => {
    assert.deepEqual(
      convert('struct<a:int,B:array<int>,gone:int>', 'struct<b:array<double>,a:bigint,new:date>', {
        a: 1,
        B: [2, null],
      }),
      { b: [2, null], a: 1, new: null },
    );
    const twice = { type: 'struct', fields: ['a', 'A'].map((name) => ({ ...FIELD, name })) } as const;
    assert.deepEqual(convertCell(twice, parseType('struct<A:bigint>'))({ a: 1, A: 2 }), { A: 2 });
    assert.deepEqual(convertCell(twice, parseType('struct<a:bigint>'))({ a: 1, A: 2 }), { a: 1 });
    assert.deepEqual(convert('map<int,date>', 'map<bigint,string>', [[1, 0]]), [[1, '1970-01-01']]);
    assert.deepEqual(convert('map<string,int>', 'map<string,bigint>', new Map([['a', 1]])), [['a', 1]]);
    const proto = convert(
      'struct<`__proto__`:int>',
      'struct<`__proto__`:bigint,toString:int>',
      JSON.parse('{"__proto__":1}'),
    );
    assert.deepEqual(Object.entries(proto as object), [
      ['__proto__', 1],
      ['toString', null],
    ]);
  });

  it('refuses null where a part has none', () => {
    const required: DataType = parseType('struct<a:bigint not null>');
    assert.throws(() => convertCell(parseType('struct<a:int>'), required)({ a: null }), { code: 'TYPE_MISMATCH' });
    assert.throws(() => convertCell(parseType('struct<b:int>'), required, { path: ['s'] })({ b: 1 }), {
      code: 'TYPE_MISMATCH',
      message: 'The column "s.a" got null, expected long, not null',
    });
    assert.equal(convertCell(parseType('struct<b:int>'), required)(null), null);
    assert.throws(() => convert('map<string,int>', 'map<bigint,int>', [['x', 1]]), { code: 'TYPE_MISMATCH' });
  });
});
