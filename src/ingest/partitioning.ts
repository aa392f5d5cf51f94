import { isDeltaError } from '../delta/errors.ts';
import { type PartitionType, parseHiveSegments, partitionValues } from '../delta/partition.ts';

export type PartitionResult =
  | { readonly kind: 'values'; readonly values: Readonly<Record<string, string | null>> }
  | { readonly kind: 'rejected'; readonly reason: 'PARTITION_MISMATCH' | 'PARTITION_VALUE'; readonly detail: string };

/** The partition columns that a path shows, all of them strings. */
export function partitionColumnsOfPath(path: string): readonly PartitionType[] {
  return parseHiveSegments(path).values.map(({ name }) => ({ name, type: 'string' }));
}

/** The values that a file's path gives for the table's partition columns. */
export function partitionValuesOf(path: string, columns: readonly PartitionType[]): PartitionResult {
  try {
    return { kind: 'values', values: partitionValues(parseHiveSegments(path), columns) };
  } catch (error) {
    if (!isDeltaError(error, 'INVALID_SCHEMA')) throw error;
    const reason = 'value' in error.data ? 'PARTITION_VALUE' : 'PARTITION_MISMATCH';
    return { kind: 'rejected', reason, detail: error.message };
  }
}
