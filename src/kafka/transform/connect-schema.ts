import { Buffer } from 'node:buffer';
import { formatDecimal } from '../decode/cell-decimal.ts';
import { type Datum, type DatumObject, isDatumObject, NumberText } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { PayloadError } from '../decode/payload-error.ts';
import { fieldReader, isNumber, setField } from './evaluation.ts';
import { floorDivide, isoDate, isoTimeOfDay, isoTimestamp } from './iso-time.ts';

/** Levels of structs, arrays and maps in a schema. */
const MAX_DEPTH = 100;

/** Bytes of an unscaled decimal, and digits behind the point: far more than databases have. */
const MAX_DECIMAL_BYTES = 1024;
const MAX_SCALE = 1000;

/** What Debezium sends instead of a value that it does not have, as bytes in base64. */
const UNAVAILABLE = Buffer.from('__debezium_unavailable_value').toString('base64');

const MICROS_PER_MS = 1000n;
const NANOS_PER_MICRO = 1000n;

/**
 * Values that Kafka Connect and Debezium send in a form of their own (Debezium, "Data types" of the connectors):
 *
 * | semantic type | becomes |
 * |---|---|
 * | `…connect.data.Decimal`, `io.debezium.data.VariableScaleDecimal` | the exact number, as NumberText with all digits of its scale |
 * | `…connect.data.Date`, `io.debezium.time.Date` (days) | `2021-07-20` |
 * | `…connect.data.Timestamp`, `io.debezium.time.Timestamp`, `MicroTimestamp`, `NanoTimestamp` | `2021-07-20T23:18:18Z`, with what it has of ms and µs; ns are cut off |
 * | `…connect.data.Time`, `io.debezium.time.Time`, `MicroTime`, `NanoTime` | `23:18:18`, with what it has of ms and µs |
 *
 * Texts such as `ZonedTimestamp` stay, and so does everything else.
 */
const CONVERTERS: ReadonlyMap<string, (value: Datum, schema: DatumObject) => Datum> = new Map<
  string,
  (value: Datum, schema: DatumObject) => Datum
>([
  ['org.apache.kafka.connect.data.Decimal', convertDecimal],
  ['io.debezium.data.VariableScaleDecimal', convertVariableDecimal],
  ['org.apache.kafka.connect.data.Date', convertDate],
  ['io.debezium.time.Date', convertDate],
  ['org.apache.kafka.connect.data.Timestamp', temporal(isoTimestamp, (ms) => ms * MICROS_PER_MS)],
  ['io.debezium.time.Timestamp', temporal(isoTimestamp, (ms) => ms * MICROS_PER_MS)],
  ['io.debezium.time.MicroTimestamp', temporal(isoTimestamp, (micros) => micros)],
  ['io.debezium.time.NanoTimestamp', temporal(isoTimestamp, (nanos) => floorDivide(nanos, NANOS_PER_MICRO))],
  ['org.apache.kafka.connect.data.Time', temporal(isoTimeOfDay, (ms) => ms * MICROS_PER_MS)],
  ['io.debezium.time.Time', temporal(isoTimeOfDay, (ms) => ms * MICROS_PER_MS)],
  ['io.debezium.time.MicroTime', temporal(isoTimeOfDay, (micros) => micros)],
  ['io.debezium.time.NanoTime', temporal(isoTimeOfDay, (nanos) => floorDivide(nanos, NANOS_PER_MICRO))],
]);

const readName = fieldReader('name');
const readFields = fieldReader('fields');
const readField = fieldReader('field');
const readItems = fieldReader('items');
const readValues = fieldReader('values');
const readParameters = fieldReader('parameters');
const readScale = fieldReader('scale');
const readValue = fieldReader('value');

/**
 * Converts a value as its Connect schema says (the `schema` part of JsonConverter). What the schema does not describe stays
 * as it is. Throws PayloadError `INVALID_ENVELOPE` for a value that its type cannot have.
 */
export function convertBySchema(value: Datum, schema: Datum, depth = 0): Datum {
  if (value === null || value === undefined || !isDatumObject(schema)) return value;
  if (depth > MAX_DEPTH) throw new PayloadError('INVALID_ENVELOPE', `a schema of more than ${MAX_DEPTH} levels`);
  const name = readName(schema);
  const convert = typeof name === 'string' ? CONVERTERS.get(name) : undefined;
  if (convert !== undefined) return convert(value, schema);
  if (Array.isArray(value)) return convertItems(value, readItems(schema), depth);
  if (!isDatumObject(value)) return value;
  const fields = readFields(schema);
  return Array.isArray(fields) ? convertFields(value, fields, depth) : convertMap(value, readValues(schema), depth);
}

/** The schema of a field of a struct; undefined where there is none. */
export function fieldSchema(schema: Datum, name: string): Datum {
  const fields = readFields(schema);
  return Array.isArray(fields) ? fields.find((field: Datum) => readField(field) === name) : undefined;
}

function convertItems(items: readonly Datum[], schema: Datum, depth: number): Datum {
  return isDatumObject(schema) ? items.map((item) => convertBySchema(item, schema, depth + 1)) : items;
}

/** Copies the struct only where a field of it changes. */
function convertFields(struct: DatumObject, fields: readonly Datum[], depth: number): DatumObject {
  let copy: { [field: string]: Datum } | undefined;
  for (const field of fields) {
    const name = readField(field);
    if (typeof name !== 'string' || !Object.hasOwn(struct, name)) continue;
    const value = struct[name];
    const converted = convertBySchema(value, field, depth + 1);
    if (converted === value) continue;
    copy ??= { ...struct };
    setField(copy, name, converted);
  }
  return copy ?? struct;
}

function convertMap(map: DatumObject, schema: Datum, depth: number): DatumObject {
  if (!isDatumObject(schema)) return map;
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key, convertBySchema(value, schema, depth + 1)]),
  );
}

/** The scale is in the schema, and the unscaled value is big-endian two's complement in base64. */
function convertDecimal(value: Datum, schema: DatumObject): Datum {
  // With `decimal.format=NUMERIC`, JsonConverter has made a number of it.
  if (isNumber(value)) return value;
  const scale = readScale(readParameters(schema));
  return decimalOf(value, typeof scale === 'string' && /^-?\d{1,5}$/.test(scale) ? Number(scale) : Number.NaN);
}

function convertVariableDecimal(value: Datum): Datum {
  const scale = readScale(value);
  return decimalOf(readValue(value), typeof scale === 'number' ? scale : Number.NaN);
}

function decimalOf(value: Datum, scale: number): Datum {
  if (value === UNAVAILABLE) return '__debezium_unavailable_value';
  const bytes = bytesOf(value);
  if (bytes === undefined || !Number.isInteger(scale) || Math.abs(scale) > MAX_SCALE) {
    throw unfit(value, 'the base64 of a decimal, and its scale');
  }
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  return new NumberText(formatDecimal(scale < 0 ? unscaled * 10n ** BigInt(-scale) : unscaled, Math.max(0, scale)));
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

function bytesOf(value: Datum): Buffer | undefined {
  if (typeof value !== 'string' || value.length > MAX_DECIMAL_BYTES * 2) return undefined;
  if (value.length % 4 !== 0 || !BASE64.test(value)) return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.length <= MAX_DECIMAL_BYTES ? bytes : undefined;
}

function convertDate(value: Datum): Datum {
  const date = typeof value === 'number' ? isoDate(value) : undefined;
  if (date === undefined) throw unfit(value, 'days since the epoch, in the years 1 to 9999');
  return date;
}

function temporal(format: (micros: bigint) => string | undefined, toMicros: (count: bigint) => bigint) {
  return (value: Datum): Datum => {
    const count = integerOf(value);
    const text = count === undefined ? undefined : format(toMicros(count));
    if (text === undefined) throw unfit(value, 'a time in the years 1 to 9999, or within a day');
    return text;
  };
}

function integerOf(value: Datum): bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  return value instanceof NumberText && /^-?\d{1,30}$/.test(value.text) ? BigInt(value.text) : undefined;
}

function unfit(value: Datum, expected: string): PayloadError {
  return new PayloadError('INVALID_ENVELOPE', `The change event has ${describeDatum(value)}, expected ${expected}`);
}
