import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseType } from '../../src/delta/ddl.ts';
import { DeltaError } from '../../src/delta/errors.ts';
import { asNullable, type DataType, typeName } from '../../src/delta/schema.ts';
import { types } from '../support/arbitrary-rows.ts';

const array = (elementType: DataType): DataType => ({ type: 'array', elementType, containsNull: true });
const field = (name: string, type: DataType, nullable = true, metadata = {}) => ({ name, type, nullable, metadata });

describe('parseType', () => {
  it('knows the names of Spark and of Delta', () => {
    const names: Readonly<Record<string, DataType>> = {
      string: 'string',
      bigint: 'long',
      long: 'long',
      int: 'integer',
      integer: 'integer',
      smallint: 'short',
      short: 'short',
      tinyint: 'byte',
      byte: 'byte',
      double: 'double',
      float: 'float',
      real: 'float',
      boolean: 'boolean',
      binary: 'binary',
      date: 'date',
      timestamp: 'timestamp',
      timestamp_ltz: 'timestamp',
      timestamp_ntz: 'timestamp_ntz',
      decimal: 'decimal(10,0)',
      dec: 'decimal(10,0)',
      'decimal(5)': 'decimal(5,0)',
      'numeric( 38 , 38 )': 'decimal(38,38)',
      'dec(5,2)': 'decimal(5,2)',
    };
    for (const [text, type] of Object.entries(names)) {
      assert.equal(parseType(text), type, text);
      assert.equal(parseType(` ${text.toUpperCase()}\n`), type, text);
    }
  });

  it('takes types in each other', () => {
    assert.deepEqual(parseType('ARRAY<array < bigint>>'), array(array('long')));
    assert.deepEqual(parseType('map<string,map<int,decimal(5,2)>>'), {
      type: 'map',
      keyType: 'string',
      valueType: { type: 'map', keyType: 'integer', valueType: 'decimal(5,2)', valueContainsNull: true },
      valueContainsNull: true,
    });
    assert.deepEqual(
      parseType("struct<a: int NOT NULL, b array<string> COMMENT 'it\\'s', Struct: struct<x:date not null>>"),
      {
        type: 'struct',
        fields: [
          field('a', 'integer', false),
          field('b', array('string'), true, { comment: "it's" }),
          field('Struct', { type: 'struct', fields: [field('x', 'date', false)] }),
        ],
      },
    );
  });

  it('takes any name in backquotes', () => {
    const names = ['odd name', 'a`b', 'x:int>', '__proto__', '`', 'é', "it's", '1'];
    for (const name of names) {
      const text = `struct<\`${name.replaceAll('`', '``')}\`: int not null, \`b\` string>`;
      assert.deepEqual(parseType(text), {
        type: 'struct',
        fields: [field(name, 'integer', false), field('b', 'string')],
      });
    }
    assert.deepEqual(parseType('struct<not:int,null:int,ärger_1:int,1:int>'), {
      type: 'struct',
      fields: ['not', 'null', 'ärger_1', '1'].map((name) => field(name, 'integer')),
    });
  });

  it('reads back what typeName writes', () => {
    fc.assert(
      fc.property(types, (type) => {
        assert.deepEqual(parseType(typeName(type)), withoutMetadata(asNullable(type)));
      }),
    );
  });

  it('says what it expected, and where', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /expected a type: string, .* got the end at character 1$/],
      ['strin', /The type "strin" is none: expected a type: .* got "strin" at character 1$/],
      ['array', /expected '<', got the end at character 6$/],
      ['array<strin>', /got "strin" at character 7$/],
      ['array<int', /expected '>', got the end at character 10$/],
      ['array<int>>', /expected the end, got ">" at character 11$/],
      ['int int', /expected the end, got "int" at character 5$/],
      ['map<int>', /expected ',', got ">" at character 8$/],
      ['struct<>', /expected the name of a field, got ">" at character 8$/],
      ['struct<a:int,>', /expected the name of a field, got ">" at character 14$/],
      ['struct<a:int b:int>', /expected ',' or '>', got "b" at character 14$/],
      ['struct<``:int>', /expected the name of a field, got "``" at character 8$/],
      ['struct<`a:int>', /expected the name of a field, got "`" at character 8$/],
      ['struct<a:int not>', /expected 'null' behind 'not', got ">" at character 17$/],
      ['struct<a:int comment x>', /expected a comment in quotes, got "x" at character 22$/],
      ['struct<a:int, b:int, A:string>', /expected a name that the struct does not have yet, .* "A" at character 22$/],
      ['decimal(39,0)', /precision of 1 to 38 .* "decimal" at character 1$/],
      ['decimal(5,6)', /scale of 0 to the precision/],
      ['decimal(0)', /precision of 1/],
      ['decimal(-1,0)', /expected a precision, a whole number, got "-" at character 9$/],
      ['decimal(5,)', /expected a scale, a whole number, got "\)" at character 11$/],
      ['decimal(5,2', /expected '\)', got the end at character 12$/],
      ['decimal(9999)', /expected a precision/],
      ['varchar(10)', /got "varchar" at character 1$/],
      ['`int`', /got "`int`" at character 1$/],
      ['variant', /got "variant"/],
    ];
    for (const [text, message] of cases) {
      const error = errorOf(text);
      assert.equal(error.code, 'INVALID_SCHEMA');
      assert.match(error.message, message);
    }
  });

  it('has a limit of depth, and quotes little', () => {
    const nested = (depth: number) => `${'array<'.repeat(depth)}int${'>'.repeat(depth)}`;
    assert.ok(parseType(nested(63)));
    for (const text of [nested(64), nested(100_000), 'struct<a:'.repeat(50_000)]) {
      const { message } = errorOf(text);
      assert.match(message, /at most 64 types in each other/);
      assert.ok(message.length < 300);
    }
    assert.ok(errorOf('x'.repeat(100_000)).message.length < 700);
  });

  it('gives a type or a DeltaError for any text', () => {
    const parts = fc.constantFrom(
      ...'<>(),:`\'" ',
      'struct',
      'array',
      'map',
      'int',
      'decimal',
      '5',
      'a',
      'not',
      'null',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 20 }), (list) => {
        try {
          parseType(list.join(''));
        } catch (error) {
          assert.ok(error instanceof DeltaError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function errorOf(text: string): DeltaError {
  try {
    parseType(text);
  } catch (error) {
    assert.ok(error instanceof DeltaError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `expected an error of ${text}` });
}

function withoutMetadata(type: DataType): DataType {
  return JSON.parse(JSON.stringify(type));
}
