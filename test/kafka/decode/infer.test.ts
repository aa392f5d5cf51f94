import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseType } from '../../../src/delta/ddl.ts';
import { asNullable, type DataType, findIllegalName, typeName, typesEqual } from '../../../src/delta/schema.ts';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import {
  inferType,
  MAX_INFERRED_DEPTH,
  MAX_INFERRED_FIELDS,
  MAX_INFERRED_NAME_LENGTH,
  mergeInferred,
} from '../../../src/kafka/decode/infer.ts';
import { parseJson } from '../../../src/kafka/decode/json.ts';
import { jsonToCell } from '../../../src/kafka/decode/json-cells.ts';
import { RowWriter } from '../../../src/parquet/write/row-writer.ts';
import { types } from '../../support/arbitrary-rows.ts';

describe('inferType', () => {
  it('knows the type of each value', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['true', 'boolean'],
      ['1', 'long'],
      ['1.0', 'long'],
      ['-0', 'long'],
      ['9007199254740993', 'long'],
      ['1152921504606847000', 'long'],
      ['-9223372036854775808', 'long'],
      ['9223372036854775808', 'decimal(38,0)'],
      ['18446744073709551615', 'decimal(38,0)'],
      ['100000000000000000000', 'decimal(38,0)'],
      ['9'.repeat(38), 'decimal(38,0)'],
      ['9'.repeat(39), 'string'],
      ['1e400', 'string'],
      ['1e300', 'double'],
      ['1.5', 'double'],
      ['0.12345678901234567890', 'double'],
      ['"x"', 'string'],
      ['"2026-11-24"', 'string'],
      ['[1,2]', 'array<long>'],
      ['[null,[],{},[1]]', 'array<string>'],
      ['[null,[],[1]]', 'array<array<long>>'],
      ['[1,1.5]', 'array<double>'],
      ['[1,9223372036854775808]', 'array<decimal(38,0)>'],
      ['[1.5,9223372036854775808]', 'array<string>'],
      ['[1,"a"]', 'array<string>'],
      ['[1,[]]', 'array<string>'],
      ['[1,{}]', 'array<string>'],
      ['[[1],2]', 'array<string>'],
      ['{"a":1,"b":{"c":[true]}}', 'struct<a: long, b: struct<c: array<boolean>>>'],
      ['{"a":null,"b":[],"c":{},"d":{"e":[null]},"f":1}', 'struct<f: long>'],
      ['[{"a":1},{"b":2},{"A":1.5},{"a":null}]', 'array<struct<a: double, b: long>>'],
      ['[{"a":{"x":1}},{"a":{"y":1}}]', 'array<struct<a: struct<x: long, y: long>>>'],
      ['[{"a":{}},{"a":1}]', 'array<struct<a: string>>'],
      ['{"a":1,"A":2}', 'string'],
      ['{"":1}', 'string'],
      ['{"a b":1}', 'string'],
      ['{"x":{"a,b":1},"y":1}', 'struct<x: string, y: long>'],
      ['{"__proto__":1,"constructor":2}', 'struct<__proto__: long, constructor: long>'],
      [String.raw`{"\ud800":1}`, 'string'],
      [`{"${'x'.repeat(MAX_INFERRED_NAME_LENGTH)}":1}`, `struct<${'x'.repeat(MAX_INFERRED_NAME_LENGTH)}: long>`],
      [`{"${'x'.repeat(MAX_INFERRED_NAME_LENGTH + 1)}":1}`, 'string'],
    ];
    for (const [text, expected] of cases) {
      assert.equal(typeName(inferType(parse(text)) ?? 'void'), expected, text);
    }
  });

  it('does not know it of what is empty', () => {
    for (const text of ['null', '[]', '{}', '[null,[]]', '[[[]],[]]', '{"a":null,"b":{"c":[{}]}}', '[{},{"a":null}]']) {
      assert.equal(inferType(parse(text)), undefined, text);
    }
    assert.equal(inferType(undefined), undefined);
  });

  it('gives a type that takes the value, and that a table can have', () => {
    fc.assert(
      fc.property(values, (value) => {
        const type = inferType(value);
        if (type === undefined) return;
        assert.equal(findIllegalName(type), undefined);
        assert.deepEqual(type, asNullable(type));
        const writer = new RowWriter({ type: 'struct', fields: [{ name: 'c', type, nullable: true, metadata: {} }] });
        writer.append([jsonToCell(type, { unknownFields: isAllKnown(value) ? 'error' : 'ignore' })(value)]);
      }),
      { numRuns: 500 },
    );
  });

  it('has as many fields and as much depth as the limits allow', () => {
    const wide = (count: number, value: Datum = 1) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, value]));
    assert.equal(fieldsOf(inferType(wide(MAX_INFERRED_FIELDS))), MAX_INFERRED_FIELDS);
    assert.equal(inferType(wide(MAX_INFERRED_FIELDS + 1)), 'string');
    assert.equal(inferType(wide(MAX_INFERRED_FIELDS + 1, null)), 'string');
    const many = (count: number) => Array.from({ length: count }, (_, index) => ({ [`f${index}`]: 1 }));
    assert.equal(typeName(inferType(many(MAX_INFERRED_FIELDS + 1)) ?? 'void'), 'array<string>');

    const deep = (depth: number) => parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
    assert.equal(depthOf(inferType(deep(MAX_INFERRED_DEPTH))), MAX_INFERRED_DEPTH);
    assert.equal(innermost(inferType(deep(MAX_INFERRED_DEPTH))), 'long');
    assert.equal(depthOf(inferType(deep(MAX_INFERRED_DEPTH + 1))), MAX_INFERRED_DEPTH);
    assert.equal(innermost(inferType(deep(MAX_INFERRED_DEPTH + 1))), 'string');
    assert.equal(innermost(inferType(parse(`${'['.repeat(90)}1${']'.repeat(90)}`))), 'string');
  });

  it('takes time that is linear in the size of the value', () => {
    const one = Object.fromEntries(Array.from({ length: MAX_INFERRED_FIELDS }, (_, index) => [`f${index}`, 1]));
    const type = inferType([one, ...Array.from({ length: 200_000 }, () => ({ f1: 1.5 }))]);
    assert.match(typeName(type ?? 'void'), /^array<struct<f0: long, f1: double, f2: long,/);
  });
});

describe('mergeInferred', () => {
  it('gives the type that takes both', () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ['bigint', 'bigint', 'bigint'],
      ['bigint', 'double', 'double'],
      ['int', 'float', 'double'],
      ['tinyint', 'int', 'int'],
      ['bigint', 'decimal(38,0)', 'decimal(38,0)'],
      ['bigint', 'decimal(10,2)', 'decimal(21,2)'],
      ['decimal(10,2)', 'decimal(10,4)', 'decimal(12,4)'],
      ['decimal(38,0)', 'decimal(10,2)', 'string'],
      ['double', 'decimal(38,0)', 'string'],
      ['boolean', 'bigint', 'string'],
      ['date', 'timestamp', 'string'],
      ['float', 'float', 'float'],
      ['array<bigint>', 'array<double>', 'array<double>'],
      ['array<bigint>', 'bigint', 'string'],
      ['struct<a:bigint>', 'array<bigint>', 'string'],
      ['struct<a:bigint,b:string>', 'struct<A:double,c:date>', 'struct<a:double,b:string,c:date>'],
      ['struct<a:struct<b:int>>', 'struct<a:struct<c:int>>', 'struct<a:struct<b:int,c:int>>'],
      ['map<string,bigint>', 'map<string,double>', 'map<string,double>'],
      ['map<string,bigint>', 'map<int,bigint>', 'string'],
    ];
    for (const [a, b, expected] of cases) {
      assert.deepEqual(mergeInferred(parseType(a), parseType(b)), parseType(expected), `${a} and ${b}`);
      const turned = mergeInferred(parseType(b), parseType(a));
      assert.equal(typeName(turned).toLowerCase().length, typeName(parseType(expected)).length, `${b} and ${a}`);
    }
  });

  it('makes everything nullable', () => {
    const required = parseType('struct<a:int not null,b:struct<c:int not null> not null>');
    for (const other of [required, parseType('struct<d:int not null>')]) {
      const merged = mergeInferred(required, other);
      assert.deepEqual(merged, asNullable(merged));
    }
  });

  it('does not care for the order, but in structs', () => {
    fc.assert(
      fc.property(types, types, (a, b) => {
        const merged = mergeInferred(a, b);
        assert.ok(typesEqual(mergeInferred(merged, b), merged));
        assert.ok(typesEqual(mergeInferred(a, a), a));
        if (typeof merged === 'string') assert.equal(mergeInferred(b, a), merged);
      }),
    );
  });

  it('infers from two values what it infers from an array of both', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const [one, other, both] = [inferType(a), inferType(b), inferType([a, b])];
        fc.pre(one !== undefined && other !== undefined && depthOf(one) < MAX_INFERRED_DEPTH && isAllKnown([a, b]));
        assert.deepEqual(both, { type: 'array', elementType: mergeInferred(one, other), containsNull: true });
      }),
    );
  });

  it('ends structs with too many fields', () => {
    const struct = (prefix: string, count: number): DataType =>
      parseType(`struct<${Array.from({ length: count }, (_, index) => `${prefix}${index}:int`).join(',')}>`);
    assert.equal(fieldsOf(mergeInferred(struct('a', MAX_INFERRED_FIELDS - 1), struct('b', 1))), MAX_INFERRED_FIELDS);
    assert.equal(mergeInferred(struct('a', MAX_INFERRED_FIELDS), struct('b', 1)), 'string');
  });
});

/** JSON with few names, so that they meet, and numbers that doubles do not hold. */
const values: fc.Arbitrary<Datum> = fc.letrec<{ value: Datum }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Datum>(
      null,
      true,
      1,
      1.5,
      1e300,
      'x',
      new NumberText('9223372036854775808'),
      new NumberText('1e400'),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'A', 'c d', '__proto__'), tie('value'), {
      maxKeys: 4,
    }) as fc.Arbitrary<Datum>,
  ),
})).value;

/** Whether nothing in a value is empty, whose type is not known. */
function isAllKnown(value: Datum): boolean {
  if (value === null) return false;
  if (typeof value !== 'object' || value instanceof NumberText) return true;
  const members: readonly Datum[] = Array.isArray(value) ? value : Object.values(value);
  return members.length > 0 && members.every(isAllKnown);
}

function fieldsOf(type: DataType | undefined): number {
  assert.ok(type !== undefined && typeof type !== 'string' && type.type === 'struct');
  return type.fields.length;
}

function depthOf(type: DataType | undefined): number {
  if (type === undefined || typeof type === 'string') return 0;
  if (type.type === 'struct') return 1 + Math.max(...type.fields.map((field) => depthOf(field.type)));
  return 1 + depthOf(type.type === 'array' ? type.elementType : type.valueType);
}

function innermost(type: DataType | undefined): DataType | undefined {
  if (type === undefined || typeof type === 'string' || type.type === 'map') return type;
  return innermost(type.type === 'array' ? type.elementType : type.fields[0]?.type);
}

function parse(text: string): Datum {
  return parseJson(Buffer.from(text), { maxDepth: 100 });
}
