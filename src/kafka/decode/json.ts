import { constants, isUtf8 } from 'node:buffer';
import { type Datum, type DatumObject, isDatumObject } from './datum.ts';
import type { Decoded, PayloadDecoder } from './decoder.ts';
import { isDeeperThan } from './json-depth.ts';
import { mayHoldInexactNumber, parseWithNumberText } from './json-numbers.ts';
import { describeDatum } from './json-text.ts';
import { PayloadError } from './payload-error.ts';

/** Objects and arrays in each other that a payload may have. */
export const DEFAULT_MAX_DEPTH = 100;

export interface JsonLimits {
  /** How deep objects and arrays may be in each other: `{}` is 1, `{"a":[]}` is 2. */
  readonly maxDepth: number;
}

export interface JsonDecoderOptions {
  /** Whether each line is an object of its own; otherwise the payload is one object, or an array of them. */
  readonly lines: boolean;
  /** @default DEFAULT_MAX_DEPTH */
  readonly maxDepth?: number;
}

/**
 * Decodes JSON. Every payload gives at least one row. For lines, blank ones are skipped, and an error names its line,
 * from 1. `decode` throws PayloadError as `parseJson` does, and `INVALID_JSON` for anything but objects.
 */
export function createJsonDecoder({ lines, maxDepth = DEFAULT_MAX_DEPTH }: JsonDecoderOptions): PayloadDecoder {
  const limits = { maxDepth };
  const decodeRows = lines ? parseLines : parseRows;
  return {
    async prepare() {},
    decode: (payload): Decoded => ({ kind: 'json', rows: decodeRows(textOf(payload), limits) }),
  };
}

/**
 * Parses a JSON text (RFC 8259) in UTF-8, which may begin with a byte order mark. Numbers keep their value: one that a
 * double does not hold exactly is a NumberText. The last of several members of the same name wins, and `__proto__` is a
 * member like any other. Throws PayloadError: `INVALID_JSON`, or `TOO_LARGE` when it is nested too deeply.
 */
export function parseJson(payload: Uint8Array, limits: JsonLimits): Datum {
  return parseText(textOf(payload), limits);
}

function parseRows(text: string, limits: JsonLimits): readonly DatumObject[] {
  const value = parseText(text, limits);
  if (isDatumObject(value)) return [value];
  if (!isArray(value) || value.length === 0) throw notAnObject(value, 'an object, or an array of objects');
  const stranger = value.findIndex((element) => !isDatumObject(element));
  if (stranger === -1) return value.filter(isDatumObject);
  throw invalid(`The element ${stranger} of the array is ${describeDatum(value[stranger])}, expected an object`);
}

function parseLines(text: string, limits: JsonLimits): readonly DatumObject[] {
  const rows: DatumObject[] = [];
  let number = 1;
  for (let start = 0; start < text.length; number++) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if (!isBlank(line)) rows.push(parseLine(line, number, limits));
    start = end + 1;
  }
  if (rows.length === 0) throw invalid('The payload has no line with JSON, expected an object a line');
  return rows;
}

function parseLine(line: string, number: number, limits: JsonLimits): DatumObject {
  try {
    const value = parseText(line, limits);
    if (isDatumObject(value)) return value;
    throw notAnObject(value, 'an object');
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    throw new PayloadError(error.code, `Line ${number}: ${error.message}`, { cause: error.cause });
  }
}

/** The text of a payload, without its byte order mark. */
function textOf(payload: Uint8Array): string {
  if (payload.length > constants.MAX_STRING_LENGTH) {
    throw new PayloadError('TOO_LARGE', `The payload has ${payload.length} bytes, more than a text can have`);
  }
  if (!isUtf8(payload)) throw invalid('The payload is not UTF-8, expected JSON in UTF-8');
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

function parseText(text: string, { maxDepth }: JsonLimits): Datum {
  if (isDeeperThan(text, maxDepth)) {
    throw new PayloadError('TOO_LARGE', `The JSON is nested deeper than ${maxDepth} objects and arrays`);
  }
  if (text === '') throw invalid('The payload is empty, expected JSON');
  try {
    // What JSON.parse gives is made of nothing but the kinds of a Datum.
    return (mayHoldInexactNumber(text) ? parseWithNumberText(text) : JSON.parse(text)) as Datum;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new PayloadError('INVALID_JSON', `The payload is not JSON: ${cause.message}`, { cause });
  }
}

function isBlank(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code !== SPACE && code !== TAB && code !== CARRIAGE_RETURN) return false;
  }
  return true;
}

function notAnObject(value: Datum, expected: string): PayloadError {
  return invalid(`The JSON is ${describeDatum(value)}, expected ${expected}`);
}

function invalid(message: string): PayloadError {
  return new PayloadError('INVALID_JSON', message);
}

function isArray(value: Datum): value is readonly Datum[] {
  return Array.isArray(value);
}

const BYTE_ORDER_MARK = 0xfeff;
const SPACE = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
