import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isDeltaError } from '../../src/delta/errors.ts';
import {
  hiveFolders,
  parseHiveSegments,
  partitionValue,
  partitionValues,
  splitTablePath,
} from '../../src/delta/partition.ts';
import { decodePath, encodePath } from '../../src/delta/path.ts';
import type { DataType } from '../../src/delta/schema.ts';

describe('parseHiveSegments', () => {
  const cases: readonly (readonly [key: string, values: readonly (readonly [string, string | null])[]])[] = [
    ['x.parquet', []],
    ['date=2026-01-02/x.parquet', [['date', '2026-01-02']]],
    [
      'b=1/a=2/x.parquet',
      [
        ['b', '1'],
        ['a', '2'],
      ],
    ],
    ['p=__HIVE_DEFAULT_PARTITION__/x.parquet', [['p', null]]],
    ['p=/x.parquet', [['p', null]]],
    ['p=a=b=c/x.parquet', [['p', 'a=b=c']]],
    ['p=a%3Db/x.parquet', [['p', 'a=b']]],
    ['p=a%2Fb/x.parquet', [['p', 'a/b']]],
    ['p=a%252Fb/x.parquet', [['p', 'a%2Fb']]],
    ['a%3Db=c/x.parquet', [['a=b', 'c']]],
    ['p=é z+1/x.parquet', [['p', 'é z+1']]],
    ['p=%C3%BC/x.parquet', [['p', 'ü']]],
    ['p=%F0%9F%90%82/x.parquet', [['p', '🐂']]],
    ['p=100%/x.parquet', [['p', '100%']]],
    ['p=%zz%2/x.parquet', [['p', '%zz%2']]],
    ['p=%20%FF%C3/x.parquet', [['p', ' %FF%C3']]],
    ['p=%C0%AF%ED%A0%80/x.parquet', [['p', '%C0%AF%ED%A0%80']]],
    [
      'raw/p=1/deep/q=2/x.parquet',
      [
        ['p', '1'],
        ['q', '2'],
      ],
    ],
    ['=1/p=2/x.parquet', [['p', '2']]],
    ['p=1/q=2.parquet', [['p', '1']]],
    [
      'p=1/p=2/x.parquet',
      [
        ['p', '1'],
        ['p', '2'],
      ],
    ],
  ];
  for (const [key, values] of cases) {
    it(`reads ${key}`, () => {
      const { directory, values: parsed } = parseHiveSegments(key);
      assert.deepEqual(
        parsed,
        values.map(([name, value]) => ({ name, value })),
      );
      assert.equal(directory, key.split('/').slice(0, -1).join('/'));
    });
  }
});

describe('hiveFolders', () => {
  it('escapes what Spark escapes', () => {
    const values = [
      { name: 'p', value: 'a/b:c=d%e"f#g\'h*i?j\\k{l[m]n^o\u007f\u0001' },
      { name: 'q', value: null },
      { name: 'r', value: 'é z+(1),}' },
    ];
    assert.equal(
      hiveFolders(values),
      'p=a%2Fb%3Ac%3Dd%25e%22f%23g%27h%2Ai%3Fj%5Ck%7Bl%5Bm%5Dn%5Eo%7F%01/q=__HIVE_DEFAULT_PARTITION__/r=é z+(1),}',
    );
  });

  it('is encoded once more on the way into the log', () => {
    const key = `${hiveFolders([{ name: 'p', value: 'a/b' }])}/x.parquet`;
    assert.equal(key, 'p=a%2Fb/x.parquet');
    assert.equal(encodePath(key), 'p=a%252Fb/x.parquet');
  });

  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => value !== '__HIVE_DEFAULT_PARTITION__');
  const value = fc.record({ name: text, value: fc.option(text) }, { noNullPrototype: true });

  it('is undone by parseHiveSegments, through key and logged path', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
        const key = `${hiveFolders(values)}/x.parquet`;
        assert.equal(key.split('/').length, values.length + 1);
        assert.deepEqual(parseHiveSegments(key).values, values);
        assert.deepEqual(parseHiveSegments(decodePath(encodePath(key))).values, values);
      }),
    );
  });

  it('is undone where the UTF-8 bytes of the key were percent-encoded, as delta-rs does', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
        const folders = values.map(
          ({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value ?? '')}`,
        );
        assert.deepEqual(parseHiveSegments(`${folders.join('/')}/x.parquet`).values, values);
      }),
    );
  });
});

describe('splitTablePath', () => {
  const cases: readonly (readonly [key: string, root: string | undefined, relative?: string])[] = [
    ['lake/orders/date=1/x.parquet', 'lake/orders', 'date=1/x.parquet'],
    ['lake/orders/a=1/b=2/x.parquet', 'lake/orders', 'a=1/b=2/x.parquet'],
    ['lake/orders/a=1/raw/b=2/x.parquet', 'lake/orders', 'a=1/raw/b=2/x.parquet'],
    ['lake/orders/x.parquet', 'lake/orders', 'x.parquet'],
    ['lake/orders/x=1.parquet', 'lake/orders', 'x=1.parquet'],
    ['date=1/x.parquet', '', 'date=1/x.parquet'],
    ['x.parquet', '', 'x.parquet'],
    ['lake/=1/x.parquet', 'lake/=1', 'x.parquet'],
    ['lake/orders/', undefined],
    ['lake/date=1/', undefined],
    ['/x.parquet', undefined],
    ['', undefined],
  ];
  for (const [key, root, relative] of cases) {
    it(`splits "${key}"`, () => {
      assert.deepEqual(splitTablePath(key), root === undefined ? undefined : { root, relative });
    });
  }
});

describe('partitionValue', () => {
  const fits: readonly (readonly [type: DataType, raw: string | null, value: string | null])[] = [
    ['string', ' a b ', ' a b '],
    ['string', '', null],
    ['string', null, null],
    ['date', '', null],
    ['binary', '\u0001\u0002', '\u0001\u0002'],
    ['boolean', 'true', 'true'],
    ['boolean', 'FALSE', 'false'],
    ['byte', '-128', '-128'],
    ['short', '32767', '32767'],
    ['integer', '007', '7'],
    ['integer', '-0', '0'],
    ['integer', '+5', '5'],
    ['long', '-9223372036854775808', '-9223372036854775808'],
    ['long', '9007199254740993', '9007199254740993'],
    ['double', '1', '1.0'],
    ['double', '-0', '-0.0'],
    ['double', '10000000', '1.0E7'],
    ['double', '1234567.25', '1234567.25'],
    ['double', '0.001', '0.001'],
    ['double', '.00012345', '1.2345E-4'],
    ['double', '1.7976931348623157e308', '1.7976931348623157E308'],
    ['double', '5e-324', '5.0E-324'],
    ['double', 'nan', 'NaN'],
    ['double', '-inf', '-Infinity'],
    ['double', 'Infinity', 'Infinity'],
    ['float', '0.1', '0.1'],
    ['float', '16777217', '1.6777216E7'],
    ['float', '3.4028235e38', '3.4028235E38'],
    ['decimal(10,2)', '12.5', '12.50'],
    ['decimal(10,2)', '-0.001e1', '-0.01'],
    ['decimal(10,2)', '-0', '0.00'],
    ['decimal(10,2)', '12345678.9900', '12345678.99'],
    ['decimal(10,7)', '1E-7', '0.0000001'],
    ['decimal(3,3)', '.125', '0.125'],
    ['decimal(5,0)', '12e3', '12000'],
    ['decimal(38,0)', '99999999999999999999999999999999999999', '99999999999999999999999999999999999999'],
    ['date', '2026-01-02', '2026-01-02'],
    ['date', '2026-1-2', '2026-01-02'],
    ['date', '2024-02-29', '2024-02-29'],
    ['date', '0044-03-15', '0044-03-15'],
    ['timestamp', '2026-01-02', '2026-01-02T00:00:00.000000Z'],
    ['timestamp', '2026-01-02 03:04:05', '2026-01-02T03:04:05.000000Z'],
    ['timestamp', '2026-01-02T03:04:05.678901Z', '2026-01-02T03:04:05.678901Z'],
    ['timestamp', '2026-01-02 03:04:05.5+05:30', '2026-01-01T21:34:05.500000Z'],
    ['timestamp', '2026-01-02T03:04-08', '2026-01-02T11:04:00.000000Z'],
    ['timestamp', '1969-12-31 23:59:59.999999', '1969-12-31T23:59:59.999999Z'],
    ['timestamp_ntz', '2026-01-02T03:04:05', '2026-01-02 03:04:05'],
    ['timestamp_ntz', '2026-01-02 03:04:05.6', '2026-01-02 03:04:05.600000'],
    ['timestamp_ntz', '2026-01-02 03:04:05.123456000', '2026-01-02 03:04:05.123456'],
  ];
  for (const [type, raw, value] of fits) {
    it(`takes ${JSON.stringify(raw)} as ${type}`, () => {
      assert.equal(partitionValue(raw, type, 'p'), value);
      if (value !== null) assert.equal(partitionValue(value, type, 'p'), value, 'the canonical form is its own');
    });
  }

  const unfit: readonly (readonly [type: DataType, raw: string])[] = [
    ['boolean', '1'],
    ['byte', '128'],
    ['short', '-32769'],
    ['integer', '2147483648'],
    ['integer', '1.0'],
    ['integer', ' 1'],
    ['integer', 'abc'],
    ['long', '9223372036854775808'],
    ['double', '1,5'],
    ['double', '1e999'],
    ['double', '0x10'],
    ['float', '3.5e38'],
    ['decimal(4,2)', '100'],
    ['decimal(4,2)', '1.005'],
    ['decimal(4,2)', '1e-9'],
    ['decimal(4,2)', '.'],
    ['decimal(4,2)', 'NaN'],
    ['date', '2026-02-29'],
    ['date', '2026-13-01'],
    ['date', '20260102'],
    ['date', '0000-01-01'],
    ['date', '2026-01-02 00:00:00'],
    ['timestamp', '2026-01-02 24:00:00'],
    ['timestamp', '2026-01-02 03:60:00'],
    ['timestamp', '2026-01-02 03:04:05.1234567'],
    ['timestamp', '9999-12-31 23:59:59-01:00'],
    ['timestamp', '0001-01-01 00:00:00+01:00'],
    ['timestamp', '2026-01-02 03:04:05 Europe/Berlin'],
    ['timestamp_ntz', '2026-01-02 03:04:05Z'],
    ['timestamp_ntz', '2026-01-02 03:04:05+00:00'],
  ];
  for (const [type, raw] of unfit) {
    it(`refuses ${JSON.stringify(raw)} as ${type}`, () => {
      assert.throws(
        () => partitionValue(raw, type, 'p'),
        (error) => {
          assert.ok(isDeltaError(error, 'INVALID_SCHEMA'));
          assert.deepEqual(error.data, { column: 'p', value: raw, type });
          for (const part of [JSON.stringify(raw), '"p"', String(type)]) assert.ok(error.message.includes(part));
          return true;
        },
      );
    });
  }

  const noPartitions: readonly DataType[] = [
    'variant',
    'void',
    { type: 'struct', fields: [] },
    { type: 'array', elementType: 'long', containsNull: true },
  ];
  for (const type of noPartitions) {
    it(`refuses to partition by ${JSON.stringify(type)}`, () => {
      assert.throws(
        () => partitionValue('1', type, 'p'),
        (error) => isDeltaError(error, 'INVALID_SCHEMA') && error.data.column === 'p',
      );
    });
  }

  it('keeps every long, double and float', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        assert.equal(partitionValue(String(value), 'long'), String(value));
      }),
    );
    const written = (value: number) => (Object.is(value, -0) ? '-0' : String(value));
    const read = (text: string | null) => Number(text?.replace('E', 'e'));
    fc.assert(
      fc.property(fc.double(), (value) => {
        assert.ok(Object.is(read(partitionValue(written(value), 'double')), value));
      }),
    );
    fc.assert(
      fc.property(fc.float(), (value) => {
        const text = partitionValue(written(value), 'float') ?? '';
        assert.ok(Object.is(Math.fround(read(text)), value));
        assert.ok(text.length <= 16, `${text} is longer than a float needs`);
      }),
    );
  });

  it('keeps every instant, whatever the time zone it is written in', () => {
    const date = fc.date({ min: new Date('0002-01-01'), max: new Date('9998-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(date, fc.integer({ min: -14 * 60, max: 14 * 60 }), (instant, minutesEast) => {
        const local = new Date(instant.getTime() + minutesEast * 60_000).toISOString().slice(0, -1);
        const two = (value: number) => String(value).padStart(2, '0');
        const zone = `${minutesEast < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutesEast) / 60))}:${two(Math.abs(minutesEast) % 60)}`;
        assert.equal(partitionValue(local + zone, 'timestamp'), `${instant.toISOString().slice(0, -1)}000Z`);
      }),
    );
  });
});

describe('partitionValues', () => {
  const columns = [
    { name: 'date', type: 'date' },
    { name: 'region', type: 'string' },
  ] as const;

  it('gives every partition column, in the order of the columns and with their names', () => {
    const values = partitionValues(parseHiveSegments('Region=eu%2Fwest/date=2026-1-2/x.parquet'), columns);
    assert.equal(JSON.stringify(values), '{"date":"2026-01-02","region":"eu/west"}');
  });

  const refused: readonly (readonly [what: string, key: string, message: RegExp])[] = [
    ['a missing column', 'date=2026-01-02/x.parquet', /has no folder for the partition column "region"/],
    ['a column twice', 'date=2026-01-02/region=a/DATE=2026-01-02/x.parquet', /has the partition column "DATE" twice/],
    ['a column that is none', 'date=2026-01-02/region=a/hour=1/x.parquet', /"hour", which is not a partition column/],
  ];
  for (const [what, key, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => partitionValues(parseHiveSegments(key), columns), { code: 'INVALID_SCHEMA', message });
    });
  }

  it('takes a column with the name of an object member', () => {
    const values = partitionValues(parseHiveSegments('__proto__=1/x.parquet'), [{ name: '__proto__', type: 'string' }]);
    assert.deepEqual(Object.entries(values), [['__proto__', '1']]);
  });
});
