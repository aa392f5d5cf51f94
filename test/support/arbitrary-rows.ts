/** Schemas that a `RowWriter` takes, and rows that fit them, for property tests. */
import fc from 'fast-check';
import { type DataType, decimalOf, decimalType, type PrimitiveType, type StructType } from '../../src/delta/schema.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';

export interface SchemaAndRows {
  readonly schema: StructType;
  readonly rows: readonly (readonly CellValue[])[];
}

const SIMPLE: readonly PrimitiveType[] = [
  'string',
  'binary',
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'date',
  'timestamp',
  'timestamp_ntz',
];

const decimals = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) => fc.integer({ min: 0, max: precision }).map((scale) => decimalType(precision, scale)));

/** A type without parts. */
export const primitives: fc.Arbitrary<DataType> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SIMPLE) },
  { weight: 1, arbitrary: decimals },
);

/** Any type, with structs, arrays and maps in each other. */
export const types: fc.Arbitrary<DataType> = fc.letrec<{ type: DataType; struct: StructType }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    primitives,
    tie('struct'),
    fc.record({ type: fc.constant('array' as const), elementType: tie('type'), containsNull: fc.boolean() }),
    fc.record({
      type: fc.constant('map' as const),
      keyType: fc.oneof(
        { weight: 3, arbitrary: fc.constant('string' as const) },
        { weight: 1, arbitrary: tie('type') },
      ),
      valueType: tie('type'),
      valueContainsNull: fc.boolean(),
    }),
  ),
  struct: structs(tie('type'), 3),
})).type;

function structs(type: fc.Arbitrary<DataType>, maxLength: number): fc.Arbitrary<StructType> {
  const fields = fc.array(fc.record({ type, nullable: fc.boolean() }), { minLength: 1, maxLength });
  return fields.map((list) => ({
    type: 'struct',
    fields: list.map((field, index) => ({ name: `f${index}`, metadata: {}, ...field })),
  }));
}

/** A schema of such columns, and up to 40 rows. */
export function schemasAndRows(type: fc.Arbitrary<DataType>): fc.Arbitrary<SchemaAndRows> {
  return structs(type, 6).chain((schema) =>
    fc.array(rowsOf(schema), { maxLength: 40 }).map((rows) => ({ schema, rows })),
  );
}

export function rowsOf({ fields }: StructType): fc.Arbitrary<CellValue[]> {
  return fc.tuple(...fields.map(({ type, nullable }) => cells(type, nullable)));
}

function cells(type: DataType, nullable: boolean): fc.Arbitrary<CellValue> {
  const value = typeof type === 'string' ? primitiveCells(type) : nestedCells(type);
  return nullable ? fc.option(value, { freq: 4 }) : value;
}

function nestedCells(type: Exclude<DataType, string>): fc.Arbitrary<CellValue> {
  switch (type.type) {
    case 'struct':
      return fc.record(Object.fromEntries(type.fields.map((field) => [field.name, cells(field.type, field.nullable)])));
    case 'array':
      return fc.array(cells(type.elementType, type.containsNull), { maxLength: 5 });
    case 'map': {
      const pairs = fc.tuple(cells(type.keyType, false), cells(type.valueType, type.valueContainsNull));
      const entries = fc.array(pairs, { maxLength: 5 });
      if (type.keyType !== 'string') return entries;
      return fc.oneof(
        entries,
        fc.array(fc.tuple(fc.string(), cells(type.valueType, type.valueContainsNull))).map((list) => new Map(list)),
      );
    }
  }
}

function primitiveCells(type: Extract<DataType, string>): fc.Arbitrary<CellValue> {
  const decimal = decimalOf(type);
  if (decimal !== undefined) {
    const max = 10n ** BigInt(decimal.precision) - 1n;
    return fc.bigInt({ min: -max, max });
  }
  switch (type) {
    case 'string':
      return fc.oneof(
        texts,
        texts.map((text) => new TextEncoder().encode(text)),
      );
    case 'binary':
      return fc.uint8Array({ maxLength: 40 });
    case 'boolean':
      return fc.boolean();
    case 'byte':
      return fc.integer({ min: -128, max: 127 });
    case 'short':
      return fc.integer({ min: -32_768, max: 32_767 });
    case 'integer':
    case 'date':
      return fc.integer();
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    default:
      return fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger());
  }
}

/** Text of every plane, short and longer than what is copied by a loop. */
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'binary-ascii', maxLength: 60 }),
);
