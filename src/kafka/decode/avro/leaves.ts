import { type DataType, decimalType, MAX_DECIMAL_PRECISION } from '../../../delta/schema.ts';
import type { CellValue } from '../../../parquet/write/cell.ts';
import type { Cursor } from './cursor.ts';
import { leaf, type Node } from './node.ts';
import type { AvroFixed, AvroPrimitive, LogicalType, PrimitiveKind } from './schema.ts';

/** Digits up to which a decimal that Delta cannot have is text. Beyond, it stays bytes: long numbers are slow to write. */
const MAX_TEXT_PRECISION = 1_000;

/** The node of a primitive or fixed, by what it stands for. */
export function leafOf(schema: AvroPrimitive | AvroFixed): Node {
  const { logical } = schema;
  if (schema.kind === 'fixed' && schema.size === 0) return NOTHING;
  const plain = schema.kind === 'fixed' ? fixedNode(schema.size) : PLAIN[schema.kind];
  if (logical === undefined) return plain;
  if (logical.name === 'decimal') return decimalNode(logical, plain);
  if (logical.name === 'uuid') return schema.kind === 'fixed' ? leaf('string', readUuid) : plain;
  return LOGICAL[logical.name];
}

const NOTHING: Node = { type: undefined, cells: 0, isEmpty: true, read: () => null };

const PLAIN: Readonly<Record<PrimitiveKind, Node>> = {
  null: NOTHING,
  boolean: leaf('boolean', (cursor) => cursor.boolean()),
  int: leaf('integer', (cursor) => cursor.int()),
  long: leaf('long', (cursor) => cursor.long()),
  float: leaf('float', (cursor) => cursor.float()),
  double: leaf('double', (cursor) => cursor.double()),
  bytes: leaf('binary', (cursor) => cursor.bytes()),
  string: leaf('string', (cursor) => cursor.text()),
};

function fixedNode(size: number): Node {
  return leaf('binary', (cursor) => cursor.fixed(size));
}

/** Not all ms of 64 bits have µs of 64 bits. */
const fromMillis: Node['read'] = (cursor) => {
  const millis = cursor.long();
  if (typeof millis === 'number') {
    const micros = millis * 1_000;
    if (Number.isSafeInteger(micros)) return micros;
  }
  const micros = BigInt(millis) * 1_000n;
  if (BigInt.asIntN(64, micros) !== micros) {
    throw cursor.error(`the timestamp ${millis} ms`, 'one of which the µs fit 64 bits');
  }
  return micros;
};

/** Rounded towards the past, as Delta has no ns. */
const fromNanos: Node['read'] = (cursor) => {
  const nanos = BigInt(cursor.long());
  const rest = ((nanos % 1_000n) + 1_000n) % 1_000n;
  return safe((nanos - rest) / 1_000n);
};

const fromMicros: Node['read'] = (cursor) => cursor.long();

/** Times of day are µs, whatever unit they are written in: a field that gets another unit stays comparable. */
const LOGICAL: Readonly<Record<Exclude<LogicalType['name'], 'decimal' | 'uuid'>, Node>> = {
  date: leaf('date', (cursor) => cursor.int()),
  'time-millis': leaf('long', (cursor) => cursor.int() * 1_000),
  'time-micros': leaf('long', fromMicros),
  'timestamp-millis': leaf('timestamp', fromMillis),
  'timestamp-micros': leaf('timestamp', fromMicros),
  'timestamp-nanos': leaf('timestamp', fromNanos),
  'local-timestamp-millis': leaf('timestamp_ntz', fromMillis),
  'local-timestamp-micros': leaf('timestamp_ntz', fromMicros),
  'local-timestamp-nanos': leaf('timestamp_ntz', fromNanos),
  duration: { type: durationType(), cells: 4, isEmpty: false, read: readDuration },
};

/** Three numbers, since months and days have no fixed length. Unsigned, so that an integer does not hold them. */
function durationType(): DataType {
  const fields = ['months', 'days', 'millis'].map(
    (name) => ({ name, type: 'long', nullable: true, metadata: {} }) as const,
  );
  return { type: 'struct', fields };
}

function readDuration(cursor: Cursor): CellValue {
  const { buffer, byteOffset } = cursor.fixed(12);
  const view = new DataView(buffer, byteOffset, 12);
  return { months: view.getUint32(0, true), days: view.getUint32(4, true), millis: view.getUint32(8, true) };
}

function readUuid(cursor: Cursor): string {
  const hex = Buffer.from(cursor.fixed(16)).toString('hex');
  const part = (from: number, to: number) => hex.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
}

/** The unscaled value, or text where Delta has no decimal of so many digits: `-0.05`. */
function decimalNode({ precision, scale }: LogicalType & { readonly name: 'decimal' }, plain: Node): Node {
  if (precision > MAX_TEXT_PRECISION) return plain;
  const limit = 10n ** BigInt(precision);
  const mostBytes = Math.ceil((precision * Math.log2(10) + 1) / 8);
  const read = (cursor: Cursor): bigint => {
    const bytes = plain.read(cursor) as Uint8Array;
    const value = bigintOf(bytes, mostBytes);
    if (value === undefined || value >= limit || value <= -limit) {
      throw cursor.error(`a decimal of ${bytes.length} bytes`, `one of at most ${precision} digits`);
    }
    return value;
  };
  if (precision <= MAX_DECIMAL_PRECISION) return leaf(decimalType(precision, scale), read);
  return leaf('string', (cursor) => decimalText(read(cursor), scale));
}

/**
 * A number in two's complement, the most significant byte first. Undefined when there is no byte, or more than
 * `mostBytes` that say something.
 */
function bigintOf(bytes: Uint8Array, mostBytes: number): bigint | undefined {
  const first = bytes[0];
  if (first === undefined) return undefined;
  const sign = first >= 0x80 ? 0xff : 0;
  let start = 0;
  while (bytes.length - start > mostBytes && bytes[start] === sign) start++;
  if (bytes.length - start > mostBytes) return undefined;
  let value = sign === 0 ? 0n : -1n;
  let position = start;
  // Six bytes at a time: as many as a number takes exactly.
  while (position < bytes.length) {
    const count = Math.min(6, bytes.length - position);
    let chunk = 0;
    for (let index = 0; index < count; index++) chunk = chunk * 256 + (bytes[position + index] ?? 0);
    value = (value << BigInt(8 * count)) | BigInt(chunk);
    position += count;
  }
  return value;
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
