import { type DataType, decimalOf, type PrimitiveType } from '../../delta/schema.ts';
import type { ColumnSlice, SliceValues } from '../../parquet/write/column.ts';
import { dateText, type TimestampFormat, timestampText } from './time-text.ts';

/** How values become text, in CSV as in JSON. */
export interface ValueSettings {
  /** @default 'iso' */
  readonly timestamps: TimestampFormat;
  /** In which `iso` and `mysql` timestamps are, a name of the IANA database. @default 'UTC' */
  readonly zone: string;
  /** @default 'base64' */
  readonly binary: 'base64' | 'hex';
}

/** The text of the value in a row that is not null. */
export type CellText = (row: number) => string;

/** Whether a row has a value. */
export function isThere({ validity }: ColumnSlice, row: number): boolean {
  return validity === undefined || (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

/** The texts of a column of plain values, exact for every type; floats with the fewest digits that give them again. */
export function plainText(type: PrimitiveType, values: SliceValues, settings: ValueSettings): CellText {
  if (values.kind === 'bytes') return bytesText(type, values.offsets, values.data, settings);
  if (values.kind !== 'fixed') throw new TypeError(`a column of ${type} has parts`);
  const { data } = values;
  const decimal = decimalOf(type);
  if (decimal !== undefined) return (row) => decimalText(data as BigInt64Array, row, decimal.scale);
  switch (type) {
    case 'boolean':
      return (row) => ((((Number(data[row >> 3]) ?? 0) >> (row & 7)) & 1) === 1 ? 'true' : 'false');
    case 'float':
      return (row) => String(shortestFloat(Number(data[row])));
    case 'double':
      return (row) => numberText(Number(data[row]));
    case 'date':
      return (row) => dateText(Number(data[row]));
    case 'timestamp':
    case 'timestamp_ntz': {
      const { timestamps, zone } = settings;
      const zoned = type === 'timestamp';
      return (row) => timestampText(BigInt(data[row] ?? 0), timestamps, zone, zoned);
    }
    default:
      return (row) => String(data[row]);
  }
}

function bytesText(
  type: PrimitiveType,
  offsets: Int32Array,
  data: Uint8Array,
  { binary }: Pick<ValueSettings, 'binary'>,
): CellText {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const encoding = type === 'string' ? 'utf8' : binary;
  return (row) => bytes.toString(encoding, offsets[row], offsets[row + 1]);
}

/** 128 bits, the lower 64 first. */
function decimalText(words: BigInt64Array, row: number, scale: number): string {
  const unscaled = ((words[2 * row + 1] ?? 0n) << 64n) | BigInt.asUintN(64, words[2 * row] ?? 0n);
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** JavaScript writes the shortest text of a double; -0 loses its sign there. */
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Significant digits that 32 bits always need at most. */
const MAX_DIGITS = 9;

function shortestFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < MAX_DIGITS; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return numberText(candidate === 0 ? value : candidate);
  }
  return numberText(Number(value.toPrecision(MAX_DIGITS)));
}

/** Whether the values of a type are plain, so that they have a text of their own. */
export function isPlain(type: DataType): type is PrimitiveType {
  return typeof type === 'string';
}
