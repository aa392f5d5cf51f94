import type { StructField } from '../../delta/schema.ts';

/** The name of a column in files, statistics and partition values (PROTOCOL.md "Column Mapping"). */
export function physicalName({ name, metadata }: StructField): string {
  const physical = metadata['delta.columnMapping.physicalName'];
  return typeof physical === 'string' ? physical : name;
}
