import type { PrimitiveType } from '../../../delta/schema.ts';
import type { CellValue } from '../../../parquet/write/cell.ts';
import { BYTES, FIXED32, FIXED64, VARINT, type Wire } from './wire.ts';

/** How values of a type of fields are read, but messages. */
export interface Scalar {
  readonly type: PrimitiveType;
  readonly wireType: number;
  /** What a field without presence has when it is not in the payload. */
  readonly zero: CellValue;
  readonly read: (wire: Wire) => CellValue;
}

/** What a value is: a cell, or part of a JSON text as ProtoJSON has it. */
export type Form = 'cell' | 'json';

/** Protobuf guide "Language Guide (proto 3)", "Scalar Value Types". */
const CELLS: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ['int32', { type: 'integer', wireType: VARINT, zero: 0, read: (wire) => wire.varint() }],
  ['sint32', { type: 'integer', wireType: VARINT, zero: 0, read: readSint32 }],
  ['sfixed32', { type: 'integer', wireType: FIXED32, zero: 0, read: (wire) => wire.fixed32() }],
  ['uint32', { type: 'long', wireType: VARINT, zero: 0, read: (wire) => wire.varint() >>> 0 }],
  ['fixed32', { type: 'long', wireType: FIXED32, zero: 0, read: (wire) => wire.fixed32() >>> 0 }],
  ['int64', { type: 'long', wireType: VARINT, zero: 0, read: (wire) => wire.int64() }],
  ['sint64', { type: 'long', wireType: VARINT, zero: 0, read: (wire) => wire.sint64() }],
  ['sfixed64', { type: 'long', wireType: FIXED64, zero: 0, read: (wire) => wire.sfixed64() }],
  ['uint64', { type: 'decimal(20,0)', wireType: VARINT, zero: 0n, read: (wire) => wire.uint64() }],
  ['fixed64', { type: 'decimal(20,0)', wireType: FIXED64, zero: 0n, read: (wire) => wire.fixed64() }],
  ['float', { type: 'float', wireType: FIXED32, zero: 0, read: (wire) => wire.float() }],
  ['double', { type: 'double', wireType: FIXED64, zero: 0, read: (wire) => wire.double() }],
  ['bool', { type: 'boolean', wireType: VARINT, zero: false, read: (wire) => wire.bool() }],
  ['string', { type: 'string', wireType: BYTES, zero: '', read: (wire) => wire.text() }],
  ['bytes', { type: 'binary', wireType: BYTES, zero: new Uint8Array(), read: (wire) => wire.byteString() }],
]);

/** Guide "ProtoJSON Format", "Representation of each type". */
const JSON_WRITERS: ReadonlyMap<string, (value: CellValue) => CellValue> = new Map([
  ['int64', String],
  ['sint64', String],
  ['sfixed64', String],
  ['uint64', String],
  ['fixed64', String],
  ['float', jsonFloat],
  ['double', jsonNumber],
  ['bytes', jsonBytes],
]);

/** The scalar type of this name; undefined for messages and enums. */
export function scalarOf(name: string, form: Form): Scalar | undefined {
  const scalar = CELLS.get(name);
  if (scalar === undefined || form === 'cell') return scalar;
  if (name === 'string') return { ...scalar, read: (wire) => wire.string() };
  const write = JSON_WRITERS.get(name);
  return write === undefined
    ? scalar
    : { ...scalar, zero: write(scalar.zero), read: (wire) => write(scalar.read(wire)) };
}

/** A scalar for the keys of maps: text is always a string. */
export function keyScalarOf(name: string): Scalar | undefined {
  const scalar = CELLS.get(name);
  return name === 'string' && scalar !== undefined ? { ...scalar, read: (wire) => wire.string() } : scalar;
}

/** An enum's names; a number without one is its text. Of several names of a number the first counts. */
export function enumScalar(values: Readonly<Record<string, number>>): Scalar {
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(values)) if (!names.has(number)) names.set(number, name);
  const nameOf = (number: number) => names.get(number) ?? String(number);
  return { type: 'string', wireType: VARINT, zero: nameOf(0), read: (wire) => nameOf(wire.varint()) };
}

function readSint32(wire: Wire): number {
  const bits = wire.varint();
  return (bits >>> 1) ^ -(bits & 1);
}

function jsonNumber(value: CellValue): CellValue {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** With the digits that a float has, rather than those of the double that holds it. */
function jsonFloat(value: CellValue): CellValue {
  if (typeof value !== 'number' || !Number.isFinite(value)) return jsonNumber(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function jsonBytes(value: CellValue): CellValue {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
