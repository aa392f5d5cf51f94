import { type DataType, decimalOf } from './schema.ts';

/** What is known of the values of a column that are not null. A bound that is not known is undefined. */
export type ColumnBounds =
  | { readonly kind: 'integer'; readonly min: bigint | undefined; readonly max: bigint | undefined }
  /** Unscaled values. */
  | {
      readonly kind: 'decimal';
      readonly scale: number;
      readonly min: bigint | undefined;
      readonly max: bigint | undefined;
    }
  | { readonly kind: 'float'; readonly min: number | undefined; readonly max: number | undefined }
  /** Days since the epoch. */
  | { readonly kind: 'date'; readonly min: number | undefined; readonly max: number | undefined }
  /** µs since the epoch; `utc` is false for the readings of a clock without a zone. */
  | {
      readonly kind: 'timestamp';
      readonly utc: boolean;
      readonly min: bigint | undefined;
      readonly max: bigint | undefined;
    }
  /** UTF-8, if it is; all strings lie between them, and they need not be strings of the column. */
  | { readonly kind: 'string'; readonly min: Uint8Array | undefined; readonly max: Uint8Array | undefined }
  | { readonly kind: 'none' };

/** Whether columns of a type have bounds in Delta statistics (Spark's `SkippingEligibleDataType`); booleans have not. */
export function isSkippingEligible(type: DataType): boolean {
  return typeof type === 'string' && (ELIGIBLE.has(type) || decimalOf(type) !== undefined);
}

/**
 * A bound as JSON text for a column of the table's type; undefined where there is none, or none that JSON, or the
 * type, can hold exactly. Nothing goes through a float that was not one.
 */
export function boundText(
  bounds: ColumnBounds,
  side: 'min' | 'max',
  type: DataType,
  prefixLength: number,
): string | undefined {
  if (bounds.kind === 'none' || bounds[side] === undefined) return undefined;
  switch (bounds.kind) {
    case 'integer':
      return typeof type === 'string' && (INTEGERS.has(type) || decimalOf(type) !== undefined)
        ? bounds[side]?.toString()
        : undefined;
    case 'decimal':
      return decimalOf(type) === undefined ? undefined : decimalText(bounds[side] ?? 0n, bounds.scale);
    case 'float':
      return type === 'float' || type === 'double' ? floatText(bounds[side] ?? 0, type) : undefined;
    case 'date':
      return dateBound(bounds[side] ?? 0, type);
    case 'timestamp':
      return timestampBound(bounds[side] ?? 0n, bounds.utc, type);
    case 'string':
      return type === 'string' ? stringBound(bounds[side] ?? new Uint8Array(0), side, prefixLength) : undefined;
  }
}

/**
 * A string that is not greater (`min`) or not less (`max`) than `value` in the order of the UTF-8 bytes, and no longer
 * than `prefixLength` code points (`max`: twice that and one). Spark's rule: a longer minimum is cut; a longer maximum is cut
 * and gets a last character that is greater than the first one cut off. Undefined where there is no such string.
 */
export function truncateBound(value: string, side: 'min' | 'max', prefixLength: number): string | undefined {
  // A code point has one or two UTF-16 units, so the usual short string needs no look at its code points.
  if (value.length <= prefixLength) return value;
  const points = Array.from(value.slice(0, 2 * (2 * prefixLength + 1)));
  if (points.length <= prefixLength) return value;
  if (side === 'min') return points.slice(0, prefixLength).join('');
  for (let length = prefixLength; length <= 2 * prefixLength && length < points.length; length++) {
    const next = points[length]?.codePointAt(0) ?? 0;
    const last = next < ASCII_MAX ? ASCII_MAX : UNICODE_MAX;
    if (next < last) return points.slice(0, length).join('') + String.fromCodePoint(last);
  }
  return undefined;
}

const INTEGERS: ReadonlySet<string> = new Set(['byte', 'short', 'integer', 'long']);
const ELIGIBLE: ReadonlySet<string> = new Set([
  ...INTEGERS,
  'float',
  'double',
  'date',
  'timestamp',
  'timestamp_ntz',
  'string',
]);

const ASCII_MAX = 0x7f;
const UNICODE_MAX = 0x10ffff;

/** Days and ms of 0001-01-01 and 9999-12-31: readers parse years of four digits only. */
const MIN_DAY = -719_162;
const MAX_DAY = 2_932_896;
const MS_PER_DAY = 86_400_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function stringBound(bytes: Uint8Array, side: 'min' | 'max', prefixLength: number): string | undefined {
  let value: string;
  try {
    value = utf8.decode(bytes);
  } catch {
    return undefined;
  }
  const bound = truncateBound(value, side, prefixLength);
  return bound === undefined ? undefined : JSON.stringify(bound);
}

/** The value in full, with all digits of its scale. */
function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The shortest text that reads back as the same float or double. JSON has no text for NaN and the infinities. */
function floatText(value: number, type: 'float' | 'double'): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const text = String(type === 'float' ? shortestFloat(value) : value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** The double with the fewest digits that any reader rounds to the given float, however it does it. */
function shortestFloat(value: number): number {
  for (let digits = 1; digits < MAX_FLOAT_DIGITS; digits++) {
    const candidate = Number(value.toPrecision(digits));
    const isInside = Math.fround(candidate * (1 + Number.EPSILON)) === value;
    if (isInside && Math.fround(candidate * (1 - Number.EPSILON)) === value) return candidate;
  }
  return Number(value.toPrecision(MAX_FLOAT_DIGITS));
}

/** Digits that tell any two floats apart (IEEE 754, binary32). */
const MAX_FLOAT_DIGITS = 9;

function dateBound(days: number, type: DataType): string | undefined {
  if (days < MIN_DAY || days > MAX_DAY || (type !== 'date' && type !== 'timestamp_ntz')) return undefined;
  const text = new Date(days * MS_PER_DAY).toISOString();
  return type === 'date' ? `"${text.slice(0, 'yyyy-mm-dd'.length)}"` : `"${text.slice(0, -1)}"`;
}

/** To the ms below, for both bounds: readers take a maximum as up to 1 ms greater than it is written. */
function timestampBound(micros: bigint, utc: boolean, type: DataType): string | undefined {
  if (type !== (utc ? 'timestamp' : 'timestamp_ntz')) return undefined;
  const remainder = micros % 1000n;
  const ms = Number((micros - remainder) / 1000n) - (remainder < 0n ? 1 : 0);
  if (ms < MIN_DAY * MS_PER_DAY || ms >= (MAX_DAY + 1) * MS_PER_DAY) return undefined;
  const text = new Date(ms).toISOString();
  return utc ? `"${text}"` : `"${text.slice(0, -1)}"`;
}
