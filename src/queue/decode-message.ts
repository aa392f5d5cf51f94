import { type DatumObject, isDatumObject } from '../kafka/decode/datum.ts';
import type { PayloadDecoder } from '../kafka/decode/decoder.ts';
import { createJsonDecoder, DEFAULT_MAX_DEPTH, parseJson } from '../kafka/decode/json.ts';
import { describeDatum } from '../kafka/decode/json-text.ts';
import { PayloadError } from '../kafka/decode/payload-error.ts';

export type Wrapper =
  /** The body is the rows. */
  | 'none'
  /** The body is an object whose member `Records` is a list of the rows, as oxbow's sqs-ingest takes it on request. */
  | 'records';

/**
 * Decodes a message: a JSON object, an array of objects, or an object a line. What is one JSON text is taken as one,
 * however many lines it has. `decode` throws PayloadError; where it is neither, with the reason that says more: what is
 * wrong with the whole when already the first line is no JSON, else what is wrong with the line.
 */
export function createMessageDecoder(wrapper: Wrapper): PayloadDecoder {
  if (wrapper === 'records') return { prepare: async () => undefined, decode: decodeRecords };
  const whole = createJsonDecoder({ lines: false });
  const lines = createJsonDecoder({ lines: true });
  return {
    async prepare() {},
    decode(payload) {
      try {
        return whole.decode(payload);
      } catch (error) {
        if (!isInvalid(error) || !hasLines(payload)) throw error;
        return decodeLines(lines, payload, error);
      }
    },
  };
}

function decodeLines(lines: PayloadDecoder, payload: Uint8Array, ofWhole: PayloadError) {
  try {
    return lines.decode(payload);
  } catch (error) {
    if (!isInvalid(error)) throw error;
    throw error.message.startsWith('Line 1:') ? ofWhole : error;
  }
}

function decodeRecords(payload: Uint8Array) {
  const value = parseJson(payload, { maxDepth: DEFAULT_MAX_DEPTH });
  const records = isDatumObject(value) ? value.Records : undefined;
  if (!Array.isArray(records) || records.length === 0) {
    const got = isDatumObject(value) ? `Records is ${describeDatum(records)}` : `the JSON is ${describeDatum(value)}`;
    throw new PayloadError('INVALID_JSON', `expected an object with a list of objects in Records, but ${got}`);
  }
  const rows: DatumObject[] = records.filter(isDatumObject);
  if (rows.length < records.length) {
    const stranger = records.findIndex((element) => !isDatumObject(element));
    const got = describeDatum(records[stranger]);
    throw new PayloadError('INVALID_JSON', `The element ${stranger} of Records is ${got}, expected an object`);
  }
  return { kind: 'json', rows } as const;
}

function isInvalid(error: unknown): error is PayloadError {
  return error instanceof PayloadError && error.code === 'INVALID_JSON';
}

const LINE_FEED = 0x0a;

function hasLines(payload: Uint8Array): boolean {
  return payload.includes(LINE_FEED);
}
