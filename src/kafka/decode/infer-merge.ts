import {
  asNullable,
  type DataType,
  decimalOf,
  decimalType,
  MAX_DECIMAL_PRECISION,
  type StructField,
  type StructType,
  typesEqual,
} from '../../delta/schema.ts';

/** Fields that one struct gets at most. Objects with more become strings of JSON: their names are data, as in a map. */
export const MAX_INFERRED_FIELDS = 2000;

/**
 * The type that takes the values of both types, with everything nullable: the wider of two numbers, structs with the
 * fields of both (names that differ in case only are one field, which has the first name), arrays and maps of both.
 * Where there is none, it is `string`, also for structs with more than MAX_INFERRED_FIELDS fields.
 */
export function mergeInferred(a: DataType, b: DataType): DataType {
  if (typesEqual(a, b)) return asNullable(a);
  if (typeof a === 'string' || typeof b === 'string') return mergeNumbers(a, b);
  if (a.type === 'struct' && b.type === 'struct') return mergeStructs(a, b);
  if (a.type === 'array' && b.type === 'array') {
    return { type: 'array', elementType: mergeInferred(a.elementType, b.elementType), containsNull: true };
  }
  if (a.type === 'map' && b.type === 'map' && typesEqual(a.keyType, b.keyType)) {
    const valueType = mergeInferred(a.valueType, b.valueType);
    return { type: 'map', keyType: asNullable(a.keyType), valueType, valueContainsNull: true };
  }
  return 'string';
}

/** A field as new columns get them. */
export function fieldOf(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}

/** Digits of the whole numbers of a type, the narrowest first. */
const INTEGER_DIGITS: ReadonlyMap<DataType, number> = new Map([
  ['byte', 3],
  ['short', 5],
  ['integer', 10],
  ['long', 19],
]);

function mergeNumbers(a: DataType, b: DataType): DataType {
  if (isFloating(a) || isFloating(b)) {
    return [a, b].every((type) => isFloating(type) || INTEGER_DIGITS.has(type)) ? 'double' : 'string';
  }
  const one = digitsOf(a);
  const other = digitsOf(b);
  if (one === undefined || other === undefined) return 'string';
  if (INTEGER_DIGITS.has(a) && INTEGER_DIGITS.has(b)) return one.whole > other.whole ? a : b;
  const scale = Math.max(one.scale, other.scale);
  const precision = Math.max(one.whole, other.whole) + scale;
  return precision <= MAX_DECIMAL_PRECISION ? decimalType(precision, scale) : 'string';
}

function isFloating(type: DataType): boolean {
  return type === 'float' || type === 'double';
}

/** Digits before and behind the point that the values of a type have. */
function digitsOf(type: DataType): { readonly whole: number; readonly scale: number } | undefined {
  const integer = INTEGER_DIGITS.get(type);
  if (integer !== undefined) return { whole: integer, scale: 0 };
  const decimal = decimalOf(type);
  return decimal && { whole: decimal.precision - decimal.scale, scale: decimal.scale };
}

function mergeStructs(a: StructType, b: StructType): DataType {
  const fields = new Map(a.fields.map(({ name, type }) => [name.toLowerCase(), fieldOf(name, asNullable(type))]));
  for (const { name, type } of b.fields) {
    const known = fields.get(name.toLowerCase());
    const merged =
      known === undefined ? fieldOf(name, asNullable(type)) : fieldOf(known.name, mergeInferred(known.type, type));
    fields.set(name.toLowerCase(), merged);
  }
  return fields.size > MAX_INFERRED_FIELDS ? 'string' : { type: 'struct', fields: [...fields.values()] };
}
