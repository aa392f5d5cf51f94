import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeName } from '../../../src/delta/schema.ts';
import { parseAvroSchema } from '../../../src/kafka/decode/avro/parse-schema.ts';
import { type AvroReader, createAvroReader, deltaSchemaOf } from '../../../src/kafka/decode/avro/reader.ts';
import { PayloadError, type PayloadErrorCode } from '../../../src/kafka/decode/payload-error.ts';
import { RowWriter } from '../../../src/parquet/write/row-writer.ts';

function readerOf(schema: unknown): AvroReader {
  return createAvroReader(parseAvroSchema(JSON.stringify(schema)));
}

function record(name: string, fields: Record<string, unknown>): object {
  return { type: 'record', name, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

/** The only column of a schema that is no record; undefined for none. */
function columnOf(schema: unknown): string | undefined {
  const { fields } = deltaSchemaOf(parseAvroSchema(JSON.stringify(schema)));
  assert.ok(fields.length <= 1);
  assert.ok(fields.every(({ name, nullable }) => name === 'value' && nullable));
  return fields[0] === undefined ? undefined : typeName(fields[0].type);
}

/** The value of a payload, given in hex, of a schema that is no record. */
function readValue(schema: unknown, hex: string): unknown {
  return readerOf(schema).read(Buffer.from(hex.replaceAll(' ', ''), 'hex')).value;
}

function assertRefused(run: () => unknown, message: RegExp, code: PayloadErrorCode = 'INVALID_AVRO'): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const fixed = (size: number, more: object = {}) => ({ type: 'fixed', name: 'F', size, ...more });
const decimal = (precision: number, scale?: number) => ({ type: 'bytes', logicalType: 'decimal', precision, scale });

describe('the Delta column of an Avro type', () => {
  const cases: readonly (readonly [schema: unknown, type: string | undefined])[] = [
    ['int', 'integer'],
    ['long', 'long'],
    ['float', 'float'],
    ['double', 'double'],
    ['boolean', 'boolean'],
    ['string', 'string'],
    ['bytes', 'binary'],
    [fixed(3), 'binary'],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, 'string'],
    [{ type: 'array', items: 'long' }, 'array<long>'],
    [{ type: 'map', values: 'bytes' }, 'map<string, binary>'],
    [decimal(9, 2), 'decimal(9,2)'],
    [decimal(38), 'decimal(38,0)'],
    [decimal(39, 10), 'string'],
    [decimal(1_000, 10), 'string'],
    [decimal(1_001, 10), 'binary'],
    [fixed(4, { logicalType: 'decimal', precision: 9, scale: 9 }), 'decimal(9,9)'],
    [{ type: 'string', logicalType: 'uuid' }, 'string'],
    [fixed(16, { logicalType: 'uuid' }), 'string'],
    [{ type: 'int', logicalType: 'date' }, 'date'],
    [{ type: 'int', logicalType: 'time-millis' }, 'long'],
    [{ type: 'long', logicalType: 'time-micros' }, 'long'],
    ...['millis', 'micros', 'nanos'].flatMap((unit) => [
      [{ type: 'long', logicalType: `timestamp-${unit}` }, 'timestamp'] as const,
      [{ type: 'long', logicalType: `local-timestamp-${unit}` }, 'timestamp_ntz'] as const,
    ]),
    [fixed(12, { logicalType: 'duration' }), 'struct<months: long, days: long, millis: long>'],
    // Logical types that are not known or not valid count as none.
    [{ type: 'bytes', logicalType: 'big-decimal' }, 'binary'],
    [{ type: 'string', logicalType: 'constructor' }, 'string'],
    [{ type: 'long', logicalType: 'date' }, 'long'],
    [{ type: 'int', logicalType: 'timestamp-millis' }, 'integer'],
    [{ type: 'bytes', logicalType: 'decimal' }, 'binary'],
    [decimal(0), 'binary'],
    [decimal(3, 4), 'binary'],
    [decimal(3, -1), 'binary'],
    [{ type: 'string', logicalType: 'decimal', precision: 3 }, 'string'],
    [fixed(4, { logicalType: 'decimal', precision: 10 }), 'binary'],
    [fixed(15, { logicalType: 'uuid' }), 'binary'],
    [fixed(16, { logicalType: 'duration' }), 'binary'],
    // Unions
    [['null', 'int'], 'integer'],
    [['string', 'null'], 'string'],
    [['bytes'], 'binary'],
    [['int', 'null', 'long'], 'long'],
    [['double', 'float'], 'double'],
    [['int', 'float'], 'struct<member0: integer, member1: float>'],
    [['int', 'null', 'string'], 'struct<member0: integer, member1: string>'],
    [['int', 'long', 'string'], 'struct<member0: integer, member1: long, member2: string>'],
    [[{ type: 'int', logicalType: 'date' }, 'long'], 'struct<member0: date, member1: long>'],
    [[record('Empty', {}), 'string'], 'struct<member1: string>'],
    // What no column can hold
    ['null', undefined],
    [fixed(0), undefined],
    [record('R', { a: 'null' }), undefined],
    [record('R', {}), undefined],
    [['null'], undefined],
    [[], undefined],
    [['null', record('R', {})], undefined],
    [['null', record('R', {}), record('S', { a: 'null' })], undefined],
    [{ type: 'array', items: 'null' }, undefined],
    [{ type: 'map', values: record('R', {}) }, undefined],
    [{ type: 'array', items: { type: 'array', items: fixed(0) } }, undefined],
  ];
  for (const [schema, type] of cases) {
    it(`is ${type ?? 'none'} for ${JSON.stringify(schema)}`, () => assert.equal(columnOf(schema), type));
  }

  it('is nullable in all its parts', () => {
    const schema = record('R', {
      a: { type: 'array', items: { type: 'map', values: record('S', { b: 'int', c: ['int', 'string'] }) } },
    });
    const text = JSON.stringify(deltaSchemaOf(parseAvroSchema(JSON.stringify(schema))));
    assert.doesNotMatch(text, /"(nullable|containsNull|valueContainsNull)":false/);
  });

  it('leaves out the fields of a record that no column can hold', () => {
    const { schema, read } = readerOf(
      record('R', { a: 'null', b: 'int', c: record('S', {}), d: ['null', 'S'], e: 'long' }),
    );
    assert.equal(typeName(schema), 'struct<b: integer, e: long>');
    assert.deepEqual(read(Buffer.from([2, 2, 4])), { b: 1, e: 2 });
    assertRefused(() => read(Buffer.from([2, 4, 4])), /the branch 2 before byte 2, expected one of the 2/);
  });
});

describe('an Avro schema that no columns can hold', () => {
  const unknown = (schema: unknown, message: RegExp) =>
    assertRefused(() => readerOf(schema), message, 'UNKNOWN_SCHEMA');

  it('is refused when a type contains itself', () => {
    unknown(record('List', { next: ['null', 'List'] }), /the field "next" of "List" is of the type "List"/);
    unknown(record('A', { b: record('B', { c: { type: 'array', items: 'A' } }) }), /the field "c" of "B"/);
  });

  it('is taken when it has a type twice that does not contain itself', () => {
    readerOf(record('A', { b: record('B', { c: 'int' }), d: 'B', e: ['null', 'B'] }));
  });

  it('is refused when names differ in case only', () => {
    unknown(record('R', { a: 'int', A: 'int' }), /the record has the fields "a" and "A"/);
    const inner = { type: 'array', items: record('S', { x: { type: 'map', values: record('T', { É: 'int' }) } }) };
    assertRefused(() => readerOf(record('R', { a: inner })), /"É"/, 'UNKNOWN_SCHEMA');
    const twice = record('S', { x: { type: 'map', values: record('T', { bb: 'int', bB: 'int' }) } });
    unknown(record('R', { a: { type: 'array', items: twice } }), /"a\.element\.x\.value" has the fields "bb" and "bB"/);
  });

  it('is refused when a struct would be taken for a variant', () => {
    unknown(record('R', { a: record('V', { metadata: 'bytes', value: 'bytes' }) }), /variant/);
  });

  it('is refused when it unfolds to too many types, or too deeply', () => {
    const double = (levels: number): object =>
      record(`R${levels}`, levels === 0 ? {} : { a: double(levels - 1), b: `R${levels - 1}` });
    unknown(double(25), /more than 20000 types/);
    const references = Array.from({ length: 100 }, (_, index) =>
      JSON.stringify(record(`R${index}`, index === 0 ? {} : { a: `R${index - 1}` })),
    );
    assertRefused(
      () => createAvroReader(parseAvroSchema('"R99"', references)),
      /more than 64 levels/,
      'UNKNOWN_SCHEMA',
    );
  });
});

describe('values of Avro', () => {
  const long = { type: 'long' };
  const at = (logicalType: string) => ({ type: 'long', logicalType });
  const MAX = 'feffffffffffffffff01';
  const MIN = 'ffffffffffffffffff01';
  const cases: readonly (readonly [schema: unknown, hex: string, value: unknown])[] = [
    // Specification, "Primitive Types"
    ['long', '00', 0],
    ['long', '01', -1],
    ['long', '02', 1],
    ['long', '7f', -64],
    ['long', '8001', 64],
    ['string', '06 666f6f', 'foo'],
    ['int', 'feffffff0f', 2 ** 31 - 1],
    ['int', 'ffffffff0f', -(2 ** 31)],
    ['long', 'feffffff0f', 2 ** 31 - 1],
    ['long', '8080808010', 2 ** 31],
    [long, 'feffffffffffff1f', Number.MAX_SAFE_INTEGER],
    [long, '8080808080808020', 2n ** 53n],
    [long, '8280808080808020', 2n ** 53n + 1n],
    [long, 'fdffffffffffff1f', -Number.MAX_SAFE_INTEGER],
    [long, 'ffffffffffffff1f', -(2n ** 53n)],
    [long, '8180808080808020', -(2n ** 53n) - 1n],
    [long, MAX, 2n ** 63n - 1n],
    [long, MIN, -(2n ** 63n)],
    // Longer than it has to be
    [long, '8280808080808080 8000', 1],
    ['boolean', '01', true],
    ['float', '0000c03f', 1.5],
    ['double', '000000000000f8bf', -1.5],
    // Specification, "Complex Types"
    [{ type: 'array', items: 'long' }, '04 06 36 00', [3, 27]],
    [{ type: 'array', items: 'long' }, '03 04 06 36 02 02 00', [3, 27, 1]],
    [['null', 'string'], '02 02 61', 'a'],
    [['null', 'string'], '00', null],
    [['int', 'null', 'string'], '04 02 61', { member0: null, member1: 'a' }],
    [['int', 'null', 'string'], '00 02', { member0: 1, member1: null }],
    [['int', 'null', 'string'], '02', null],
    [['int', 'long'], '02 02', 1],
    [fixed(2), '0a0b', new Uint8Array([10, 11])],
    ['bytes', '00', new Uint8Array()],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, '02', 'B'],
    // A key that comes twice has its last value
    [{ type: 'map', values: 'int' }, '04 02 61 02 02 61 04 00', new Map([['a', 2]])],
    [{ type: 'map', values: 'int' }, '01 16 12 5f5f70726f746f5f5f 02 00', new Map([['__proto__', 1]])],
    // Logical types
    [decimal(9, 2), '04 04e2', 1250n],
    [decimal(9, 2), '02 ff', -1n],
    [decimal(9, 2), '10 ffffffffffffff80', -128n],
    [decimal(9, 2), '20 00000000000000000000000000000001', 1n],
    [decimal(38), '20 4b3b4ca85a86c47a098a223fffffffff', 10n ** 38n - 1n],
    [decimal(38), '20 b4c4b357a5793b85f675ddc000000001', -(10n ** 38n) + 1n],
    [decimal(40, 3), '02 05', '0.005'],
    [decimal(40, 3), '04 fb2e', '-1.234'],
    [decimal(40, 0), '02 0c', '12'],
    [fixed(4, { logicalType: 'decimal', precision: 9 }), 'fffffffe', -2n],
    [fixed(16, { logicalType: 'uuid' }), '00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-aabbccddeeff'],
    [{ type: 'int', logicalType: 'date' }, '01', -1],
    [{ type: 'int', logicalType: 'time-millis' }, '04', 2_000],
    [at('time-micros'), '04', 2],
    [at('timestamp-millis'), '02', 1_000],
    [at('timestamp-millis'), 'feffffffffffff1f', BigInt(Number.MAX_SAFE_INTEGER) * 1_000n],
    [at('timestamp-micros'), MIN, -(2n ** 63n)],
    [at('timestamp-nanos'), 'ce0f', 0],
    [at('timestamp-nanos'), 'd00f', 1],
    [at('timestamp-nanos'), '01', -1],
    [at('timestamp-nanos'), 'cf0f', -1],
    [at('timestamp-nanos'), 'd10f', -2],
    [at('timestamp-nanos'), MIN, -9223372036854776n],
    [at('local-timestamp-millis'), '01', -1_000],
    [fixed(12, { logicalType: 'duration' }), '01000000 02000000 ffffffff', { months: 1, days: 2, millis: 2 ** 32 - 1 }],
  ];
  for (const [schema, hex, value] of cases) {
    it(`are ${typeof value === 'object' ? JSON.stringify(value) : value} for ${hex} as ${JSON.stringify(schema)}`, () => {
      assert.deepEqual(readValue(schema, hex), value);
    });
  }

  it('that are longer strings are the bytes of the payload, which are UTF-8', () => {
    const text = 'Grüße aus Köln und Umgebung';
    const payload = Buffer.concat([Buffer.from([2 * Buffer.byteLength(text)]), Buffer.from(text)]);
    const value = readerOf('string').read(payload).value;
    assert.ok(value instanceof Uint8Array);
    assert.equal(value.buffer, payload.buffer);
    assert.equal(Buffer.from(value).toString(), text);
  });

  it('begin at an offset', () => {
    assert.deepEqual(readerOf(record('R', { a: 'int' })).read(Buffer.from([9, 9, 4]), 2), { a: 2 });
  });

  it('of a field called __proto__ are properties like others', () => {
    const { read, schema } = readerOf(
      record('R', { __proto__x: 'int', ['__proto__']: record('S', { polluted: 'int' }) }),
    );
    const row = read(Buffer.from([2, 4]));
    assert.deepEqual(Object.keys(row), ['__proto__x', '__proto__']);
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    const writer = new RowWriter(schema);
    writer.append(schema.fields.map(({ name }) => row[name]));
  });

  it('of a record without columns are rows without fields', () => {
    assert.deepEqual(readerOf(record('R', {})).read(Buffer.alloc(0)), {});
    assert.deepEqual(readerOf('null').read(Buffer.alloc(0)), {});
  });
});

describe('bytes that are no Avro', () => {
  const cases: readonly (readonly [schema: unknown, hex: string, message: RegExp])[] = [
    ['int', '', /ends 0 bytes behind byte 0, where 1 more/],
    ['int', '80', /ends 0 bytes behind byte 1/],
    ['int', '0200', /1 more bytes behind it before byte 1, expected no more/],
    ['int', '8080808010', /more than 32 bits before byte 5/],
    ['int', '808080808000', /more than 32 bits/],
    ['long', '80808080808080808002', /more than 64 bits/],
    ['long', '8080808080808080808000', /more than 64 bits/],
    ['boolean', '02', /the byte 2 before byte 1, expected 0 or 1/],
    ['float', '000000', /ends 3 bytes behind byte 0, where 4 more/],
    ['double', '00000000000000', /where 8 more/],
    ['string', '08 616263', /ends 3 bytes behind byte 1, where 4 more/],
    ['bytes', '01', /the length -1/],
    ['bytes', 'ffffffffffffffffff01', /the length -9223372036854775808/],
    ['bytes', 'feffffffffffffffff01', /9223372036854775807 more/],
    ['bytes', 'feffffff0f', /2147483647 more/],
    ['string', '02 ff', /1 bytes that are no UTF-8/],
    ['string', '02 80', /1 bytes that are no UTF-8/],
    ['string', `14 ${'61'.repeat(8)}c328`, /10 bytes that are no UTF-8/],
    ['string', '06 eda080', /no UTF-8/],
    [fixed(3), '0000', /where 3 more/],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, '04', /the symbol 2 before byte 1, expected one of the 2/],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, '01', /the symbol -1/],
    [{ type: 'enum', name: 'E', symbols: [] }, '00', /the symbol 0/],
    [['null', 'int'], '04', /the branch 2 before byte 1, expected one of the 2/],
    [['null', 'int'], '01', /the branch -1/],
    [['int', 'string'], '04', /the branch 2/],
    [[], '00', /the branch 0/],
    [{ type: 'array', items: 'int' }, '04 02 02', /ends 0 bytes/],
    [{ type: 'array', items: 'int' }, '06 02 02', /3 more are expected/],
    [{ type: 'array', items: 'int' }, 'feffffffffffffffff01', /items in a block/],
    [{ type: 'array', items: 'int' }, '01 04 02 00', /a block that ends at byte 4 before byte 3/],
    [{ type: 'array', items: 'int' }, '01 01 02 00', /the length -1/],
    [{ type: 'array', items: 'int' }, '01 64 02 00', /50 more/],
    [{ type: 'array', items: 'null' }, '01 04 00', /2 more/],
    [{ type: 'array', items: 'null' }, '01 02 00 00', /ends at byte 3/],
    [{ type: 'array', items: ['null'] }, '04 00', /more are expected/],
    [{ type: 'map', values: 'int' }, '02 02 ff 02 00', /no UTF-8/],
    [{ type: 'map', values: 'null' }, '02 02 ff 00', /no UTF-8/],
    [{ type: 'map', values: 'int' }, '02 02 61', /ends 0 bytes/],
    [decimal(9, 2), '00', /a decimal of 0 bytes/],
    [decimal(2), '02 64', /a decimal of 1 bytes before byte 2, expected one of at most 2 digits/],
    [decimal(2), '02 9c', /at most 2 digits/],
    [decimal(9), '0c 010000000000', /a decimal of 6 bytes/],
    [decimal(40), '24 010000000000000000000000000000000000', /a decimal of 18 bytes/],
    [{ type: 'long', logicalType: 'timestamp-millis' }, 'feffffffffffffffff01', /9223372036854775807 ms/],
  ];
  for (const [schema, hex, message] of cases) {
    it(`are refused: ${hex} as ${JSON.stringify(schema)}`, () => assertRefused(() => readValue(schema, hex), message));
  }

  it('take no time for items without bytes, however many', () => {
    for (const items of ['null', fixed(0), record('R', { a: 'null' })]) {
      assert.deepEqual(readerOf({ type: 'array', items }).read(Buffer.from('feffffffffffff1f00', 'hex')), {});
    }
  });

  it('are not given memory for many times their size', () => {
    const wide = record('Wide', Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, 'int'])));
    const many = readerOf({ type: 'array', items: ['null', wide] });
    const zeros = (count: number) => Buffer.concat([Buffer.from('80ea30', 'hex'), Buffer.alloc(count)]);
    // 400,000 items of a byte each.
    assertRefused(() => many.read(zeros(400_001)), /more than 2400004 values/, 'TOO_LARGE');
    const narrow = readerOf({ type: 'array', items: ['null', record('Narrow', { a: 'int' })] });
    assert.equal((narrow.read(zeros(400_001)).value as unknown[]).length, 400_000);
    const entries = readerOf({ type: 'map', values: ['null', wide] });
    assertRefused(() => entries.read(Buffer.concat([zeros(400_000), zeros(400_000)])), /values/, 'TOO_LARGE');
  });
});
