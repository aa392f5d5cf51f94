import type { SchemaRegistry } from '../registry/schema-registry.ts';
import type { TopicRule } from '../topic-rule.ts';
import type { PayloadDecoder } from './decoder.ts';
import { createJsonDecoder } from './json.ts';

/** The registries of schemas that there are, asked for when a topic needs one. */
export interface SchemaRegistries {
  confluent(): Promise<SchemaRegistry>;
  glue(): Promise<SchemaRegistry>;
}

/**
 * The decoder for the values of a topic; undefined where they are kept as they are. What a format needs is loaded with
 * it. Throws PayloadError for a schema of the configuration that cannot be read.
 */
export async function createDecoder(
  { format, maxPayloadBytes: maxBytes }: Pick<TopicRule, 'format' | 'maxPayloadBytes'>,
  registries: SchemaRegistries,
): Promise<PayloadDecoder | undefined> {
  switch (format.type) {
    case 'raw':
      return undefined;
    case 'json':
    case 'json-lines':
      return createJsonDecoder({ lines: format.type === 'json-lines' });
    case 'avro': {
      const { createAvroDecoder } = await import('./avro/decoders.ts');
      return createAvroDecoder(format);
    }
    case 'avro-single-object': {
      const { createSingleObjectDecoder } = await import('./avro/decoders.ts');
      return createSingleObjectDecoder(format);
    }
    case 'protobuf': {
      const { createProtobufDecoder } = await import('./protobuf/decoder.ts');
      return createProtobufDecoder(format);
    }
    case 'confluent':
    case 'glue': {
      const { createRegistryDecoder } = await import('../registry/decoder.ts');
      const registry = await registries[format.type]();
      return createRegistryDecoder({ wire: format.type, registry, maxBytes });
    }
  }
}
