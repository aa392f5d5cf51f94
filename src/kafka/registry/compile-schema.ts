import type { Decoded } from '../decode/decoder.ts';
import { createJsonDecoder } from '../decode/json.ts';
import { deltaSchemaOfJsonSchema } from '../decode/json-schema.ts';
import type { RegisteredSchema } from './schema-registry.ts';
import type { WireFormat } from './wire-format.ts';

/** Decodes what is in a payload from an offset on. */
export type Decode = (payload: Uint8Array, offset: number) => Decoded;

/**
 * What decodes the payloads of a schema, from behind the id. The libraries of a format are loaded with its first schema.
 * Throws what is wrong with the schema.
 */
export async function compileSchema(wire: WireFormat, registered: RegisteredSchema): Promise<Decode> {
  switch (registered.type) {
    case 'AVRO':
      return compileAvro(registered);
    case 'JSON':
      return compileJson(registered);
    case 'PROTOBUF': {
      const { compileProtobuf } = await import('./compile-protobuf.ts');
      return compileProtobuf(wire, registered);
    }
  }
}

async function compileAvro({ schema: text, references }: RegisteredSchema): Promise<Decode> {
  const [{ parseAvroSchema }, { createAvroReader }] = await Promise.all([
    import('../decode/avro/parse-schema.ts'),
    import('../decode/avro/reader.ts'),
  ]);
  const texts = references.map((reference) => reference.schema);
  const { schema, read } = createAvroReader(parseAvroSchema(text, texts));
  return (payload, offset) => ({ kind: 'typed', rows: [read(payload, offset)], schema });
}

function compileJson({ schema: text, references }: RegisteredSchema): Decode {
  const schema = deltaSchemaOfJsonSchema(text, references);
  const { decode } = createJsonDecoder({ lines: false });
  return (payload, offset) => {
    const decoded = decode(payload.subarray(offset));
    return decoded.kind === 'json' && schema !== undefined ? { ...decoded, schema } : decoded;
  };
}
