import { DeltaError } from './errors.ts';

/** A Delta schema (PROTOCOL.md "Schema Serialization Format"), parsed. */
export type PrimitiveType =
  | 'string'
  | 'long'
  | 'integer'
  | 'short'
  | 'byte'
  | 'float'
  | 'double'
  | 'boolean'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  | 'variant'
  /** A column of nulls that is in no file. */
  | 'void'
  | `decimal(${number},${number})`;
export type DataType = PrimitiveType | StructType | ArrayType | MapType;
export interface StructType {
  readonly type: 'struct';
  readonly fields: readonly StructField[];
}
export interface ArrayType {
  readonly type: 'array';
  readonly elementType: DataType;
  readonly containsNull: boolean;
}
export interface MapType {
  readonly type: 'map';
  readonly keyType: DataType;
  readonly valueType: DataType;
  readonly valueContainsNull: boolean;
}
export interface StructField {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Names from the schema's root down; `element`, `key` and `value` stand for the parts of arrays and maps. */
export type ColumnPath = readonly string[];

/** A column of the schema that holds values of its own. */
export interface LeafColumn {
  readonly path: ColumnPath;
  /** Anything but a struct. */
  readonly type: Exclude<DataType, StructType>;
  /** Whether a row may have null here: the column itself or a struct around it is nullable. */
  readonly nullable: boolean;
}

/**
 * Parses the `schemaString` of a table's metadata. All metadata of the fields is kept, known or not, with numbers as
 * they were written. Throws `INVALID_SCHEMA` for what is not a Delta schema, and for types that are not known.
 */
export function parseSchema(json: string): StructType {
  let value: unknown;
  try {
    value = JSON.parse(json, keepNumberText);
  } catch (cause) {
    throw new DeltaError('INVALID_SCHEMA', `The table schema is not JSON: ${json.slice(0, 100)}`, {}, { cause });
  }
  const type = parseType(value, []);
  if (typeof type === 'string' || type.type !== 'struct') {
    throw invalid([], `The table schema is of type ${typeName(type)}, expected a struct`);
  }
  return type;
}

/** The `schemaString` of a schema, with the members in the order in which Spark writes them. */
export function serializeSchema(schema: StructType): string {
  return JSON.stringify(typeToJson(schema));
}

/**
 * The leaf columns in the schema's order. Structs are descended into; arrays and maps are leaves, as they are for
 * statistics and for data skipping.
 */
export function leafColumns(schema: StructType): LeafColumn[] {
  const leaves: LeafColumn[] = [];
  const visit = (fields: readonly StructField[], parent: ColumnPath, parentNullable: boolean): void => {
    for (const field of fields) {
      const path = [...parent, field.name];
      const nullable = parentNullable || field.nullable;
      if (isStruct(field.type)) visit(field.type.fields, path, nullable);
      else leaves.push({ path, type: field.type, nullable });
    }
  };
  visit(schema.fields, [], false);
  return leaves;
}

/** Whether two types are the same, down to the names and order of nested fields; nullability and metadata do not count. */
export function typesEqual(a: DataType, b: DataType): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  if (a.type === 'array') return b.type === 'array' && typesEqual(a.elementType, b.elementType);
  if (a.type === 'map') {
    return b.type === 'map' && typesEqual(a.keyType, b.keyType) && typesEqual(a.valueType, b.valueType);
  }
  if (b.type !== 'struct' || a.fields.length !== b.fields.length) return false;
  return a.fields.every((field, index) => {
    const other = b.fields[index];
    return other !== undefined && field.name === other.name && typesEqual(field.type, other.type);
  });
}

/**
 * The type with everything in it nullable, at every level. New columns get such types: the rows that are there have
 * no value for them, and a later file may leave out a part.
 */
export function asNullable<T extends DataType>(type: T): T;
export function asNullable(type: DataType): DataType {
  if (typeof type === 'string') return type;
  switch (type.type) {
    case 'array':
      return { type: 'array', elementType: asNullable(type.elementType), containsNull: true };
    case 'map':
      return {
        type: 'map',
        keyType: asNullable(type.keyType),
        valueType: asNullable(type.valueType),
        valueContainsNull: true,
      };
    case 'struct':
      return {
        type: 'struct',
        fields: type.fields.map((field) => ({ ...field, type: asNullable(field.type), nullable: true })),
      };
  }
}

/** The first name in a type that a table without column mapping cannot have, with its path; undefined when all are legal. */
export function findIllegalName(type: DataType, path: ColumnPath = []): ColumnPath | undefined {
  if (typeof type === 'string') return undefined;
  if (type.type === 'array') return findIllegalName(type.elementType, [...path, 'element']);
  if (type.type === 'map') {
    return findIllegalName(type.keyType, [...path, 'key']) ?? findIllegalName(type.valueType, [...path, 'value']);
  }
  for (const field of type.fields) {
    const fieldPath = [...path, field.name];
    const illegal = isColumnName(field.name) ? findIllegalName(field.type, fieldPath) : fieldPath;
    if (illegal !== undefined) return illegal;
  }
  return undefined;
}

/** A column path for people: `a.b`, with backquotes where a name has a dot or a backquote itself. */
export function formatPath(path: ColumnPath): string {
  return path.map((name) => (/[.`]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name)).join('.');
}

/** A type for people, on one line: `struct<a: long, b: array<string>>`. */
export function typeName(type: DataType): string {
  if (typeof type === 'string') return type;
  switch (type.type) {
    case 'array':
      return `array<${typeName(type.elementType)}>`;
    case 'map':
      return `map<${typeName(type.keyType)}, ${typeName(type.valueType)}>`;
    case 'struct':
      return `struct<${type.fields.map(({ name, type }) => `${formatPath([name])}: ${typeName(type)}`).join(', ')}>`;
  }
}

export function isStruct(type: DataType): type is StructType {
  return typeof type !== 'string' && type.type === 'struct';
}

/** Largest precision of a decimal, in digits (PROTOCOL.md "Primitive Types"). */
export const MAX_DECIMAL_PRECISION = 38;

export interface Decimal {
  /** Digits in all. */
  readonly precision: number;
  /** Digits behind the point. */
  readonly scale: number;
}

/** The name of a decimal type. Throws `INVALID_SCHEMA` when precision or scale are out of range. */
export function decimalType(precision: number, scale: number): `decimal(${number},${number})` {
  const valid = Number.isInteger(precision) && Number.isInteger(scale) && scale >= 0 && precision >= 1;
  if (!valid || scale > precision || precision > MAX_DECIMAL_PRECISION) {
    throw new DeltaError(
      'INVALID_SCHEMA',
      `decimal(${precision},${scale}) is not a Delta type: expected a precision of 1 to ${MAX_DECIMAL_PRECISION} and a scale of 0 to the precision`,
    );
  }
  return `decimal(${precision},${scale})`;
}

/** Precision and scale of a decimal type; undefined for any other type. */
export function decimalOf(type: DataType): Decimal | undefined {
  if (typeof type !== 'string') return undefined;
  const [, precision, scale] = DECIMAL.exec(type) ?? [];
  return precision === undefined ? undefined : { precision: Number(precision), scale: Number(scale) };
}

/** Spark takes spaces in it, and writes none. */
const DECIMAL = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/;

/** What Spark means by a decimal without precision and scale. */
const DEFAULT_DECIMAL = 'decimal(10,0)';

const SIMPLE_TYPES: ReadonlySet<string> = new Set<PrimitiveType>([
  'string',
  'long',
  'integer',
  'short',
  'byte',
  'float',
  'double',
  'boolean',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
  'variant',
  'void',
]);

function parseType(value: unknown, path: ColumnPath): DataType {
  if (typeof value === 'string') return parsePrimitive(value, path);
  if (!isObject(value)) throw invalid(path, `${describe(path)} has the type ${JSON.stringify(value)}, which is none`);
  switch (value.type) {
    case 'struct':
      return parseStruct(value, path);
    case 'array':
      return {
        type: 'array',
        elementType: parseType(value.elementType, [...path, 'element']),
        containsNull: parseFlag(value.containsNull, 'containsNull', path),
      };
    case 'map':
      return {
        type: 'map',
        keyType: parseType(value.keyType, [...path, 'key']),
        valueType: parseType(value.valueType, [...path, 'value']),
        valueContainsNull: parseFlag(value.valueContainsNull, 'valueContainsNull', path),
      };
    default:
      throw invalid(path, `${describe(path)} has the type ${JSON.stringify(value.type)}, which is not known`);
  }
}

function parsePrimitive(name: string, path: ColumnPath): PrimitiveType {
  if (SIMPLE_TYPES.has(name)) return name as PrimitiveType;
  const decimal = decimalOf((name === 'decimal' ? DEFAULT_DECIMAL : name) as PrimitiveType);
  if (decimal === undefined) throw invalid(path, `${describe(path)} has the type "${name}", which is not known`);
  return decimalType(decimal.precision, decimal.scale);
}

function parseStruct(value: Record<string, unknown>, path: ColumnPath): StructType {
  if (!Array.isArray(value.fields)) throw invalid(path, `${describe(path)} is a struct without a list of fields`);
  const fields = value.fields.map((field) => parseField(field, path));
  assertDistinct(fields, path);
  return { type: 'struct', fields };
}

function parseField(value: unknown, parent: ColumnPath): StructField {
  if (!isObject(value) || typeof value.name !== 'string') {
    throw invalid(parent, `${describe(parent)} has the field ${JSON.stringify(value)}, which has no name`);
  }
  const path = [...parent, value.name];
  const metadata = value.metadata ?? {};
  if (!isObject(metadata)) {
    throw invalid(path, `${describe(path)} has the metadata ${JSON.stringify(metadata)}, expected an object`);
  }
  return {
    name: value.name,
    type: parseType(value.type, path),
    nullable: parseFlag(value.nullable, 'nullable', path),
    metadata,
  };
}

/**
 * Whether a table without column mapping can have a column of this name: Spark refuses the others, because they were
 * not legal in its Parquet files.
 */
function isColumnName(name: string): boolean {
  return name !== '' && !/[ ,;{}()\n\t=]/.test(name);
}

/** A flag of nullability; writers that leave one out mean true. */
function parseFlag(value: unknown, name: string, path: ColumnPath): boolean {
  if (value === undefined) return true;
  if (typeof value === 'boolean') return value;
  throw invalid(path, `${describe(path)} has the ${name} ${JSON.stringify(value)}, expected true or false`);
}

/** PROTOCOL.md: "All column names must be unique regardless of casing". */
function assertDistinct(fields: readonly StructField[], path: ColumnPath): void {
  const seen = new Map<string, string>();
  for (const { name } of fields) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      throw invalid(path, `${describe(path)} has the fields "${other}" and "${name}", which differ in case at most`);
    }
    seen.set(name.toLowerCase(), name);
  }
}

function typeToJson(type: DataType): unknown {
  if (typeof type === 'string') return type;
  switch (type.type) {
    case 'array':
      return { type: 'array', elementType: typeToJson(type.elementType), containsNull: type.containsNull };
    case 'map':
      return {
        type: 'map',
        keyType: typeToJson(type.keyType),
        valueType: typeToJson(type.valueType),
        valueContainsNull: type.valueContainsNull,
      };
    case 'struct':
      return {
        type: 'struct',
        fields: type.fields.map(({ name, type, nullable, metadata }) => ({
          name,
          type: typeToJson(type),
          nullable,
          metadata,
        })),
      };
  }
}

/** JSON.rawJSON and the reviver's third argument (ECMAScript proposal "JSON.parse source text access", in Node 22). */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/**
 * Keeps a number as its text where JavaScript would write it otherwise: Spark takes 1 and 1.0 in a field's metadata
 * for different types, and has 64-bit integers there.
 */
function keepNumberText(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return rawJSON(source);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(path: ColumnPath): string {
  return path.length === 0 ? 'The table schema' : `The column "${formatPath(path)}"`;
}

function invalid(path: ColumnPath, message: string): DeltaError {
  return new DeltaError('INVALID_SCHEMA', message, path.length === 0 ? {} : { column: formatPath(path) });
}
