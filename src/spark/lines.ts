import { isStoreError, type ObjectStore, type StoredObject } from '../storage/object-store.ts';
import { SparkWorkError } from './errors.ts';

/** Bytes of one request. */
const RANGE_BYTES = 8 * 1024 * 1024;
/** Bytes of one line at most: a bin of ten thousand files has some megabytes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** Characters that are collected before they are sent on. */
const PIECE_LENGTH = 1024 * 1024;

/**
 * The JSON values of an object that has one in each line, in memory that depends on the longest line only. Throws the
 * store's errors, `PRECONDITION_FAILED` included when the object is replaced meanwhile, and `INVALID_RUN`.
 */
export async function* readJsonLines(store: ObjectStore, key: string): AsyncGenerator<unknown, void, undefined> {
  let rest: Uint8Array = new Uint8Array();
  let number = 0;
  let etag: string | undefined;
  for (let start = 0, size = 1; start < size; ) {
    const end = start + RANGE_BYTES;
    const object = await getRange(store, key, { start, end }, etag);
    if (object === undefined) return;
    ({ etag, size } = object);
    start += object.body.byteLength;
    const bytes = rest.byteLength === 0 ? object.body : Buffer.concat([rest, object.body]);
    let from = 0;
    for (let newline = bytes.indexOf(LINE_FEED); newline >= 0; newline = bytes.indexOf(LINE_FEED, from)) {
      number += 1;
      yield parseLine(bytes.subarray(from, newline), key, number);
      from = newline + 1;
    }
    rest = bytes.subarray(from);
    if (rest.byteLength > MAX_LINE_BYTES) throw malformed(key, number + 1, `it is longer than ${MAX_LINE_BYTES} bytes`);
  }
  if (rest.byteLength > 0) throw malformed(key, number + 1, 'it was cut off');
}

/** Undefined for an object without any bytes. */
async function getRange(
  store: ObjectStore,
  key: string,
  range: { readonly start: number; readonly end: number },
  etag: string | undefined,
): Promise<StoredObject | undefined> {
  try {
    return await store.get(key, { range, ...(etag !== undefined && { ifMatch: etag }) });
  } catch (error) {
    if (range.start === 0 && isStoreError(error, 'INVALID_RANGE')) return undefined;
    throw error;
  }
}

/** JSON values as the bytes of lines, for `putStream`. */
export async function* toJsonLines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  let lines: string[] = [];
  let length = 0;
  for await (const value of values) {
    const line = `${JSON.stringify(value)}\n`;
    lines.push(line);
    length += line.length;
    if (length < PIECE_LENGTH) continue;
    yield encoder.encode(lines.join(''));
    lines = [];
    length = 0;
  }
  if (length > 0) yield encoder.encode(lines.join(''));
}

const LINE_FEED = 0x0a;
const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseLine(line: Uint8Array, key: string, number: number): unknown {
  try {
    return JSON.parse(utf8.decode(line));
  } catch (cause) {
    throw malformed(key, number, 'it is not JSON in UTF-8', cause);
  }
}

function malformed(key: string, line: number, problem: string, cause?: unknown): SparkWorkError {
  return new SparkWorkError('INVALID_RUN', `Line ${line} of ${key} is malformed: ${problem}`, { key, line }, { cause });
}
