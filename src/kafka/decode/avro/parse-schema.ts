import { logicalTypeOf } from './logical-types.ts';
import {
  type AvroEnum,
  type AvroField,
  type AvroFixed,
  type AvroRecord,
  type AvroSchema,
  MAX_SCHEMA_DEPTH,
  type PrimitiveKind,
  quote,
  unknownSchema,
} from './schema.ts';

/**
 * Parses a schema (Avro 1.12 specification, "Schema Declaration"). `references` are the texts of schemas whose named
 * types it may use, each behind those that it depends on. Aliases and defaults are for readers with a schema of their
 * own: they are not kept. A logical type that is not known, or not valid where it stands, counts as none. Throws
 * `UNKNOWN_SCHEMA` for what is no Avro schema, and says where.
 */
export function parseAvroSchema(json: string, references: readonly string[] = []): AvroSchema {
  const names = new Map<string, AvroSchema>();
  for (const text of new Set(references)) parseText(text, names);
  return parseText(json, names);
}

/** Where a part of a schema is. */
interface Place {
  /** For messages. */
  readonly where: string;
  /** Of the nearest named type around it; empty for none. */
  readonly namespace: string;
  readonly depth: number;
  /** Named types that were defined so far, by full name. */
  readonly names: Map<string, AvroSchema>;
}

type JsonObject = { readonly [name: string]: unknown };

const PRIMITIVES: ReadonlySet<string> = new Set<PrimitiveKind>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);

/** Specification, "Names". */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FULL_NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

function parseText(json: string, names: Map<string, AvroSchema>): AvroSchema {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw unknownSchema(`it is no JSON: ${quote(json)}`, { cause });
  }
  return parseType(value, { where: 'its top', namespace: '', depth: 0, names });
}

function parseType(value: unknown, place: Place): AvroSchema {
  if (place.depth > MAX_SCHEMA_DEPTH) throw unknownSchema(`it is nested more than ${MAX_SCHEMA_DEPTH} levels deep`);
  if (typeof value === 'string') return parseNameOfType(value, place);
  if (Array.isArray(value)) return parseUnion(value, place);
  if (!isObject(value)) throw wrong(place, `${quote(value)} where a type is expected`);
  switch (value.type) {
    case 'record':
    case 'error':
      return parseRecord(value, place);
    case 'enum':
      return parseEnum(value, place);
    case 'fixed':
      return parseFixed(value, place);
    case 'array':
      return { kind: 'array', items: parseType(value.items, inside(place, `the items of ${place.where}`)) };
    case 'map':
      return { kind: 'map', values: parseType(value.values, inside(place, `the values of ${place.where}`)) };
    default:
      return parseWrapped(value, place);
  }
}

/** A type in an object of its own, which may say what it stands for: `{"type": "int", "logicalType": "date"}`. */
function parseWrapped(value: JsonObject, place: Place): AvroSchema {
  const { type } = value;
  if (!isPrimitive(type)) return parseType(type, inside(place, place.where));
  return { kind: type, logical: logicalTypeOf(value, { kind: type }) };
}

function parseNameOfType(name: string, { namespace, where, names }: Place): AvroSchema {
  if (isPrimitive(name)) return { kind: name, logical: undefined };
  // The Java library also looks for a name without a namespace where there is one around it, and schemas rely on it.
  const schema = names.get(qualify(name, namespace)) ?? names.get(name);
  if (schema === undefined) throw unknownSchema(`${where} has the type ${quote(name)}, which is not defined before it`);
  return schema;
}

function parseUnion(values: readonly unknown[], place: Place): AvroSchema {
  const seen = new Set<string>();
  const branches = values.map((value, index) => {
    const branch = parseType(value, inside(place, `branch ${index} of ${place.where}`));
    if (branch.kind === 'union') throw wrong(place, 'a union in a union');
    const name = 'name' in branch ? branch.name : branch.kind;
    if (seen.has(name)) throw wrong(place, `a union with two branches of the type ${quote(name)}`);
    seen.add(name);
    return branch;
  });
  return { kind: 'union', branches };
}

function parseRecord(value: JsonObject, place: Place): AvroRecord {
  const name = parseName(value, place);
  const fields: AvroField[] = [];
  const record: AvroRecord = { kind: 'record', name, fields };
  // Before its fields, which may be of this very type.
  define(record, place);
  if (!Array.isArray(value.fields)) throw unknownSchema(`the record ${quote(name)} has no list of fields`);
  const seen = new Set<string>();
  for (const field of value.fields as readonly unknown[]) {
    if (!isObject(field) || !isMatch(field.name, NAME)) {
      const got = isObject(field) ? `the name ${quote(field.name)}` : quote(field);
      throw unknownSchema(
        `the record ${quote(name)} has a field with ${got}, expected a name of letters, digits and _`,
      );
    }
    if (seen.has(field.name)) throw unknownSchema(`the record ${quote(name)} has the field ${quote(field.name)} twice`);
    seen.add(field.name);
    const where = `the field ${quote(field.name)} of ${quote(name)}`;
    fields.push({
      name: field.name,
      schema: parseType(field.type, { ...inside(place, where), namespace: spaceOf(name) }),
    });
  }
  return record;
}

function parseEnum(value: JsonObject, place: Place): AvroEnum {
  const name = parseName(value, place);
  const { symbols } = value;
  if (!Array.isArray(symbols) || !symbols.every((symbol) => isMatch(symbol, NAME))) {
    throw unknownSchema(`the enum ${quote(name)} has no list of symbols, of letters, digits and _ each`);
  }
  if (new Set(symbols).size !== symbols.length) throw unknownSchema(`the enum ${quote(name)} has a symbol twice`);
  const schema: AvroEnum = { kind: 'enum', name, symbols };
  define(schema, place);
  return schema;
}

function parseFixed(value: JsonObject, place: Place): AvroFixed {
  const name = parseName(value, place);
  const { size } = value;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw unknownSchema(`the fixed ${quote(name)} has the size ${quote(size)}, expected a whole number from 0`);
  }
  const schema: AvroFixed = { kind: 'fixed', name, size, logical: logicalTypeOf(value, { kind: 'fixed', size }) };
  define(schema, place);
  return schema;
}

function define(schema: AvroRecord | AvroEnum | AvroFixed, { names, where }: Place): void {
  if (names.has(schema.name)) throw unknownSchema(`${where} defines ${quote(schema.name)} once more`);
  names.set(schema.name, schema);
}

/** The full name of a definition. A name with dots has its namespace in it, whatever the attribute says. */
function parseName(value: JsonObject, place: Place): string {
  const { name, namespace = place.namespace, aliases = [] } = value;
  if (!isMatch(name, FULL_NAME)) throw wrong(place, `a type with the name ${quote(name)}, which is none`);
  if (namespace !== '' && namespace !== null && !isMatch(namespace, FULL_NAME)) {
    throw unknownSchema(`${quote(name)} has the namespace ${quote(namespace)}, which is none`);
  }
  if (!Array.isArray(aliases) || !aliases.every((alias) => isMatch(alias, FULL_NAME))) {
    throw unknownSchema(`${quote(name)} has aliases that are no list of names`);
  }
  const fullName = qualify(name, namespace ?? '');
  if (isPrimitive(fullName)) throw unknownSchema(`${place.where} defines ${quote(name)}, which is a primitive type`);
  return fullName;
}

function qualify(name: string, namespace: string): string {
  return namespace === '' || name.includes('.') ? name : `${namespace}.${name}`;
}

function spaceOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
}

function inside(place: Place, where: string): Place {
  return { ...place, where, depth: place.depth + 1 };
}

function wrong({ where }: Place, got: string): Error {
  return unknownSchema(`${where} has ${got}`);
}

function isPrimitive(value: unknown): value is PrimitiveKind {
  return typeof value === 'string' && PRIMITIVES.has(value);
}

function isMatch(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
