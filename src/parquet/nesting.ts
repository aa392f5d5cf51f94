import type { GroupNode, LeafNode, SchemaNode } from './schema-node.ts';

/** What a node of the file's schema is to a reader of rows. */
export type NodeShape =
  | { readonly kind: 'primitive'; readonly leaf: LeafNode }
  | { readonly kind: 'struct'; readonly fields: readonly SchemaNode[] }
  | { readonly kind: 'list'; readonly element: SchemaNode }
  | { readonly kind: 'map'; readonly key: SchemaNode; readonly value: SchemaNode }
  /** A form that the format allows or once allowed, and that some reader does not read, or reads wrongly. */
  | { readonly kind: 'unsupported'; readonly reason: string; readonly breaksFile: boolean };

/**
 * Tells structs, lists and maps apart (LogicalTypes.md, "Nested Types"). Of the legacy forms only those are taken that
 * Spark, delta-rs and DuckDB read alike; DuckDB returns nulls, without an error, for the elements of a list whose
 * repeated group is not called `list`.
 */
export function shapeOf(node: SchemaNode): NodeShape {
  if (node.repetition === 'REPEATED')
    return unsupported('it repeats outside of a LIST or MAP, which DuckDB reads as nulls');
  if (node.kind === 'leaf') return { kind: 'primitive', leaf: node };
  switch (node.logical?.kind) {
    case undefined:
      return structShape(node);
    case 'LIST':
      return listShape(node);
    case 'MAP':
      return mapShape(node);
    case 'MAP_KEY_VALUE':
      return unsupported('its map is annotated MAP_KEY_VALUE, and DuckDB opens no file with such a group', true);
    case 'VARIANT':
      return unsupported('delta-rs does not read variants');
    default:
      return unsupported('no reader of Delta tables knows groups of this type');
  }
}

function structShape(group: GroupNode): NodeShape {
  if (group.children.length === 0) return unsupported('it is a struct without fields');
  if (looksLikeVariant(group))
    return unsupported('DuckDB takes a struct of binary "metadata" and "value" for a variant');
  return { kind: 'struct', fields: group.children };
}

function looksLikeVariant({ children }: GroupNode): boolean {
  const isBinary = (name: string) => {
    const child = children.find((node) => node.name === name);
    return child?.kind === 'leaf' && child.physical === 'BYTE_ARRAY' && child.logical === undefined;
  };
  return children.every(({ name }) => VARIANT_FIELDS.has(name)) && isBinary('metadata') && isBinary('value');
}

/** Fields of a variant's group (VariantEncoding.md, VariantShredding.md). */
const VARIANT_FIELDS: ReadonlySet<string> = new Set(['metadata', 'value', 'typed_value']);

function listShape(group: GroupNode): NodeShape {
  const [repeated, ...others] = group.children;
  if (repeated?.repetition !== 'REPEATED' || others.length > 0) {
    return unsupported('a LIST has exactly one field, which repeats');
  }
  if (repeated.kind === 'leaf') return unsupported('it is a list of two levels, which DuckDB reads as a list of nulls');
  const [element, ...more] = repeated.children;
  if (element === undefined || more.length > 0 || element.repetition === 'REPEATED') {
    return unsupported('it is a list of two levels with groups as elements, which DuckDB reads as a list of nulls');
  }
  if (repeated.name !== 'list') {
    return unsupported(
      `the repeated group of its list is called "${repeated.name}"; DuckDB reads nulls unless it is "list"`,
    );
  }
  return { kind: 'list', element };
}

function mapShape(group: GroupNode): NodeShape {
  const [entries, ...others] = group.children;
  if (entries?.repetition !== 'REPEATED' || entries.kind === 'leaf' || others.length > 0) {
    return unsupported('a MAP has exactly one field, which is a group that repeats');
  }
  const [key, value, ...more] = entries.children;
  if (key === undefined || more.length > 0) return unsupported('the entries of a MAP have a key and a value');
  if (value === undefined)
    return unsupported('its map has keys without values, and DuckDB opens no file with one', true);
  if (key.name !== 'key' || value.name !== 'value') {
    return unsupported(
      `DuckDB reads only maps with the fields "key" and "value"; these are "${key.name}" and "${value.name}"`,
    );
  }
  if (key.repetition !== 'REQUIRED')
    return unsupported('the key of its map is not required: PyArrow cannot open such a file', true);
  return { kind: 'map', key, value };
}

function unsupported(reason: string, breaksFile = false): NodeShape {
  return { kind: 'unsupported', reason, breaksFile };
}
