import type { DataType, StructType } from '../../delta/schema.ts';
import { parseDecimal } from '../../kafka/decode/cell-decimal.ts';
import { parseDate, parseTimestamp } from '../../kafka/decode/cell-time.ts';
import type { DatumObject } from '../../kafka/decode/datum.ts';
import { fieldOf, mergeInferred } from '../../kafka/decode/infer-merge.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import type { SourceRow } from './row-source.ts';

/** Columns of texts. */
export function textTypes(header: readonly string[]): StructType {
  return { type: 'struct', fields: header.map((name) => fieldOf(name, 'string')) };
}

/**
 * The types that all texts of a column have the form of: `boolean`, `long`, `double`, `date`, `timestamp`; `string` for
 * anything else, for mixtures, for numbers with leading zeros or a plus, which are names, and for columns of nulls.
 */
export function inferCsvTypes(header: readonly string[], rows: readonly SourceRow<DatumObject>[]): StructType {
  const types = new Map<string, DataType>();
  for (const { value } of rows) {
    if (value instanceof PayloadError) continue;
    for (const name of header) {
      const text = value[name];
      if (typeof text !== 'string') continue;
      const known = types.get(name);
      if (known === 'string') continue;
      const type = typeOfText(text);
      types.set(name, known === undefined ? type : mergeInferred(known, type));
    }
  }
  return { type: 'struct', fields: header.map((name) => fieldOf(name, types.get(name) ?? 'string')) };
}

const WHOLE = /^(0|-?[1-9]\d{0,17})$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function typeOfText(text: string): DataType {
  if (text === 'true' || text === 'false') return 'boolean';
  if (WHOLE.test(text)) return 'long';
  // A whole number that is too long for a long is a name.
  if (NUMBER.test(text)) return (parseDecimal(text)?.exponent ?? 0) < 0 || /[.eE]/.test(text) ? 'double' : 'string';
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return parseDate(text) === undefined ? 'string' : 'date';
  return /^\d{4}-/.test(text) && parseTimestamp(text) !== undefined ? 'timestamp' : 'string';
}
