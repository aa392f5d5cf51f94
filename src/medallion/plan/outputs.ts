import { supportsFeature } from '../../delta/features.ts';
import type { StructType } from '../../delta/schema.ts';
import type { TargetShape } from '../commit/target-shape.ts';
import type { Output } from '../engine.ts';

/** Bytes of a file that a step writes, about, where the target does not say. */
const DEFAULT_FILE_BYTES = 128 * 1024 * 1024;

/** Rows that come into the target. */
export function dataOutput(
  shape: TargetShape,
  sql: string,
  { name, sortBy }: { name: string; sortBy: readonly string[] },
): Output {
  const partitions = new Set(shape.partitionColumns);
  return {
    name,
    sql,
    schema: shape.schema,
    partitionColumns: shape.partitionColumns,
    sortBy: sortBy.filter((column) => !partitions.has(column)),
    table: shape.table,
    targetFileBytes: DEFAULT_FILE_BYTES,
    statistics: {
      configuration: shape.configuration,
      tightBounds: shape.head !== undefined && supportsFeature(shape.head.protocol, 'deletionVectors'),
    },
  };
}

/** Changes of the target's rows (PROTOCOL.md "Change Data Files"). */
export function changesOutput(shape: TargetShape, sql: string, name: string): Output {
  const changeType = { name: '_change_type', type: 'string', nullable: true, metadata: {} } as const;
  const schema: StructType = { type: 'struct', fields: [...shape.schema.fields, changeType] };
  return { ...dataOutput(shape, sql, { name, sortBy: [] }), schema, folder: '_change_data' };
}
