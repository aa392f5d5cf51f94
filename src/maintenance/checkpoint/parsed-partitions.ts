import { isPartitionType } from '../../delta/partition.ts';
import type { StructField } from '../../delta/schema.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { ParsedColumn } from '../../parquet/checkpoint-schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import { physicalName } from './physical-name.ts';
import { typedText } from './typed-text.ts';

/** Values that are remembered with their types; tables have few partitions for the files they have. */
const MAX_REMEMBERED = 10_000;

/**
 * The column `partitionValues_parsed` of a partitioned table (PROTOCOL.md "Checkpoints"): its partition columns under the
 * names that they have in files, with their types. Undefined for a table without partitions.
 */
export function partitionValuesColumn({
  schema,
  metadata,
}: Pick<Snapshot, 'schema' | 'metadata'>): ParsedColumn | undefined {
  const columns = metadata.partitionColumns
    .map((name) => schema.fields.find((field) => field.name.toLowerCase() === name.toLowerCase()))
    .filter((field) => field !== undefined)
    .filter(({ type }) => isPartitionType(type));
  if (columns.length === 0) return undefined;
  const parsers = columns.map((field) => ({ name: physicalName(field), parse: createParser(field) }));
  return {
    type: {
      type: 'struct',
      fields: columns.map((field) => ({ name: physicalName(field), type: field.type, nullable: true, metadata: {} })),
    },
    parse: ({ partitionValues }) =>
      Object.fromEntries(parsers.map(({ name, parse }) => [name, parse(partitionValues[name] ?? null)])),
  };
}

function createParser({ type }: StructField): (text: string | null) => CellValue {
  const known = new Map<string, CellValue>();
  return (text) => {
    if (text === null || text === '') return null;
    const found = known.get(text);
    if (found !== undefined) return found;
    const value = typedText(text, type);
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(text, value);
    return value;
  };
}
