import { PayloadError } from '../decode/payload-error.ts';

export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF';

export interface SchemaReference {
  /** What the schema that uses it calls it: a full name in Avro, the path of an import in Protobuf, a URL in JSON Schema. */
  readonly name: string;
  readonly schema: string;
}

export interface RegisteredSchema {
  readonly type: SchemaType;
  readonly schema: string;
  /** All that it needs, also by way of others; each behind those that it needs itself. */
  readonly references: readonly SchemaReference[];
}

/** Where schemas are, by the id that a payload has in front. */
export interface SchemaRegistry {
  /**
   * The schema of an id: a number in decimal, or a UUID. Throws a PayloadError with `UNKNOWN_SCHEMA` when the registry
   * does not have it, or has one that cannot be used; any other error when it cannot be asked now.
   */
  get(id: string): Promise<RegisteredSchema>;
}

/** An `UNKNOWN_SCHEMA` error about an id. `reason` says what the registry said. */
export function unknownSchemaId(id: string, reason: string, options?: ErrorOptions): PayloadError {
  return new PayloadError('UNKNOWN_SCHEMA', `The schema ${id} is not to be had: ${reason}`, options);
}

export function isUnknownSchema(error: unknown): error is PayloadError {
  return error instanceof PayloadError && error.code === 'UNKNOWN_SCHEMA';
}
