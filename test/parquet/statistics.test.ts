import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ColumnStatistics } from '../../src/delta/stats.ts';
import { statsJson } from '../../src/delta/stats.ts';
import type { ColumnBounds } from '../../src/delta/stats-value.ts';
import { type Footer, parseFooter } from '../../src/parquet/footer.ts';
import { deltaSchema } from '../../src/parquet/schema.ts';
import { fileStatistics } from '../../src/parquet/statistics.ts';
import {
  binary,
  type ChunkOptions,
  type FooterOptions,
  footerBytes,
  int,
  LOGICAL,
  leaf,
  listOf,
  type Node,
  parquetFile,
  struct,
} from './footer-builder.ts';

const { decimal, integer, timestamp } = LOGICAL;
const NONE: ColumnBounds = { kind: 'none' };

function parse(options: FooterOptions): Footer {
  return parseFooter(parquetFile(footerBytes(options)));
}

/** Statistics of the only column `c`, from one chunk a row group of 10 rows. */
function statisticsOf(
  column: Node,
  chunks: readonly ChunkOptions[],
  rest: Partial<FooterOptions> = {},
): ColumnStatistics {
  const rowGroups = chunks.map((chunk) => ({ rowCount: chunk.numValues ?? 10, chunks: [chunk] }));
  return fileStatistics(parse({ columns: [column], rowGroups, ...rest })).column(['c']);
}

const boundsOf = (...args: Parameters<typeof statisticsOf>) => statisticsOf(...args).bounds;

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

function int64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

function double(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function float(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function bigEndian(value: bigint, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) {
    bytes[length - 1 - index] = Number((BigInt.asUintN(8 * length, value) >> BigInt(8 * index)) & 0xffn);
  }
  return bytes;
}

const text = (value: string) => Buffer.from(value);
const string = leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.STRING });

describe('bounds of a type', () => {
  const cases: readonly [string, Node, Uint8Array, Uint8Array, ColumnBounds][] = [
    ['INT32', leaf('c', 'INT32'), int32(-5), int32(7), { kind: 'integer', min: -5n, max: 7n }],
    [
      'INT64',
      leaf('c', 'INT64'),
      int64(-(2n ** 63n)),
      int64(2n ** 63n - 1n),
      { kind: 'integer', min: -(2n ** 63n), max: 2n ** 63n - 1n },
    ],
    [
      'unsigned 32 bits',
      leaf('c', 'INT32', { logical: integer(32, false) }),
      int32(1),
      int32(-1),
      { kind: 'integer', min: 1n, max: 4_294_967_295n },
    ],
    [
      'unsigned 64 bits',
      leaf('c', 'INT64', { logical: integer(64, false) }),
      int64(1n),
      int64(-1n),
      { kind: 'integer', min: 1n, max: 2n ** 64n - 1n },
    ],
    ['dates', leaf('c', 'INT32', { logical: LOGICAL.DATE }), int32(-1), int32(9), { kind: 'date', min: -1, max: 9 }],
    [
      'µs',
      leaf('c', 'INT64', { logical: timestamp(true, 2) }),
      int64(-1n),
      int64(9n),
      { kind: 'timestamp', utc: true, min: -1n, max: 9n },
    ],
    [
      'ms',
      leaf('c', 'INT64', { logical: timestamp(false, 1) }),
      int64(-1n),
      int64(9n),
      { kind: 'timestamp', utc: false, min: -1000n, max: 9000n },
    ],
    ['ns', leaf('c', 'INT64', { logical: timestamp(true, 3) }), int64(-1n), int64(9n), NONE],
    [
      'decimals in INT32',
      leaf('c', 'INT32', { logical: decimal(9, 2) }),
      int32(-250),
      int32(5),
      { kind: 'decimal', scale: 2, min: -250n, max: 5n },
    ],
    [
      'decimals in INT64',
      leaf('c', 'INT64', { logical: decimal(18, 4) }),
      int64(-250n),
      int64(5n),
      { kind: 'decimal', scale: 4, min: -250n, max: 5n },
    ],
    [
      'decimals in fixed bytes',
      leaf('c', 'FIXED_LEN_BYTE_ARRAY', { length: 5, logical: decimal(10, 2) }),
      bigEndian(-250n, 5),
      bigEndian(5n, 5),
      { kind: 'decimal', scale: 2, min: -250n, max: 5n },
    ],
    [
      'decimals in bytes',
      leaf('c', 'BYTE_ARRAY', { logical: decimal(20, 2) }),
      bigEndian(-250n, 2),
      bigEndian(5n, 1),
      { kind: 'decimal', scale: 2, min: -250n, max: 5n },
    ],
    ['strings', string, text(''), text('é'), { kind: 'string', min: text(''), max: text('é') }],
    ['booleans', leaf('c', 'BOOLEAN'), Buffer.from([0]), Buffer.from([1]), NONE],
    ['binary', leaf('c', 'BYTE_ARRAY'), text('a'), text('b'), NONE],
    ['INT96', leaf('c', 'INT96'), Buffer.alloc(12), Buffer.alloc(12), NONE],
  ];
  for (const [name, column, min, max, expected] of cases) {
    it(name, () => assert.deepEqual(boundsOf(column, [{ min, max, nullCount: 0 }]), expected));
  }

  it('are none where the bytes cannot be a value of the type', () => {
    const columns: readonly Node[] = [
      leaf('c', 'INT32'),
      leaf('c', 'INT64'),
      leaf('c', 'DOUBLE'),
      leaf('c', 'FIXED_LEN_BYTE_ARRAY', { length: 5, logical: decimal(10, 2) }),
      leaf('c', 'BYTE_ARRAY', { logical: decimal(38, 2) }),
    ];
    const wrong = new Uint8Array(17);
    for (const column of columns) assert.deepEqual(boundsOf(column, [{ min: wrong, max: wrong }]), NONE);
  });

  it('keep decimals exact, whatever their sign and width', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }),
        fc.bigInt({ min: 0n, max: 10n ** 38n }),
        (low, width) => {
          const high = low + width;
          const column = leaf('c', 'FIXED_LEN_BYTE_ARRAY', { length: 17, logical: decimal(38, 10) });
          const bounds = boundsOf(column, [{ min: bigEndian(low, 17), max: bigEndian(high, 17) }]);
          assert.deepEqual(bounds, { kind: 'decimal', scale: 10, min: low, max: high });
        },
      ),
    );
  });
});

describe('bounds of floats', () => {
  const column = leaf('c', 'DOUBLE');
  const chunk = { min: double(1), max: double(2), nullCount: 0 };

  it('have no maximum where the file may have NaN, which is above all numbers to Spark and DuckDB', () => {
    const noMax: ColumnBounds = { kind: 'float', min: 1, max: undefined };
    const both: ColumnBounds = { kind: 'float', min: 1, max: 2 };
    assert.deepEqual(boundsOf(column, [chunk], { createdBy: 'parquet-cpp-arrow version 26.0.1' }), noMax);
    assert.deepEqual(boundsOf(column, [chunk]), noMax);
    assert.deepEqual(boundsOf(column, [{ ...chunk, nanCount: 3 }]), noMax);
    assert.deepEqual(boundsOf(column, [{ ...chunk, nanCount: 0 }]), both);
    assert.deepEqual(boundsOf(column, [chunk], { createdBy: 'parquet-mr version 1.16.0 (build x)' }), both);
    assert.deepEqual(boundsOf(column, [chunk], { createdBy: 'DuckDB version v1.5.5 (build x)' }), both);
  });

  it('are none where one of them is NaN', () => {
    const createdBy = 'parquet-mr version 1.16.0 (build x)';
    for (const nan of [{ min: double(Number.NaN) }, { max: double(Number.NaN) }]) {
      assert.deepEqual(boundsOf(column, [{ ...chunk, ...nan }], { createdBy }), NONE);
      assert.deepEqual(boundsOf(column, [chunk, { ...chunk, ...nan }], { createdBy }), NONE);
    }
  });

  it('take either zero for both', () => {
    for (const [zero, other] of [
      [0, -0],
      [-0, 0],
      [0, 0],
    ]) {
      const bounds = boundsOf(column, [{ min: double(zero ?? 0), max: double(other ?? 0), nanCount: 0 }]);
      assert.deepEqual(bounds, { kind: 'float', min: -0, max: 0 });
    }
  });

  it('are exact for 32 bits', () => {
    const single = leaf('c', 'FLOAT');
    const bounds = boundsOf(single, [{ min: float(0.1), max: float(3e38), nanCount: 0 }]);
    assert.deepEqual(bounds, { kind: 'float', min: Math.fround(0.1), max: Math.fround(3e38) });
  });

  it('may be in total order', () => {
    const order = 2;
    assert.deepEqual(boundsOf(column, [{ ...chunk, nanCount: 0 }], { order }), { kind: 'float', min: 1, max: 2 });
    assert.deepEqual(boundsOf(leaf('c', 'INT32'), [{ min: int32(1), max: int32(2) }], { order }), NONE);
  });
});

describe('which of the bounds in a file are believed', () => {
  const signed = leaf('c', 'INT32');
  const unsigned = leaf('c', 'INT32', { logical: integer(32, false) });
  const fixed = leaf('c', 'FIXED_LEN_BYTE_ARRAY', { length: 4, logical: decimal(9, 0) });
  const known: ColumnBounds = { kind: 'integer', min: 1n, max: 2n };
  const current = { min: int32(1), max: int32(2), nullCount: 0 };
  const old = { oldMin: int32(1), oldMax: int32(2), nullCount: 0 };

  it('the deprecated ones for types in signed order only', () => {
    assert.deepEqual(boundsOf(signed, [old]), known);
    assert.deepEqual(boundsOf(signed, [old], { order: null }), known);
    assert.deepEqual(boundsOf(leaf('c', 'INT32', { logical: decimal(9, 0) }), [old]), {
      kind: 'decimal',
      scale: 0,
      min: 1n,
      max: 2n,
    });
    assert.deepEqual(boundsOf(unsigned, [old]), NONE);
    assert.deepEqual(boundsOf(fixed, [{ oldMin: bigEndian(1n, 4), oldMax: bigEndian(2n, 4) }]), NONE);
    assert.deepEqual(boundsOf(string, [{ oldMin: text('a'), oldMax: text('b') }]), NONE);
  });

  it('the current ones only where the file says how they are ordered', () => {
    assert.deepEqual(boundsOf(signed, [current], { order: null }), NONE);
    assert.deepEqual(boundsOf(signed, [current], { order: 9 }), NONE);
    assert.deepEqual(boundsOf(string, [{ min: text('a'), max: text('b') }], { order: null }), NONE);
  });

  it('the current ones before the deprecated ones', () => {
    assert.deepEqual(boundsOf(signed, [{ ...current, oldMin: int32(0), oldMax: int32(9) }]), known);
  });

  it('inexact ones for strings only: of other types, queries answer MIN and MAX from them', () => {
    assert.deepEqual(boundsOf(signed, [{ ...current, minExact: true, maxExact: true }]), known);
    assert.deepEqual(boundsOf(signed, [{ ...current, minExact: false }]), { kind: 'integer', min: undefined, max: 2n });
    assert.deepEqual(boundsOf(signed, [{ ...current, maxExact: false }]), { kind: 'integer', min: 1n, max: undefined });
    const strings = { min: text('a'), max: text('b'), minExact: false, maxExact: false };
    assert.deepEqual(boundsOf(string, [strings]), { kind: 'string', min: text('a'), max: text('b') });
  });

  it('none where they contradict each other or the null count', () => {
    assert.deepEqual(boundsOf(signed, [{ min: int32(2), max: int32(1), nullCount: 0 }]), NONE);
    assert.deepEqual(boundsOf(signed, [{ ...current, nullCount: 10 }]), NONE);
    assert.deepEqual(boundsOf(signed, [current, { ...current, nullCount: 10 }]), NONE);
    assert.deepEqual(boundsOf(signed, [current, { min: int32(0), max: int32(0), levels: [10, 0] }]), NONE);
  });

  it('none inside of lists and maps', () => {
    const footer = parse({
      columns: [listOf('c', leaf('element', 'INT32'))],
      rowGroups: [{ rowCount: 10, chunks: [{ ...current, numValues: 20 }] }],
    });
    assert.deepEqual(fileStatistics(footer).column(['c']).bounds, NONE);
  });

  it('no old dates of files in the calendar of Spark 2', () => {
    const dates = leaf('c', 'INT32', { logical: LOGICAL.DATE });
    const gregorian = new Date('1582-10-15T00:00:00Z').getTime() / 86_400_000;
    const keyValues = { 'org.apache.spark.sql.parquet.row.metadata': '{}' };
    const chunk = (days: number) => [{ min: int32(days), max: int32(9), nullCount: 0 }];
    const found = (days: number): ColumnBounds => ({ kind: 'date', min: days, max: 9 });
    assert.deepEqual(boundsOf(dates, chunk(gregorian), { keyValues }), found(gregorian));
    assert.deepEqual(boundsOf(dates, chunk(gregorian - 1), { keyValues }), NONE);
    const spark3 = { ...keyValues, 'org.apache.spark.version': '3.5.0' };
    assert.deepEqual(boundsOf(dates, chunk(gregorian - 1), { keyValues: spark3 }), found(gregorian - 1));
    const legacy = { ...spark3, 'org.apache.spark.legacyDateTime': '' };
    assert.deepEqual(boundsOf(dates, chunk(gregorian - 1), { keyValues: legacy }), NONE);

    const timestamps = leaf('c', 'INT64', { logical: timestamp(true, 2) });
    const micros = BigInt(Date.UTC(1900, 0, 1)) * 1000n;
    assert.equal(boundsOf(timestamps, [{ min: int64(micros), max: int64(0n) }], { keyValues }).kind, 'timestamp');
    assert.deepEqual(boundsOf(timestamps, [{ min: int64(micros - 1n), max: int64(0n) }], { keyValues }), NONE);
  });
});

describe('statistics of several row groups', () => {
  const column = leaf('c', 'INT32');
  const chunk = (min: number, max: number, nullCount = 1) => ({ min: int32(min), max: int32(max), nullCount });

  it('are merged in the order of the type', () => {
    assert.deepEqual(statisticsOf(column, [chunk(5, 6), chunk(-1, 2), chunk(3, 9)]), {
      bounds: { kind: 'integer', min: -1n, max: 9n },
      nullCount: 3,
    });
    const unsigned = leaf('c', 'INT32', { logical: integer(32, false) });
    assert.deepEqual(boundsOf(unsigned, [chunk(5, 6), chunk(7, -1)]), {
      kind: 'integer',
      min: 5n,
      max: 4_294_967_295n,
    });
    const strings = [
      { min: text('b'), max: text('\u{10ffff}') },
      { min: text('a'), max: text('\uffff') },
    ];
    assert.deepEqual(boundsOf(string, strings), { kind: 'string', min: text('a'), max: text('\u{10ffff}') });
    const bytes = leaf('c', 'BYTE_ARRAY', { logical: decimal(20, 0) });
    const decimals = [
      { min: bigEndian(-300n, 2), max: bigEndian(-1n, 1) },
      { min: bigEndian(-2n, 1), max: bigEndian(300n, 2) },
    ];
    assert.deepEqual(boundsOf(bytes, decimals), { kind: 'decimal', scale: 0, min: -300n, max: 300n });
  });

  it('are unknown when one row group does not tell', () => {
    assert.deepEqual(statisticsOf(column, [chunk(1, 2), {}]), { bounds: NONE, nullCount: undefined });
    assert.deepEqual(statisticsOf(column, [chunk(1, 2), { nullCount: 3 }]), { bounds: NONE, nullCount: 4 });
    assert.deepEqual(boundsOf(column, [chunk(1, 2), { min: int32(0), nullCount: 3 }]), {
      kind: 'integer',
      min: 0n,
      max: undefined,
    });
  });

  it('need nothing of a row group that is all null, or empty', () => {
    assert.deepEqual(statisticsOf(column, [chunk(1, 2), { nullCount: 10 }, { numValues: 0 }]), {
      bounds: { kind: 'integer', min: 1n, max: 2n },
      nullCount: 11,
    });
    assert.deepEqual(boundsOf(column, [chunk(1, 2), { levels: [10, 0], nanCount: 0 }]), {
      kind: 'integer',
      min: 1n,
      max: 2n,
    });
    assert.deepEqual(statisticsOf(column, [{ nullCount: 10 }]), { bounds: NONE, nullCount: 10 });
    assert.deepEqual(statisticsOf(column, []), { bounds: NONE, nullCount: 0 });
  });

  it('do not count chunks whose values are not the rows', () => {
    const footer = parse({
      columns: [column],
      rowGroups: [{ rowCount: 10, chunks: [{ ...chunk(1, 2), numValues: 9 }] }],
    });
    assert.deepEqual(fileStatistics(footer).column(['c']), { bounds: NONE, nullCount: undefined });
  });

  it('are unknown where their Thrift is not what the format says', () => {
    for (const statistics of [struct({ 3: binary('5') }), struct({ 3: int(-5) }), struct({ 6: int(5) })]) {
      assert.deepEqual(statisticsOf(column, [{ statistics }]), { bounds: NONE, nullCount: undefined });
    }
  });
});

describe('statistics of files that writers wrote', () => {
  type Truth = { readonly [name: string]: Truth | number | string | undefined };
  interface Expected {
    readonly columns: Truth;
    readonly numRecords: number;
  }
  const folder = new URL('../fixtures/parquet/', import.meta.url);
  const read = (name: string) => readFileSync(new URL(name, folder));
  const expected = JSON.parse(read('expected.json').toString()) as Readonly<Record<string, Expected>>;

  /** What each file leaves open: the leaves without that statistic although there is a value for it. */
  const floats = ['f32', 'f64', 'zero', 'nan', 'infinity'];
  const open: Readonly<
    Record<
      string,
      { readonly min: readonly string[]; readonly max: readonly string[]; readonly nullCount: readonly string[] }
    >
  > = {
    'pyarrow.parquet': { min: ['infinity'], max: [...floats, 'far'], nullCount: ['words.w'] },
    'pyarrow-integer-decimals.parquet': { min: [], max: [], nullCount: [] },
    'pyarrow-no-statistics.parquet': {
      min: ['i32', 's', 'st.x', 'st.y', 'st.in.z'],
      max: ['i32', 's', 'st.x', 'st.y', 'st.in.z'],
      nullCount: [],
    },
    'polars.parquet': { min: ['infinity'], max: [...floats, 'far'], nullCount: ['list'] },
    'duckdb.parquet': { min: ['nan', 'infinity'], max: ['nan', 'infinity', 'far'], nullCount: ['list', 'map'] },
    'delta-rs.parquet': { min: ['infinity'], max: [...floats, 'far'], nullCount: [] },
    'fastparquet.parquet': { min: ['u32', 's'], max: ['u32', 'f64', 's'], nullCount: [] },
    'spark.parquet': { min: ['nan', 'infinity'], max: ['nan', 'infinity', 'far'], nullCount: [] },
  };

  /** Numbers as their text, so that nothing is lost on the way. */
  const parseExact = (json: string): unknown =>
    JSON.parse(json, (_name, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? { number: context?.source } : value,
    );

  function at(value: unknown, path: readonly string[]): unknown {
    return path.reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], value);
  }

  function checkBound(side: 'min' | 'max', got: unknown, truth: string, where: string): void {
    const exact = (got as { readonly number?: string }).number;
    if (exact !== undefined) {
      // Floats may be written in another way; everything else has one text.
      if (/[.e]/.test(exact) && Number(exact) === Number(truth)) return;
      assert.equal(exact, truth, where);
    } else if (/^\d{4}-/.test(truth)) {
      assert.equal((got as string).replace('Z', ''), truth, where);
    } else {
      const order = Buffer.compare(Buffer.from(got as string), Buffer.from(truth));
      assert.ok(side === 'min' ? order <= 0 : order >= 0, where);
      assert.ok([...(got as string)].length <= (side === 'min' ? 32 : 65), where);
    }
  }

  for (const [name, { columns, numRecords }] of Object.entries(expected)) {
    it(`${name}: what is there is true, and what is open is known`, () => {
      const footer = parseFooter(read(name));
      const configuration = { 'delta.dataSkippingNumIndexedCols': '-1' };
      const json = statsJson(fileStatistics(footer), {
        schema: deltaSchema(footer),
        partitionColumns: [],
        configuration,
      });
      const stats = parseExact(json) as Record<string, unknown>;
      const missing = { min: [] as string[], max: [] as string[], nullCount: [] as string[] };

      const check = (truth: Truth, path: readonly string[]): void => {
        if (truth.nullCount === undefined || typeof truth.nullCount === 'object') {
          for (const [field, inner] of Object.entries(truth)) check(inner as Truth, [...path, field]);
          return;
        }
        const where = `${name} ${path.join('.')}`;
        const nulls = at(stats.nullCount, path) as { readonly number: string } | undefined;
        if (nulls === undefined) missing.nullCount.push(path.join('.'));
        else assert.equal(nulls.number, String(truth.nullCount), where);
        for (const side of ['min', 'max'] as const) {
          const got = at(stats[`${side}Values`], path);
          const bound = truth[side];
          if (got === undefined && bound !== undefined) missing[side].push(path.join('.'));
          else if (got !== undefined) checkBound(side, got, bound as string, where);
        }
      };
      check(columns, []);
      assert.deepEqual((stats.numRecords as { readonly number: string }).number, String(numRecords));
      assert.deepEqual(missing, open[name]);
    });
  }

  it('equal those that Spark itself gave the file, but for NaN and the infinities', () => {
    const footer = parseFooter(read('spark.parquet'));
    const ours = JSON.parse(
      statsJson(fileStatistics(footer), { schema: deltaSchema(footer), partitionColumns: [], configuration: {} }),
    );
    const theirs = JSON.parse(read('spark-stats.json').toString());
    for (const side of ['minValues', 'maxValues']) {
      for (const name of ['nan', 'infinity']) delete theirs[side][name];
    }
    theirs.minValues.zero = -0;
    assert.deepEqual(ours, theirs);
    assert.deepEqual(Object.keys(ours.minValues), Object.keys(theirs.minValues));
  });

  it('have no bounds for INT96, and none for dates of the old calendar', () => {
    const int96 = fileStatistics(parseFooter(read('spark-int96.parquet')));
    assert.deepEqual(int96.column(['ts']), { bounds: NONE, nullCount: 1 });
    const legacy = fileStatistics(parseFooter(read('spark-legacy-dates.parquet')));
    assert.deepEqual(legacy.column(['date']), { bounds: NONE, nullCount: 1 });
    assert.equal(legacy.column(['ts']).bounds.kind, 'timestamp');
  });
});
