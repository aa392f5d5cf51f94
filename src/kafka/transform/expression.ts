import { compile, tokenize } from '@jmespath-community/jmespath';
import { type Datum, NumberText } from '../decode/datum.ts';
import { PayloadError } from '../decode/payload-error.ts';
import type { KafkaRecord } from '../record.ts';
import { type Compilation, compileNode, type ExpressionNode, METADATA_NAME } from './compile-node.ts';
import { checkResult, type Evaluator, fieldReader, MAX_STEPS } from './evaluation.ts';
import { parseNestedJson } from './nested-json.ts';
import { headerText, metadataReader } from './record-context.ts';

/** Characters of an expression. */
const MAX_EXPRESSION = 4000;

/** A JMESPath expression, ready to be evaluated for many rows. */
export interface Expression {
  readonly text: string;
  /** Whether its value depends on the row. */
  readonly usesRow: boolean;
  /** Whether its value depends on the record's metadata. */
  readonly usesRecord: boolean;
  /**
   * The value for a row; null rather than undefined. `kafka` is the record's metadata wherever the current value is the row,
   * and behind `$.`; a row's own `kafka` is seen only without a record. `@` and `$` are the row without metadata.
   *
   * A number that a double does not hold passes as it is, and is compared exactly; arithmetic with it fails. Throws
   * PayloadError `EXPRESSION_FAILED` for wrong types, and where the value would take too long or become too large.
   */
  evaluate(row: Datum, record?: KafkaRecord): Datum;
}

/**
 * Compiles JMESPath as JMESPath Community has it, with the functions of kafka-delta-ingest and some more (see the tables in
 * text-functions.ts and time-functions.ts). Throws an Error with the text and the position for what is no expression.
 */
export function compileExpression(text: string): Expression {
  const node = parse(text);
  const path = pathOf(node);
  if (path !== undefined) return compilePath(text, path);
  const scope: Compilation = {
    variables: new Map(),
    atRow: true,
    uses: { row: false, record: false, variables: 0 },
  };
  const evaluator = compileTree(text, node, scope);
  return {
    text,
    usesRow: scope.uses.row,
    usesRecord: scope.uses.record,
    evaluate: (row, record) => evaluateTree(text, evaluator, row, record),
  };
}

function evaluateTree(text: string, evaluator: Evaluator, row: Datum, record: KafkaRecord | undefined): Datum {
  try {
    const value = evaluator(row, { row, record, variables: [], metadata: undefined, steps: MAX_STEPS }) ?? null;
    checkResult(value);
    return value;
  } catch (cause) {
    // Also a stack that the value's depth has used up.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PayloadError('EXPRESSION_FAILED', `The expression ${text}: ${reason}`, { cause });
  }
}

function compileTree(text: string, node: ExpressionNode, scope: Compilation): Evaluator {
  try {
    return compileNode(node, scope);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The expression ${text}: ${reason}`, { cause });
  }
}

/** The names of a path such as `a.b."c d"`; undefined for any other expression. */
function pathOf(node: ExpressionNode): readonly string[] | undefined {
  if (node.type === 'Field') return [node.name];
  if (node.type !== 'Subexpression' || node.right.type !== 'Field') return undefined;
  const left = pathOf(node.left);
  return left && [...left, node.right.name];
}

/** A path reads its fields one by one, and can neither fail nor make anything. */
function compilePath(text: string, path: readonly string[]): Expression {
  const read = fieldsReader(path);
  const [first = '', second] = path;
  if (first !== METADATA_NAME || second === undefined) {
    if (first === METADATA_NAME) return compileWholeMetadata(text, read);
    return { text, usesRow: true, usesRecord: false, evaluate: (row) => read(row) };
  }
  const readMetadata = compileMetadata(path.slice(1), second);
  return {
    text,
    usesRow: false,
    usesRecord: true,
    evaluate: (row, record) => (record === undefined ? read(row) : readMetadata(record)),
  };
}

function compileWholeMetadata(text: string, read: (row: Datum) => Datum): Expression {
  const evaluate = (row: Datum, record?: KafkaRecord) => {
    return record === undefined ? read(row) : evaluateTree(text, wholeMetadata, row, record);
  };
  return { text, usesRow: false, usesRecord: true, evaluate };
}

const wholeMetadata: Evaluator = compileNode(
  { type: 'Field', name: METADATA_NAME },
  { variables: new Map(), atRow: true, uses: { row: false, record: false, variables: 0 } },
);

/** Of metadata, only headers have fields, and these have none. */
function compileMetadata([, header, ...deeper]: readonly string[], name: string): (record: KafkaRecord) => Datum {
  if (header === undefined) return metadataReader(name);
  return name === 'headers' && deeper.length === 0 ? (record) => headerText(record, header) : () => null;
}

function fieldsReader(path: readonly string[]): (row: Datum) => Datum {
  const readers = path.map(fieldReader);
  const [first, second] = readers;
  if (first !== undefined && readers.length === 1) return first;
  if (first !== undefined && second !== undefined && readers.length === 2) return (row) => second(first(row));
  return (row) => readers.reduce((value, read) => read(value), row);
}

function parse(text: string): ExpressionNode {
  if (text.length > MAX_EXPRESSION) {
    throw new Error(`The expression has ${text.length} characters, expected ${MAX_EXPRESSION} at most`);
  }
  let node: ExpressionNode;
  try {
    node = compile(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The expression ${text}, at position ${errorPosition(text) + 1}: ${reason}`, { cause });
  }
  checkLiterals(text);
  return node;
}

/**
 * Where an expression stops to be one. The library does not say: it is behind the longest beginning that fails only for
 * its end, or not at all.
 */
function errorPosition(text: string): number {
  const starts = tokenStarts(text);
  if (starts === undefined) {
    // A character that begins nothing, or a literal that is none: the first beginning that has it.
    for (let end = 1; end <= text.length; end++) {
      const beginning = text.slice(0, end);
      if (tokenStarts(beginning) === undefined && tokenStarts(`${beginning}"`) === undefined) return end - 1;
    }
    return text.length;
  }
  // Once a beginning fails within, all longer ones do.
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failsWithin(text.slice(0, starts[middle + 1]))) high = middle;
    else low = middle + 1;
  }
  return starts[low] ?? text.length;
}

function tokenStarts(text: string): readonly number[] | undefined {
  try {
    return tokenize(text).map(({ start }) => start);
  } catch {
    return undefined;
  }
}

/** Whether the last token of this beginning is wrong: another error than that something is missing at the end. */
function failsWithin(beginning: string): boolean {
  try {
    compile(beginning);
    return false;
  } catch (error) {
    return error instanceof Error && !(error instanceof TypeError) && !error.message.includes('EOF');
  }
}

/** The library takes texts that do not end, and rounds numbers. */
function checkLiterals(text: string): void {
  const starts = tokenize(text).map(({ start }) => start);
  for (const [index, start] of starts.entries()) {
    const quoteMark = text.charAt(start);
    if (quoteMark !== "'" && quoteMark !== '`') continue;
    const literal = text.slice(start, starts[index + 1] ?? text.length).trimEnd();
    if (!/^(['`])(?:\\.|[^\\])*\1$/s.test(literal)) {
      throw new Error(`The expression ${text}, at position ${start + 1}: ${quoteMark} is not closed`);
    }
    if (quoteMark === '`' && hasInexactNumber(parseNestedJson(literal.slice(1, -1).replaceAll('\\`', '`')))) {
      throw new Error(`The expression ${text}, at position ${start + 1}: a double does not hold ${literal}`);
    }
  }
}

function hasInexactNumber(value: Datum): boolean {
  if (value instanceof NumberText) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasInexactNumber);
}
