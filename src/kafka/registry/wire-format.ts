import { PayloadError } from '../decode/payload-error.ts';

/** Which registry's header is in front of a payload. */
export type WireFormat = 'confluent' | 'glue';

export interface WireHeader {
  /** A number in decimal for Confluent's, else a UUID. */
  readonly id: string;
  /** Where what is behind the header begins, bytes. */
  readonly offset: number;
  /** How it is packed. */
  readonly compression: 'none' | 'zlib';
}

/**
 * The header of a payload. Throws `INVALID_WIRE_FORMAT` when there is none.
 *
 * - Confluent: 0 and the id in 4 bytes, or 1 and the schema's GUID in 16 (documentation "Wire format"). Serializers put
 *   the latter in a record's header `__value_schema_id` rather than in front of the value; for Protobuf, with the indexes.
 * - Glue: 3, 0 or 5 for zlib, and the UUID of the schema's version (`AWSSchemaRegistryConstants` of its serializers).
 */
export function readHeader(wire: WireFormat, payload: Uint8Array): WireHeader {
  return wire === 'confluent' ? readConfluentHeader(payload) : readGlueHeader(payload);
}

const CONFLUENT_ID = 0;
const CONFLUENT_GUID = 1;
const GLUE_VERSION = 3;
const GLUE_ZLIB = 5;

function readConfluentHeader(payload: Uint8Array): WireHeader {
  const [magic, a = 0, b = 0, c = 0, d = 0] = payload;
  if (magic === CONFLUENT_GUID) {
    if (payload.length < 1 + GUID_BYTES) throw tooShort(payload, 'a GUID of 16 bytes behind the first byte');
    return { id: readGuid(payload, 1), offset: 1 + GUID_BYTES, compression: 'none' };
  }
  if (magic !== CONFLUENT_ID) throw noHeader(magic, "Confluent's wire format, 0");
  if (payload.length < 1 + ID_BYTES) throw tooShort(payload, "a schema's id of 4 bytes behind the first byte");
  const id = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  return { id: String(id), offset: 1 + ID_BYTES, compression: 'none' };
}

function readGlueHeader(payload: Uint8Array): WireHeader {
  const [version, compression] = payload;
  if (version !== GLUE_VERSION) throw noHeader(version, "Glue's wire format, 3");
  if (payload.length < 2 + GUID_BYTES) throw tooShort(payload, 'a byte of the compression and a UUID of 16 bytes');
  if (compression !== 0 && compression !== GLUE_ZLIB) {
    throw invalid(`The payload has the compression ${compression} in its second byte, expected 0, or 5 for zlib`);
  }
  return {
    id: readGuid(payload, 2),
    offset: 2 + GUID_BYTES,
    compression: compression === GLUE_ZLIB ? 'zlib' : 'none',
  };
}

/** Numbers of a position that a path of messages may have; that is how deep messages may be declared in each other. */
const MAX_INDEXES = 64;

export interface MessageIndexes {
  readonly indexes: readonly number[];
  readonly offset: number;
}

const FIRST_MESSAGE: readonly number[] = [0];

/**
 * Where in its file a Protobuf message is declared: the number of indexes, and the indexes, all in zigzag varints; 0 alone
 * is short for the first message (Confluent's documentation "Wire format"). Throws `INVALID_WIRE_FORMAT`.
 */
export function readMessageIndexes(payload: Uint8Array, offset: number): MessageIndexes {
  const count = readVarint(payload, offset);
  if (count.value === 0) return { indexes: FIRST_MESSAGE, offset: count.offset };
  const length = unzigzag(count.value);
  if (length < 1 || length > MAX_INDEXES) {
    throw invalid(`The payload has ${length} message indexes, expected 1 to ${MAX_INDEXES}`);
  }
  const indexes: number[] = [];
  let at = count.offset;
  for (let left = length; left > 0; left--) {
    const next = readVarint(payload, at);
    const index = unzigzag(next.value);
    if (index < 0) throw invalid(`The payload has the message index ${index}, expected one from 0`);
    indexes.push(index);
    at = next.offset;
  }
  return { indexes, offset: at };
}

/** Where a Protobuf message is in Glue's order: a varint (`ProtobufWireFormatEncoder` of its serializers). */
export function readSortedIndex(
  payload: Uint8Array,
  offset: number,
): { readonly index: number; readonly offset: number } {
  const { value: index, offset: end } = readVarint(payload, offset);
  return { index, offset: end };
}

/** A varint of 32 bits, from 0. */
function readVarint(payload: Uint8Array, offset: number): { readonly value: number; readonly offset: number } {
  let value = 0;
  for (let at = offset, shift = 0; shift < 35; at++, shift += 7) {
    const byte = payload[at];
    if (byte === undefined) throw tooShort(payload, 'the index of a message');
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, offset: at + 1 };
  }
  throw invalid(`The payload has a number of more than 5 bytes at byte ${offset}, expected the index of a message`);
}

function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}

const ID_BYTES = 4;
const GUID_BYTES = 16;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function readGuid(payload: Uint8Array, offset: number): string {
  let guid = '';
  for (let index = 0; index < GUID_BYTES; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) guid += '-';
    guid += HEX[payload[offset + index] ?? 0];
  }
  return guid;
}

function noHeader(first: number | undefined, expected: string): PayloadError {
  const got = first === undefined ? 'is empty' : `begins with the byte ${first}`;
  return invalid(`The payload ${got}, expected the header of ${expected}`);
}

function tooShort(payload: Uint8Array, expected: string): PayloadError {
  return invalid(`The payload has ${payload.length} bytes, which end too early for ${expected}`);
}

function invalid(message: string): PayloadError {
  return new PayloadError('INVALID_WIRE_FORMAT', message);
}
