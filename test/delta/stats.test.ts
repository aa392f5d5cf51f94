import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  asNullable,
  type ColumnPath,
  type DataType,
  type StructField,
  type StructType,
} from '../../src/delta/schema.ts';
import {
  type ColumnStatistics,
  type FileStatistics,
  fileNullability,
  type Nulls,
  type StatsOptions,
  statsJson,
} from '../../src/delta/stats.ts';
import { indexedColumns, parseColumnList } from '../../src/delta/stats-columns.ts';
import { boundText, type ColumnBounds, truncateBound } from '../../src/delta/stats-value.ts';

const PREFIX = 32;

function field(name: string, type: DataType, nullable = true): StructField {
  return { name, type, nullable, metadata: {} };
}

function struct(...fields: readonly StructField[]): StructType {
  return { type: 'struct', fields };
}

const LIST: DataType = { type: 'array', elementType: 'long', containsNull: true };

/** A file with the given statistics by dotted path; other columns have no bounds and no null. */
function fileWith(
  columns: Readonly<Record<string, Partial<ColumnStatistics>>>,
  nulls: Readonly<Record<string, Nulls>> = {},
): FileStatistics {
  return {
    numRecords: 10,
    column: (path) => ({ bounds: { kind: 'none' }, nullCount: 0, ...columns[path.join('.')] }),
    nulls: (path) => nulls[path.join('.')] ?? 'none',
  };
}

const integers = (min?: bigint, max?: bigint): Partial<ColumnStatistics> => ({ bounds: { kind: 'integer', min, max } });

function json(file: FileStatistics, schema: StructType, options: Partial<StatsOptions> = {}): string {
  return statsJson(file, { schema, partitionColumns: [], configuration: {}, ...options });
}

describe('statsJson', () => {
  it('has the members and the order of Spark', () => {
    const schema = struct(field('id', 'long'), field('name', 'string'), field('b', 'boolean'), field('l', LIST));
    const name: ColumnBounds = { kind: 'string', min: Buffer.from('a"'), max: Buffer.from('ü') };
    const file = fileWith({
      id: integers(-5n, 9_007_199_254_740_993n),
      name: { bounds: name, nullCount: 2 },
      l: { nullCount: 10 },
    });
    assert.equal(
      json(file, schema),
      '{"numRecords":10,"minValues":{"id":-5,"name":"a\\""},"maxValues":{"id":9007199254740993,"name":"ü"},' +
        '"nullCount":{"id":0,"name":2,"b":0,"l":10}}',
    );
  });

  it('mirrors the schema; a struct stays, empty if need be, where a type in it can have bounds', () => {
    const inner = struct(field('x', 'long'), field('y', 'binary'));
    const schema = struct(
      field('s', struct(field('in', inner), field('f', 'binary'))),
      field('o', struct(field('p', 'boolean'))),
    );
    assert.equal(
      json(
        fileWith({ 's.in.x': { nullCount: 10 }, a: integers(1n, 2n) }),
        struct(field('a', 'long'), ...schema.fields),
      ),
      '{"numRecords":10,"minValues":{"a":1,"s":{"in":{}}},"maxValues":{"a":2,"s":{"in":{}}},' +
        '"nullCount":{"a":0,"s":{"in":{"x":10,"y":0},"f":0},"o":{"p":0}}}',
    );
    assert.match(json(fileWith({ 's.in.x': integers(1n, 2n) }), schema), /"minValues":\{"s":\{"in":\{"x":1\}\}\}/);
  });

  it('has no section without a bound in it, which delta-rs would take for bounds that are null', () => {
    const schema = struct(field('a', 'long'), field('s', struct(field('b', 'long'))));
    assert.equal(
      json(fileWith({ a: { nullCount: 10 }, 's.b': integers(undefined, 2n) }), schema),
      '{"numRecords":10,"maxValues":{"s":{"b":2}},"nullCount":{"a":10,"s":{"b":0}}}',
    );
    assert.equal(
      json(fileWith({ a: { nullCount: 10 }, 's.b': { nullCount: 10 } }), schema),
      '{"numRecords":10,"nullCount":{"a":10,"s":{"b":10}}}',
    );
  });

  it('leaves out what is not known', () => {
    const schema = struct(field('a', 'long'), field('b', 'long'));
    assert.equal(
      json(fileWith({ a: { ...integers(1n), nullCount: undefined }, b: integers(undefined, 2n) }), schema),
      '{"numRecords":10,"minValues":{"a":1},"maxValues":{"b":2},"nullCount":{"b":0}}',
    );
  });

  it('leaves out the members that no column can be in', () => {
    assert.equal(json(fileWith({}), struct(field('b', 'binary'))), '{"numRecords":10,"nullCount":{"b":0}}');
    assert.equal(json(fileWith({}), struct()), '{"numRecords":10}');
    const configuration = { 'delta.dataSkippingNumIndexedCols': '0' };
    assert.equal(json(fileWith({}), struct(field('a', 'long')), { configuration }), '{"numRecords":10}');
  });

  it('says that bounds are tight where asked to', () => {
    assert.equal(json(fileWith({}), struct(), { tightBounds: true }), '{"numRecords":10,"tightBounds":true}');
  });

  it('escapes names, and keeps special ones', () => {
    const schema = struct(field('a"b', 'long'), field('__proto__', 'long'), field('a.b', 'long'));
    const file = {
      ...fileWith({}),
      column: (): ColumnStatistics => ({ bounds: { kind: 'integer', min: 1n, max: 1n }, nullCount: 0 }),
    };
    assert.match(json(file, schema), /"minValues":\{"a\\"b":1,"__proto__":1,"a\.b":1\}/);
  });

  it('takes the length of string prefixes from the table', () => {
    const bounds: ColumnBounds = { kind: 'string', min: Buffer.from('abcdef'), max: Buffer.from('abcdef') };
    const configuration = { 'delta.dataSkippingStringPrefixLength': '3' };
    assert.equal(
      json(fileWith({ a: { bounds } }), struct(field('a', 'string')), { configuration }),
      '{"numRecords":10,"minValues":{"a":"abc"},"maxValues":{"a":"abc\x7f"},"nullCount":{"a":0}}',
    );
  });
});

describe('the columns that have statistics', () => {
  const schema = struct(
    field('p', 'string'),
    field('a', 'long'),
    field('s', struct(field('x', 'long'), field('y', struct(field('z', 'long'))), field('w.w', 'long'))),
    field('l', LIST),
    field('b', 'binary'),
  );

  function paths(options: Partial<StatsOptions>, of = schema): string[] {
    const found: string[] = [];
    const visit = (columns: ReturnType<typeof indexedColumns>) => {
      for (const column of columns) {
        if (column.kind === 'leaf') found.push(column.path.join('/'));
        else visit(column.children);
      }
    };
    visit(indexedColumns({ schema: of, partitionColumns: ['p'], configuration: {}, ...options }));
    return found;
  }

  it('are the first 32 leaves without the partition columns', () => {
    assert.deepEqual(paths({}), ['a', 's/x', 's/y/z', 's/w.w', 'l', 'b']);
    const wide = struct(field('p', 'long'), ...Array.from({ length: 40 }, (_, index) => field(`c${index}`, 'long')));
    assert.equal(paths({}, wide).length, 32);
    assert.equal(paths({}, wide).at(-1), 'c31');
  });

  it('are as many as the table says', () => {
    const counts: readonly [string, number][] = [
      ['2', 2],
      ['0', 0],
      ['3', 3],
      ['-1', 6],
      ['1000', 6],
      ['not a number', 6],
      ['-2', 6],
    ];
    for (const [value, count] of counts) {
      assert.equal(paths({ configuration: { 'delta.dataSkippingNumIndexedCols': value } }).length, count, value);
    }
    assert.deepEqual(paths({ configuration: { 'delta.dataSkippingNumIndexedCols': '3' } }), ['a', 's/x', 's/y/z']);
  });

  it('are those that the table names, whatever their number and case', () => {
    const named = (list: string) =>
      paths({ configuration: { 'delta.dataSkippingStatsColumns': list, 'delta.dataSkippingNumIndexedCols': '1' } });
    assert.deepEqual(named('b, A'), ['a', 'b']);
    assert.deepEqual(named('s'), ['s/x', 's/y/z', 's/w.w']);
    assert.deepEqual(named('s.y,l'), ['s/y/z', 'l']);
    assert.deepEqual(named('s.`w.w`'), ['s/w.w']);
    assert.deepEqual(named('p,unknown'), []);
    assert.deepEqual(named(''), []);
  });

  it('always are those by which the table is clustered', () => {
    const configuration = { 'delta.dataSkippingNumIndexedCols': '1' };
    assert.deepEqual(paths({ configuration, clusteringColumns: [['s', 'y', 'z'], ['b']] }), ['a', 's/y/z', 'b']);
  });

  it('parses lists of names as SQL has them', () => {
    const lists: readonly [string, readonly ColumnPath[]][] = [
      ['a', [['a']]],
      [' a , b.c ', [['a'], ['b', 'c']]],
      ['`a,b`.`c.d`,`e``f`', [['a,b', 'c.d'], ['e`f']]],
      [',,', []],
      ['`open, b', [['open'], ['b']]],
    ];
    for (const [text, expected] of lists) assert.deepEqual(parseColumnList(text), expected, text);
  });
});

describe('bounds as JSON', () => {
  const text = (bounds: ColumnBounds, type: DataType, side: 'min' | 'max' = 'min') =>
    boundText(bounds, side, type, PREFIX);
  const both = <T>(value: T) => ({ min: value, max: value });

  it('have integers in full', () => {
    for (const type of ['byte', 'short', 'integer', 'long', 'decimal(20,0)'] as const) {
      assert.equal(text({ kind: 'integer', ...both(18_446_744_073_709_551_615n) }, type), '18446744073709551615');
    }
    assert.equal(text({ kind: 'integer', ...both(1n) }, 'string'), undefined);
  });

  it('have decimals in full, with the digits of their scale', () => {
    const cases: readonly [bigint, number, string][] = [
      [1250n, 2, '12.50'],
      [-1250n, 2, '-12.50'],
      [5n, 2, '0.05'],
      [-5n, 3, '-0.005'],
      [0n, 4, '0.0000'],
      [7n, 0, '7'],
      [-1n, 38, '-0.00000000000000000000000000000000000001'],
    ];
    for (const [value, scale, expected] of cases) {
      assert.equal(text({ kind: 'decimal', scale, ...both(value) }, `decimal(38,${scale})`), expected);
    }
  });

  it('lose nothing of a decimal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.nat({ max: 38 }), (value, scale) => {
        const written = text({ kind: 'decimal', scale, ...both(value) }, 'decimal(38,0)') ?? '';
        assert.match(written, /^-?(0|[1-9]\d*)(\.\d+)?$/);
        assert.equal(written.split('.')[1]?.length ?? 0, scale);
        assert.equal(BigInt(written.replace('.', '')), value);
        assert.doesNotThrow(() => JSON.parse(written));
      }),
    );
  });

  it('have the shortest text of a float', () => {
    const float = (value: number) => text({ kind: 'float', ...both(Math.fround(value)) }, 'float');
    const doubleText = (value: number) => text({ kind: 'float', ...both(value) }, 'double');
    assert.equal(float(0.1), '0.1');
    assert.equal(float(46.566), '46.566');
    assert.equal(float(16_777_216), '16777216.0');
    assert.equal(float(3.4028235e38), '3.4028235e+38');
    assert.equal(float(1.4e-45), '1e-45');
    assert.equal(doubleText(Math.fround(0.1)), '0.10000000149011612');
    assert.equal(doubleText(3), '3.0');
    assert.equal(doubleText(1e300), '1e+300');
    assert.equal(doubleText(5e-324), '5e-324');
    assert.equal(doubleText(-0), '-0.0');
    assert.equal(doubleText(0), '0.0');
  });

  it('lose nothing of a float', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const written = text({ kind: 'float', ...both(value) }, 'float') ?? '';
        assert.ok(Object.is(Math.fround(Number(written)), value));
        assert.ok(Object.is(Math.fround(JSON.parse(written)), value));
      }),
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.ok(Object.is(JSON.parse(text({ kind: 'float', ...both(value) }, 'double') ?? ''), value));
      }),
    );
  });

  it('have no NaN and no infinity', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.equal(text({ kind: 'float', ...both(value) }, 'double'), undefined);
      assert.equal(text({ kind: 'float', ...both(value) }, 'float'), undefined);
    }
  });

  it('have dates of four-digit years', () => {
    const date = (day: string) => new Date(`${day}T00:00:00Z`).getTime() / 86_400_000;
    const cases: readonly [number, string | undefined][] = [
      [0, '"1970-01-01"'],
      [-1, '"1969-12-31"'],
      [date('2024-02-29'), '"2024-02-29"'],
      [date('0001-01-01'), '"0001-01-01"'],
      [date('0001-01-01') - 1, undefined],
      [date('9999-12-31'), '"9999-12-31"'],
      [date('9999-12-31') + 1, undefined],
      [2 ** 31 - 1, undefined],
    ];
    for (const [day, expected] of cases) assert.equal(text({ kind: 'date', ...both(day) }, 'date'), expected);
    assert.equal(text({ kind: 'date', ...both(1) }, 'timestamp_ntz'), '"1970-01-02T00:00:00.000"');
    assert.equal(text({ kind: 'date', ...both(1) }, 'timestamp'), undefined);
  });

  it('have timestamps at the ms below, both of them', () => {
    const cases: readonly [bigint, string | undefined][] = [
      [0n, '1970-01-01T00:00:00.000'],
      [1_999n, '1970-01-01T00:00:00.001'],
      [-1n, '1969-12-31T23:59:59.999'],
      [-1_000n, '1969-12-31T23:59:59.999'],
      [-1_001n, '1969-12-31T23:59:59.998'],
      [BigInt(Date.UTC(2026, 0, 2, 3, 4, 5, 678)) * 1000n + 999n, '2026-01-02T03:04:05.678'],
      [253_402_300_799_999_999n, '9999-12-31T23:59:59.999'],
      [253_402_300_800_000_000n, undefined],
      [-62_135_596_800_000_000n, '0001-01-01T00:00:00.000'],
      [-62_135_596_800_000_001n, undefined],
      [2n ** 63n - 1n, undefined],
    ];
    for (const [micros, expected] of cases) {
      for (const side of ['min', 'max'] as const) {
        const utc = text({ kind: 'timestamp', utc: true, ...both(micros) }, 'timestamp', side);
        const local = text({ kind: 'timestamp', utc: false, ...both(micros) }, 'timestamp_ntz', side);
        assert.equal(utc, expected === undefined ? undefined : `"${expected}Z"`);
        assert.equal(local, expected === undefined ? undefined : `"${expected}"`);
      }
    }
    assert.equal(text({ kind: 'timestamp', utc: true, ...both(0n) }, 'timestamp_ntz'), undefined);
    assert.equal(text({ kind: 'timestamp', utc: false, ...both(0n) }, 'timestamp'), undefined);
  });

  it('have no string that is not UTF-8', () => {
    for (const bytes of [Buffer.from([0xff]), Buffer.from('é').subarray(0, 1), Buffer.from([0xed, 0xa0, 0x80])]) {
      assert.equal(text({ kind: 'string', ...both(bytes) }, 'string'), undefined);
    }
    assert.equal(text({ kind: 'string', ...both(Buffer.from('\ufeffa')) }, 'string'), '"\ufeffa"');
    assert.equal(text({ kind: 'string', ...both(Buffer.from('a')) }, 'binary'), undefined);
  });
});

describe('truncateBound', () => {
  const MAX = '\u{10ffff}';

  it('leaves short strings as they are, by code points', () => {
    for (const value of ['', 'a', 'z'.repeat(32), '😀'.repeat(32), MAX.repeat(32)]) {
      for (const side of ['min', 'max'] as const) assert.equal(truncateBound(value, side, PREFIX), value);
    }
  });

  it('cuts a minimum, between characters', () => {
    assert.equal(truncateBound('z'.repeat(40), 'min', PREFIX), 'z'.repeat(32));
    assert.equal(truncateBound(`${'z'.repeat(31)}😀😀`, 'min', PREFIX), `${'z'.repeat(31)}😀`);
  });

  it('cuts a maximum and makes it greater, with the least character that does', () => {
    assert.equal(truncateBound('z'.repeat(40), 'max', PREFIX), `${'z'.repeat(32)}\x7f`);
    assert.equal(truncateBound('é'.repeat(40), 'max', PREFIX), `${'é'.repeat(32)}${MAX}`);
    assert.equal(truncateBound(`${'a'.repeat(32)}\x7fb`, 'max', PREFIX), `${'a'.repeat(32)}${MAX}`);
  });

  it('goes on where the character after the prefix is the greatest, and gives up after twice the length', () => {
    assert.equal(truncateBound(`${'a'.repeat(32)}${MAX}bc`, 'max', PREFIX), `${'a'.repeat(32)}${MAX}\x7f`);
    assert.equal(truncateBound(MAX.repeat(33), 'max', PREFIX), undefined);
    assert.equal(truncateBound(`${MAX.repeat(64)}a`, 'max', PREFIX), `${MAX.repeat(64)}\x7f`);
    assert.equal(truncateBound(MAX.repeat(500), 'max', PREFIX), undefined);
  });

  it('is a true bound in the order of UTF-8, and within the limits', () => {
    const point = fc.oneof(
      fc.constantFrom('a', '\x7f', '~', '\x80', '\ud7ff', '\uffff', '\u{10000}', MAX),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    const strings = fc.array(point, { maxLength: 140 }).map((points) => points.join(''));
    fc.assert(
      fc.property(strings, fc.integer({ min: 0, max: 40 }), (value, prefix) => {
        const min = truncateBound(value, 'min', prefix) ?? assert.fail('a minimum always exists');
        assert.ok(Buffer.compare(Buffer.from(min), Buffer.from(value)) <= 0);
        assert.ok([...min].length <= prefix);
        const max = truncateBound(value, 'max', prefix);
        if (max === undefined) return;
        assert.ok(Buffer.compare(Buffer.from(max), Buffer.from(value)) >= 0);
        assert.ok([...max].length <= 2 * prefix + 1);
        for (const bound of [min, max]) assert.ok(bound.isWellFormed());
      }),
      { numRuns: 2000 },
    );
  });
});

describe('fileNullability', () => {
  const schema = struct(
    field('p', 'string', false),
    field('id', 'long', false),
    field('free', 'long'),
    field('s', struct(field('x', 'long', false), field('y', 'long')), true),
    field('l', { type: 'array', elementType: struct(field('e', 'long', false)), containsNull: false }),
    field('m', { type: 'map', keyType: 'string', valueType: 'long', valueContainsNull: false }),
  );

  it('asks for every column that is not nullable, but for partition columns', () => {
    const nulls: Readonly<Record<string, Nulls>> = { id: 'some', 's.x': 'unknown' };
    assert.deepEqual(fileNullability(fileWith({}, nulls), { schema, partitionColumns: ['p'] }), [
      { column: 'id', nulls: 'some' },
      { column: 's.x', nulls: 'unknown' },
      { column: 'l.element', nulls: 'none' },
      { column: 'l.element.e', nulls: 'none' },
      { column: 'm.value', nulls: 'none' },
    ]);
  });

  it('asks for nothing where everything is nullable', () => {
    assert.deepEqual(fileNullability(fileWith({}), { schema: asNullable(schema), partitionColumns: [] }), []);
  });
});
