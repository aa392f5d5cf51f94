import { type Fields, InvalidField, listIn, mismatch, numberIn, objectOf, textIn } from '../../spark/fields.ts';
import type { OutputFile } from '../../spark/written-file.ts';
import type { ResultValue } from '../engine.ts';

/**
 * The result of a run, `result.jsonl`, which `spark/step.py` writes last: a line for the head with `format` and `run`, a line
 * for each result and each output of the plan in the plan's order, a line for the end with their number.
 */
export const RESULT_FORMAT = 1;

export interface SparkFile extends OutputFile {
  readonly partitionValues: Readonly<Record<string, string | null>>;
}

export type ResultLine =
  | { readonly kind: 'head'; readonly run: string }
  | { readonly kind: 'result'; readonly name: string; readonly rows: readonly Readonly<Record<string, ResultValue>>[] }
  | { readonly kind: 'output'; readonly name: string; readonly files: readonly SparkFile[] }
  | { readonly kind: 'end'; readonly lines: number };

/** Parses the value of a line strictly. Throws `InvalidField`. */
export function parseResultLine(value: unknown): ResultLine {
  if (typeof value !== 'object' || value === null) throw mismatch('a line', value, 'an object');
  if ('format' in value) {
    const fields = objectOf(value, 'the head', ['format', 'run', 'spark']);
    if (fields.format !== RESULT_FORMAT) throw mismatch('format', fields.format, String(RESULT_FORMAT));
    return { kind: 'head', run: textIn(fields, 'run') };
  }
  if ('end' in value) return { kind: 'end', lines: numberIn(objectOf(value, 'the end', ['end', 'lines']), 'lines') };
  if ('output' in value) {
    const fields = objectOf(value, 'an output', ['output', 'files']);
    return { kind: 'output', name: textIn(fields, 'output'), files: listIn(fields, 'files').map(parseFile) };
  }
  const fields = objectOf(value, 'a result', ['result', 'rows']);
  return { kind: 'result', name: textIn(fields, 'result'), rows: listIn(fields, 'rows').map(parseRow) };
}

function parseFile(value: unknown): SparkFile {
  const file = objectOf(value, 'a file', ['path', 'size', 'partitionValues']);
  return { path: textIn(file, 'path'), size: numberIn(file, 'size', 1), partitionValues: textsOf(file) };
}

/** Values of partitions, in the field `partitionValues`. */
export function textsOf({ partitionValues }: Fields): Readonly<Record<string, string | null>> {
  if (typeof partitionValues !== 'object' || partitionValues === null || Array.isArray(partitionValues)) {
    throw mismatch('partitionValues', partitionValues, 'an object');
  }
  for (const [name, value] of Object.entries(partitionValues)) {
    if (value !== null && typeof value !== 'string') throw mismatch(`the partition "${name}"`, value, 'a text or null');
  }
  return partitionValues as Readonly<Record<string, string | null>>;
}

/** A row of a result. Whole numbers of 64 bits stand as `{"long":"…"}`. */
export function parseRow(value: unknown): Readonly<Record<string, ResultValue>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch('a row', value, 'an object');
  return Object.fromEntries(Object.entries(value).map(([name, cell]) => [name, parseCell(name, cell)]));
}

function parseCell(name: string, value: unknown): ResultValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
    return value;
  }
  const long = textIn(objectOf(value, `the value of "${name}"`, ['long']), 'long');
  if (!/^-?\d{1,19}$/.test(long))
    throw new InvalidField(`the value of "${name}" is "${long}", expected a whole number`);
  return BigInt(long);
}
