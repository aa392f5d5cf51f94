import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import type { DataType } from '../../../src/delta/schema.ts';
import { canonicalForm } from '../../../src/kafka/decode/avro/canonical-form.ts';
import { parseAvroSchema } from '../../../src/kafka/decode/avro/parse-schema.ts';
import { type AvroReader, createAvroReader } from '../../../src/kafka/decode/avro/reader.ts';
import type { TypedRow } from '../../../src/kafka/decode/decoder.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import type { CellValue } from '../../../src/parquet/write/cell.ts';
import { RowWriter } from '../../../src/parquet/write/row-writer.ts';

/** A value as avsc takes it, and as it is to be read: longs as bigints, bytes as hex, maps as sorted entries. */
interface Value {
  readonly avsc: unknown;
  readonly read: unknown;
}

interface Shape {
  readonly schema: unknown;
  /** What a union knows it by: types of the same kind can be in a union once, named ones each. */
  readonly name: string;
  /** Of the branch that a union's value is of, in avsc. */
  readonly kind: string;
  readonly hasColumn: boolean;
  readonly values: fc.Arbitrary<Value>;
}

function leaf(kind: string, values: fc.Arbitrary<Value>, more: Partial<Shape> = {}): Shape {
  return { schema: kind, name: kind, kind, hasColumn: true, values, ...more };
}

const same = (value: unknown): Value => ({ avsc: value, read: value });
const bigints = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.integer({ min: 0, max: 62 }).chain((bits) => fc.constantFrom(2n ** BigInt(bits), -(2n ** BigInt(bits)) - 1n)),
);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 30 }));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const LEAVES: readonly Shape[] = [
  leaf('null', fc.constant(same(null)), { hasColumn: false }),
  leaf('boolean', fc.boolean().map(same)),
  leaf('int', fc.oneof(fc.integer(), fc.integer({ min: -70, max: 70 })).map(same)),
  leaf('long', bigints.map(same)),
  leaf('float', fc.float().map(same)),
  leaf('double', fc.double().map(same)),
  leaf('string', text.map(same)),
  leaf(
    'bytes',
    fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ avsc: Buffer.from(bytes), read: hex(bytes) })),
  ),
];

/** Names have to be used once in a schema. */
let names = 0;
const named = (prefix: string) => `${prefix}${names++}`;

const enums = fc.integer({ min: 1, max: 70 }).map((size): Shape => {
  const name = named('E');
  const symbols = Array.from({ length: size }, (_, index) => `S${index}`);
  return leaf(name, fc.constantFrom(...symbols).map(same), { schema: { type: 'enum', name, symbols } });
});

const fixeds = fc.integer({ min: 1, max: 20 }).map((size): Shape => {
  const name = named('F');
  const values = fc.uint8Array({ minLength: size, maxLength: size });
  const schema = { type: 'fixed', name, size };
  return leaf(
    name,
    values.map((bytes) => ({ avsc: Buffer.from(bytes), read: hex(bytes) })),
    { schema },
  );
});

function recordOf(fields: readonly Shape[]): Shape {
  const name = named('R');
  const values = fc.tuple(...fields.map((field) => field.values)).map((members) => ({
    avsc: Object.fromEntries(members.map((member, index) => [`f${index}`, member.avsc])),
    read: Object.fromEntries(
      members.flatMap((member, index) => (fields[index]?.hasColumn === true ? [[`f${index}`, member.read]] : [])),
    ),
  }));
  const schema = {
    type: 'record',
    name,
    fields: fields.map((field, index) => ({ name: `f${index}`, type: field.schema })),
  };
  return { schema, name, kind: name, hasColumn: fields.some(({ hasColumn }) => hasColumn), values };
}

function arrayOf({ schema, hasColumn, values }: Shape): Shape {
  const all = fc.array(values, { maxLength: 5 }).map((items) => ({
    avsc: items.map((item) => item.avsc),
    read: items.map((item) => item.read),
  }));
  return leaf('array', all, { schema: { type: 'array', items: schema }, hasColumn });
}

function mapOf({ schema, hasColumn, values }: Shape): Shape {
  const all = fc.uniqueArray(fc.tuple(fc.oneof(text, fc.constant('__proto__')), values), {
    selector: ([key]) => key,
    maxLength: 4,
  });
  return leaf(
    'map',
    all.map((entries) => ({
      avsc: Object.fromEntries(entries.map(([key, value]) => [key, value.avsc])),
      read: sortedEntries(entries.map(([key, value]) => [key, value.read])),
    })),
    { schema: { type: 'map', values: schema }, hasColumn },
  );
}

function sortedEntries(entries: readonly (readonly [string, unknown])[]): unknown {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function unionOf(branches: readonly Shape[]): Shape {
  const members = branches.filter(({ kind }) => kind !== 'null');
  const kinds = members.map(({ kind }) => kind).toSorted();
  const isWider = ['int,long', 'double,float'].includes(kinds.join());
  const hasColumn = members.some((member) => member.hasColumn);
  const read = (branch: Shape, value: unknown): unknown => {
    if (branch.kind === 'null') return null;
    if (kinds.join() === 'int,long' && typeof value === 'number') return BigInt(value);
    if (members.length === 1 || isWider) return value;
    return Object.fromEntries(
      members.flatMap((member, index) =>
        member.hasColumn ? [[`member${index}`, member === branch ? value : null]] : [],
      ),
    );
  };
  const values = fc.oneof(
    ...branches.map((branch) =>
      branch.values.map((value) => ({
        avsc: branch.kind === 'null' ? null : { [branch.kind]: value.avsc },
        read: read(branch, value.read),
      })),
    ),
  );
  return leaf('union', values, { schema: branches.map(({ schema }) => schema), hasColumn });
}

const { shapes } = fc.letrec<{ shapes: Shape; simple: Shape; branches: Shape }>((tie) => ({
  simple: fc.oneof(fc.constantFrom(...LEAVES), fc.constantFrom(...LEAVES), enums, fixeds),
  branches: fc.oneof(
    { depthSize: 'small' },
    tie('simple'),
    fc.array(tie('shapes'), { maxLength: 5 }).map(recordOf),
    tie('shapes').map(arrayOf),
    tie('shapes').map(mapOf),
  ),
  shapes: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('simple'),
    tie('branches'),
    fc.uniqueArray(tie('branches'), { selector: ({ name }) => name, minLength: 1, maxLength: 4 }).map(unionOf),
  ),
}));

const samples = shapes.chain((shape) => shape.values.map((value) => ({ shape, value })));

/** avsc with longs of 64 bits. */
function oracleOf(schema: unknown): avsc.Type {
  const longType = avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer(value: bigint) {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
  });
  return avsc.Type.forSchema(JSON.parse(JSON.stringify(schema)), {
    wrapUnions: 'always',
    registry: { long: longType },
  });
}

function readerOf({ schema }: Shape): AvroReader {
  return createAvroReader(parseAvroSchema(JSON.stringify(schema)));
}

/** A cell as a `Value` has it. */
function normal(type: DataType, cell: CellValue): unknown {
  if (cell === null || cell === undefined) return null;
  if (type === 'long') return BigInt(cell as number | bigint);
  if (type === 'string') return typeof cell === 'string' ? cell : Buffer.from(cell as Uint8Array).toString();
  if (type === 'binary') return hex(cell as Uint8Array);
  if (typeof type === 'string') return cell;
  switch (type.type) {
    case 'array':
      return (cell as CellValue[]).map((item) => normal(type.elementType, item));
    case 'map': {
      const entries = [...(cell as ReadonlyMap<string, CellValue>)];
      return sortedEntries(entries.map(([key, value]) => [key, normal(type.valueType, value)]));
    }
    case 'struct':
      assert.deepEqual(
        Object.keys(cell),
        type.fields.map(({ name }) => name),
      );
      return Object.fromEntries(
        type.fields.map((field) => [field.name, normal(field.type, (cell as TypedRow)[field.name])]),
      );
  }
}

/** Takes a row for its columns, which hold every cell against its type. */
function write({ schema }: AvroReader, row: TypedRow): void {
  if (schema.fields.length > 0) new RowWriter(schema).append(schema.fields.map(({ name }) => row[name]));
}

function readOrRefuse(reader: AvroReader, payload: Uint8Array): void {
  let row: TypedRow;
  try {
    row = reader.read(payload);
  } catch (error) {
    assert.ok(error instanceof PayloadError, String(error));
    return;
  }
  write(reader, row);
}

describe('an Avro payload', () => {
  it('is read as what avsc has written', () => {
    fc.assert(
      fc.property(samples, ({ shape, value }) => {
        const reader = readerOf(shape);
        const row = reader.read(oracleOf(shape.schema).toBuffer(value.avsc));
        write(reader, row);
        const isRecord = shape.name.startsWith('R');
        const cell = isRecord ? normal(reader.schema, row) : normal(reader.schema.fields[0]?.type ?? 'void', row.value);
        const expected = shape.hasColumn ? value.read : isRecord ? {} : null;
        assert.deepEqual(cell, expected);
      }),
      { numRuns: 120 },
    );
  });

  it('has a schema with the canonical form that avsc gives it', () => {
    fc.assert(
      fc.property(shapes, ({ schema }) => {
        const form = canonicalForm(parseAvroSchema(JSON.stringify(schema)));
        assert.deepEqual(JSON.parse(form), JSON.parse(JSON.stringify(oracleOf(schema).schema())));
      }),
      { numRuns: 40 },
    );
  });

  it('that is cut off anywhere is refused', () => {
    fc.assert(
      fc.property(samples, ({ shape, value }) => {
        const reader = readerOf(shape);
        const payload = oracleOf(shape.schema).toBuffer(value.avsc);
        for (let length = 0; length < payload.length; length++) {
          assert.throws(() => reader.read(payload.subarray(0, length)), PayloadError);
        }
        assert.throws(() => reader.read(Buffer.concat([payload, Buffer.alloc(1)])), PayloadError);
      }),
      { numRuns: 40 },
    );
  });

  it('of any bytes is a row that its columns take, or refused', () => {
    fc.assert(
      fc.property(
        shapes,
        fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 10, maxLength: 20 }),
        (shape, payloads) => {
          const reader = readerOf(shape);
          for (const payload of payloads) readOrRefuse(reader, payload);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('with a few bytes changed is a row that its columns take, or refused', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff)), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(samples, fc.array(changes, { minLength: 5, maxLength: 20 }), ({ shape, value }, all) => {
        const reader = readerOf(shape);
        const valid = oracleOf(shape.schema).toBuffer(value.avsc);
        for (const some of all) {
          const payload = Buffer.from(valid);
          for (const [position, byte] of some) if (payload.length > 0) payload[position % payload.length] = byte;
          readOrRefuse(reader, payload);
        }
      }),
      { numRuns: 80 },
    );
  });
});
