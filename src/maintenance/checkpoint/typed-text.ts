import { partitionValue } from '../../delta/partition.ts';
import { type DataType, decimalOf } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';

/** A value of the log that stands there as text, as a cell of its type; null for what is no value of it. */
export function typedText(text: string, type: DataType): CellValue {
  const canonical = canonicalText(text, type);
  return canonical === null ? null : toCell(canonical, type);
}

function canonicalText(text: string, type: DataType): string | null {
  try {
    return partitionValue(text, type);
  } catch {
    return null;
  }
}

const MS_PER_DAY = 86_400_000;

function toCell(text: string, type: DataType): CellValue {
  switch (type) {
    case 'string':
      return text.isWellFormed() ? text : null;
    case 'binary':
      return Buffer.from(text);
    case 'byte':
    case 'short':
    case 'integer':
    case 'float':
    case 'double':
      return Number(text);
    case 'long':
      return BigInt(text);
    case 'boolean':
      return text === 'true';
    case 'date':
      return Date.parse(text) / MS_PER_DAY;
    case 'timestamp':
    case 'timestamp_ntz':
      return toMicros(text);
    default:
      return decimalOf(type) === undefined ? null : BigInt(text.replace('.', ''));
  }
}

/** µs since the epoch of `YYYY-MM-DD` and `HH:MM:SS` with up to six decimals, in UTC or without a zone. */
function toMicros(text: string): bigint {
  const seconds = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`);
  const decimals = /\.(\d+)/.exec(text)?.[1] ?? '';
  return BigInt(seconds) * 1000n + BigInt(decimals.padEnd(6, '0'));
}
