import { partitionColumnsOf } from '../delta/partition.ts';
import { isStruct, type StructType } from '../delta/schema.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import { decompress } from './decode/compression.ts';
import { createDecoder, type SchemaRegistries } from './decode/create-decoder.ts';
import { type DatumObject, isDatumObject } from './decode/datum.ts';
import type { DecodedRecord, RoutedRecord } from './decode/decode-record.ts';
import type { PayloadDecoder } from './decode/decoder.ts';
import { type CellToJson, cellToJson } from './decode/json-form.ts';
import { PayloadError } from './decode/payload-error.ts';
import type { KafkaRecord } from './record.ts';
import { createLayout, type Layout, type LayoutColumn } from './rows/layout.ts';
import { type MetadataColumns, metadataColumns } from './rows/metadata-columns.ts';
import type { TopicRule } from './topic-rule.ts';
import { unwrapEnvelope } from './transform/debezium.ts';
import { compileFilter } from './transform/filter.ts';
import { compileTarget, type Target } from './transform/target.ts';
import { compileTransforms } from './transform/transforms.ts';

/** A rule of the configuration, ready to be applied to records. */
export interface Rule {
  readonly config: TopicRule;
  readonly target: Target;
  readonly metadata: MetadataColumns;
  /** For the table as it is; undefined for a new one. */
  layoutOf(table: Pick<Snapshot, 'schema' | 'metadata'> | undefined): Layout;
  /** Gets what it takes to decode these records. Throws when that cannot be had now. */
  prepare(records: readonly KafkaRecord[]): Promise<void>;
  /** The rows of a record; none where it is filtered out. Throws PayloadError. */
  decode(record: RoutedRecord): DecodedRecord;
  /** A row in the form that expressions look at; undefined for one without decoded values. */
  jsonRow(decoded: DecodedRecord, index: number): DatumObject | undefined;
}

const BARE: DecodedRecord = { kind: 'bare', rows: [undefined], deleted: false };
const TOMBSTONE: DecodedRecord = { kind: 'bare', rows: [undefined], deleted: true };
const NOTHING: DecodedRecord = { kind: 'bare', rows: [], deleted: false };

export async function compileRule(config: TopicRule, registries: SchemaRegistries): Promise<Rule> {
  return assembleRule(config, metadataColumns(config), await createDecoder(config, registries));
}

/** A rule whose values are decoded by `decoder`, and whose rows begin with these columns, whatever their names in the rule. */
export function assembleRule(config: TopicRule, metadata: MetadataColumns, decoder: PayloadDecoder | undefined): Rule {
  const unpack = unpacking(config);
  const decode = decoder && decodingOf(config, decoder, unpack);
  return {
    config,
    metadata,
    target: compileTarget(config.table),
    layoutOf: layouts(config, metadata),
    prepare: async (records) => decoder?.prepare(payloadsOf(records, unpack)),
    decode(record) {
      if (record.decoded !== undefined) return record.decoded;
      const { value } = record;
      if (value === undefined) return config.tombstones === 'drop' ? NOTHING : TOMBSTONE;
      return decode === undefined ? BARE : decode(record, value);
    },
    jsonRow,
  };
}

/** Compiles each rule once. */
export function createRuleCache(registries: SchemaRegistries): (config: TopicRule) => Promise<Rule> {
  const rules = new Map<TopicRule, Promise<Rule>>();
  return (config) => {
    const known = rules.get(config);
    if (known !== undefined) return known;
    const compiling = compileRule(config, registries);
    rules.set(config, compiling);
    // What failed may be there the next time, such as a secret.
    compiling.catch(() => rules.delete(config));
    return compiling;
  };
}

/** Layouts by the partition columns of a table, of which there are few. */
function layouts({ partitionBy }: TopicRule, { fields }: MetadataColumns): Rule['layoutOf'] {
  const known = new Map<string, Layout>();
  const metadata = fields.map(({ name }) => name);
  return (table) => {
    const columns: readonly LayoutColumn[] = table === undefined ? partitionBy : layoutColumns(table);
    const id = JSON.stringify(columns.map(({ name, type, isRequired }) => [name, type, isRequired]));
    const layout = known.get(id) ?? createLayout(columns, partitionBy, metadata);
    known.set(id, layout);
    return layout;
  };
}

function layoutColumns({ schema, metadata }: Pick<Snapshot, 'schema' | 'metadata'>): LayoutColumn[] {
  const required = new Set(schema.fields.filter(({ nullable }) => !nullable).map(({ name }) => name));
  return partitionColumnsOf(schema, metadata.partitionColumns).map((column) => {
    return { ...column, isRequired: required.has(column.name) };
  });
}

type Unpack = (record: KafkaRecord, value: Uint8Array) => Uint8Array;

/** What a value is before it is decoded. Throws PayloadError. */
function unpacking({ format, compression, maxPayloadBytes: maxBytes }: TopicRule): Unpack {
  const isFramed = format.type === 'confluent';
  return (record, value) => decompress(isFramed ? withSchemaId(record, value) : value, { compression, maxBytes });
}

/** Header in which newer serializers of Confluent put what others put before the value ("Wire format"). */
const SCHEMA_ID_HEADER = '__value_schema_id';

function withSchemaId({ headers }: KafkaRecord, value: Uint8Array): Uint8Array {
  const id = headers.findLast(({ key }) => key === SCHEMA_ID_HEADER)?.value;
  return id === undefined ? value : Buffer.concat([id, value]);
}

/** Values that cannot be unpacked are left to `decode`. */
function* payloadsOf(records: readonly KafkaRecord[], unpack: Unpack): Iterable<Uint8Array> {
  for (const record of records) {
    if (record.value === undefined) continue;
    try {
      yield unpack(record, record.value);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
    }
  }
}

function decodingOf(
  { envelope, transforms, filter }: TopicRule,
  decoder: PayloadDecoder,
  unpack: Unpack,
): (record: KafkaRecord, value: Uint8Array) => DecodedRecord {
  const transform = compileTransforms(transforms);
  const hints = hintsOf(envelope, Object.keys(transforms));
  const passes = filter === undefined ? undefined : compileFilter(filter);
  if (envelope === 'none' && transform === undefined && passes === undefined) {
    return (record, value) => decoder.decode(unpack(record, value));
  }
  return (record, value) => {
    const decoded = decoder.decode(unpack(record, value));
    const rows: DatumObject[] = [];
    for (let index = 0; index < decoded.rows.length; index++) {
      const read = jsonRow(decoded, index) ?? {};
      const unwrapped = envelope === 'none' ? read : unwrapEnvelope(read)?.row;
      if (unwrapped === undefined) continue;
      const row = transform === undefined ? unwrapped : transform.apply(unwrapped, record);
      if (passes === undefined || passes(row, record)) rows.push(row);
    }
    const schema = hints(decoded.schema);
    return { kind: 'json', rows, ...(schema !== undefined && { schema }) };
  };
}

/** The types that a schema gives to rows: of those in an envelope, and without the fields that transforms set. */
function hintsOf(envelope: TopicRule['envelope'], transformed: readonly string[]) {
  const set = new Set(transformed.map((name) => name.split('.')[0]));
  const known = new WeakMap<StructType, StructType>();
  return (schema: StructType | undefined): StructType | undefined => {
    const whole = envelope === 'none' ? schema : imageSchema(schema);
    if (whole === undefined || set.size === 0) return whole;
    let rest = known.get(whole);
    if (rest === undefined) {
      rest = { type: 'struct', fields: whole.fields.filter(({ name }) => !set.has(name)) };
      known.set(whole, rest);
    }
    return rest;
  };
}

/** Types of the row inside of an envelope. */
function imageSchema(schema: StructType | undefined): StructType | undefined {
  const image = schema?.fields.find(({ name }) => name === 'after')?.type;
  return image !== undefined && isStruct(image) ? image : undefined;
}

const toJson = new WeakMap<StructType, CellToJson>();

function jsonRow(decoded: DecodedRecord, index: number): DatumObject | undefined {
  if (decoded.kind === 'bare') return undefined;
  if (decoded.kind === 'json') return decoded.rows[index];
  let convert = toJson.get(decoded.schema);
  if (convert === undefined) {
    convert = cellToJson(decoded.schema);
    toJson.set(decoded.schema, convert);
  }
  const row = convert(decoded.rows[index]);
  return isDatumObject(row) ? row : undefined;
}
