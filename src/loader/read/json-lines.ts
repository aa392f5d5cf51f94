import { type DatumObject, isDatumObject } from '../../kafka/decode/datum.ts';
import { DEFAULT_MAX_DEPTH, parseJson } from '../../kafka/decode/json.ts';
import { describeDatum } from '../../kafka/decode/json-text.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import type { ByteSource } from '../source/open-bytes.ts';
import { readLines } from './lines.ts';
import { BATCH, limitsAt, type Position, type RowSource, type SourceBatch, type SourceRow } from './row-source.ts';

/** A JSON object a line (RFC 8259), in UTF-8. Blank lines are skipped. */
export function readJsonLines(source: ByteSource, from: Position, maxLineBytes: number): RowSource {
  return { batches: batchesOf(source, from, maxLineBytes), header: () => undefined };
}

async function* batchesOf(source: ByteSource, from: Position, maxLineBytes: number): AsyncGenerator<SourceBatch, void> {
  let limits = limitsAt(from);
  let rows: SourceRow<DatumObject>[] = [];
  let start = from.offset;
  for await (const lines of readLines(source.from(from.offset), from, maxLineBytes)) {
    for (const { bytes, number, end } of lines) {
      if (isBlank(bytes)) continue;
      rows.push({ number, value: parseLine(bytes), raw: bytes, end });
      if (rows.length < limits.rows && end.offset - start < limits.bytes) continue;
      yield { kind: 'json', rows };
      rows = [];
      start = end.offset;
      limits = BATCH;
    }
  }
  if (rows.length > 0) yield { kind: 'json', rows };
}

const LIMITS = { maxDepth: DEFAULT_MAX_DEPTH };

function parseLine(bytes: Buffer): DatumObject | PayloadError {
  try {
    const value = parseJson(bytes, LIMITS);
    if (isDatumObject(value)) return value;
    return new PayloadError('INVALID_JSON', `The JSON is ${describeDatum(value)}, expected an object`);
  } catch (error) {
    if (error instanceof PayloadError) return error;
    throw error;
  }
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== SPACE && byte !== TAB && byte !== CARRIAGE_RETURN) return false;
  return true;
}

const SPACE = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
