import { inflateSync } from 'node:zlib';
import type { PayloadDecoder } from '../decode/decoder.ts';
import { PayloadError } from '../decode/payload-error.ts';
import { compileSchema, type Decode } from './compile-schema.ts';
import { createLru } from './lru.ts';
import { isUnknownSchema, type RegisteredSchema, type SchemaRegistry, unknownSchemaId } from './schema-registry.ts';
import { readHeader, type WireFormat, type WireHeader } from './wire-format.ts';

export interface RegistryDecoderOptions {
  readonly wire: WireFormat;
  readonly registry: SchemaRegistry;
  /** Largest payload, packed and unpacked, bytes. */
  readonly maxBytes: number;
}

/** Ids that one batch may have which are not known yet: a topic with more has no schemas but noise. */
const MAX_NEW_IDS = 500;
/** Schemas that are kept compiled, and so ids that one batch may have. */
const MAX_READERS = 2 * MAX_NEW_IDS;
/** Requests to the registry at the same time. */
const CONCURRENCY = 8;

/**
 * Decodes payloads with a registry's header: Avro, Protobuf, and JSON with the types of its JSON Schema. `prepare` throws
 * what the registry throws that cannot be asked. `decode` throws PayloadError: `INVALID_WIRE_FORMAT`, `UNKNOWN_SCHEMA` for
 * an id without a schema or with one that cannot be read, `INVALID_COMPRESSION`, `TOO_LARGE`, and what the formats throw.
 */
export function createRegistryDecoder({ wire, registry, maxBytes }: RegistryDecoderOptions): PayloadDecoder {
  const readers = createLru<Decode>({ maxWeight: MAX_READERS });
  const errors = createLru<PayloadError>({ maxWeight: MAX_READERS });
  let hadTooMany = false;

  async function learn(id: string): Promise<void> {
    try {
      readers.set(id, await compile(id, wire, await registry.get(id)));
      errors.delete(id);
    } catch (error) {
      if (!isUnknownSchema(error)) throw error;
      errors.set(id, error);
    }
  }

  return {
    async prepare(payloads) {
      const ids = idsOf(payloads, wire);
      const unknown = ids.filter((id) => readers.get(id) === undefined);
      hadTooMany ||= ids.length > MAX_READERS || unknown.length > MAX_NEW_IDS;
      await forEach(unknown.slice(0, MAX_NEW_IDS), learn);
    },
    decode(payload) {
      if (payload.length > maxBytes) throw tooLarge(`${payload.length} bytes`, maxBytes);
      const header = readHeader(wire, payload);
      const decode = readers.get(header.id);
      if (decode === undefined) throw errors.get(header.id) ?? notPrepared(header.id, hadTooMany);
      if (header.compression === 'none') return decode(payload, header.offset);
      return decode(inflate(payload, header, maxBytes), 0);
    },
  };
}

/** Those of all payloads with a header, each once. */
function idsOf(payloads: Iterable<Uint8Array>, wire: WireFormat): readonly string[] {
  const ids = new Set<string>();
  for (const payload of payloads) {
    const id = idOf(wire, payload);
    if (id !== undefined) ids.add(id);
  }
  return [...ids];
}

function notPrepared(id: string, hadTooMany: boolean): Error {
  if (!hadTooMany) return new Error(`The schema ${id} was not prepared`);
  return unknownSchemaId(id, `a batch had more than ${MAX_NEW_IDS} ids that were new, or ${MAX_READERS} in all`);
}

/** Undefined for what `decode` refuses. */
function idOf(wire: WireFormat, payload: Uint8Array): string | undefined {
  try {
    return readHeader(wire, payload).id;
  } catch (error) {
    if (error instanceof PayloadError) return undefined;
    throw error;
  }
}

/** After an error no more are begun, and it is thrown when all that were are done. */
async function forEach(ids: readonly string[], action: (id: string) => Promise<void>): Promise<void> {
  const waiting = [...ids];
  const worker = async (): Promise<void> => {
    try {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await action(id);
    } catch (error) {
      waiting.length = 0;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: CONCURRENCY }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Whatever is wrong with a schema is so for its payloads only. */
async function compile(id: string, wire: WireFormat, registered: RegisteredSchema): Promise<Decode> {
  try {
    return await compileSchema(wire, registered);
  } catch (cause) {
    throw unknownSchemaId(id, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function inflate(payload: Uint8Array, { offset }: WireHeader, maxBytes: number): Uint8Array {
  try {
    return inflateSync(payload.subarray(offset), { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge('more bytes unpacked', maxBytes);
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PayloadError('INVALID_COMPRESSION', `The payload cannot be unpacked, expected zlib: ${reason}`, {
      cause,
    });
  }
}

function tooLarge(got: string, maxBytes: number): PayloadError {
  return new PayloadError('TOO_LARGE', `The payload has ${got}, more than the ${maxBytes} that are taken`);
}
