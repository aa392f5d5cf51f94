import { type AvroSchema, MAX_SCHEMA_DEPTH, unknownSchema } from './schema.ts';

/**
 * The Parsing Canonical Form of a schema (specification, "Transforming into Parsing Canonical Form"): what has to be the
 * same in two schemas for the same bytes to mean the same. Named types of references are written out where they come
 * first. Throws `UNKNOWN_SCHEMA` where they are nested too deeply.
 */
export function canonicalForm(schema: AvroSchema): string {
  return write(schema, new Set(), 0);
}

function write(schema: AvroSchema, defined: Set<string>, depth: number): string {
  if (depth > MAX_SCHEMA_DEPTH) throw unknownSchema(`its types are nested more than ${MAX_SCHEMA_DEPTH} levels deep`);
  const inner = (part: AvroSchema) => write(part, defined, depth + 1);
  if ('name' in schema) {
    if (defined.has(schema.name)) return JSON.stringify(schema.name);
    defined.add(schema.name);
  }
  switch (schema.kind) {
    case 'record': {
      const fields = schema.fields.map((field) => `{"name":"${field.name}","type":${inner(field.schema)}}`);
      return `{"name":"${schema.name}","type":"record","fields":[${fields.join(',')}]}`;
    }
    case 'enum':
      return `{"name":"${schema.name}","type":"enum","symbols":${JSON.stringify(schema.symbols)}}`;
    case 'fixed':
      return `{"name":"${schema.name}","type":"fixed","size":${schema.size}}`;
    case 'array':
      return `{"type":"array","items":${inner(schema.items)}}`;
    case 'map':
      return `{"type":"map","values":${inner(schema.values)}}`;
    case 'union':
      return `[${schema.branches.map(inner).join(',')}]`;
    default:
      return JSON.stringify(schema.kind);
  }
}

/** The CRC-64-AVRO fingerprint of a schema, from 0 to 2^64 - 1 (specification, "Schema Fingerprints"). */
export function fingerprintOf(schema: AvroSchema): bigint {
  let fingerprint = EMPTY;
  for (const byte of Buffer.from(canonicalForm(schema))) {
    fingerprint = (fingerprint >> 8n) ^ (TABLE[Number((fingerprint ^ BigInt(byte)) & 0xffn)] ?? 0n);
  }
  return fingerprint;
}

/** Of no bytes; also the polynomial. */
const EMPTY = 0xc15d213aa4d7a795n;

const TABLE: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => {
  let entry = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) entry = (entry >> 1n) ^ (EMPTY & -(entry & 1n));
  return entry;
});
