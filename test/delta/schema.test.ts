import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  asNullable,
  type DataType,
  decimalOf,
  decimalType,
  findIllegalName,
  formatPath,
  leafColumns,
  parseSchema,
  type StructField,
  type StructType,
  serializeSchema,
  typeName,
  typesEqual,
} from '../../src/delta/schema.ts';

const field = (name: string, type: DataType, nullable = true): StructField => ({ name, type, nullable, metadata: {} });
const struct = (...fields: StructField[]): StructType => ({ type: 'struct', fields });
const array = (elementType: DataType, containsNull = true): DataType => ({ type: 'array', elementType, containsNull });
const map = (keyType: DataType, valueType: DataType, valueContainsNull = true): DataType => ({
  type: 'map',
  keyType,
  valueType,
  valueContainsNull,
});

/** A schema text with one column of the given type. */
const schemaOf = (type: string, rest = '"nullable":true,"metadata":{}') =>
  `{"type":"struct","fields":[{"name":"c","type":${type},${rest}}]}`;

describe('parseSchema', () => {
  it('gives back what Spark wrote, to the byte', () => {
    const spark =
      '{"type":"struct","fields":[{"name":"id","type":"long","nullable":false,"metadata":{"comment":"the key","delta.typeChanges":[{"fromType":"integer","toType":"long"}]}},' +
      '{"name":"price","type":"decimal(12,2)","nullable":true,"metadata":{"ml_attr":{"min":1.0,"max":1e400,"big":9223372036854775807,"n":1,"nested":[true,null,"x"]}}},' +
      '{"name":"a.b","type":{"type":"struct","fields":[{"name":"tags","type":{"type":"array","elementType":"string","containsNull":false},"nullable":true,"metadata":{}},' +
      '{"name":"m","type":{"type":"map","keyType":"string","valueType":{"type":"array","elementType":"timestamp_ntz","containsNull":true},"valueContainsNull":false},"nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}}]}';
    assert.equal(serializeSchema(parseSchema(spark)), spark);
  });

  it('parses types, nullability and metadata', () => {
    const schema = parseSchema(schemaOf('"decimal( 10 , 2 )"', '"nullable":false,"metadata":{"comment":"x"}'));
    assert.deepEqual(schema, {
      type: 'struct',
      fields: [{ name: 'c', type: 'decimal(10,2)', nullable: false, metadata: { comment: 'x' } }],
    });
  });

  it('takes what older writers left out: flags, metadata, precision', () => {
    const schema = parseSchema(
      '{"type":"struct","fields":[{"name":"c","type":{"type":"array","elementType":"decimal"}}]}',
    );
    assert.deepEqual(schema, struct(field('c', array('decimal(10,0)'))));
  });

  const refused: readonly (readonly [what: string, json: string, message: RegExp])[] = [
    ['text that is not JSON', 'struct<a:int>', /not JSON: struct<a:int>/],
    ['a type that is not a struct', '"long"', /of type long, expected a struct/],
    ['an unknown type', schemaOf('"geometry"'), /column "c" has the type "geometry", which is not known/],
    ['an interval', schemaOf('"interval day to second"'), /"interval day to second", which is not known/],
    ['a user-defined type', schemaOf('{"type":"udt","class":"x"}'), /column "c" has the type "udt"/],
    ['no type', '{"type":"struct","fields":[{"name":"c"}]}', /column "c" has the type undefined/],
    ['a nested unknown type', schemaOf('{"type":"array","elementType":"time","containsNull":true}'), /"c\.element"/],
    ['a decimal with too many digits', schemaOf('"decimal(39,2)"'), /decimal\(39,2\)/],
    ['a decimal with more scale than digits', schemaOf('"decimal(4,5)"'), /decimal\(4,5\)/],
    ['a struct without fields', '{"type":"struct"}', /without a list of fields/],
    ['a field without a name', '{"type":"struct","fields":[{"type":"long"}]}', /has no name/],
    ['a flag that is none', schemaOf('"long"', '"nullable":"yes","metadata":{}'), /has the nullable "yes"/],
    ['metadata that is none', schemaOf('"long"', '"nullable":true,"metadata":[]'), /has the metadata \[\]/],
    [
      'names that differ in case',
      '{"type":"struct","fields":[{"name":"a","type":"long"},{"name":"A","type":"long"}]}',
      /"a" and "A"/,
    ],
  ];
  for (const [what, json, message] of refused) {
    it(`refuses ${what}`, () => assert.throws(() => parseSchema(json), { code: 'INVALID_SCHEMA', message }));
  }

  it('undoes serializeSchema', () => {
    const leaf = fc.oneof(
      fc.constantFrom<DataType>('string', 'long', 'date', 'timestamp', 'timestamp_ntz', 'binary', 'void', 'variant'),
      fc.integer({ min: 1, max: 38 }).chain((precision) => {
        return fc.integer({ min: 0, max: precision }).map((scale) => decimalType(precision, scale));
      }),
    );
    const { type } = fc.letrec<{ type: DataType; struct: StructType }>((tie) => ({
      type: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.tuple(tie('type'), fc.boolean()).map(([element, nulls]) => array(element, nulls)),
        fc.tuple(tie('type'), tie('type'), fc.boolean()).map(([key, value, nulls]) => map(key, value, nulls)),
        tie('struct'),
      ),
      struct: fc
        .array(
          fc.tuple(tie('type'), fc.boolean(), fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true })),
          {
            maxLength: 4,
          },
        )
        .map((columns) => {
          return struct(
            ...columns.map(([type, nullable, metadata], i) => ({ name: `c${i}`, type, nullable, metadata })),
          );
        }),
    }));
    fc.assert(
      fc.property(type, (type) => {
        const schema = struct(field('root', type));
        assert.deepEqual(parseSchema(serializeSchema(schema)), schema);
        assert.ok(typesEqual(schema, asNullable(schema)));
      }),
    );
  });
});

describe('leafColumns', () => {
  it('goes into structs, and takes arrays and maps whole', () => {
    const schema = struct(
      field('a', 'long', false),
      field('s', struct(field('x', 'string', false), field('t', struct(field('y', 'date'))))),
      field('l', array(struct(field('z', 'long')))),
      field('r', struct(field('q', 'long', false)), false),
    );
    assert.deepEqual(
      leafColumns(schema).map(({ path, type, nullable }) => [formatPath(path), typeName(type), nullable]),
      [
        ['a', 'long', false],
        ['s.x', 'string', true],
        ['s.t.y', 'date', true],
        ['l', 'array<struct<z: long>>', true],
        ['r.q', 'long', false],
      ],
    );
  });
});

describe('typesEqual', () => {
  const base = struct(field('a', array('long')), field('b', map('string', 'date')));
  const cases: readonly (readonly [what: string, other: DataType, equal: boolean])[] = [
    ['itself', base, true],
    [
      'other nullability',
      struct(field('a', array('long', false), false), field('b', map('string', 'date', false))),
      true,
    ],
    ['another element type', struct(field('a', array('integer')), field('b', map('string', 'date'))), false],
    ['another value type', struct(field('a', array('long')), field('b', map('string', 'long'))), false],
    ['another key type', struct(field('a', array('long')), field('b', map('date', 'date'))), false],
    ['another order', struct(field('b', map('string', 'date')), field('a', array('long'))), false],
    ['another case', struct(field('A', array('long')), field('b', map('string', 'date'))), false],
    ['fewer fields', struct(field('a', array('long'))), false],
    ['another kind', array('long'), false],
    ['a primitive', 'long', false],
  ];
  for (const [what, other, equal] of cases) {
    it(`says ${equal} for ${what}`, () => {
      assert.equal(typesEqual(base, other), equal);
      assert.equal(typesEqual(other, base), equal);
    });
  }
});

describe('asNullable', () => {
  it('reaches every level and keeps metadata', () => {
    const type = struct({
      name: 's',
      type: array(map('string', struct(field('x', 'long', false)), false), false),
      nullable: false,
      metadata: { comment: 'kept' },
    });
    assert.deepEqual(
      asNullable(type),
      struct({
        name: 's',
        type: array(map('string', struct(field('x', 'long')))),
        nullable: true,
        metadata: { comment: 'kept' },
      }),
    );
  });
});

describe('decimals', () => {
  it('are made and read', () => {
    assert.equal(decimalType(38, 18), 'decimal(38,18)');
    assert.deepEqual(decimalOf('decimal(38,18)'), { precision: 38, scale: 18 });
    assert.equal(decimalOf('long'), undefined);
    assert.equal(decimalOf(struct()), undefined);
  });

  for (const [precision, scale] of [
    [0, 0],
    [39, 0],
    [5, 6],
    [5, -1],
    [2.5, 1],
  ] as const) {
    it(`are refused with precision ${precision} and scale ${scale}`, () => {
      assert.throws(() => decimalType(precision, scale), { code: 'INVALID_SCHEMA' });
    });
  }
});

describe('names', () => {
  it('are quoted where a dot in them would mislead', () => {
    assert.equal(formatPath(['a', 'b.c', 'd`e']), 'a.`b.c`.`d``e`');
  });

  for (const name of ['a b', 'a,b', 'a;b', 'a{b', 'a}b', 'a(b', 'a)b', 'a\nb', 'a\tb', 'a=b', '']) {
    it(`cannot be ${JSON.stringify(name)} without column mapping, at any depth`, () => {
      assert.deepEqual(findIllegalName(struct(field(name, 'long'))), [name]);
      const deep = struct(field('s', array(map('string', struct(field('ok', 'long'), field(name, 'long'))))));
      assert.deepEqual(findIllegalName(deep), ['s', 'element', 'value', name]);
    });
  }

  it('can be anything else', () => {
    assert.equal(findIllegalName(struct(field('é.-$#[]"\'/:', 'long'))), undefined);
  });
});
