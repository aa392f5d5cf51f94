/**
 * Parquet types as they come from other writers, what a table declares for them, and what is refused. `docs/types.md`
 * tells users about it; `test/interop/types.test.ts` holds it against the readers.
 */
import type { DataType, StructField } from '../../../src/delta/schema.ts';
import type { Value } from './engines.ts';

/** Values for parquet-java: numbers, text, bytes in hexadecimal, groups, lists for repeated fields; see `write_exact`. */
export type RawValue = number | string | boolean | { readonly [name: string]: RawValue | readonly RawValue[] } | null;

export interface ReadableCase {
  /** Name of the column. */
  readonly name: string;
  /** The column in the language of Parquet's schemas, with `NAME` for its name. */
  readonly field: string;
  readonly type: DataType;
  /** What is written, and what every reader is to give for it. */
  readonly values: readonly (readonly [RawValue, Value])[];
}

export interface RefusedCase {
  readonly name: string;
  readonly field: string;
  readonly value: RawValue;
  readonly reason: 'UNSUPPORTED_TYPE';
}

/** What a file brings into a table that does not have the column yet. */
export const newColumns: readonly ReadableCase[] = [
  ...integers('int8', 'int32 NAME (INTEGER(8,true))', 'byte', ['-128', '127']),
  ...integers('int16', 'int32 NAME (INTEGER(16,true))', 'short', ['-32768', '32767']),
  ...integers('int32', 'int32 NAME', 'integer', ['-2147483648', '2147483647']),
  ...integers('int32_annotated', 'int32 NAME (INTEGER(32,true))', 'integer', ['-1', '7']),
  ...integers('int64', 'int64 NAME', 'long', ['-9223372036854775808', '9007199254740993']),
  ...integers('int64_annotated', 'int64 NAME (INTEGER(64,true))', 'long', ['-1', '7']),
  ...integers('uint8', 'int32 NAME (INTEGER(8,false))', 'short', ['200', '255']),
  ...integers('uint16', 'int32 NAME (INTEGER(16,false))', 'integer', ['60000', '65535']),
  ...integers('uint32', 'int32 NAME (INTEGER(32,false))', 'long', ['4000000000', '4294967295']),
  ...integers('uint64', 'int64 NAME (INTEGER(64,false))', 'decimal(20,0)', [
    '9223372036854775808',
    '18446744073709551615',
  ]),
  column('boolean', 'boolean NAME', 'boolean', [true, 'true'], [false, 'false']),
  column('float', 'float NAME', 'float', ['0.1', '0.10000000149011612'], ['-0.0', '-0.0'], ['nan', 'nan']),
  column('double', 'double NAME', 'double', ['1e300', '1e+300'], ['-inf', '-inf'], ['-0.0', '-0.0']),
  column('date', 'int32 NAME (DATE)', 'date', [19792, '2024-03-10'], [-1, '1969-12-31'], [-171664, '1500-01-01']),
  column(
    'timestamp_millis',
    'int64 NAME (TIMESTAMP(MILLIS,true))',
    'timestamp',
    [1710074096789, '2024-03-10 12:34:56.789000'],
    [-1, '1969-12-31 23:59:59.999000'],
  ),
  column(
    'timestamp_micros',
    'int64 NAME (TIMESTAMP(MICROS,true))',
    'timestamp',
    ['1710074096789123', '2024-03-10 12:34:56.789123'],
    ['-14831769600000000', '1500-01-01 00:00:00.000000'],
    ['253402300799999999', '9999-12-31 23:59:59.999999'],
  ),
  column(
    'local_millis',
    'int64 NAME (TIMESTAMP(MILLIS,false))',
    'timestamp_ntz',
    [1710074096789, '2024-03-10 12:34:56.789000'],
    [-1, '1969-12-31 23:59:59.999000'],
  ),
  column(
    'local_micros',
    'int64 NAME (TIMESTAMP(MICROS,false))',
    'timestamp_ntz',
    ['1710074096789123', '2024-03-10 12:34:56.789123'],
    ['-1', '1969-12-31 23:59:59.999999'],
  ),
  column('decimal_int32', 'int32 NAME (DECIMAL(9,2))', 'decimal(9,2)', [1250, '12.5'], [-1, '-0.01']),
  column('decimal_int64', 'int64 NAME (DECIMAL(18,4))', 'decimal(18,4)', ['123456789012345678', '12345678901234.5678']),
  column('decimal_fixed', 'fixed_len_byte_array(16) NAME (DECIMAL(38,10))', 'decimal(38,10)', [
    { hex: 'ffffffffffffffffffffffffffffffff' },
    '-0.0000000001',
  ]),
  column('decimal_fixed_wide', 'fixed_len_byte_array(16) NAME (DECIMAL(9,2))', 'decimal(9,2)', [
    { hex: '000000000000000000000000000004e2' },
    '12.5',
  ]),
  column(
    'decimal_bytes',
    'binary NAME (DECIMAL(20,2))',
    'decimal(20,2)',
    [{ hex: '04e2' }, '12.5'],
    [{ hex: 'ff' }, '-0.01'],
  ),
  column('string', 'binary NAME (STRING)', 'string', ['é日本😀', 'é日本😀'], ['', ''], ['a\'b"c\\d\n', 'a\'b"c\\d\n']),
  column('enum', 'binary NAME (ENUM)', 'string', ['GREEN', 'GREEN']),
  column('json', 'binary NAME (JSON)', 'string', ['{"a": 1}', '{"a": 1}']),
  column('binary', 'binary NAME', 'binary', [{ hex: 'ff00fe' }, '0xff00fe'], [{ hex: '' }, '0x']),
  column('fixed_binary', 'fixed_len_byte_array(4) NAME', 'binary', [{ hex: '0001fffe' }, '0x0001fffe']),
  column('uuid', 'fixed_len_byte_array(16) NAME (UUID)', 'binary', [
    { hex: '00112233445566778899aabbccddeeff' },
    '0x00112233445566778899aabbccddeeff',
  ]),
  ...['element', 'item', 'array_element'].map((element) =>
    column(
      `list_${element}`,
      `group NAME (LIST) { repeated group list { optional int32 ${element}; } }`,
      arrayOf('integer'),
      [{ list: [{ [element]: 1 }, {}] }, ['1', null]],
      [{ list: [] }, []],
    ),
  ),
  column(
    'list_of_required',
    'group NAME (LIST) { repeated group list { required int64 element (TIMESTAMP(MILLIS,true)); } }',
    arrayOf('timestamp'),
    [{ list: [{ element: 0 }] }, ['1970-01-01 00:00:00.000000']],
  ),
  column(
    'list_of_structs',
    'group NAME (LIST) { repeated group list { optional group element { optional int32 a; optional binary b (STRING); } } }',
    arrayOf(struct({ a: 'integer', b: 'string' })),
    [{ list: [{ element: { a: 1, b: 'x' } }, {}] }, [{ a: '1', b: 'x' }, null]],
  ),
  column(
    'list_of_lists',
    'group NAME (LIST) { repeated group list { optional group element (LIST) { repeated group list { optional int32 element; } } } }',
    arrayOf(arrayOf('integer')),
    [{ list: [{ element: { list: [{ element: 1 }] } }, {}] }, [['1'], null]],
  ),
  ...['key_value', 'map', 'entries'].map((entries) =>
    column(
      `map_${entries}`,
      `group NAME (MAP) { repeated group ${entries} { required binary key (STRING); optional int32 value; } }`,
      mapOf('string', 'integer'),
      [
        { [entries]: [{ key: 'k', value: 1 }, { key: 'l' }] },
        [
          ['k', '1'],
          ['l', null],
        ],
      ],
      [{ [entries]: [] }, []],
    ),
  ),
  column(
    'map_of_lists',
    'group NAME (MAP) { repeated group key_value { required int64 key; optional group value (LIST) { repeated group list { optional int32 element; } } } }',
    mapOf('long', arrayOf('integer')),
    [{ key_value: [{ key: 7, value: { list: [{ element: 1 }, {}] } }] }, [['7', ['1', null]]]],
  ),
  column(
    'struct',
    'group NAME { optional group inner { required int32 a; optional binary b (STRING); } optional int64 c; }',
    struct({ inner: struct({ a: 'integer', b: 'string' }), c: 'long' }),
    [{ inner: { a: 1, b: 'x' } }, { inner: { a: '1', b: 'x' }, c: null }],
    [{ c: 2 }, { inner: null, c: '2' }],
    [{}, { inner: null, c: null }],
  ),
];

/** What a file may have under a column that the table has with another, wider type. */
export const widerColumns: readonly ReadableCase[] = [
  ...integers('int8_short', 'int32 NAME (INTEGER(8,true))', 'short', ['-128', '127']),
  ...integers('int8_integer', 'int32 NAME (INTEGER(8,true))', 'integer', ['-128', '127']),
  ...integers('int8_long', 'int32 NAME (INTEGER(8,true))', 'long', ['-128', '127']),
  ...integers('int16_integer', 'int32 NAME (INTEGER(16,true))', 'integer', ['-32768', '32767']),
  ...integers('int16_long', 'int32 NAME (INTEGER(16,true))', 'long', ['-32768', '32767']),
  ...integers('int32_long', 'int32 NAME', 'long', ['-2147483648', '2147483647']),
  ...integers('int32_decimal', 'int32 NAME', 'decimal(10,0)', ['-2147483648', '2147483647']),
  ...integers('int64_decimal', 'int64 NAME', 'decimal(20,0)', ['-9223372036854775808', '9223372036854775807']),
  ...integers('uint8_integer', 'int32 NAME (INTEGER(8,false))', 'integer', ['200', '255']),
  ...integers('uint8_long', 'int32 NAME (INTEGER(8,false))', 'long', ['200', '255']),
  ...integers('uint16_long', 'int32 NAME (INTEGER(16,false))', 'long', ['60000', '65535']),
  column('decimal_int32', 'int32 NAME (DECIMAL(5,2))', 'decimal(9,2)', [1250, '12.5'], [-1, '-0.01']),
  column('decimal_int64', 'int64 NAME (DECIMAL(10,2))', 'decimal(18,2)', ['9999999999', '99999999.99']),
  column('decimal_fixed', 'fixed_len_byte_array(16) NAME (DECIMAL(9,2))', 'decimal(38,2)', [
    { hex: 'ffffffffffffffffffffffffffffffff' },
    '-0.01',
  ]),
  column('decimal_bytes', 'binary NAME (DECIMAL(9,2))', 'decimal(20,2)', [{ hex: '04e2' }, '12.5']),
  column('list', 'group NAME (LIST) { repeated group list { optional int32 element; } }', arrayOf('long'), [
    { list: [{ element: 1 }, {}] },
    ['1', null],
  ]),
  column(
    'map',
    'group NAME (MAP) { repeated group key_value { required binary key (STRING); optional int32 value; } }',
    mapOf('string', 'long'),
    [{ key_value: [{ key: 'k', value: 1 }] }, [['k', '1']]],
  ),
  column(
    'struct',
    'group NAME { optional binary b (STRING); optional int32 a; }',
    struct({ a: 'long', b: 'string', missing: 'double' }),
    [
      { b: 'x', a: 1 },
      { a: '1', b: 'x', missing: null },
    ],
  ),
  column(
    'list_of_structs',
    'group NAME (LIST) { repeated group list { optional group element { optional binary b (STRING); optional int32 a; } } }',
    arrayOf(struct({ a: 'long', b: 'string', missing: 'double' })),
    [{ list: [{ element: { b: 'x', a: 1 } }, {}] }, [{ a: '1', b: 'x', missing: null }, null]],
  ),
  column(
    'map_of_structs',
    'group NAME (MAP) { repeated group key_value { required int32 key; optional group value { optional binary b (STRING); optional int32 a; } } }',
    mapOf('long', struct({ a: 'long', b: 'string' })),
    [{ key_value: [{ key: 1, value: { b: 'x', a: 2 } }] }, [['1', { a: '2', b: 'x' }]]],
  ),
  column('nulls_long', 'int32 NAME (UNKNOWN)', 'long'),
  column('nulls_string', 'binary NAME (UNKNOWN)', 'string'),
];

/** Columns under which a file may not have such a column: some reader fails, or reads or filters wrongly. */
export const otherColumns: readonly ReadableCase[] = [
  column('int16_byte', 'int32 NAME (INTEGER(16,true))', 'byte', [1, '1']),
  column('int64_integer', 'int64 NAME', 'integer', [1, '1']),
  column('int32_double', 'int32 NAME', 'double', [1, '1.0']),
  column('int32_decimal_scale', 'int32 NAME', 'decimal(12,2)', [1, '1']),
  column('int32_decimal_9', 'int32 NAME', 'decimal(9,0)', [1, '1']),
  column('int32_string', 'int32 NAME', 'string', [1, '1']),
  column('int32_date', 'int32 NAME', 'date', [1, '1970-01-02']),
  column('int64_timestamp', 'int64 NAME', 'timestamp', [1, '1970-01-01 00:00:00.000001']),
  column('uint8_byte', 'int32 NAME (INTEGER(8,false))', 'byte', [1, '1']),
  column('uint32_integer', 'int32 NAME (INTEGER(32,false))', 'integer', [1, '1']),
  column('uint64_long', 'int64 NAME (INTEGER(64,false))', 'long', [1, '1']),
  column('uint64_decimal_22', 'int64 NAME (INTEGER(64,false))', 'decimal(22,0)', [1, '1']),
  column('float_double', 'float NAME', 'double', [1, '1.0']),
  column('double_float', 'double NAME', 'float', [1, '1.0']),
  column('date_timestamp', 'int32 NAME (DATE)', 'timestamp', [0, '1970-01-01 00:00:00.000000']),
  column('date_timestamp_ntz', 'int32 NAME (DATE)', 'timestamp_ntz', [0, '1970-01-01 00:00:00.000000']),
  column('local_timestamp', 'int64 NAME (TIMESTAMP(MICROS,false))', 'timestamp', [0, '1970-01-01 00:00:00.000000']),
  column('timestamp_local', 'int64 NAME (TIMESTAMP(MICROS,true))', 'timestamp_ntz', [0, '1970-01-01 00:00:00.000000']),
  column('decimal_beyond_int32', 'int32 NAME (DECIMAL(9,2))', 'decimal(10,2)', [100, '1']),
  column('decimal_beyond_int64', 'int64 NAME (DECIMAL(18,2))', 'decimal(19,2)', [100, '1']),
  column('decimal_beyond_bytes', 'fixed_len_byte_array(4) NAME (DECIMAL(9,2))', 'decimal(10,2)', [
    { hex: '00000064' },
    '1',
  ]),
  column('decimal_scale', 'int32 NAME (DECIMAL(9,2))', 'decimal(12,4)', [100, '1']),
  column('decimal_narrow', 'int32 NAME (DECIMAL(9,2))', 'decimal(8,2)', [100, '1']),
  column('decimal_double', 'int32 NAME (DECIMAL(9,2))', 'double', [100, '1.0']),
  column('string_binary', 'binary NAME (STRING)', 'binary', ['a', '0x61']),
  column('binary_string', 'binary NAME', 'string', ['a', 'a']),
  column('uuid_string', 'fixed_len_byte_array(16) NAME (UUID)', 'string', [{ hex: '61'.repeat(16) }, 'a'.repeat(16)]),
  column(
    'map_lacks_field',
    'group NAME (MAP) { repeated group key_value { required binary key (STRING); optional group value { optional int32 a; } } }',
    mapOf('string', struct({ a: 'integer', b: 'string' })),
    [{ key_value: [] }, []],
  ),
  column(
    'map_has_field',
    'group NAME (MAP) { repeated group key_value { required binary key (STRING); optional group value { optional int32 a; optional int32 b; } } }',
    mapOf('string', struct({ a: 'integer' })),
    [{ key_value: [] }, []],
  ),
  column('nulls_string', 'int32 NAME (UNKNOWN)', 'string'),
  column('nulls_timestamp', 'int32 NAME (UNKNOWN)', 'timestamp'),
];

/** What is in quarantine afterwards. */
export const refusedColumns: readonly RefusedCase[] = [
  refused('float16', 'fixed_len_byte_array(2) NAME (FLOAT16)', { hex: '003e' }),
  refused('timestamp_nanos', 'int64 NAME (TIMESTAMP(NANOS,true))', 1000),
  refused('local_nanos', 'int64 NAME (TIMESTAMP(NANOS,false))', 1000),
  refused('int96', 'int96 NAME', { hex: '000000000000000000000000' }),
  refused('time_millis', 'int32 NAME (TIME(MILLIS,true))', 1),
  refused('time_micros', 'int64 NAME (TIME(MICROS,false))', 1),
  refused('time_nanos', 'int64 NAME (TIME(NANOS,true))', 1),
  refused('interval', 'fixed_len_byte_array(12) NAME (INTERVAL)', { hex: '010000000200000003000000' }),
  refused('bson', 'binary NAME (BSON)', { hex: '0500000000' }),
  refused('nulls', 'int32 NAME (UNKNOWN)', null),
  refused('decimal_bytes', 'binary NAME (DECIMAL(18,2))', { hex: '04e2' }),
  refused('decimal_39', 'fixed_len_byte_array(17) NAME (DECIMAL(39,2))', { hex: '00'.repeat(17) }),
  refused('variant', 'group NAME (VARIANT(1)) { required binary metadata; required binary value; }', {
    metadata: { hex: '010000' },
    value: { hex: '0c07' },
  }),
  refused('looks_like_variant', 'group NAME { required binary metadata; required binary value; }', {
    metadata: { hex: '010000' },
    value: { hex: '0c07' },
  }),
  refused('list_bag', 'group NAME (LIST) { repeated group bag { optional int32 array_element; } }', {
    bag: [{ array_element: 1 }],
  }),
  refused('list_two_levels', 'group NAME (LIST) { repeated int32 array; }', { array: [1] }),
  refused('list_of_tuples', 'group NAME (LIST) { repeated group NAME_tuple { optional int32 a; } }', {
    list_of_tuples_tuple: [{ a: 1 }],
  }),
  refused(
    'map_outer',
    'group NAME (MAP_KEY_VALUE) { repeated group map { required binary key (STRING); optional int32 value; } }',
    {
      map: [{ key: 'k', value: 1 }],
    },
  ),
  refused(
    'map_names',
    'group NAME (MAP) { repeated group entries { required binary keys (STRING); optional int32 values; } }',
    {
      entries: [{ keys: 'k', values: 1 }],
    },
  ),
  refused(
    'map_optional_key',
    'group NAME (MAP) { repeated group key_value { optional binary key (STRING); optional int32 value; } }',
    {
      key_value: [{ key: 'k', value: 1 }],
    },
  ),
];

/** The body of a Parquet schema with an `id` and these columns. */
export function parquetSchema(columns: readonly { readonly name: string; readonly field: string }[]): string {
  return ['required int64 id;', ...columns.map(({ name, field }) => schemaField(name, field))].join(' ');
}

export function structField(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}

export function arrayOf(elementType: DataType): DataType {
  return { type: 'array', elementType, containsNull: true };
}

export function mapOf(keyType: DataType, valueType: DataType): DataType {
  return { type: 'map', keyType, valueType, valueContainsNull: true };
}

export function struct(fields: Readonly<Record<string, DataType>>): DataType {
  return { type: 'struct', fields: Object.entries(fields).map(([name, type]) => structField(name, type)) };
}

function schemaField(name: string, field: string): string {
  const text = `optional ${field.replaceAll('NAME', name)}`;
  return text.endsWith('}') ? text : `${text};`;
}

function column(name: string, field: string, type: DataType, ...values: ReadableCase['values']): ReadableCase {
  return { name, field, type, values };
}

function integers(name: string, field: string, type: DataType, values: readonly string[]): ReadableCase[] {
  return [column(name, field, type, ...values.map((value) => [value, value] as const))];
}

function refused(name: string, field: string, value: RawValue): RefusedCase {
  return { name, field, value, reason: 'UNSUPPORTED_TYPE' };
}
