import { clusteringColumns, supportsFeature } from '../../delta/features.ts';
import { type DataType, decimalOf, type StructField, type StructType } from '../../delta/schema.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { type IndexedColumn, indexedColumns } from '../../delta/stats-columns.ts';
import { isSkippingEligible } from '../../delta/stats-value.ts';
import type { ParsedColumn } from '../../parquet/checkpoint-schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import { physicalName } from './physical-name.ts';
import { typedText } from './typed-text.ts';

/**
 * The column `stats_parsed` (PROTOCOL.md "Checkpoints", and Spark's `statsSchema`): the columns that have statistics now,
 * under the names that they have in files. What the statistics of a file have beside them is left out, and so is a value
 * that is none of its column's type.
 */
export function statsColumn({
  protocol,
  metadata,
  schema,
  domains,
}: Pick<Snapshot, 'protocol' | 'metadata' | 'schema' | 'domains'>): ParsedColumn {
  const { partitionColumns, configuration } = metadata;
  const indexed = indexedColumns({
    schema,
    partitionColumns,
    configuration,
    clusteringColumns: clusteringColumns(domains),
  });
  const counts = toFields(indexed, schema.fields, () => 'long');
  const bounds = toFields(indexed, schema.fields, (type) => (isSkippingEligible(type) ? type : undefined));
  const type: StructType = {
    type: 'struct',
    fields: [
      nullable('numRecords', 'long'),
      ...(bounds.length === 0 ? [] : ['minValues', 'maxValues'].map((name) => nullable(name, struct(bounds)))),
      ...(counts.length === 0 ? [] : [nullable('nullCount', struct(counts))]),
      ...(supportsFeature(protocol, 'deletionVectors') ? [nullable('tightBounds', 'boolean')] : []),
    ],
  };
  const convert = structConverter(type);
  return { type, parse: ({ stats }) => (stats === undefined ? undefined : parseStats(stats, convert)) };
}

function nullable(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}

function struct(fields: readonly StructField[]): StructType {
  return { type: 'struct', fields };
}

/** The columns with statistics as fields of a struct; those for which there is no type are left out. */
function toFields(
  columns: readonly IndexedColumn[],
  fields: readonly StructField[],
  typeFor: (type: DataType) => DataType | undefined,
): StructField[] {
  return columns.flatMap((column) => {
    const name = column.kind === 'leaf' ? column.field.name : column.name;
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined) return [];
    if (column.kind === 'leaf') {
      const type = typeFor(field.type);
      return type === undefined ? [] : [nullable(physicalName(field), type)];
    }
    const inner = typeof field.type === 'string' || field.type.type !== 'struct' ? [] : field.type.fields;
    const children = toFields(column.children, inner, typeFor);
    return children.length === 0 ? [] : [nullable(physicalName(field), struct(children))];
  });
}

/** Whether a number was met that its type needs digit by digit. */
interface Exactness {
  needsText: boolean;
}

type Convert = (value: unknown, exactness: Exactness) => CellValue;

/** The statistics in their columns; undefined for text that is none. */
function parseStats(text: string, convert: Convert): CellValue {
  try {
    const exactness = { needsText: false };
    const value = convert(JSON.parse(text), exactness);
    return exactness.needsText ? convert(JSON.parse(text, numbersAsText), exactness) : value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The reviver's third argument is in Node, and not in all versions of its types. */
function numbersAsText(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value;
}

function structConverter({ fields }: StructType): Convert {
  const members = fields.map(({ name, type }) => ({ name, convert: converter(type) }));
  return (value, exactness) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const source = value as Readonly<Record<string, unknown>>;
    const result: Record<string, CellValue> = {};
    for (const { name, convert } of members) {
      if (Object.hasOwn(source, name)) result[name] = convert(source[name], exactness);
    }
    return result;
  };
}

function converter(type: DataType): Convert {
  if (typeof type !== 'string') return type.type === 'struct' ? structConverter(type) : () => null;
  switch (type) {
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : null);
    case 'float':
    case 'double':
      return (value) => (typeof value === 'number' ? value : fromText(value, type));
    case 'long':
      return convertLong;
    case 'byte':
    case 'short':
    case 'integer':
      return (value) => fromText(typeof value === 'number' ? String(value) : value, type);
    default:
      return decimalOf(type) === undefined
        ? (value) => fromText(value, type)
        : (value, exactness) => convertDecimal(value, type, exactness);
  }
}

function convertLong(value: unknown, exactness: Exactness): CellValue {
  if (typeof value !== 'number') return fromText(value, 'long');
  if (Number.isSafeInteger(value)) return value;
  exactness.needsText = true;
  return null;
}

/** Digits that any double keeps. */
const DOUBLE_DIGITS = 15;

function convertDecimal(value: unknown, type: DataType, exactness: Exactness): CellValue {
  if (typeof value !== 'number') return fromText(value, type);
  const { precision = 0 } = decimalOf(type) ?? {};
  if (precision <= DOUBLE_DIGITS) return fromText(String(value), type);
  exactness.needsText = true;
  return null;
}

function fromText(value: unknown, type: DataType): CellValue {
  return typeof value === 'string' ? typedText(value, type) : null;
}
