import { type Fields, InvalidField, listIn, mismatch, numberIn, objectOf, textIn } from '../../spark/fields.ts';
import type { EngineRun, ResultValue, WrittenFile } from '../engine.ts';
import type { Versions } from './pins.ts';
import { parseRow, textsOf } from './result.ts';

/**
 * What is remembered of a batch that Spark works on. The function is long gone when the job is done: another invocation does
 * the same again up to the point where the job's answer is needed, and goes on from there.
 */
export interface BatchNote {
  /** Tells the work from other work: the step's definition and the part of the source. Jobs that fail at it are counted. */
  readonly work: string;
  /** The versions of the tables that the batch reads and writes. */
  readonly versions: Versions;
  /** What the job is asked: a hash of all that was done in the session before, and of the question. */
  readonly question: string;
  /** Of earlier jobs of the batch, by their questions. */
  readonly answers: ReadonlyMap<string, EngineRun>;
}

const FORMAT = 1;
const FIELDS = ['format', 'work', 'versions', 'question', 'answers'];

export function noteText({ work, versions, question, answers }: BatchNote): string {
  const texts = Array.from(answers, ([asked, { results, outputs }]) => ({
    question: asked,
    results: Array.from(results, ([name, rows]) => ({ name, rows })),
    outputs: Array.from(outputs, ([name, files]) => ({ name, files })),
  }));
  return JSON.stringify({ format: FORMAT, work, versions, question, answers: texts }, (_, value: unknown) =>
    typeof value === 'bigint' ? { long: String(value) } : value,
  );
}

/** Throws InvalidField and SyntaxError. */
export function parseNote(text: string): BatchNote {
  const fields = objectOf(JSON.parse(text), 'the note', FIELDS);
  if (numberIn(fields, 'format') !== FORMAT) throw mismatch('format', fields.format, String(FORMAT));
  return {
    work: textIn(fields, 'work'),
    versions: versionsOf(fields),
    question: textIn(fields, 'question'),
    answers: new Map(listIn(fields, 'answers').map(parseAnswer)),
  };
}

function versionsOf({ versions }: Fields): Versions {
  const entries = Object.entries(objectIn(versions, 'versions'));
  for (const [url, version] of entries) {
    if (version !== null && !Number.isSafeInteger(version))
      throw mismatch(`the version of ${url}`, version, 'a number');
  }
  return Object.fromEntries(entries) as Versions;
}

function parseAnswer(value: unknown): readonly [string, EngineRun] {
  const fields = objectOf(value, 'an answer', ['question', 'results', 'outputs']);
  const results = listIn(fields, 'results').map((one): [string, readonly Readonly<Record<string, ResultValue>>[]] => {
    const result = objectOf(one, 'a result', ['name', 'rows']);
    return [textIn(result, 'name'), listIn(result, 'rows').map(parseRow)];
  });
  const outputs = listIn(fields, 'outputs').map((one): [string, readonly WrittenFile[]] => {
    const output = objectOf(one, 'an output', ['name', 'files']);
    return [textIn(output, 'name'), listIn(output, 'files').map(parseWritten)];
  });
  return [textIn(fields, 'question'), { results: new Map(results), outputs: new Map(outputs) }];
}

function parseWritten(value: unknown): WrittenFile {
  const names = ['path', 'partitionValues', 'size', 'rows', 'stats', 'modificationTime'];
  const file = objectOf(value, 'a file', names);
  return {
    path: textIn(file, 'path'),
    partitionValues: textsOf(file),
    size: numberIn(file, 'size', 1),
    rows: numberIn(file, 'rows'),
    stats: textIn(file, 'stats'),
    modificationTime: numberIn(file, 'modificationTime'),
  };
}

function objectIn(value: unknown, where: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidField(`${where} is no object`);
}
