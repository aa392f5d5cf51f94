import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type DataType, type StructType, typeName } from '../../src/delta/schema.ts';
import { isParquetError } from '../../src/parquet/errors.ts';
import { type Footer, parseFooter } from '../../src/parquet/footer.ts';
import { type DeltaSchemaOptions, deltaSchema, fileColumns } from '../../src/parquet/schema.ts';
import {
  type ChunkOptions,
  CONVERTED,
  footerBytes,
  group,
  LOGICAL,
  leaf,
  listOf,
  mapOf,
  type Node,
  parquetFile,
} from './footer-builder.ts';

const { decimal, integer, timestamp } = LOGICAL;
const MS = 1;
const US = 2;
const NS = 3;
const REQUIRED = { repetition: 'required' } as const;
const REPEATED = { repetition: 'repeated' } as const;
const string = (name: string) => leaf(name, 'BYTE_ARRAY', { logical: LOGICAL.STRING });
const fixed = (length: number, options = {}) => leaf('c', 'FIXED_LEN_BYTE_ARRAY', { length, ...options });

function footerOf(column: Node, keyValues: Readonly<Record<string, string>> = {}): Footer {
  return parseFooter(parquetFile(footerBytes({ columns: [column], keyValues })));
}

/** The Delta type of the only column, as text; or the reason why it has none. */
function typeOf(column: Node, options: DeltaSchemaOptions = {}, keyValues = {}): string {
  const { schema, unsupported } = fileColumns(footerOf(column, keyValues), options);
  const [field] = schema.fields;
  return field === undefined ? `refused: ${unsupported[0]?.reason}` : typeName(field.type);
}

function tableWith(type: DataType): DeltaSchemaOptions {
  return { table: { type: 'struct', fields: [{ name: 'c', type, nullable: true, metadata: {} }] } };
}

describe('deltaSchema, leaf types', () => {
  const declared: readonly [Node, string][] = [
    [leaf('c', 'BOOLEAN'), 'boolean'],
    [leaf('c', 'INT32'), 'integer'],
    [leaf('c', 'INT64'), 'long'],
    [leaf('c', 'FLOAT'), 'float'],
    [leaf('c', 'DOUBLE'), 'double'],
    [leaf('c', 'BYTE_ARRAY'), 'binary'],
    [fixed(5), 'binary'],
    [leaf('c', 'INT32', { logical: integer(8, true) }), 'byte'],
    [leaf('c', 'INT32', { logical: integer(16, true) }), 'short'],
    [leaf('c', 'INT32', { logical: integer(32, true) }), 'integer'],
    [leaf('c', 'INT64', { logical: integer(64, true) }), 'long'],
    [leaf('c', 'INT32', { logical: integer(8, false) }), 'short'],
    [leaf('c', 'INT32', { logical: integer(16, false) }), 'integer'],
    [leaf('c', 'INT32', { logical: integer(32, false) }), 'long'],
    [leaf('c', 'INT64', { logical: integer(64, false) }), 'decimal(20,0)'],
    [leaf('c', 'INT32', { converted: CONVERTED.INT_16 }), 'short'],
    [leaf('c', 'INT32', { converted: CONVERTED.UINT_8 }), 'short'],
    [leaf('c', 'INT32', { converted: CONVERTED.UINT_32 }), 'long'],
    [leaf('c', 'INT64', { converted: CONVERTED.UINT_64 }), 'decimal(20,0)'],
    [string('c'), 'string'],
    [leaf('c', 'BYTE_ARRAY', { converted: CONVERTED.UTF8 }), 'string'],
    [leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.ENUM }), 'string'],
    [leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.JSON }), 'string'],
    [fixed(16, { logical: LOGICAL.UUID }), 'binary'],
    [leaf('c', 'INT32', { logical: LOGICAL.DATE }), 'date'],
    [leaf('c', 'INT32', { converted: CONVERTED.DATE }), 'date'],
    [leaf('c', 'INT64', { logical: timestamp(true, US) }), 'timestamp'],
    [leaf('c', 'INT64', { logical: timestamp(false, US) }), 'timestamp_ntz'],
    [leaf('c', 'INT64', { logical: timestamp(true, MS) }), 'timestamp'],
    [leaf('c', 'INT64', { logical: timestamp(false, MS) }), 'timestamp_ntz'],
    [leaf('c', 'INT64', { converted: CONVERTED.TIMESTAMP_MICROS }), 'timestamp'],
    [leaf('c', 'INT64', { converted: CONVERTED.TIMESTAMP_MILLIS }), 'timestamp'],
    [leaf('c', 'INT32', { logical: decimal(9, 2) }), 'decimal(9,2)'],
    [leaf('c', 'INT64', { logical: decimal(18, 0) }), 'decimal(18,0)'],
    [fixed(4, { logical: decimal(9, 9) }), 'decimal(9,9)'],
    [fixed(16, { logical: decimal(38, 10) }), 'decimal(38,10)'],
    [fixed(16, { logical: decimal(5, 1) }), 'decimal(5,1)'],
    [leaf('c', 'BYTE_ARRAY', { logical: decimal(19, 2) }), 'decimal(19,2)'],
    [leaf('c', 'INT32', { converted: CONVERTED.DECIMAL, precision: 7, scale: 3 }), 'decimal(7,3)'],
  ];
  for (const [column, type] of declared) {
    const [only] = fileColumns(footerOf(column)).schema.fields;
    it(`declares ${type} (case ${declared.findIndex(([other]) => other === column)})`, () => {
      assert.deepEqual(only, { name: 'c', type, nullable: true, metadata: {} });
    });
  }

  it('lets the newer logical type win over the converted type', () => {
    const column = leaf('c', 'INT64', { logical: timestamp(false, US), converted: CONVERTED.TIMESTAMP_MICROS });
    assert.equal(typeOf(column), 'timestamp_ntz');
  });

  const refused: readonly [string, Node, RegExp][] = [
    ['nanoseconds', leaf('c', 'INT64', { logical: timestamp(true, NS) }), /nanoseconds/],
    ['nanoseconds without a zone', leaf('c', 'INT64', { logical: timestamp(false, NS) }), /nanoseconds/],
    ['a unit to come', leaf('c', 'INT64', { logical: timestamp(true, 4) }), /unit/],
    ['a time of day', leaf('c', 'INT64', { logical: LOGICAL.TIME_MICROS }), /time of day/],
    ['an old time of day', leaf('c', 'INT32', { converted: CONVERTED.TIME_MILLIS }), /time of day/],
    ['INTERVAL', fixed(12, { converted: CONVERTED.INTERVAL }), /delta-rs/],
    ['FLOAT16', fixed(2, { logical: LOGICAL.FLOAT16 }), /half-precision/],
    ['BSON', leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.BSON }), /DuckDB/],
    ['only nulls', leaf('c', 'INT32', { logical: LOGICAL.NULL }), /only nulls/],
    ['GEOMETRY', leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.GEOMETRY }), /Delta has no type/],
    ['GEOGRAPHY', leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.GEOGRAPHY }), /Delta has no type/],
    ['a logical type to come', leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.FILE }), /not known/],
    ['a converted type that is none', leaf('c', 'BYTE_ARRAY', { converted: 99 }), /not known/],
    ['short decimals in BYTE_ARRAY', leaf('c', 'BYTE_ARRAY', { logical: decimal(18, 2) }), /Spark/],
    ['decimals of 39 digits', fixed(17, { logical: decimal(39, 2) }), /38 digits/],
    ['decimals too long for INT32', leaf('c', 'INT32', { logical: decimal(10, 2) }), /does not allow/],
    ['decimals too long for their bytes', fixed(4, { logical: decimal(10, 2) }), /does not allow/],
    ['decimals with more scale than digits', leaf('c', 'INT32', { logical: decimal(2, 3) }), /does not allow/],
    ['decimals of doubles', leaf('c', 'DOUBLE', { logical: decimal(2, 1) }), /does not allow/],
    ['strings in INT32', leaf('c', 'INT32', { logical: LOGICAL.STRING }), /does not allow/],
    ['8 bits in INT64', leaf('c', 'INT64', { logical: integer(8, true) }), /does not allow/],
    ['7 bits', leaf('c', 'INT32', { logical: integer(7, true) }), /does not allow/],
    ['dates in INT64', leaf('c', 'INT64', { logical: LOGICAL.DATE }), /does not allow/],
    ['a UUID of 15 bytes', fixed(15, { logical: LOGICAL.UUID }), /does not allow/],
    ['a repeated column', leaf('c', 'INT32', REPEATED), /outside of a LIST/],
  ];
  for (const [name, column, reason] of refused) {
    it(`refuses ${name}, and says why`, () => {
      assert.throws(
        () => deltaSchema(footerOf(column)),
        (error) => isParquetError(error, 'UNSUPPORTED_TYPE') && reason.test(error.message) && error.data.column === 'c',
      );
    });
  }

  it('takes INT96 as a timestamp where Spark wrote it, or where it is told to', () => {
    const spark = { 'org.apache.spark.version': '4.1.1', 'org.apache.spark.sql.parquet.row.metadata': '{}' };
    const column = leaf('c', 'INT96');
    assert.match(typeOf(column), /refused: an INT96/);
    assert.equal(typeOf(column, {}, spark), 'timestamp');
    assert.equal(typeOf(column, { int96: 'always' }), 'timestamp');
    assert.match(typeOf(column, { int96: 'never' }, spark), /refused/);
  });

  it('refuses encodings and codecs that not all readers know', () => {
    const withChunk = (chunk: ChunkOptions) =>
      parseFooter(
        parquetFile(footerBytes({ columns: [leaf('c', 'DOUBLE')], rowGroups: [{ rowCount: 1, chunks: [chunk] }] })),
      );
    const cases: readonly [ChunkOptions, RegExp][] = [
      [{ encodings: [0, 3, 9] }, /BYTE_STREAM_SPLIT/],
      [{ encodings: [12] }, /number 12/],
      [{ codec: 4 }, /BROTLI/],
      [{ codec: 5 }, /LZ4/],
      [{ codec: 9 }, /codec 9/],
    ];
    for (const [chunk, reason] of cases) {
      assert.throws(
        () => deltaSchema(withChunk(chunk)),
        (error) => isParquetError(error, 'UNSUPPORTED_ENCODING') && reason.test(error.message),
      );
    }
    for (const codec of [0, 1, 2, 6, 7]) assert.equal(deltaSchema(withChunk({ codec })).fields.length, 1);
  });
});

describe('deltaSchema, nested types', () => {
  const a = leaf('a', 'INT32');
  const b = string('b');
  const key = leaf('key', 'BYTE_ARRAY', { ...REQUIRED, logical: LOGICAL.STRING });
  const value = leaf('value', 'INT64');
  const list = (children: readonly Node[]) => group('c', children, { logical: LOGICAL.LIST });
  const map = (entries: readonly Node[], name = 'key_value') =>
    group('c', [group(name, entries, REPEATED)], { logical: LOGICAL.MAP });

  const declared: readonly [string, Node, string][] = [
    ['a struct', group('c', [a, b]), 'struct<a: integer, b: string>'],
    ['a struct in a struct', group('c', [group('s', [a]), b], REQUIRED), 'struct<s: struct<a: integer>, b: string>'],
    ['a list', listOf('c', leaf('element', 'INT32')), 'array<integer>'],
    ['a list of required elements', listOf('c', leaf('element', 'INT32', REQUIRED)), 'array<integer>'],
    ['a list with any name of its elements', listOf('c', leaf('item', 'INT32')), 'array<integer>'],
    [
      'a list by converted type',
      group('c', [group('list', [a], REPEATED)], { converted: CONVERTED.LIST }),
      'array<integer>',
    ],
    ['a list of lists', listOf('c', listOf('element', leaf('element', 'INT64'))), 'array<array<long>>'],
    ['a list of structs', listOf('c', group('element', [a, b])), 'array<struct<a: integer, b: string>>'],
    ['a map', mapOf('c', key, value), 'map<string, long>'],
    [
      'a map by converted type',
      group('c', [group('map', [key, value], REPEATED)], { converted: CONVERTED.MAP }),
      'map<string, long>',
    ],
    [
      'the entries annotated as in old files',
      group('c', [group('map', [key, value], { ...REPEATED, converted: CONVERTED.MAP_KEY_VALUE })], {
        converted: CONVERTED.MAP,
      }),
      'map<string, long>',
    ],
    ['a map of lists', mapOf('c', key, listOf('value', a)), 'map<string, array<integer>>'],
  ];
  for (const [name, column, type] of declared) {
    it(`declares ${name}`, () => assert.equal(typeOf(column), type));
  }

  it('declares everything nullable, whether or not the file requires it', () => {
    const required = leaf('element', 'INT32', REQUIRED);
    const column = group(
      'c',
      [listOf('l', required), mapOf('m', key, leaf('value', 'INT32', REQUIRED)), group('s', [a], REQUIRED)],
      REQUIRED,
    );
    const json = JSON.stringify(deltaSchema(footerOf(column)));
    assert.doesNotMatch(json, /"(nullable|containsNull|valueContainsNull)":false/);
  });

  const refused: readonly [string, Node, RegExp][] = [
    ['a list of two levels', list([leaf('element', 'INT32', REPEATED)]), /two levels/],
    ['a list of two levels with structs', list([group('element', [a, b], REPEATED)]), /two levels/],
    ['a list of two levels with lists', list([group('list', [leaf('x', 'INT32', REPEATED)], REPEATED)]), /two levels/],
    ['a list whose repeated group has another name', listOf('c', a, 'bag'), /"bag"/],
    ['a list of one struct as Avro writes it', listOf('c', a, 'array'), /"array"/],
    ['a list that does not repeat', list([a]), /exactly one field/],
    ['a list with two fields', list([leaf('x', 'INT32', REPEATED), a]), /exactly one field/],
    ['a repeated group', group('c', [a], REPEATED), /outside of a LIST/],
    [
      'a map annotated as its entries',
      group('c', [group('map', [key, value], REPEATED)], { converted: CONVERTED.MAP_KEY_VALUE }),
      /MAP_KEY_VALUE/,
    ],
    ['a map of keys alone', map([key]), /without values/],
    ['a map with other names', map([leaf('k', 'INT32', REQUIRED), leaf('v', 'INT32')]), /"k" and "v"/],
    ['a map with keys that may be null', map([string('key'), value]), /not required/],
    ['a map with three fields', map([key, value, a]), /a key and a value/],
    ['a map that does not repeat', group('c', [key, value], { logical: LOGICAL.MAP }), /group that repeats/],
    ['a map with repeated values', map([key, leaf('value', 'INT32', REPEATED)]), /outside of a LIST/],
    [
      'a variant',
      group('c', [leaf('metadata', 'BYTE_ARRAY'), leaf('value', 'BYTE_ARRAY')], { logical: LOGICAL.VARIANT }),
      /variants/,
    ],
    [
      'a struct that looks like a variant',
      group('c', [leaf('metadata', 'BYTE_ARRAY'), leaf('value', 'BYTE_ARRAY')]),
      /variant/,
    ],
    ['a group type to come', group('c', [a], { logical: LOGICAL.FILE }), /no reader/],
    ['a struct without fields', group('c', []), /without fields/],
  ];
  for (const [name, column, reason] of refused) {
    it(`refuses ${name}`, () => assert.match(typeOf(column), reason));
  }

  it('names every column at fault, with its path and type', () => {
    const column = group('c', [
      a,
      listOf('l', leaf('element', 'INT64', { logical: timestamp(true, NS) })),
      fixed(2, { logical: LOGICAL.FLOAT16 }),
    ]);
    assert.throws(
      () => deltaSchema(footerOf(column)),
      (error) => {
        assert.ok(isParquetError(error, 'UNSUPPORTED_TYPE'));
        assert.equal(error.data.column, 'c.l.list.element');
        assert.match(
          error.message,
          /"c\.l\.list\.element" is of type INT64 TIMESTAMP\(isAdjustedToUTC=true, unit=NANOS\): /,
        );
        assert.match(error.message, /"c\.c" is of type FIXED_LEN_BYTE_ARRAY\(2\) FLOAT16: /);
        return true;
      },
    );
  });

  it('refuses a file without columns', () => {
    const footer = parseFooter(parquetFile(footerBytes({ columns: [] })));
    assert.throws(
      () => deltaSchema(footer),
      (error) => isParquetError(error, 'UNSUPPORTED_TYPE'),
    );
  });
});

describe('fileColumns', () => {
  it('leaves out the columns at fault, and says which other columns can be read beside them', () => {
    const columns = [
      leaf('good', 'INT32'),
      leaf('ns', 'INT64', { logical: timestamp(true, NS) }),
      leaf('bson', 'BYTE_ARRAY', { logical: LOGICAL.BSON }),
    ];
    const { schema, unsupported } = fileColumns(parseFooter(parquetFile(footerBytes({ columns }))));
    assert.equal(typeName(schema), 'struct<good: integer>');
    assert.deepEqual(
      unsupported.map(({ column, breaksFile }) => [column, breaksFile]),
      [
        ['ns', false],
        ['bson', true],
      ],
    );
  });

  it('takes names as they are, which is for the table to judge', () => {
    const columns = [leaf('a b', 'INT32'), leaf('a.b', 'INT32'), leaf('A.B', 'INT32'), leaf('日本', 'INT32')];
    const { schema } = fileColumns(parseFooter(parquetFile(footerBytes({ columns }))));
    assert.deepEqual(
      schema.fields.map(({ name }) => name),
      ['a b', 'a.b', 'A.B', '日本'],
    );
  });
});

describe('deltaSchema for a table that has the column', () => {
  const INT32 = leaf('c', 'INT32');
  const UINT8 = leaf('c', 'INT32', { logical: integer(8, false) });
  const UINT16 = leaf('c', 'INT32', { logical: integer(16, false) });
  const UINT32 = leaf('c', 'INT32', { logical: integer(32, false) });
  const INT64 = leaf('c', 'INT64');
  const NULLS = leaf('c', 'INT32', { logical: LOGICAL.NULL });
  const BYTES_DECIMAL = leaf('c', 'BYTE_ARRAY', { logical: decimal(9, 2) });
  const cases: readonly [Node, DataType, string][] = [
    [INT32, 'long', 'long'],
    [INT32, 'double', 'integer'],
    [INT32, 'decimal(10,0)', 'decimal(10,0)'],
    [INT32, 'decimal(9,0)', 'integer'],
    [INT32, 'decimal(12,2)', 'integer'],
    [INT32, 'short', 'integer'],
    [INT32, 'date', 'integer'],
    [INT64, 'decimal(20,0)', 'decimal(20,0)'],
    [INT64, 'decimal(19,0)', 'long'],
    [INT64, 'double', 'long'],
    [UINT8, 'long', 'long'],
    [UINT8, 'double', 'short'],
    [UINT16, 'double', 'integer'],
    [UINT32, 'integer', 'long'],
    [UINT32, 'double', 'long'],
    [UINT32, 'decimal(20,0)', 'long'],
    [leaf('c', 'FLOAT'), 'double', 'float'],
    [leaf('c', 'DOUBLE'), 'float', 'double'],
    [leaf('c', 'INT32', { logical: LOGICAL.DATE }), 'timestamp_ntz', 'date'],
    [leaf('c', 'INT32', { logical: LOGICAL.DATE }), 'timestamp', 'date'],
    [leaf('c', 'INT64', { logical: timestamp(false, US) }), 'timestamp', 'timestamp_ntz'],
    [leaf('c', 'INT32', { logical: decimal(5, 2) }), 'decimal(7,2)', 'decimal(7,2)'],
    [leaf('c', 'INT32', { logical: decimal(5, 2) }), 'decimal(7,4)', 'decimal(5,2)'],
    [leaf('c', 'INT32', { logical: decimal(5, 2) }), 'decimal(10,2)', 'decimal(5,2)'],
    [leaf('c', 'INT32', { logical: decimal(5, 2) }), 'double', 'decimal(5,2)'],
    [fixed(16, { logical: decimal(5, 2) }), 'decimal(38,2)', 'decimal(38,2)'],
    [fixed(4, { logical: decimal(5, 2) }), 'decimal(10,2)', 'decimal(5,2)'],
    [BYTES_DECIMAL, 'decimal(19,2)', 'decimal(19,2)'],
    [leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.JSON }), 'binary', 'binary'],
    [string('c'), 'binary', 'string'],
    [NULLS, 'double', 'double'],
    [NULLS, 'date', 'date'],
    [leaf('c', 'BYTE_ARRAY', { logical: LOGICAL.NULL }), 'string', 'string'],
  ];
  for (const [column, type, expected] of cases) {
    it(`reads as ${expected} under ${typeName(type)} (case ${cases.findIndex(([c, t]) => c === column && t === type)})`, () => {
      assert.equal(typeOf(column, tableWith(type)), expected);
    });
  }

  it('refuses what is not readable as the type of the table either', () => {
    assert.match(typeOf(NULLS, tableWith('string')), /refused/);
    assert.match(typeOf(BYTES_DECIMAL, tableWith('decimal(18,2)')), /refused/);
  });

  it('follows the table into structs, lists and maps', () => {
    const element = group('element', [leaf('x', 'INT32'), leaf('new', 'INT32')]);
    const column = group('c', [
      listOf('l', element),
      mapOf('m', leaf('key', 'INT32', REQUIRED), leaf('value', 'FLOAT')),
    ]);
    const field = (name: string, type: DataType) => ({ name, type, nullable: true, metadata: {} });
    const struct: StructType = { type: 'struct', fields: [field('x', 'long')] };
    const table: StructType = {
      type: 'struct',
      fields: [
        field('m', { type: 'map', keyType: 'long', valueType: 'double', valueContainsNull: true }),
        field('l', { type: 'array', elementType: struct, containsNull: true }),
      ],
    };
    assert.equal(
      typeOf(column, tableWith(table)),
      'struct<l: array<struct<x: long, new: integer>>, m: map<long, float>>',
    );
  });
});

describe('deltaSchema of files that writers wrote', () => {
  const schemaOf = (name: string) =>
    deltaSchema(parseFooter(readFileSync(new URL(`../fixtures/parquet/${name}`, import.meta.url))));
  const same =
    'i8: byte, i16: short, i32: integer, i64: long, u8: short, u16: integer, u32: long, u64: decimal(20,0), f32: float, f64: double, ' +
    'zero: double, nan: double, infinity: double, d9: decimal(9,2), d18: decimal(18,4), d38: decimal(38,10), s: string, long: string, ' +
    'far: string, bytes: binary, flag: boolean, date: date, ts: timestamp, ntz: timestamp_ntz, ms: timestamp, nulls: string, half: long, ' +
    'st: struct<x: long, y: string, in: struct<z: date>>, words: struct<w: string>, list: array<long>, map: map<string, long>';
  const without = (...names: readonly string[]) =>
    same
      .split(/, (?=\w+: )/)
      .join(', ')
      .replace(new RegExp(`(^|, )(${names.join('|')}): ([a-z_]+(\\(\\d+,\\d+\\))?(<[^>]*>)?)`, 'g'), '')
      .replace(/^, /, '');
  const cases: Readonly<Record<string, string>> = {
    'pyarrow.parquet': same,
    'duckdb.parquet': same,
    'polars.parquet': without('words', 'map'),
    'delta-rs.parquet': without('u8', 'u16', 'u32', 'u64', 'words'),
    'spark.parquet': without('u8', 'u16', 'u32', 'u64', 'ms', 'words'),
    'spark-int96.parquet': 'i32: integer, ts: timestamp',
    'fastparquet.parquet': 'i32: integer, i64: long, u32: long, f64: double, s: string, ntz: timestamp_ntz',
    'pandas.parquet': 'i64: double, s: string, f64: double',
  };
  for (const [name, fields] of Object.entries(cases)) {
    it(name, () => assert.equal(typeName(schemaOf(name)), `struct<${fields}>`));
  }
});
