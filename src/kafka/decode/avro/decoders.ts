import type { Decoded, PayloadDecoder } from '../decoder.ts';
import { PayloadError } from '../payload-error.ts';
import { fingerprintOf } from './canonical-form.ts';
import { parseAvroSchema } from './parse-schema.ts';
import { type AvroReader, createAvroReader } from './reader.ts';

/** A decoder of payloads that are a value of the schema and nothing else. Throws `UNKNOWN_SCHEMA`. */
export function createAvroDecoder({ schema }: { readonly schema: string }): PayloadDecoder {
  const reader = createAvroReader(parseAvroSchema(schema));
  return {
    prepare: () => Promise.resolve(),
    decode: (payload) => decodeWith(reader, payload, 0),
  };
}

/** What the payloads begin with (specification, "Single-object encoding"). */
const MARKER = [0xc3, 0x01] as const;
/** Bytes of the marker and the fingerprint. */
const HEADER_BYTES = 10;

/**
 * A decoder of payloads that name their schema by its CRC-64-AVRO fingerprint. The schemas stand each for itself. Throws
 * `UNKNOWN_SCHEMA`; so does decoding a payload of another schema. One without the header is `INVALID_WIRE_FORMAT`.
 */
export function createSingleObjectDecoder({ schemas }: { readonly schemas: readonly string[] }): PayloadDecoder {
  const readers = new Map<bigint, AvroReader>();
  for (const text of schemas) {
    const schema = parseAvroSchema(text);
    const fingerprint = fingerprintOf(schema);
    // The logical types are not in the fingerprint: of schemas that differ in nothing else, the first is taken.
    if (!readers.has(fingerprint)) readers.set(fingerprint, createAvroReader(schema));
  }
  return {
    prepare: () => Promise.resolve(),
    decode(payload) {
      const fingerprint = fingerprintIn(payload);
      const reader = readers.get(fingerprint);
      if (reader === undefined) {
        const name = fingerprint.toString(16).padStart(16, '0');
        throw new PayloadError(
          'UNKNOWN_SCHEMA',
          `The payload has a schema with the fingerprint ${name}, expected one of the ${readers.size} that are configured`,
        );
      }
      return decodeWith(reader, payload, HEADER_BYTES);
    },
  };
}

function decodeWith(reader: AvroReader, payload: Uint8Array, offset: number): Decoded {
  return { kind: 'typed', rows: [reader.read(payload, offset)], schema: reader.schema };
}

function fingerprintIn(payload: Uint8Array): bigint {
  if (payload.length < HEADER_BYTES || payload[0] !== MARKER[0] || payload[1] !== MARKER[1]) {
    const start = Buffer.from(payload.subarray(0, HEADER_BYTES)).toString('hex');
    throw new PayloadError(
      'INVALID_WIRE_FORMAT',
      `The payload has ${payload.length} bytes and begins with "${start}", expected c301 and a fingerprint of 8 bytes`,
    );
  }
  return new DataView(payload.buffer, payload.byteOffset + MARKER.length, 8).getBigUint64(0, true);
}
