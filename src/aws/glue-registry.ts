import {
  EntityNotFoundException,
  GetSchemaVersionCommand,
  GlueClient,
  InvalidInputException,
} from '@aws-sdk/client-glue';
import { cacheRegistry } from '../kafka/registry/cached-registry.ts';
import { type SchemaRegistry, type SchemaType, unknownSchemaId } from '../kafka/registry/schema-registry.ts';
import { type ServiceAddress, serviceClientOptions } from './service-client.ts';

const PATIENCE = { connectTimeout: 2_000, responseTimeout: 10_000, maxAttempts: 4 };

/**
 * The schemas of AWS Glue, by the UUID of their version; it needs the permission `glue:GetSchemaVersion`. They are kept
 * for the process, and an id that has none for a minute. Glue has no references between schemas.
 */
export function createGlueRegistry({ region, endpoint }: ServiceAddress = {}): SchemaRegistry {
  const client = new GlueClient(serviceClientOptions({ region, endpoint }, PATIENCE));
  return cacheRegistry({
    async get(id) {
      const { SchemaDefinition: schema, DataFormat: format, Status: status } = await getVersion(client, id);
      if (schema === undefined || status === 'DELETING' || status === 'FAILURE') {
        throw unknownSchemaId(id, `AWS Glue has it in the status ${status}`);
      }
      const type = TYPES.get(format);
      if (type === undefined)
        throw unknownSchemaId(id, `it is of the format ${format}, expected AVRO, JSON or PROTOBUF`);
      return { type, schema, references: [] };
    },
  });
}

const TYPES: ReadonlyMap<string | undefined, SchemaType> = new Map([
  ['AVRO', 'AVRO'],
  ['JSON', 'JSON'],
  ['PROTOBUF', 'PROTOBUF'],
]);

async function getVersion(client: GlueClient, id: string) {
  try {
    return await client.send(new GetSchemaVersionCommand({ SchemaVersionId: id }));
  } catch (cause) {
    if (cause instanceof EntityNotFoundException || cause instanceof InvalidInputException) {
      throw unknownSchemaId(id, `AWS Glue says: ${cause.message}`, { cause });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`AWS Glue could not be asked for the schema ${id}: ${reason}`, { cause });
  }
}
