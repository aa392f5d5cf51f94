import { DeltaError } from './errors.ts';
import { type DataType, decimalOf, isStruct, type StructType, typeName } from './schema.ts';

/** The partition values that the folders of a key spell out, `name=value` each. */
export interface HivePath {
  /** The key's folder as it stands in the key, without a slash at the end; '' for none. */
  readonly directory: string;
  /** In the order of the path; a name that is there twice is twice here. */
  readonly values: readonly HiveValue[];
}

export interface HiveValue {
  readonly name: string;
  readonly value: string | null;
}

export interface TablePath {
  /** Key prefix of the table's root, without slashes at its ends; '' for the bucket itself. */
  readonly root: string;
  /** The key relative to the root. */
  readonly relative: string;
}

export interface PartitionType {
  readonly name: string;
  readonly type: DataType;
}

/** The partition columns that the table's metadata names, in its order, with the types of its schema. */
export function partitionColumnsOf(schema: StructType, names: readonly string[]): readonly PartitionType[] {
  return names.map((name) => ({ name, type: schema.fields.find((field) => field.name === name)?.type ?? 'string' }));
}

/**
 * Reads the `name=value` folders of a key that is relative to the table's root; other folders say nothing.
 *
 * Names and values are percent-decoded once, as Spark escapes them. Spark leaves non-ASCII characters raw and delta-rs
 * encodes their UTF-8 bytes: both are read. A percent sign that starts no valid sequence stands for itself.
 */
export function parseHiveSegments(relativeKey: string): HivePath {
  const end = relativeKey.lastIndexOf('/');
  const directory = end < 0 ? '' : relativeKey.slice(0, end);
  const values = directory.split('/').filter(isPartitionFolder).map(parseFolder);
  return { directory, values };
}

/**
 * Where the convention sees the table of a key: its root is the path before the first `name=value` folder, or the
 * file's folder where there is none. Undefined for what is not a file: '' and keys that start or end with a slash.
 */
export function splitTablePath(key: string): TablePath | undefined {
  if (key === '' || key.startsWith('/') || key.endsWith('/')) return undefined;
  let start = 0;
  for (
    let end = key.indexOf('/');
    end >= 0 && !isPartitionFolder(key.slice(start, end));
    end = key.indexOf('/', start)
  ) {
    start = end + 1;
  }
  return { root: key.slice(0, Math.max(start - 1, 0)), relative: key.slice(start) };
}

/**
 * The folders that Spark writes for these values, relative to the table's root: `a=1/b=__HIVE_DEFAULT_PARTITION__`.
 * It is part of a key; `encodePath` makes a logged path of it, which encodes its percent signs once more.
 */
export function hiveFolders(values: readonly HiveValue[]): string {
  return values
    .map(({ name, value }) => `${escapeName(name)}=${value === null || value === '' ? NULL : escapeName(value)}`)
    .join('/');
}

/**
 * The `partitionValues` of a file: each partition column with its canonical value, in the order of `columns`. Names
 * match whatever their case. Throws `INVALID_SCHEMA` when the path lacks a column, has one twice or has another one,
 * and for a value that does not fit its type.
 */
export function partitionValues(
  path: HivePath,
  columns: readonly PartitionType[],
): Readonly<Record<string, string | null>> {
  const found = new Map<string, HiveValue>();
  for (const value of path.values) {
    const key = value.name.toLowerCase();
    if (found.has(key)) throw unfitPath(path, columns, `has the partition column "${value.name}" twice`);
    if (!columns.some(({ name }) => name.toLowerCase() === key)) {
      throw unfitPath(path, columns, `has the folder of "${value.name}", which is not a partition column`);
    }
    found.set(key, value);
  }
  const entries = columns.map(({ name, type }) => {
    const value = found.get(name.toLowerCase());
    if (value === undefined) throw unfitPath(path, columns, `has no folder for the partition column "${name}"`);
    return [name, partitionValue(value.value, type, name)] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * A partition value in its canonical form (PROTOCOL.md "Partition Value Serialization"; where that leaves a choice, the
 * form that Spark writes). A timestamp without a time zone is taken as UTC. null and '' are null, whatever the type.
 * Throws `INVALID_SCHEMA`, with `value`, `column` and `type` in the data, when the value does not fit the type exactly.
 */
export function partitionValue(raw: string | null, type: DataType, column = ''): string | null {
  if (!isPartitionType(type)) {
    throw new DeltaError(
      'INVALID_SCHEMA',
      `The column "${column}" of type ${typeName(type)} cannot partition a table`,
      {
        column,
        type: typeName(type),
      },
    );
  }
  if (raw === null || raw === '') return null;
  const value = canonical(raw, type);
  if (value !== undefined) return value;
  throw new DeltaError(
    'INVALID_SCHEMA',
    `The value ${JSON.stringify(raw)} of the partition column "${column}" does not fit the type ${typeName(type)}`,
    { column, value: raw, type: typeName(type) },
  );
}

/** Whether a column of this type can partition a table. */
export function isPartitionType(type: DataType): boolean {
  return typeof type === 'string' && type !== 'variant' && type !== 'void' && !isStruct(type);
}

/** Hive's name for the folder of null. */
const NULL = '__HIVE_DEFAULT_PARTITION__';

/** What Spark and Hive escape in folder names (org.apache.spark.sql.catalyst.catalog.ExternalCatalogUtils). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among them
const ESCAPED = /[\u0001-\u001f"#%'*/:=?\\\u007f{[\]^]/g;

/** A percent-encoded character in UTF-8. */
const ESCAPE_SEQUENCE =
  /%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}/gi;

function escapeName(text: string): string {
  return text.replace(ESCAPED, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function unescapeName(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(ESCAPE_SEQUENCE, (sequence) => {
    try {
      return decodeURIComponent(sequence);
    } catch {
      return sequence; // overlong, a surrogate, or past the last code point
    }
  });
}

function isPartitionFolder(segment: string): boolean {
  return segment.indexOf('=') > 0;
}

function parseFolder(segment: string): HiveValue {
  const equals = segment.indexOf('=');
  const value = unescapeName(segment.slice(equals + 1));
  return { name: unescapeName(segment.slice(0, equals)), value: value === '' || value === NULL ? null : value };
}

function unfitPath(path: HivePath, columns: readonly PartitionType[], what: string): DeltaError {
  const expected = columns.length === 0 ? 'no partition columns' : columns.map(({ name }) => `${name}=…`).join('/');
  return new DeltaError('INVALID_SCHEMA', `The folder "${path.directory}" ${what}; expected ${expected}`, {
    directory: path.directory,
    partitionColumns: columns.map(({ name }) => name),
  });
}

function canonical(raw: string, type: DataType): string | undefined {
  switch (type) {
    case 'string':
    case 'binary':
      return raw;
    case 'byte':
      return integer(raw, 8);
    case 'short':
      return integer(raw, 16);
    case 'integer':
      return integer(raw, 32);
    case 'long':
      return integer(raw, 64);
    case 'boolean':
      return /^(true|false)$/i.test(raw) ? raw.toLowerCase() : undefined;
    case 'float':
      return floatingPoint(raw, Math.fround);
    case 'double':
      return floatingPoint(raw, (value) => value);
    case 'date':
      return date(raw);
    case 'timestamp':
      return timestamp(raw);
    case 'timestamp_ntz':
      return timestampNtz(raw);
    default:
      return decimal(raw, type);
  }
}

function integer(raw: string, bits: number): string | undefined {
  if (!/^[+-]?\d+$/.test(raw)) return undefined;
  const value = BigInt(raw.replace('+', ''));
  return BigInt.asIntN(bits, value) === value ? value.toString() : undefined;
}

/** Digits and an exponent of ten, kept apart so that no digit is lost. Zeros at the end beyond the scale do no harm. */
function decimal(raw: string, type: DataType): string | undefined {
  const target = decimalOf(type);
  const [matched, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(raw) ?? [];
  if (target === undefined || matched === undefined || whole + fraction === '') return undefined;

  const shift = target.scale - (fraction.length - Number(exponent));
  const digits = whole + fraction;
  const kept = shift >= 0 ? digits + '0'.repeat(shift) : digits.slice(0, shift);
  const lost = shift >= 0 ? '' : digits.slice(shift);
  const unscaled = kept.replace(/^0+/, '');
  if (/[1-9]/.test(lost) || unscaled.length > target.precision) return undefined;

  const padded = unscaled.padStart(target.scale + 1, '0');
  const point = padded.length - target.scale;
  const minus = sign === '-' && unscaled !== '' ? '-' : '';
  return `${minus}${padded.slice(0, point)}${target.scale === 0 ? '' : `.${padded.slice(point)}`}`;
}

function floatingPoint(raw: string, round: (value: number) => number): string | undefined {
  if (/^nan$/i.test(raw)) return 'NaN';
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(raw);
  if (infinite !== null) return infinite[1] === '-' ? '-Infinity' : 'Infinity';
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(raw)) return undefined;
  const value = round(Number(raw));
  return Number.isFinite(value) ? formatFloat(shortest(value, round)) : undefined;
}

/** Most significant digits that a 64-bit float needs. */
const MAX_FLOAT_DIGITS = 17;

/** The number with the fewest digits that still rounds to `value`. */
function shortest(value: number, round: (value: number) => number): number {
  for (let digits = 1; digits < MAX_FLOAT_DIGITS; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Object.is(round(candidate), value)) return candidate;
  }
  return value;
}

/** As Java's Double.toString: plain from 10^-3 to 10^7, with an exponent elsewhere, and always with a point. */
function formatFloat(value: number): string {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e7)) return `${sign}${withPoint(String(magnitude))}`;
  const [mantissa = '', exponent = ''] = magnitude.toExponential().split('e');
  return `${sign}${withPoint(mantissa)}E${Number(exponent)}`;
}

function withPoint(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`;
}

/** A point of time as the calendar shows it. */
interface DateTime {
  /** ms since the epoch, whole seconds. */
  readonly seconds: number;
  /** 0 to 999,999. */
  readonly micros: number;
  /** Of the time zone, if one was given: minutes east of UTC. */
  readonly offset: number | undefined;
}

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const DATE_TIME =
  /^(\d{4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?(?:(Z|UTC)|([+-])(\d{2}):?(\d{2})?)?)?$/;
const MS_PER_MINUTE = 60_000;

function date(raw: string): string | undefined {
  const day = parseDay(raw);
  return day === undefined ? undefined : isoDate(day);
}

/** As ISO 8601 in UTC, which PROTOCOL.md recommends, because readers take other forms in a time zone of their own. */
function timestamp(raw: string): string | undefined {
  const parsed = parseDateTime(raw);
  if (parsed === undefined) return undefined;
  const utc = parsed.seconds - (parsed.offset ?? 0) * MS_PER_MINUTE;
  const day = isoDate(utc);
  return day === undefined ? undefined : `${day}T${isoTime(utc)}.${sixDigits(parsed.micros)}Z`;
}

function timestampNtz(raw: string): string | undefined {
  const parsed = parseDateTime(raw);
  if (parsed === undefined || parsed.offset !== undefined) return undefined;
  const fraction = parsed.micros === 0 ? '' : `.${sixDigits(parsed.micros)}`;
  return `${isoDate(parsed.seconds)} ${isoTime(parsed.seconds)}${fraction}`;
}

/** Midnight of a day that is in the calendar, ms since the epoch. */
function parseDay(raw: string): number | undefined {
  const [matched, year, month, day] = DATE.exec(raw) ?? [];
  if (matched === undefined) return undefined;
  const time = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const same = new Date(time).getUTCMonth() === Number(month) - 1 && new Date(time).getUTCDate() === Number(day);
  return same && Number(year) > 0 ? time : undefined;
}

function parseDateTime(raw: string): DateTime | undefined {
  const parts = DATE_TIME.exec(raw);
  const day = parseDay(parts?.[1] ?? '');
  if (parts === null || day === undefined) return undefined;
  const [, , hour = '0', minute = '0', second = '0', fraction = '', utc, sign, zoneHour = '0', zoneMinute = '0'] =
    parts;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (Number(zoneHour) > 18 || Number(zoneMinute) > 59 || /[1-9]/.test(fraction.slice(6))) return undefined;

  const seconds = day + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000;
  const minutesEast = (sign === '-' ? -1 : 1) * (Number(zoneHour) * 60 + Number(zoneMinute));
  const zoned = utc !== undefined || sign !== undefined;
  return { seconds, micros: Number(fraction.slice(0, 6).padEnd(6, '0')), offset: zoned ? minutesEast : undefined };
}

/** Undefined outside the years 1 to 9999, which have no common spelling. */
function isoDate(time: number): string | undefined {
  const [, day] = /^(\d{4}-\d{2}-\d{2})T/.exec(new Date(time).toISOString()) ?? [];
  return day === undefined || day.startsWith('0000') ? undefined : day;
}

function isoTime(time: number): string {
  return new Date(time).toISOString().slice(11, 19);
}

function sixDigits(micros: number): string {
  return String(micros).padStart(6, '0');
}
