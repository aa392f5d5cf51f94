import { decimalOf, type PrimitiveType } from '../../delta/schema.ts';
import { type CellColumn, mismatch, type ToCell } from './cell-column.ts';
import { decimalToCell, doubleToCell, floatToCell, integerToCell, longToCell } from './cell-numbers.ts';
import { MAX_DAY, MIN_DAY, microsOfEpoch, parseDate, parseTimestamp, type TimestampUnit } from './cell-time.ts';
import { type Datum, NumberText } from './datum.ts';
import { jsonText } from './json-text.ts';

/** What makes the cells of a column without parts, by the rules of `jsonToCell`. */
export function primitiveToCell(column: CellColumn, type: PrimitiveType, timestampUnit: TimestampUnit): ToCell {
  const decimal = decimalOf(type);
  if (decimal !== undefined) return decimalToCell(column, decimal);
  switch (type) {
    case 'string':
      return stringToCell(column);
    case 'boolean':
      return booleanToCell(column);
    case 'byte':
      return integerToCell(column, 8);
    case 'short':
      return integerToCell(column, 16);
    case 'integer':
      return integerToCell(column, 32);
    case 'long':
      return longToCell(column);
    case 'float':
      return floatToCell(column);
    case 'double':
      return doubleToCell(column);
    case 'binary':
      return binaryToCell(column);
    case 'date':
      return dateToCell(column);
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampToCell(column, timestampUnit);
    default:
      return nothingToCell(column);
  }
}

function stringToCell(column: CellColumn): ToCell {
  return (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value !== 'string') return jsonText(value);
    if (!value.isWellFormed()) throw mismatch(column, value, 'string, without halves of surrogate pairs');
    return value;
  };
}

function booleanToCell(column: CellColumn): ToCell {
  return (value) => {
    if (typeof value === 'boolean') return value;
    if (value === null || value === undefined) return null;
    if (value === 'true') return true;
    if (value === 'false') return false;
    throw mismatch(column, value, 'boolean, true or false');
  };
}

function binaryToCell(column: CellColumn): ToCell {
  return (value) => {
    if (value === null || value === undefined) return null;
    const bytes = typeof value === 'string' ? decodeBase64(value) : undefined;
    if (bytes === undefined) throw mismatch(column, value, 'binary, bytes in base64 (RFC 4648) with padding');
    return bytes;
  };
}

/** Node's decoder skips what is no base64; encoded again, only the one right text comes out the same. */
function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function dateToCell(column: CellColumn): ToCell {
  const expected = 'date, YYYY-MM-DD or a date-time of ISO 8601, or days since 1970, in the years 0001 to 9999';
  return (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value === 'number' && Number.isInteger(value) && value >= MIN_DAY && value <= MAX_DAY) return value + 0;
    const days = typeof value === 'string' ? parseDate(value) : undefined;
    if (days === undefined) throw mismatch(column, value, expected);
    return days;
  };
}

function timestampToCell(column: CellColumn, unit: TimestampUnit): ToCell {
  const isLocal = column.type === 'timestamp_ntz';
  const text = isLocal ? 'a date-time of ISO 8601 without offset' : 'a date-time of ISO 8601';
  const expected = `${column.type}, ${text}, or ${unit} since 1970, in the years 0001 to 9999`;
  return (value) => {
    if (value === null || value === undefined) return null;
    const micros = typeof value === 'string' ? parseTimestamp(value, isLocal) : epochMicros(value, unit);
    if (micros === undefined) throw mismatch(column, value, expected);
    return micros;
  };
}

function epochMicros(value: Datum, unit: TimestampUnit): number | bigint | undefined {
  return typeof value === 'number' || value instanceof NumberText ? microsOfEpoch(value, unit) : undefined;
}

/** `void`, and `variant`, which is not written. */
function nothingToCell(column: CellColumn): ToCell {
  return (value) => {
    if (value !== null && value !== undefined) throw mismatch(column, value, `null in a column of ${column.type}`);
    return null;
  };
}
