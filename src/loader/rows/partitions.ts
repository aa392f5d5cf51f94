import { hiveFolders, type PartitionType, parseHiveSegments } from '../../delta/partition.ts';
import type { Datum, DatumObject } from '../../kafka/decode/datum.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import { compilePartition } from '../../kafka/transform/partition.ts';
import type { PartitionRule } from '../config.ts';

/** A partition column of a table, and whether it must have a value. */
export interface PartitionColumn extends PartitionType {
  readonly isRequired: boolean;
}

/** Where rows go, below the table's root. */
export interface Partitions {
  readonly names: readonly string[];
  /** The folders of a row; '' for a table without partitions. Throws PayloadError. */
  folderOf(row: DatumObject): string;
}

/**
 * The folders of rows in a table with these columns. A value comes from the rule's expression, from the row's field of the
 * column's name, whatever its case, or else from a folder `name=value` of the source's own key.
 */
export function createPartitions(
  columns: readonly PartitionColumn[],
  rules: readonly PartitionRule[],
  sourceKey: string,
): Partitions {
  const folders = new Map(parseHiveSegments(sourceKey).values.map(({ name, value }) => [name.toLowerCase(), value]));
  const parts = columns.map(({ name, type, isRequired }) => {
    const folded = name.toLowerCase();
    const expression = rules.find((rule) => rule.name.toLowerCase() === folded)?.expression;
    const partition = compilePartition({ name, type, ...(expression !== undefined && { expression }) });
    const own = (row: DatumObject): Datum => fieldOf(row, name) ?? folders.get(folded);
    const evaluate = (row: DatumObject) => partition.valueOf(expression === undefined ? { [name]: own(row) } : row);
    return { name, evaluate, isRequired };
  });
  return {
    names: columns.map(({ name }) => name),
    folderOf: (row) =>
      hiveFolders(
        parts.map(({ name, evaluate, isRequired }) => {
          const value = evaluate(row);
          if (value !== null || !isRequired) return { name, value };
          throw new PayloadError('TYPE_MISMATCH', `the partition column "${name}" got null, expected a value`);
        }),
      ),
  };
}

function fieldOf(row: DatumObject, name: string): Datum {
  if (Object.hasOwn(row, name)) return row[name];
  const folded = name.toLowerCase();
  const other = Object.keys(row).find((field) => field.toLowerCase() === folded);
  return other === undefined ? undefined : row[other];
}
