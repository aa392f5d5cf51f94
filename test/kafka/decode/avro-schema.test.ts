import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import { canonicalForm, fingerprintOf } from '../../../src/kafka/decode/avro/canonical-form.ts';
import { parseAvroSchema } from '../../../src/kafka/decode/avro/parse-schema.ts';
import type { AvroSchema } from '../../../src/kafka/decode/avro/schema.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';

function parse(schema: unknown, ...references: unknown[]): AvroSchema {
  return parseAvroSchema(
    JSON.stringify(schema),
    references.map((reference) => JSON.stringify(reference)),
  );
}

function assertUnknown(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, 'UNKNOWN_SCHEMA');
    assert.match(error.message, message);
    return true;
  });
}

function record(name: string, fields: Record<string, unknown>, more: object = {}): object {
  return { type: 'record', name, fields: Object.entries(fields).map(([name, type]) => ({ name, type })), ...more };
}

/** The schemas, canonical forms and fingerprints with which Avro tests its implementations (`schema-tests.txt`). */
const VECTORS: readonly (readonly [input: string, canonical: string, fingerprint?: bigint])[] = [
  ['"null"', '"null"', 7195948357588979594n],
  ['{"type":"null"}', '"null"'],
  ['"boolean"', '"boolean"', -6970731678124411036n],
  ['"int"', '"int"', 8247732601305521295n],
  ['"long"', '"long"', -3434872931120570953n],
  ['"float"', '"float"', 5583340709985441680n],
  ['"double"', '"double"', -8181574048448539266n],
  ['"bytes"', '"bytes"', 5746618253357095269n],
  ['"string"', '"string"', -8142146995180207161n],
  ['[  ]', '[]', -1241056759729112623n],
  ['[ "int" , {"type":"boolean"} ]', '["int","boolean"]', 5392556393470105090n],
  [
    '{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}',
    '{"name":"x.y.foo","type":"record","fields":[]}',
    5916914534497305771n,
  ],
  [
    '{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}',
    '{"name":"a.b.foo","type":"record","fields":[]}',
    -4616218487480524110n,
  ],
  [
    '{"fields":[], "type":"record", "name":"foo", "doc":"foo", "aliases":["foo","bar"]}',
    '{"name":"foo","type":"record","fields":[]}',
    -4824392279771201922n,
  ],
  [
    `{ "fields":[{"type":"boolean", "aliases":[], "name":"f1", "default":"true"},
                {"order":"descending","name":"f2","doc":"Hello","type":"int"}],
       "type":"record", "name":"foo" }`,
    '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"},{"name":"f2","type":"int"}]}',
    -4860222112080293046n,
  ],
  [
    '{"namespace":"x.y.z", "type":"enum", "name":"foo", "doc":"foo bar", "symbols":["A1", "A2"]}',
    '{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}',
    -4448647247586288245n,
  ],
  ['{"name":"foo","type":"fixed","size":15}', '{"name":"foo","type":"fixed","size":15}', 1756455273707447556n],
  ['{ "items":{"type":"null"}, "type":"array"}', '{"type":"array","items":"null"}', -589620603366471059n],
  ['{ "values":"string", "type":"map"}', '{"type":"map","values":"string"}', -8732877298790414990n],
  [
    `{"name":"PigValue","type":"record",
      "fields":[{"name":"value", "type":["null", "int", "long", "PigValue"]}]}`,
    '{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}',
    -1759257747318642341n,
  ],
];

describe('the canonical form of an Avro schema', () => {
  for (const [input, canonical, fingerprint] of VECTORS) {
    it(`is ${canonical}`, () => {
      const schema = parseAvroSchema(input);
      assert.equal(canonicalForm(schema), canonical);
      if (fingerprint !== undefined) assert.equal(fingerprintOf(schema), BigInt.asUintN(64, fingerprint));
    });
  }

  it('is the one of avsc, with namespaces of every kind', () => {
    const schema = record(
      'Outer',
      {
        a: record('Inner', { b: { type: 'enum', name: 'other.E', symbols: ['X'] }, c: 'other.E' }),
        d: 'Inner',
        e: record('F', { g: { type: 'fixed', name: 'H', size: 3 }, h: 'H' }, { namespace: 'deep.er' }),
        i: ['null', 'deep.er.H', { type: 'array', items: 'Outer' }],
        j: { type: 'map', values: { type: 'long', logicalType: 'timestamp-millis' } },
        k: record('None', { l: { type: 'enum', name: 'M', symbols: ['Z'] } }, { namespace: '' }),
      },
      { namespace: 'com.example' },
    );
    const oracle = avsc.Type.forSchema(JSON.parse(JSON.stringify(schema)), { wrapUnions: true });
    assert.deepEqual(JSON.parse(canonicalForm(parse(schema))), oracle.schema());
  });

  it('has the types of references written out where they come first', () => {
    const e = { type: 'enum', name: 'x.E', symbols: ['A'] };
    const schema = parse(record('R', { a: 'x.E', b: 'x.E' }), e);
    assert.equal(canonicalForm(schema), canonicalForm(parse(record('R', { a: e, b: 'x.E' }))));
  });
});

describe('the names in an Avro schema', () => {
  it('are of the namespace around them, of their own, or of none', () => {
    const schema = parse(
      record('a.R', {
        one: { type: 'fixed', name: 'F', size: 1 },
        two: { type: 'fixed', name: 'F', namespace: 'b', size: 2 },
        three: { type: 'fixed', name: 'c.F', namespace: 'b', size: 3 },
        uses: ['F', 'b.F', 'c.F'],
      }),
    );
    assert.ok(schema.kind === 'record');
    const uses = schema.fields.at(-1)?.schema;
    assert.ok(uses?.kind === 'union');
    assert.deepEqual(
      uses.branches.map((branch) => branch.kind === 'fixed' && [branch.name, branch.size]),
      [
        ['a.F', 1],
        ['b.F', 2],
        ['c.F', 3],
      ],
    );
  });

  it('without a namespace are found from within one', () => {
    const schema = parse(record('a.R', { e: 'E' }), { type: 'enum', name: 'E', symbols: ['A'] });
    assert.match(canonicalForm(schema), /"name":"E","type":"enum"/);
  });

  it('come from references in the order of their dependence', () => {
    const references = [
      { type: 'enum', name: 'x.E', symbols: ['A'] },
      record('x.Middle', { e: 'E' }),
      // The same text twice is one reference that two others have.
      { type: 'enum', name: 'x.E', symbols: ['A'] },
    ];
    assert.match(canonicalForm(parse(record('x.R', { m: 'Middle' }), ...references)), /"x\.Middle".*"x\.E"/);
    assertUnknown(() => parse(record('x.R', { m: 'Middle' })), /field "m" of "x\.R" has the type "Middle"/);
    assertUnknown(() => parse('x.Middle', ...references.slice(0, 2).reverse()), /field "e".*"E", which is not defined/);
  });

  it('of aliases name nothing that can be used', () => {
    const schema = record('R', { a: { type: 'enum', name: 'E', aliases: ['Old'], symbols: ['A'] }, b: 'Old' });
    assertUnknown(() => parse(schema), /"Old"/);
  });

  it('are not taken from what every object has', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      assertUnknown(() => parse(name), /is not defined/);
      assertUnknown(() => parse({ type: name }), /is not defined/);
      assert.equal(canonicalForm(parse(record(name, {}))), `{"name":"${name}","type":"record","fields":[]}`);
    }
  });
});

describe('an Avro schema that is none', () => {
  const enumeration = { type: 'enum', name: 'E', symbols: ['A'] };
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [null, /its top has null where a type is expected/],
    [5, /its top has 5/],
    [{}, /its top has undefined/],
    ['integer', /the type "integer", which is not defined/],
    [{ type: 'array' }, /the items of its top has undefined/],
    [{ type: 'map', values: 7 }, /the values of its top has 7/],
    [record('R', { a: ['null', 'nil'] }), /branch 1 of the field "a" of "R" has the type "nil"/],
    [['null', ['int']], /a union in a union/],
    [['int', 'string', 'int'], /two branches of the type "int"/],
    [['int', { type: 'int', logicalType: 'date' }], /two branches of the type "int"/],
    [[enumeration, 'E'], /two branches of the type "E"/],
    [{ type: 'record', fields: [] }, /the name undefined/],
    [{ type: 'record', name: 'a b', fields: [] }, /the name "a b"/],
    [{ type: 'record', name: 'a..b', fields: [] }, /the name "a\.\.b"/],
    [{ type: 'record', name: 'R' }, /no list of fields/],
    [{ type: 'record', name: 'R', fields: ['x'] }, /a field with "x"/],
    [{ type: 'record', name: 'R', fields: [{ name: '1a', type: 'int' }] }, /a field with the name "1a"/],
    [{ type: 'record', name: 'R', fields: Array(2).fill({ name: 'a', type: 'int' }) }, /the field "a" twice/],
    [{ type: 'record', name: 'R', namespace: 'a-b', fields: [] }, /the namespace "a-b"/],
    [{ type: 'record', name: 'R', aliases: ['a b'], fields: [] }, /aliases/],
    [{ type: 'enum', name: 'int', symbols: [] }, /"int", which is a primitive type/],
    [{ type: 'enum', name: 'E', symbols: 'A' }, /no list of symbols/],
    [{ type: 'enum', name: 'E', symbols: ['a-b'] }, /no list of symbols/],
    [{ type: 'enum', name: 'E', symbols: ['A', 'A'] }, /a symbol twice/],
    [{ type: 'fixed', name: 'F', size: -1 }, /the size -1/],
    [{ type: 'fixed', name: 'F', size: 1.5 }, /the size 1\.5/],
    [{ type: 'fixed', name: 'F', size: '3' }, /the size "3"/],
    [record('R', { a: enumeration, b: enumeration }), /the field "b" of "R" defines "E" once more/],
  ];
  for (const [schema, message] of cases) {
    it(`is refused: ${JSON.stringify(schema)}`, () => assertUnknown(() => parse(schema), message));
  }

  it('is refused when it is no JSON', () => {
    assertUnknown(() => parseAvroSchema('int'), /no JSON: "int"/);
    assertUnknown(() => parseAvroSchema('"int"', ['{']), /no JSON/);
  });

  it('is refused when it is nested too deeply', () => {
    const deep = (levels: number) => `${'{"type":"array","items":'.repeat(levels)}"int"${'}'.repeat(levels)}`;
    parseAvroSchema(deep(64));
    for (const levels of [65, 100_000]) assertUnknown(() => parseAvroSchema(deep(levels)), /more than 64 levels/);
    assertUnknown(() => parseAvroSchema(`${'{"type":'.repeat(1_000)}"int"${'}'.repeat(1_000)}`), /more than 64 levels/);
  });

  it('is refused where its named types make it too deep', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      record(`R${index}`, index === 0 ? {} : { a: `R${index - 1}` }),
    );
    assertUnknown(() => canonicalForm(parse('R9999', ...chain)), /more than 64 levels/);
  });

  it('is quoted in part only', () => {
    assert.throws(
      () => parse('x'.repeat(10_000)),
      (error: Error) => error.message.length < 300,
    );
  });
});
