import { arrayNode, enumNode, mapNode, memberUnionNode, recordNode, unionNode } from './composites.ts';
import { leafOf } from './leaves.ts';
import type { Node } from './node.ts';
import { type AvroRecord, type AvroSchema, type AvroUnion, MAX_SCHEMA_DEPTH, unknownSchema } from './schema.ts';

/** Types that a schema may have with its named types written out wherever they are used. */
export const MAX_NODES = 20_000;

/** Makes one closure of each type of a schema. Throws `UNKNOWN_SCHEMA` for types that contain themselves. */
export function compile(schema: AvroSchema): Node {
  return compileType(schema, { where: 'its top', around: [], depth: 0, progress: { nodes: 0 } });
}

interface Scope {
  /** For messages. */
  readonly where: string;
  /** Names of the records around the type. */
  readonly around: readonly string[];
  readonly depth: number;
  /** Of the whole schema. */
  readonly progress: { nodes: number };
}

function compileType(schema: AvroSchema, scope: Scope): Node {
  if (++scope.progress.nodes > MAX_NODES) {
    throw unknownSchema(`it has more than ${MAX_NODES} types where its named ones are written out`);
  }
  if (scope.depth > MAX_SCHEMA_DEPTH) {
    throw unknownSchema(`its types are nested more than ${MAX_SCHEMA_DEPTH} levels deep`);
  }
  switch (schema.kind) {
    case 'record':
      return compileRecord(schema, scope);
    case 'enum':
      return enumNode(schema.symbols);
    case 'array':
      return arrayNode(compileType(schema.items, inside(scope)));
    case 'map':
      return mapNode(compileType(schema.values, inside(scope)));
    case 'union':
      return compileUnion(schema, scope);
    default:
      return leafOf(schema);
  }
}

function compileRecord({ name, fields }: AvroRecord, scope: Scope): Node {
  if (scope.around.includes(name)) {
    throw unknownSchema(`${scope.where} is of the type "${name}" that it is in, and columns cannot contain themselves`);
  }
  const around = [...scope.around, name];
  const members = fields.map((field) => ({
    name: field.name,
    node: compileType(field.schema, { ...inside(scope), around, where: `the field "${field.name}" of "${name}"` }),
  }));
  return recordNode(members);
}

function compileUnion({ branches }: AvroUnion, scope: Scope): Node {
  const nodes = branches.map((branch) => compileType(branch, inside(scope)));
  const rest = nodes.filter((_, index) => branches[index]?.kind !== 'null');
  if (rest.length <= 1) return unionNode(rest[0]?.type, nodes);
  const wider = widerType(branches);
  if (wider !== undefined) return unionNode(wider, nodes);
  let members = 0;
  return memberUnionNode(
    nodes.map((node, index) => (branches[index]?.kind === 'null' ? undefined : { name: `member${members++}`, node })),
  );
}

/** The type that holds the values of both branches besides null, as in Spark. */
function widerType(branches: readonly AvroSchema[]): 'long' | 'double' | undefined {
  const plain = branches.map((branch) => ('logical' in branch && branch.logical !== undefined ? 'other' : branch.kind));
  const kinds = new Set(plain.filter((kind) => kind !== 'null'));
  if (kinds.size !== 2) return undefined;
  if (kinds.has('int') && kinds.has('long')) return 'long';
  return kinds.has('float') && kinds.has('double') ? 'double' : undefined;
}

function inside(scope: Scope): Scope {
  return { ...scope, depth: scope.depth + 1 };
}
