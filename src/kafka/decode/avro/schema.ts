import { PayloadError } from '../payload-error.ts';

/** An Avro schema with its names resolved (Avro 1.12 specification, "Schema Declaration"). */
export type AvroSchema =
  | AvroPrimitive
  | AvroRecord
  | AvroEnum
  | AvroFixed
  | { readonly kind: 'array'; readonly items: AvroSchema }
  | { readonly kind: 'map'; readonly values: AvroSchema }
  | AvroUnion;

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

export interface AvroPrimitive {
  readonly kind: PrimitiveKind;
  readonly logical: LogicalType | undefined;
}

export interface AvroRecord {
  readonly kind: 'record';
  /** With the namespace. */
  readonly name: string;
  /** May lead back to the record itself. */
  readonly fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly schema: AvroSchema;
}

export interface AvroEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly symbols: readonly string[];
}

export interface AvroFixed {
  readonly kind: 'fixed';
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly logical: LogicalType | undefined;
}

export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroSchema[];
}

/** What a primitive or fixed stands for. Only those that are valid on their type are here; the others count as none. */
export type LogicalType =
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly name: SimpleLogicalName };

export type SimpleLogicalName =
  | 'uuid'
  | 'date'
  | 'time-millis'
  | 'time-micros'
  | 'timestamp-millis'
  | 'timestamp-micros'
  | 'timestamp-nanos'
  | 'local-timestamp-millis'
  | 'local-timestamp-micros'
  | 'local-timestamp-nanos'
  | 'duration';

/** Levels that a schema can have, named types unfolded: every walk of one is recursive. */
export const MAX_SCHEMA_DEPTH = 64;

/** An `UNKNOWN_SCHEMA` error; `reason` says what is wrong and where. */
export function unknownSchema(reason: string, options?: ErrorOptions): PayloadError {
  return new PayloadError('UNKNOWN_SCHEMA', `The Avro schema cannot be read: ${reason}`, options);
}

/** Characters of a value that a message quotes. */
const MAX_QUOTED = 100;

/** A value of a schema's JSON for people. Lists and objects are not written out: they may be deep. */
export function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_QUOTED));
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
