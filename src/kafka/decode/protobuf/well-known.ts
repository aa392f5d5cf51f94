import type { PrimitiveType } from '../../../delta/schema.ts';
import type { CellValue } from '../../../parquet/write/cell.ts';
import { PayloadError } from '../payload-error.ts';
import type { Row } from './message.ts';

/** What stands for a message of Google's well-known types in place of a struct of its fields. */
export interface WellKnown {
  /** Undefined for that of the message's field `value`, and `json` for a JSON text of it. */
  readonly type: PrimitiveType | 'json' | undefined;
  /** From the fields of the message to the cell. */
  readonly cell?: (row: Row) => CellValue;
  /** From the fields of the message to the value in a JSON text (guide "ProtoJSON Format"). */
  readonly json: (row: Row) => CellValue;
}

const WRAPPER: WellKnown = { type: undefined, cell: wrapped, json: wrapped };

/** By full name. Any and FieldMask are structs as other messages are; so is a Duration, but in JSON. */
export const WELL_KNOWN: ReadonlyMap<string, WellKnown> = new Map<string, WellKnown>([
  ['.google.protobuf.Timestamp', { type: 'timestamp', cell: timestampOf, json: timestampText }],
  ['.google.protobuf.Struct', { type: 'json', json: ({ fields }) => fields ?? {} }],
  ['.google.protobuf.Value', { type: 'json', json: anyValueOf }],
  ['.google.protobuf.ListValue', { type: 'json', json: ({ values }) => values ?? [] }],
  ...['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (name): [string, WellKnown] => [`.google.protobuf.${name}Value`, WRAPPER],
  ),
]);

/** In a JSON text only. */
export const JSON_ONLY: ReadonlyMap<string, (row: Row) => CellValue> = new Map([
  ['.google.protobuf.Duration', durationText],
  ['.google.protobuf.FieldMask', ({ paths }: Row) => (Array.isArray(paths) ? paths.join(',') : '')],
]);

function wrapped({ value }: Row): CellValue {
  return value;
}

/** The years 0001 to 9999 in seconds since the epoch, which is what a Timestamp may have (`timestamp.proto`). */
const MIN_SECONDS = -62_135_596_800;
const MAX_SECONDS = 253_402_300_799;

/** µs since the epoch, rounded down. Throws `INVALID_PROTOBUF` for what no Timestamp has. */
function timestampOf({ seconds, nanos }: Row): number | bigint {
  const whole = Number(seconds ?? 0);
  const micros = Math.floor(Number(nanos ?? 0) / 1000);
  if (whole < MIN_SECONDS || whole > MAX_SECONDS || micros < 0 || micros > 999_999) {
    throw new PayloadError(
      'INVALID_PROTOBUF',
      `The payload has a timestamp of ${secondsOf(seconds)} seconds and ${nanos} ns, expected ${MIN_SECONDS} to ${MAX_SECONDS}, and 0 to 999999999`,
    );
  }
  const value = whole * 1_000_000 + micros;
  return Number.isSafeInteger(value) ? value : BigInt(whole) * 1_000_000n + BigInt(micros);
}

/** In JSON, 64-bit numbers are text. */
function secondsOf(seconds: CellValue): number | bigint | string {
  return typeof seconds === 'bigint' || typeof seconds === 'string' ? seconds : Number(seconds ?? 0);
}

/** RFC 3339 with 0, 3, 6 or 9 digits; outside of the years that it has, the seconds as they are. */
function timestampText({ seconds, nanos }: Row): string {
  const time = new Date(Number(seconds ?? 0) * 1000);
  const year = Number.isNaN(time.getTime()) ? -1 : time.getUTCFullYear();
  const fraction = fractionText(Number(nanos ?? 0));
  if (year < 1 || year > MAX_YEAR) return `${secondsOf(seconds)}${fraction}s`;
  return `${time.toISOString().slice(0, -'.000Z'.length)}${fraction}Z`;
}

const MAX_YEAR = 9999;

/** Seconds with an `s` behind them; both parts have the same sign. */
function durationText({ seconds, nanos }: Row): string {
  const fraction = Number(nanos ?? 0);
  const whole = String(secondsOf(seconds));
  const sign = fraction < 0 && !whole.startsWith('-') ? '-' : '';
  return `${sign}${whole}${fractionText(Math.abs(fraction))}s`;
}

function fractionText(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/(?:000){1,2}$/, '')}`;
}

/** The one member of the oneof that is set; none is null. */
function anyValueOf(row: Row): CellValue {
  for (const name of ['number_value', 'string_value', 'bool_value', 'struct_value', 'list_value']) {
    const value = row[name];
    if (value !== undefined) return value;
  }
  return null;
}

/**
 * Google's files of well-known types, by the path that they are imported by, and Confluent's decimal, which its
 * serializers import without a reference. Of the options for descriptors no more than that they may be extended.
 */
export const WELL_KNOWN_FILES: ReadonlyMap<string, string> = new Map([
  ['google/protobuf/timestamp.proto', google('message Timestamp { int64 seconds = 1; int32 nanos = 2; }')],
  ['google/protobuf/duration.proto', google('message Duration { int64 seconds = 1; int32 nanos = 2; }')],
  ['google/protobuf/any.proto', google('message Any { string type_url = 1; bytes value = 2; }')],
  ['google/protobuf/empty.proto', google('message Empty {}')],
  ['google/protobuf/field_mask.proto', google('message FieldMask { repeated string paths = 1; }')],
  [
    'google/protobuf/struct.proto',
    google(`
      message Struct { map<string, Value> fields = 1; }
      message Value {
        oneof kind {
          NullValue null_value = 1;
          double number_value = 2;
          string string_value = 3;
          bool bool_value = 4;
          Struct struct_value = 5;
          ListValue list_value = 6;
        }
      }
      enum NullValue { NULL_VALUE = 0; }
      message ListValue { repeated Value values = 1; }`),
  ],
  [
    'google/protobuf/wrappers.proto',
    google(`
      message DoubleValue { double value = 1; }
      message FloatValue { float value = 1; }
      message Int64Value { int64 value = 1; }
      message UInt64Value { uint64 value = 1; }
      message Int32Value { int32 value = 1; }
      message UInt32Value { uint32 value = 1; }
      message BoolValue { bool value = 1; }
      message StringValue { string value = 1; }
      message BytesValue { bytes value = 1; }`),
  ],
  [
    'google/protobuf/descriptor.proto',
    google(
      ['File', 'Message', 'Field', 'Oneof', 'ExtensionRange', 'Enum', 'EnumValue', 'Service', 'Method']
        .map((name) => `message ${name}Options { extensions 1000 to max; }`)
        .join('\n'),
      'proto2',
    ),
  ],
  [
    'google/type/date.proto',
    inPackage('google.type', 'message Date { int32 year = 1; int32 month = 2; int32 day = 3; }'),
  ],
  [
    'google/type/timeofday.proto',
    inPackage(
      'google.type',
      'message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }',
    ),
  ],
  [
    'google/type/money.proto',
    inPackage('google.type', 'message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }'),
  ],
  [
    'google/type/latlng.proto',
    inPackage('google.type', 'message LatLng { double latitude = 1; double longitude = 2; }'),
  ],
  [
    'confluent/type/decimal.proto',
    inPackage('confluent.type', 'message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }'),
  ],
]);

function google(text: string, syntax = 'proto3'): string {
  return inPackage('google.protobuf', text, syntax);
}

function inPackage(name: string, text: string, syntax = 'proto3'): string {
  return `syntax = "${syntax}";\npackage ${name};\n${text}`;
}
