import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { typeName } from '../../../src/delta/schema.ts';
import { deltaSchemaOfJsonSchema, type JsonSchemaReference } from '../../../src/kafka/decode/json-schema.ts';

function typeOf(schema: unknown, references: readonly JsonSchemaReference[] = []): string | undefined {
  const type = deltaSchemaOfJsonSchema(JSON.stringify(schema), references);
  return type === undefined ? undefined : typeName(type);
}

/** Properties and what becomes of them; undefined for those that are left out. */
const PROPERTIES: readonly (readonly [name: string, property: unknown, type: string | undefined])[] = [
  ['an integer', { type: 'integer' }, 'long'],
  ['a number', { type: 'number', minimum: 0 }, 'double'],
  ['a string', { type: 'string', maxLength: 5 }, 'string'],
  ['a boolean', { type: 'boolean' }, 'boolean'],
  ['a time', { type: 'string', format: 'date-time' }, 'timestamp'],
  ['a date', { type: 'string', format: 'date' }, 'date'],
  ['a string of another format', { type: 'string', format: 'email' }, 'string'],
  ['an array', { type: 'array', items: { type: 'string' } }, 'array<string>'],
  ['an array of arrays', { type: 'array', items: { type: 'array', items: { type: 'integer' } } }, 'array<array<long>>'],
  ['an array of anything', { type: 'array' }, undefined],
  ['a tuple', { type: 'array', items: [{ type: 'string' }] }, undefined],
  ['an object', { type: 'object', properties: { x: { type: 'integer' }, y: {} } }, 'struct<x: long>'],
  ['an object without the word', { properties: { x: { type: 'integer' } } }, 'struct<x: long>'],
  ['an object of anything', { type: 'object' }, undefined],
  ['an object without properties', { type: 'object', properties: {} }, undefined],
  ['a map', { type: 'object', additionalProperties: { type: 'integer' } }, 'map<string, long>'],
  ['a map of anything', { type: 'object', additionalProperties: true }, undefined],
  [
    'an object whose names follow patterns',
    { type: 'object', patternProperties: { '^a': {} }, additionalProperties: { type: 'string' } },
    undefined,
  ],
  ['null or a type', { type: ['null', 'string'] }, 'string'],
  ['null or a type, by oneOf', { oneOf: [{ type: 'null' }, { type: 'integer', 'connect.type': 'int32' }] }, 'integer'],
  ['null or a type, by anyOf', { anyOf: [{ type: 'boolean' }, { const: null }] }, 'boolean'],
  ['null', { type: 'null' }, undefined],
  ['several types', { type: ['string', 'integer'] }, undefined],
  ['integers or numbers', { type: ['integer', 'number', 'null'] }, 'double'],
  ['one of several types', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, undefined],
  [
    'one of the same type',
    {
      oneOf: [
        { type: 'string', maxLength: 1 },
        { type: 'string', enum: ['ab'] },
      ],
    },
    'string',
  ],
  ['one of integer and number', { anyOf: [{ type: 'integer' }, { type: 'number' }] }, 'double'],
  ['one of which is not clear', { anyOf: [{ type: 'integer' }, {}] }, undefined],
  [
    'all of several',
    { allOf: [{ properties: { a: { type: 'string' } } }, { properties: { b: { type: 'integer' } } }] },
    'struct<a: string, b: long>',
  ],
  [
    'all of one, and of its own',
    {
      allOf: [{ properties: { a: { type: 'string' } } }],
      properties: { A: { type: 'integer' }, c: { type: 'boolean' } },
    },
    'struct<A: long, c: boolean>',
  ],
  ['an enum of strings', { enum: ['a', 'b', null] }, 'string'],
  ['an enum of integers', { enum: [1, 2] }, 'long'],
  ['an enum of several types', { enum: [1, 'a'] }, undefined],
  ['a constant', { const: true }, 'boolean'],
  ['anything', {}, undefined],
  ['anything, in short', true, undefined],
  ['nothing', false, undefined],
  ['a reference', { $ref: '#/definitions/point' }, 'struct<x: double>'],
  ['a reference with escapes', { $ref: '#/definitions/a~1b%20c~0' }, 'string'],
  ['a reference to an element', { $ref: '#/definitions/list/1' }, 'boolean'],
  ['a reference to nothing', { $ref: '#/definitions/gone' }, undefined],
  ['a reference to what objects inherit', { $ref: '#/definitions/constructor' }, undefined],
  ['a reference to an anchor', { $ref: '#point' }, undefined],
  ['a reference to another schema', { $ref: 'other.json' }, 'struct<far: struct<x: long>>'],
  ['a reference into another schema', { $ref: 'other.json#/definitions/far' }, 'struct<x: long>'],
  ['a reference to a schema that is not there', { $ref: 'gone.json' }, undefined],
  ['a short int of Connect', { type: 'integer', 'connect.type': 'int8' }, 'byte'],
  ['an int64 of Connect', { type: 'integer', 'connect.type': 'int64' }, 'long'],
  ['a float of Connect', { type: 'number', 'connect.type': 'float32' }, 'float'],
];

const DEFINITIONS = {
  point: { type: 'object', properties: { x: { type: 'number' } } },
  'a/b c~': { type: 'string' },
  list: [{ type: 'string' }, { type: 'boolean' }],
};
const OTHER: JsonSchemaReference = {
  name: 'other.json',
  schema: JSON.stringify({
    properties: { far: { $ref: '#/definitions/far' } },
    definitions: { far: { properties: { x: { type: 'integer' } } } },
  }),
};

describe('the Delta schema of a JSON Schema', () => {
  for (const [name, property, type] of PROPERTIES) {
    it(`has ${type ?? 'nothing'} for ${name}`, () => {
      const schema = {
        type: 'object',
        properties: { it: property, last: { type: 'boolean' } },
        definitions: DEFINITIONS,
      };
      const expected = type === undefined ? 'struct<last: boolean>' : `struct<it: ${type}, last: boolean>`;
      assert.equal(typeOf(schema, [OTHER]), expected);
    });
  }

  it('follows a reference at the top, and one to itself once', () => {
    const node = { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/node' } } };
    assert.equal(typeOf({ $ref: '#/$defs/node', $defs: { node } }), 'struct<name: string>');
    assert.equal(
      typeOf({ properties: { name: { type: 'string' }, next: { $ref: '#' } } }),
      'struct<name: string, next: struct<name: string>>',
    );
  });

  it('is all nullable', () => {
    const schema = deltaSchemaOfJsonSchema(
      '{"properties":{"a":{"type":"array","items":{"type":"string"}}},"required":["a"]}',
    );
    assert.deepEqual(schema?.fields[0], {
      name: 'a',
      type: { type: 'array', elementType: 'string', containsNull: true },
      nullable: true,
      metadata: {},
    });
  });

  it('has the first of names that differ in case only', () => {
    assert.equal(typeOf({ properties: { Id: { type: 'string' }, id: { type: 'integer' } } }), 'struct<Id: string>');
  });

  it('has names that objects inherit', () => {
    const text = '{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"integer"}}}';
    const fields = deltaSchemaOfJsonSchema(text)?.fields.map(({ name, type }) => [name, type]);
    assert.deepEqual(fields, [
      ['__proto__', 'string'],
      ['constructor', 'long'],
    ]);
  });

  it('is undefined for what is no schema of an object', () => {
    for (const text of ['', 'null', '[]', '5', '{', '{}', 'true', '{"type":"string"}', '{"type":"array","items":{}}']) {
      assert.equal(deltaSchemaOfJsonSchema(text), undefined, text);
    }
  });

  it('ends for schemas that are huge when they are unfolded', () => {
    const levels = Object.fromEntries(
      Array.from({ length: 30 }, (_, level) => {
        const next = { $ref: `#/$defs/l${level + 1}` };
        return [`l${level}`, { properties: { a: next, b: next, c: next } }];
      }),
    );
    assert.equal(typeOf({ $ref: '#/$defs/l0', $defs: levels }), undefined);
    const deep = `${'{"properties":{"a":'.repeat(5_000)}{"type":"string"}${'}}'.repeat(5_000)}`;
    assert.equal(deltaSchemaOfJsonSchema(deep), undefined);
  });

  it('never throws', () => {
    const keyword = fc.constantFrom(
      'type',
      'properties',
      'items',
      'allOf',
      'oneOf',
      'anyOf',
      '$ref',
      'enum',
      'const',
      'format',
      'additionalProperties',
    );
    const { node } = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom('object', 'string', 'integer', 'null', '#', '#/properties', '', null, true, 1),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(keyword, fc.string()), tie('node'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(node, (schema) => deltaSchemaOfJsonSchema(JSON.stringify(schema)) !== null),
      { numRuns: 500 },
    );
  });
});
