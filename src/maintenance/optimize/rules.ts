import { DeltaError } from '../../delta/errors.ts';
import { assertWritable } from '../../delta/features.ts';
import { asNullable, type DataType, formatPath, type StructType } from '../../delta/schema.ts';
import type { Snapshot } from '../../delta/snapshot.ts';

/**
 * Throws `UNSUPPORTED_WRITER` for a table whose files must not be rewritten here, `UNSUPPORTED_READER` likewise.
 *
 * Everything under which files must not be added is a hindrance (`assertWritable`): column mapping, since the new file
 * would need physical names and field ids; row tracking unless suspended, since rows would need their old ids; identity
 * columns; iceberg compatibility; variants; partition columns in the files. An append-only table is none: no data are
 * removed (`dataChange` is false). Nor is a change data feed: a commit without a change has no change files (PROTOCOL.md
 * "Add CDC File"). Of the types, `void` cannot be written.
 */
export function assertRewritable(snapshot: Snapshot): void {
  assertWritable(snapshot);
  const path = findVoid(snapshot.schema);
  if (path === undefined) return;
  const { table } = snapshot;
  const message = `The files of ${table.url} cannot be rewritten: the column "${formatPath(path)}" is of type void`;
  throw new DeltaError('UNSUPPORTED_WRITER', message, { table: table.url, column: formatPath(path) });
}

function findVoid(type: DataType, path: readonly string[] = []): readonly string[] | undefined {
  if (typeof type === 'string') return type === 'void' ? path : undefined;
  if (type.type === 'array') return findVoid(type.elementType, [...path, 'element']);
  if (type.type === 'map')
    return findVoid(type.keyType, [...path, 'key']) ?? findVoid(type.valueType, [...path, 'value']);
  for (const field of type.fields) {
    const found = findVoid(field.type, [...path, field.name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The columns of the data files: all but the partition columns. In files nothing is NOT NULL, as Spark writes them. */
export function dataColumns({ schema, metadata }: Pick<Snapshot, 'schema' | 'metadata'>): StructType {
  const partitions = new Set(metadata.partitionColumns.map((name) => name.toLowerCase()));
  return asNullable({
    type: 'struct',
    fields: schema.fields.filter(({ name }) => !partitions.has(name.toLowerCase())),
  });
}
