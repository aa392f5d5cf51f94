import { isDeltaError } from '../../delta/errors.ts';
import { type PartitionType, partitionValue } from '../../delta/partition.ts';

export type PartitionValues = Readonly<Record<string, string | null>>;

/** The partition of a file, as a key: writers spell one value in several ways. */
export function partitionKey(values: PartitionValues, columns: readonly PartitionType[]): string {
  return JSON.stringify(columns.map((column) => canonicalValue(values[column.name] ?? null, column)));
}

/** A partition value in its canonical form; as it is, where it does not fit the type. */
export function canonicalValue(raw: string | null, { name, type }: PartitionType): string | null {
  try {
    return partitionValue(raw, type, name);
  } catch (error) {
    if (isDeltaError(error, 'INVALID_SCHEMA')) return raw;
    throw error;
  }
}
