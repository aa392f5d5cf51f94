import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CatalogColumn } from '../../src/catalog/catalog.ts';
import { CatalogError } from '../../src/catalog/errors.ts';
import { glueType, MAX_COMMENT_BYTES, MAX_TYPE_BYTES, toColumn } from '../../src/catalog/glue-types.ts';
import type { DataType, StructField } from '../../src/delta/schema.ts';

const field = (name: string, type: DataType, comment?: string): StructField => ({
  name,
  type,
  nullable: true,
  metadata: comment === undefined ? {} : { comment },
});
const struct = (...fields: StructField[]): DataType => ({ type: 'struct', fields });
const list = (elementType: DataType): DataType => ({ type: 'array', elementType, containsNull: true });
const map = (keyType: DataType, valueType: DataType): DataType => ({
  type: 'map',
  keyType,
  valueType,
  valueContainsNull: true,
});

const TYPES: readonly (readonly [DataType, string])[] = [
  ['string', 'string'],
  ['long', 'bigint'],
  ['integer', 'int'],
  ['short', 'smallint'],
  ['byte', 'tinyint'],
  ['float', 'float'],
  ['double', 'double'],
  ['boolean', 'boolean'],
  ['binary', 'binary'],
  ['date', 'date'],
  ['timestamp', 'timestamp'],
  ['timestamp_ntz', 'timestamp'],
  ['decimal(38,18)', 'decimal(38,18)'],
  ['variant', 'string'],
  ['void', 'string'],
  [list('long'), 'array<bigint>'],
  [map('string', list('decimal(5,0)')), 'map<string,array<decimal(5,0)>>'],
  [
    struct(field('A', 'integer'), field('b', list(struct(field('c', 'date'))))),
    'struct<a:int,b:array<struct<c:date>>>',
  ],
  [struct(field('größe.cm$', 'long')), 'struct<größe.cm$:bigint>'],
  [
    struct(field('a-b', 'long'), field('a b', 'long'), field('a_b', 'long')),
    'struct<a_b:bigint,a_b_2:bigint,a_b_3:bigint>',
  ],
  [struct(field('a:b,c<d>`', 'string')), 'struct<a_b_c_d__:string>'],
];

describe('types of Glue', () => {
  for (const [type, expected] of TYPES) {
    it(`are ${expected} for ${JSON.stringify(type)}`, () => assert.equal(glueType(type), expected));
  }
});

describe('columns of Glue', () => {
  const COLUMNS: readonly (readonly [string, StructField, CatalogColumn])[] = [
    ['have names in lower case', field('OrderId', 'long'), { Name: 'orderid', Type: 'bigint' }],
    ['keep what Glue takes in a name', field('a b-ü', 'long'), { Name: 'a b-ü', Type: 'bigint' }],
    ['have no control characters in a name', field('a\nb', 'long'), { Name: 'a b', Type: 'bigint' }],
    [
      'have the comment',
      field('id', 'long', 'of the\r\norder '),
      { Name: 'id', Type: 'bigint', Comment: 'of the order' },
    ],
    [
      'have comments of nested fields behind it',
      field('to', struct(field('city', 'string', 'Town'), field('geo', list(struct(field('x.y', 'float', 'east')))))),
      {
        Name: 'to',
        Type: 'struct<city:string,geo:array<struct<x.y:float>>>',
        Comment: 'city: Town; geo.element.`x.y`: east',
      },
    ],
    [
      'name a type that Glue has not',
      field('v', 'variant', 'Any'),
      { Name: 'v', Type: 'string', Comment: 'Any; Delta type variant' },
    ],
    [
      'name it in what is nested, too',
      field('m', map('string', 'void')),
      { Name: 'm', Type: 'map<string,string>', Comment: 'value: Delta type void' },
    ],
  ];
  for (const [what, given, expected] of COLUMNS) it(what, () => assert.deepEqual(toColumn(given), expected));

  it('have as much of a comment as Glue takes, in whole characters', () => {
    const { Comment = '' } = toColumn(field('id', 'long', '😀'.repeat(100)));
    assert.equal(Comment, `${'😀'.repeat(63)}…`);
    assert.ok(Buffer.byteLength(Comment) <= MAX_COMMENT_BYTES);
    assert.equal(toColumn(field('id', 'long', 'x'.repeat(255))).Comment, 'x'.repeat(255));
  });

  it('are refused with their name when the type is too long for Glue', () => {
    const wide = (count: number) => struct(...Array.from({ length: count }, (_, index) => field(`f${index}`, 'long')));
    assert.ok(Buffer.byteLength(toColumn(field('w', wide(9_000))).Type ?? '') <= MAX_TYPE_BYTES);
    assert.throws(
      () => toColumn(field('Payload', wide(20_000))),
      (error) => {
        assert.ok(error instanceof CatalogError);
        assert.equal(error.code, 'TYPE_TOO_LONG');
        assert.match(error.message, /the column Payload has \d+ bytes in Glue, expected 131072 at most/);
        return true;
      },
    );
  });

  it('are refused when the name is too long for Glue', () => {
    assert.throws(() => toColumn(field('ü'.repeat(128), 'long')), /has a name of 256 bytes, expected 255 at most/);
    assert.equal(toColumn(field('x'.repeat(255), 'long')).Name.length, 255);
  });
});
