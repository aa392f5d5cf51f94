import type { compile } from '@jmespath-community/jmespath';
import { type Datum, isDatumObject } from '../decode/datum.ts';
import { compileArithmetic, compileComparison, compileNegation } from './arithmetic.ts';
import { callFunction, type FunctionDefinition } from './call.ts';
import { type Evaluation, type Evaluator, fieldReader, isTruthy, setField, spend } from './evaluation.ts';
import { LIST_FUNCTIONS } from './list-functions.ts';
import { metadataReader, recordContext } from './record-context.ts';
import { TEXT_FUNCTIONS } from './text-functions.ts';
import { TIME_FUNCTIONS } from './time-functions.ts';

/** The syntax tree of the library's parser. */
export type ExpressionNode = ReturnType<typeof compile>;
type NodeOf<Type extends ExpressionNode['type']> = Extract<ExpressionNode, { readonly type: Type }>;

/** The nodes with two sides, which the library's types do not tell apart. */
interface BinaryNode {
  readonly type: string;
  readonly left: ExpressionNode;
  readonly right: ExpressionNode;
}

/** What is known while an expression is compiled. */
export interface Compilation {
  /** Numbers of the variables that are visible. */
  readonly variables: ReadonlyMap<string, number>;
  /** Whether the current value is the row: `kafka` is the record's metadata there. */
  readonly atRow: boolean;
  /** What the expression turns out to need; shared by all its parts. */
  readonly uses: { row: boolean; record: boolean; variables: number };
}

/** Name under which expressions see what Kafka says of a record. */
export const METADATA_NAME = 'kafka';

const FUNCTIONS: ReadonlyMap<string, FunctionDefinition> = new Map(
  Object.entries({ ...TEXT_FUNCTIONS, ...LIST_FUNCTIONS, ...TIME_FUNCTIONS }),
);

/**
 * Makes closures of a syntax tree. The library's own interpreter is not used: it reads inherited properties, takes a
 * payload's `{"expref": true, …}` for code, and its functions have no bounds.
 *
 * Throws an Error for functions and variables that there are not, and for wrong numbers of arguments.
 */
export function compileNode(node: ExpressionNode, scope: Compilation): Evaluator {
  switch (node.type) {
    case 'Field':
      return compileField(node.name, scope);
    case 'Subexpression':
      return compileSubexpression(node, scope);
    case 'IndexExpression':
    case 'Pipe':
      return compileChain(node, scope);
    case 'Index':
      noteRow(scope);
      return compileIndex(node.value);
    case 'Slice':
      noteRow(scope);
      return compileSlice(node);
    case 'Projection':
      return compileProjection(node, scope);
    case 'ValueProjection':
      return compileValueProjection(node, scope);
    case 'FilterProjection':
      return compileFilterProjection(node, scope);
    case 'Flatten':
      return compileFlatten(compileNode(node.child, scope));
    case 'MultiSelectList':
      return compileList(node.children.map((child) => compileNode(child, scope)));
    case 'MultiSelectHash':
      return compileObject(node, scope);
    case 'OrExpression':
    case 'AndExpression':
      return compileLogic(node, scope);
    case 'NotExpression': {
      const child = compileNode(node.child, scope);
      return (current, evaluation) => !isTruthy(child(current, evaluation), evaluation);
    }
    case 'Ternary': {
      const [condition, yes, no] = [node.condition, node.trueExpr, node.falseExpr].map((one) =>
        compileNode(one, scope),
      );
      return choose(condition, yes, no);
    }
    case 'Comparator':
      return compileComparison(node.name, compileNode(node.left, scope), compileNode(node.right, scope));
    case 'Arithmetic':
      return compileArithmetic(node.operator, compileNode(node.left, scope), compileNode(node.right, scope));
    case 'Unary':
      return compileNegation(node.operator, compileNode(node.operand, scope));
    case 'Literal': {
      const { value } = node;
      return () => value;
    }
    case 'Function':
      return compileFunction(node, scope);
    case 'LetExpression':
      return compileLet(node, scope);
    case 'Variable':
      return compileVariable(node.name, scope);
    case 'Root':
      scope.uses.row = true;
      return (_, { row }) => row;
    case 'Current':
    case 'Identity':
      noteRow(scope);
      return (current) => current;
    case 'ExpressionReference':
      throw new Error('an &expression is only taken as an argument of a function that needs one');
    case 'Binding':
      throw new Error('a variable is only bound by let');
  }
}

function noteRow({ atRow, uses }: Compilation): void {
  if (atRow) uses.row = true;
}

function inner(scope: Compilation): Compilation {
  return scope.atRow ? { ...scope, atRow: false } : scope;
}

function compileField(name: string, scope: Compilation): Evaluator {
  const read = fieldReader(name);
  if (!scope.atRow || name !== METADATA_NAME) {
    noteRow(scope);
    return read;
  }
  scope.uses.record = true;
  return (current, evaluation) => (evaluation.record === undefined ? read(current) : metadataOf(evaluation));
}

/** Made once for an evaluation. */
function metadataOf(evaluation: Evaluation): Datum {
  if (evaluation.record !== undefined) evaluation.metadata ??= recordContext(evaluation.record);
  return evaluation.metadata;
}

function compileSubexpression(node: BinaryNode, scope: Compilation): Evaluator {
  const { left, right } = node;
  if (left.type === 'Root' || (left.type === 'Current' && scope.atRow)) {
    const onRow = compileNode(right, { ...scope, atRow: true });
    return (_, evaluation) => onRow(evaluation.row, evaluation);
  }
  if (scope.atRow && left.type === 'Field' && left.name === METADATA_NAME && right.type === 'Field') {
    scope.uses.record = true;
    const [outer, own] = [fieldReader(METADATA_NAME), fieldReader(right.name)];
    const read = right.name === 'headers' || right.name === 'key' ? undefined : metadataReader(right.name);
    return (current, evaluation) => {
      const { record } = evaluation;
      if (record === undefined) return own(outer(current));
      return read === undefined ? own(metadataOf(evaluation)) : read(record);
    };
  }
  return compileChain(node, scope);
}

/** The right side sees the value of the left one. A pipe goes on with null, the others end there. */
function compileChain(node: BinaryNode, scope: Compilation): Evaluator {
  const left = compileNode(node.left, scope);
  const right = compileNode(node.right, inner(scope));
  if (node.type === 'Pipe') return (current, evaluation) => right(left(current, evaluation), evaluation);
  return (current, evaluation) => {
    const value = left(current, evaluation) ?? null;
    return value === null ? null : right(value, evaluation);
  };
}

function compileIndex(index: number): Evaluator {
  return (current) => (Array.isArray(current) ? (current.at(index) ?? null) : null);
}

function compileSlice({ start, stop, step: given }: NodeOf<'Slice'>): Evaluator {
  const step = given ?? 1;
  if (step === 0) throw new Error('the step of a slice cannot be 0');
  return (current, evaluation) => {
    if (typeof current !== 'string' && !Array.isArray(current)) return null;
    const items: readonly Datum[] = typeof current === 'string' ? [...current] : current;
    spend(evaluation, items.length);
    const [least, most] = step > 0 ? [0, items.length] : [-1, items.length - 1];
    const bound = (value: number) => Math.min(most, Math.max(least, value < 0 ? value + items.length : value));
    const end = stop === null ? (step > 0 ? most : least) : bound(stop);
    const picked: Datum[] = [];
    for (let index = start === null ? (step > 0 ? least : most) : bound(start); ; index += step) {
      if (step > 0 ? index >= end : index <= end) break;
      picked.push(items[index]);
    }
    return typeof current === 'string' ? picked.join('') : picked;
  };
}

/** A slice of a text is no projection: what follows sees the text. */
function compileProjection({ left: base, right: each }: BinaryNode, scope: Compilation): Evaluator {
  const takesText = base.type === 'IndexExpression' && base.right.type === 'Slice';
  const left = compileNode(base, scope);
  const right = compileNode(each, inner(scope));
  return (current, evaluation) => {
    const value = left(current, evaluation);
    if (takesText && typeof value === 'string') return right(value, evaluation);
    return Array.isArray(value) ? project(value, right, evaluation) : null;
  };
}

function compileValueProjection({ left: base, right: each }: BinaryNode, scope: Compilation): Evaluator {
  const left = compileNode(base, scope);
  const right = compileNode(each, inner(scope));
  return (current, evaluation) => {
    const value = left(current, evaluation);
    return isDatumObject(value) ? project(Object.values(value), right, evaluation) : null;
  };
}

function compileFilterProjection(node: NodeOf<'FilterProjection'>, scope: Compilation): Evaluator {
  const left = compileNode(node.left, scope);
  const right = compileNode(node.right, inner(scope));
  const condition = compileNode(node.condition, inner(scope));
  return (current, evaluation) => {
    const value = left(current, evaluation);
    if (!Array.isArray(value)) return null;
    spend(evaluation, value.length);
    const matching = value.filter((item: Datum) => isTruthy(condition(item, evaluation), evaluation));
    return project(matching, right, evaluation);
  };
}

/** What `right` gives for each item, without nulls. */
function project(items: readonly Datum[], right: Evaluator, evaluation: Evaluation): Datum {
  spend(evaluation, items.length);
  const projected: Datum[] = [];
  for (const item of items) {
    const value = right(item, evaluation) ?? null;
    if (value !== null) projected.push(value);
  }
  return projected;
}

function compileFlatten(child: Evaluator): Evaluator {
  return (current, evaluation) => {
    const value = child(current, evaluation);
    if (!Array.isArray(value)) return null;
    const items: readonly Datum[] = value;
    spend(
      evaluation,
      items.reduce<number>((total, item) => total + (Array.isArray(item) ? item.length : 1), 0),
    );
    return items.flat();
  };
}

/** An array or object that is made costs as much as several that are looked at. */
const STEPS_TO_MAKE = 3;

function compileList(children: readonly Evaluator[]): Evaluator {
  return (current, evaluation) => {
    spend(evaluation, STEPS_TO_MAKE + children.length);
    return children.map((child) => child(current, evaluation));
  };
}

function compileObject(node: NodeOf<'MultiSelectHash'>, scope: Compilation): Evaluator {
  const fields = node.children.map(({ name, value }) => ({ name, read: compileNode(value, scope) }));
  return (current, evaluation) => {
    spend(evaluation, STEPS_TO_MAKE + fields.length);
    const object: { [field: string]: Datum } = {};
    for (const { name, read } of fields) setField(object, name, read(current, evaluation));
    return object;
  };
}

function compileLogic(node: BinaryNode, scope: Compilation): Evaluator {
  const left = compileNode(node.left, scope);
  const right = compileNode(node.right, scope);
  const endsWith = node.type === 'OrExpression';
  return (current, evaluation) => {
    const value = left(current, evaluation);
    return isTruthy(value, evaluation) === endsWith ? value : right(current, evaluation);
  };
}

function choose(condition: Evaluator | undefined, yes: Evaluator | undefined, no: Evaluator | undefined): Evaluator {
  return (current, evaluation) => {
    const branch = isTruthy(condition?.(current, evaluation), evaluation) ? yes : no;
    return branch?.(current, evaluation);
  };
}

function compileFunction({ name, children }: NodeOf<'Function'>, scope: Compilation): Evaluator {
  const definition = FUNCTIONS.get(name);
  if (definition === undefined) throw new Error(`there is no function ${name}()`);
  const { least, most, reference: position } = definition;
  if (children.length < least || children.length > most) {
    const expected = most === least ? `${least}` : `${least} to ${Number.isFinite(most) ? most : 'any number of'}`;
    throw new Error(`${name}() got ${children.length} arguments, expected ${expected}`);
  }
  let reference: Evaluator | undefined;
  const readers = children.map((child, index): Evaluator => {
    if (index !== position) return compileNode(child, scope);
    if (child.type !== 'ExpressionReference') {
      throw new Error(`${name}() needs an &expression as argument ${index + 1}`);
    }
    reference = compileNode(child.child, inner(scope));
    return () => null;
  });
  return (current, evaluation) => {
    const values = readers.map((read) => read(current, evaluation));
    return callFunction(definition, { name, values, reference, evaluation });
  };
}

/** Variables are values of the evaluation under a number; each binding sees the variables outside of the `let`. */
function compileLet({ bindings, expression }: NodeOf<'LetExpression'>, scope: Compilation): Evaluator {
  const variables = new Map(scope.variables);
  const bound = bindings.map((binding) => {
    if (binding.type !== 'Binding') throw new Error('let needs bindings as $name = expression');
    const read = compileNode(binding.reference, scope);
    const slot = scope.uses.variables++;
    variables.set(binding.variable, slot);
    return { slot, read };
  });
  const body = compileNode(expression, { ...scope, variables });
  return (current, evaluation) => {
    const values = bound.map(({ read }) => read(current, evaluation));
    for (const [index, { slot }] of bound.entries()) evaluation.variables[slot] = values[index];
    return body(current, evaluation);
  };
}

function compileVariable(name: string, { variables }: Compilation): Evaluator {
  const slot = variables.get(name);
  if (slot === undefined) throw new Error(`there is no variable $${name}`);
  return (_, evaluation) => evaluation.variables[slot];
}
