import {
  type DataType,
  isStruct,
  type PrimitiveType,
  type StructField,
  type StructType,
  typesEqual,
} from '../../delta/schema.ts';

/** A schema that others refer to, by the name that they call it. */
export interface JsonSchemaReference {
  readonly name: string;
  readonly schema: string;
}

/**
 * The types that a JSON Schema is clear about, as nullable columns; undefined when there are none, and for what is no
 * JSON Schema: values are JSON all the same. What may be of several types is left out, as are schemas within themselves.
 *
 * | JSON Schema | Delta |
 * |---|---|
 * | `integer` | `long` |
 * | `number`, also together with `integer` | `double` |
 * | `string`; of the format `date-time`, `date` | `string`; `timestamp`, `date` |
 * | `boolean` | `boolean` |
 * | `array` with one schema for all items | `array` |
 * | `object` with `properties` | `struct` |
 * | `object` with a schema as `additionalProperties` only | `map<string, ...>` |
 * | `connect.type` of `int8`, `int16`, `int32`, `float32` | `byte`, `short`, `integer`, `float` |
 *
 * `null` besides another type, by `type`, `oneOf` or `anyOf`, counts for nothing. `allOf` is all properties together.
 * `$ref` is followed within the document, and into the references by their name.
 */
export function deltaSchemaOfJsonSchema(
  schema: string,
  references: readonly JsonSchemaReference[] = [],
): StructType | undefined {
  const document = tryParse(schema);
  if (document === undefined) return undefined;
  const type = new TypeFinder(references).typeOf(document, { document, depth: 0 });
  return type !== undefined && isStruct(type) ? type : undefined;
}

type JsonObject = { readonly [name: string]: unknown };

interface Place {
  /** That `$ref` is within. */
  readonly document: unknown;
  readonly depth: number;
}

const MAX_DEPTH = 64;
/** Schemas that are looked at, those of references wherever they are used. */
const MAX_SCHEMAS = 20_000;

class TypeFinder {
  readonly #references: ReadonlyMap<string, string>;
  readonly #documents = new Map<string, unknown>();
  /** Schemas around the one at hand that a `$ref` led to. */
  readonly #around = new Set<unknown>();
  #schemas = 0;

  constructor(references: readonly JsonSchemaReference[]) {
    this.#references = new Map(references.map(({ name, schema }) => [name, schema]));
  }

  /** Undefined for what is not clear. */
  typeOf(schema: unknown, place: Place): DataType | undefined {
    if (!isObject(schema) || place.depth > MAX_DEPTH || ++this.#schemas > MAX_SCHEMAS) return undefined;
    const inner = { ...place, depth: place.depth + 1 };
    const found = [
      this.#ownType(schema, inner),
      ...lists(schema, 'allOf').map((part) => this.typeOf(part, inner)),
      ...['oneOf', 'anyOf'].map((name) => this.#alternatives(schema, name, inner)),
      this.#referred(schema.$ref, inner),
    ];
    return found.reduce(bothOf, undefined);
  }

  #ownType(schema: JsonObject, place: Place): DataType | undefined {
    const types = namedTypes(schema);
    if (types.length === 2 && types.includes('integer') && types.includes('number')) return 'double';
    if (types.length !== 1) return undefined;
    switch (types[0]) {
      case 'boolean':
        return 'boolean';
      case 'integer':
        return CONNECT_TYPES.get(schema['connect.type']) ?? 'long';
      case 'number':
        return CONNECT_TYPES.get(schema['connect.type']) ?? 'double';
      case 'string':
        return FORMATS.get(schema.format) ?? 'string';
      case 'array': {
        const elementType = this.typeOf(schema.items, place);
        return elementType === undefined ? undefined : { type: 'array', elementType, containsNull: true };
      }
      case 'object':
        return this.#objectType(schema, place);
      default:
        return undefined;
    }
  }

  #objectType(schema: JsonObject, place: Place): DataType | undefined {
    const { properties, additionalProperties, patternProperties } = schema;
    if (isObject(properties)) {
      const fields = Object.entries(properties).flatMap(([name, property]): StructField[] => {
        const type = this.typeOf(property, place);
        return type === undefined ? [] : [{ name, type, nullable: true, metadata: {} }];
      });
      return fields.length === 0 ? undefined : { type: 'struct', fields: distinct(fields) };
    }
    if (patternProperties !== undefined) return undefined;
    const valueType = this.typeOf(additionalProperties, place);
    return valueType === undefined ? undefined : { type: 'map', keyType: 'string', valueType, valueContainsNull: true };
  }

  /** The one type that all alternatives but null have. */
  #alternatives(schema: JsonObject, name: string, place: Place): DataType | undefined {
    const types = lists(schema, name)
      .filter((part) => !isNullSchema(part))
      .map((part) => this.typeOf(part, place));
    const [first] = types;
    if (first === undefined) return undefined;
    if (types.every((type) => type !== undefined && typesEqual(type, first))) return first;
    return types.every((type) => type === 'long' || type === 'double') ? 'double' : undefined;
  }

  #referred(ref: unknown, place: Place): DataType | undefined {
    if (typeof ref !== 'string') return undefined;
    const hash = ref.indexOf('#');
    const name = hash === -1 ? ref : ref.slice(0, hash);
    const document = name === '' ? place.document : this.#document(name);
    const target = atPointer(document, hash === -1 ? '' : ref.slice(hash + 1));
    if (target === undefined || this.#around.has(target)) return undefined;
    this.#around.add(target);
    const type = this.typeOf(target, { document, depth: place.depth });
    this.#around.delete(target);
    return type;
  }

  #document(name: string): unknown {
    if (!this.#documents.has(name)) {
      const text = this.#references.get(name);
      this.#documents.set(name, text === undefined ? undefined : tryParse(text));
    }
    return this.#documents.get(name);
  }
}

/** JSON Schema Validation, "Dates, Times, and Duration". */
const FORMATS: ReadonlyMap<unknown, PrimitiveType> = new Map([
  ['date-time', 'timestamp'],
  ['date', 'date'],
]);

/** What Confluent's JSON Schema converter for Kafka Connect notes. */
const CONNECT_TYPES: ReadonlyMap<unknown, PrimitiveType> = new Map([
  ['int8', 'byte'],
  ['int16', 'short'],
  ['int32', 'integer'],
  ['float32', 'float'],
]);

/** The types of a schema but null: as it says, or as its keywords and values imply. */
function namedTypes(schema: JsonObject): readonly unknown[] {
  const { type } = schema;
  if (type !== undefined) return (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null');
  if (isObject(schema.properties)) return ['object'];
  const values = 'const' in schema ? [schema.const] : lists(schema, 'enum');
  return [...new Set(values.filter((value) => value !== null).map(typeOfValue))];
}

function typeOfValue(value: unknown): string {
  if (Number.isInteger(value)) return 'integer';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isNullSchema(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  const { type } = schema;
  if (type === 'null' || schema.const === null) return true;
  return Array.isArray(schema.enum) && schema.enum.length > 0 && schema.enum.every((value) => value === null);
}

/** What is of both types: the fields of both structs; otherwise the one that is known, or the first. */
function bothOf(a: DataType | undefined, b: DataType | undefined): DataType | undefined {
  if (a === undefined || b === undefined || !isStruct(a) || !isStruct(b)) return a ?? b;
  return { type: 'struct', fields: distinct([...a.fields, ...b.fields]) };
}

/** The first of names that differ in case at most is the column. */
function distinct(fields: readonly StructField[]): StructField[] {
  const byName = new Map<string, StructField>();
  for (const field of fields) {
    const name = field.name.toLowerCase();
    if (!byName.has(name)) byName.set(name, field);
  }
  return [...byName.values()];
}

/** RFC 6901, in a URL's fragment. */
function atPointer(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointer.split('/').slice(1)) {
    const name = decodePart(part);
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as JsonObject)[name];
  }
  return pointer === '' || pointer.startsWith('/') ? value : undefined;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return part;
  }
}

function lists(schema: JsonObject, name: string): readonly unknown[] {
  const value = schema[name];
  return Array.isArray(value) ? value : [];
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
