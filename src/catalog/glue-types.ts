import { type DataType, formatPath, type StructField } from '../delta/schema.ts';
import type { CatalogColumn } from './catalog.ts';
import { CatalogError } from './errors.ts';
import { MAX_NAME_BYTES } from './names.ts';

/** "not more than 131072 bytes long" (AWS Glue developer guide, "Table API", Column structure). */
export const MAX_TYPE_BYTES = 131_072;
/** "Comment string, not more than 255 bytes long" (the same). */
export const MAX_COMMENT_BYTES = 255;

/**
 * The Hive names of Delta's types, as they are in Glue (Athena user guide, "Supported column data types" of Delta tables).
 * Athena takes the real types from the log. Hive has no timestamps with a zone, and Trino reads both of Delta's. What has no
 * type of its own there is named in the column's comment.
 */
const PRIMITIVES: Readonly<Record<string, string>> = {
  string: 'string',
  long: 'bigint',
  integer: 'int',
  short: 'smallint',
  byte: 'tinyint',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'timestamp',
  variant: 'string',
  void: 'string',
};

const WITHOUT_TYPE: readonly unknown[] = ['variant', 'void'];

/**
 * A column of a Delta table as one of Glue, with its comment. Types of Glue have no place for the comments of nested fields:
 * they follow in the column's, as long as there is room. Throws `TYPE_TOO_LONG` and `INVALID_NAME` with the column.
 */
export function toColumn(field: StructField): CatalogColumn {
  const name = oneLine(field.name.toLowerCase());
  if (bytesOf(name) > MAX_NAME_BYTES) {
    throw new CatalogError(
      'INVALID_NAME',
      `the column ${formatPath([field.name])} has a name of ${bytesOf(name)} bytes, expected ${MAX_NAME_BYTES} at most`,
    );
  }
  const type = glueType(field.type);
  if (bytesOf(type) > MAX_TYPE_BYTES) {
    throw new CatalogError(
      'TYPE_TOO_LONG',
      `the type of the column ${formatPath([field.name])} has ${bytesOf(type)} bytes in Glue, expected ${MAX_TYPE_BYTES} at ` +
        'most: its struct has too many fields',
    );
  }
  const comment = commentOf(field);
  return { Name: name, Type: type, ...(comment !== '' && { Comment: comment }) };
}

/** The Hive type of a Delta type, in one word: `map<string,array<struct<a:bigint>>>`. */
export function glueType(type: DataType): string {
  if (typeof type === 'string') return PRIMITIVES[type] ?? type.replaceAll(' ', '');
  switch (type.type) {
    case 'array':
      return `array<${glueType(type.elementType)}>`;
    case 'map':
      return `map<${glueType(type.keyType)},${glueType(type.valueType)}>`;
    case 'struct':
      return `struct<${structFields(type.fields)}>`;
  }
}

/**
 * Hive's parser of types takes letters, digits, `_`, `.`, `$` and spaces in names, and has no quotes
 * (`TypeInfoUtils.TypeInfoParser.tokenize`): one other character, and the whole table could not be read.
 */
function structFields(fields: readonly StructField[]): string {
  const used = new Set<string>();
  return fields
    .map(({ name, type }) => {
      const base = name.toLowerCase().replaceAll(/[^\p{L}\p{N}_.$]/gu, '_') || '_';
      let unique = base;
      for (let count = 2; used.has(unique); count++) unique = `${base}_${count}`;
      used.add(unique);
      return `${unique}:${glueType(type)}`;
    })
    .join(',');
}

function commentOf(field: StructField): string {
  const notes = notesOf(field, []).map(({ path, text }) => (path.length === 0 ? text : `${formatPath(path)}: ${text}`));
  return shorten(oneLine(notes.join('; ')), MAX_COMMENT_BYTES);
}

interface Note {
  readonly path: readonly string[];
  readonly text: string;
}

function notesOf(field: StructField, path: readonly string[]): Note[] {
  const { comment } = field.metadata;
  const text = typeof comment === 'string' ? comment.trim() : '';
  return [...(text === '' ? [] : [{ path, text }]), ...typeNotes(field.type, path)];
}

function typeNotes(type: DataType, path: readonly string[]): Note[] {
  if (WITHOUT_TYPE.includes(type)) return [{ path, text: `Delta type ${type}` }];
  if (typeof type === 'string') return [];
  switch (type.type) {
    case 'array':
      return typeNotes(type.elementType, [...path, 'element']);
    case 'map':
      return [...typeNotes(type.keyType, [...path, 'key']), ...typeNotes(type.valueType, [...path, 'value'])];
    case 'struct':
      return type.fields.flatMap((field) => notesOf(field, [...path, field.name]));
  }
}

/** Glue's "Single-line string pattern" has no control characters but the tabulator. */
export function oneLine(text: string): string {
  return text.replaceAll(/ *[^\P{Cc}\t]+ */gu, ' ');
}

/** As much of a text as so many bytes take, in whole characters. */
export function shorten(text: string, maxBytes: number): string {
  if (bytesOf(text) <= maxBytes) return text;
  let kept = '';
  let bytes = bytesOf('…');
  for (const character of text) {
    bytes += bytesOf(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return `${kept}…`;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
