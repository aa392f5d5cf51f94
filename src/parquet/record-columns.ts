import { ParquetError } from './errors.ts';
import { type TextType, textTypeOf } from './json-text.ts';
import { formatNodeType, type GroupNode, type LeafNode, type SchemaNode } from './schema-node.ts';

/**
 * The fields that are wanted of a struct column: by name, plain values, lists of strings, maps of strings, structs of
 * these, or a struct of anything as the text of a JSON object (`json`). What the file has beside them is not read; what it lacks is absent.
 */
export type RecordSpec = { readonly [field: string]: FieldSpec };
export type FieldSpec = 'string' | 'integer' | 'boolean' | 'list' | 'map' | 'json' | RecordSpec;

/** A record as it is read. Absent and null are the same; a struct without any value in it is absent. */
export type RecordOf<S extends RecordSpec> = { readonly [F in keyof S]?: FieldOf<S[F]> };
type FieldOf<F> = F extends 'string' | 'json'
  ? string
  : F extends 'integer'
    ? number
    : F extends 'boolean'
      ? boolean
      : F extends 'list'
        ? readonly (string | null)[]
        : F extends 'map'
          ? Readonly<Record<string, string | null>>
          : F extends RecordSpec
            ? RecordOf<F>
            : never;

/** A struct column whose rows are records, of which most may be null: in Delta checkpoints, one action a row. */
export interface RecordColumn<T> {
  readonly name: string;
  /** The plain field that every record has; a row without it has no record. */
  readonly key: string;
  readonly spec: RecordSpec;
  readonly parse: (record: RecordOf<RecordSpec>) => T;
}

/** A column of records. `parse` makes of a record what is wanted; it throws `CORRUPT` for one that lacks a field. */
export function recordColumn<S extends RecordSpec, T>(
  name: string,
  key: keyof S & string,
  spec: S,
  parse: (record: RecordOf<NoInfer<S>>) => T,
): RecordColumn<T> {
  // Records are made by the spec, so one of any spec is one of this spec here.
  return { name, key, spec, parse: parse as (record: RecordOf<RecordSpec>) => T };
}

/** A column of records in the schema of a file. */
export interface BoundColumn<T> {
  readonly column: RecordColumn<T>;
  readonly field: BoundField;
  readonly key: LeafNode;
}

/** Where a field of a record is in a file. */
export type BoundField =
  | { readonly kind: 'value'; readonly leaf: LeafNode }
  | { readonly kind: 'list'; readonly element: LeafNode; readonly elementLevel: number }
  | { readonly kind: 'map'; readonly key: LeafNode; readonly value: LeafNode; readonly elementLevel: number }
  | { readonly kind: 'text'; readonly leaf: LeafNode; readonly textType: TextType }
  | { readonly kind: 'json' | 'struct'; readonly fields: ReadonlyMap<string, BoundField> };

/** A leaf column to read, and the definition level from which it has an element; 0 where it is not repeated. */
export interface BoundLeaf {
  readonly leaf: LeafNode;
  readonly elementLevel: number;
  /** Of a column that is read as text. */
  readonly textType?: TextType;
}

/**
 * Finds a column of records and its fields in a file's schema. Lists and maps are known by their shape, since writers
 * name the groups in them differently. Returns undefined when the file has no such column.
 * Throws `CORRUPT` for a column of another shape or type than the spec's.
 */
export function bindColumn<T>(root: GroupNode, column: RecordColumn<T>): BoundColumn<T> | undefined {
  const node = root.children.find(({ name }) => name === column.name);
  if (node === undefined) return undefined;
  const field = bindField(node, column.spec);
  const key = field.kind === 'struct' ? field.fields.get(column.key) : undefined;
  if (key?.kind !== 'value') throw unexpected(node, `a struct with the field "${column.key}"`);
  return { column, field, key: key.leaf };
}

/** All leaf columns of a field. */
export function leavesOf(field: BoundField): BoundLeaf[] {
  switch (field.kind) {
    case 'value':
      return [{ leaf: field.leaf, elementLevel: 0 }];
    case 'list':
      return [{ leaf: field.element, elementLevel: field.elementLevel }];
    case 'map':
      return [field.key, field.value].map((leaf) => ({ leaf, elementLevel: field.elementLevel }));
    case 'text':
      return [{ leaf: field.leaf, elementLevel: 0, textType: field.textType }];
    case 'json':
    case 'struct':
      return [...field.fields.values()].flatMap(leavesOf);
  }
}

const PHYSICAL_TYPES = {
  string: ['BYTE_ARRAY'],
  integer: ['INT32', 'INT64'],
  boolean: ['BOOLEAN'],
} as const satisfies Record<string, readonly string[]>;

function bindField(node: SchemaNode, spec: FieldSpec): BoundField {
  if (spec === 'list') return bindList(node);
  if (spec === 'map') return bindMap(node);
  if (spec === 'json') return bindJson(node);
  if (typeof spec === 'string') return { kind: 'value', leaf: plainLeaf(node, spec) };
  if (node.kind !== 'group' || node.repetition === 'REPEATED') throw unexpected(node, 'a struct');
  const fields = new Map<string, BoundField>();
  for (const child of node.children) {
    const field = Object.hasOwn(spec, child.name) ? spec[child.name] : undefined;
    if (field !== undefined) fields.set(child.name, bindField(child, field));
  }
  return { kind: 'struct', fields };
}

/** What statistics have no text for is left out. */
function bindJson(node: SchemaNode): BoundField {
  if (node.kind !== 'group' || node.repetition === 'REPEATED') throw unexpected(node, 'a struct');
  const fields = new Map<string, BoundField>();
  for (const child of node.children) {
    const textType = child.kind === 'leaf' ? textTypeOf(child) : undefined;
    if (child.kind === 'leaf' && textType !== undefined) {
      fields.set(child.name, { kind: 'text', leaf: child, textType });
    } else if (child.kind === 'group' && child.logical === undefined && child.repetition !== 'REPEATED') {
      fields.set(child.name, bindJson(child));
    }
  }
  return { kind: 'json', fields };
}

/** A list of three levels as the format asks, of two as older writers have it, or a bare repeated field. */
function bindList(node: SchemaNode): BoundField {
  const repeated = node.kind === 'group' && node.repetition !== 'REPEATED' ? node.children[0] : node;
  const isOnly = node.kind === 'leaf' || node.children.length === 1;
  if (repeated?.repetition !== 'REPEATED' || !isOnly) throw unexpected(node, 'a list');
  const element = repeated.kind === 'group' ? repeated.children[0] : repeated;
  if (element === undefined || (repeated.kind === 'group' && repeated.children.length !== 1)) {
    throw unexpected(node, 'a list');
  }
  return { kind: 'list', element: stringLeaf(element), elementLevel: repeated.definition };
}

function bindMap(node: SchemaNode): BoundField {
  const entry = node.kind === 'group' && node.children.length === 1 ? node.children[0] : undefined;
  if (entry?.kind !== 'group' || entry.repetition !== 'REPEATED' || entry.children.length !== 2) {
    throw unexpected(node, 'a map');
  }
  const [key, value] = entry.children;
  if (key === undefined || value === undefined) throw unexpected(node, 'a map');
  return { kind: 'map', key: stringLeaf(key), value: stringLeaf(value), elementLevel: entry.definition };
}

function plainLeaf(node: SchemaNode, type: keyof typeof PHYSICAL_TYPES): LeafNode {
  const types: readonly string[] = PHYSICAL_TYPES[type];
  if (node.kind === 'group' || node.repeats > 0 || !types.includes(node.physical)) throw unexpected(node, `a ${type}`);
  return node;
}

function stringLeaf(node: SchemaNode): LeafNode {
  if (node.kind === 'group' || node.repeats !== 1 || node.physical !== 'BYTE_ARRAY') throw unexpected(node, 'a string');
  return node;
}

function unexpected(node: SchemaNode, expected: string): ParquetError {
  const column = node.path.join('.');
  const got = `${node.repetition} ${formatNodeType(node)}`;
  return new ParquetError('CORRUPT', `column "${column}" is ${got}, expected ${expected}`, { column });
}
