import type { StructField } from '../../delta/schema.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { ReplayError } from './replay-error.ts';

/** Where a value of a row is: in a column of the data file, or in the path of the file. Both by physical name. */
export type ValuePlace =
  | { readonly kind: 'file'; readonly column: string }
  | { readonly kind: 'path'; readonly column: string };

/** Where the files of a table say which record a row came from. */
export interface SourceColumns {
  readonly topic: ValuePlace;
  readonly partition: ValuePlace;
  /** A column of the file. */
  readonly offset: string;
  /** A column of the file; undefined where the table keeps no times. */
  readonly timestamp: string | undefined;
}

/**
 * Finds the columns `topic`, `partition`, `offset` and `timestamp` of a table, with `prefix` before their names. Names
 * in the files are physical ones where the table maps its columns (PROTOCOL.md "Column Mapping").
 * Throws ReplayError, `NO_SOURCE_COLUMNS`.
 */
export function sourceColumns({ table, schema, metadata }: Snapshot, prefix: string): SourceColumns {
  const find = (name: string, types: readonly string[]): StructField | undefined =>
    schema.fields.find((field) => field.name === prefix + name && types.includes(String(field.type)));
  const place = (field: StructField): ValuePlace => {
    const kind = metadata.partitionColumns.includes(field.name) ? 'path' : 'file';
    return { kind, column: physicalName(field) };
  };
  const topic = find('topic', ['string']);
  const partition = find('partition', ['integer', 'long']);
  const offset = find('offset', ['long']);
  const timestamp = find('timestamp', ['timestamp']);
  if (topic === undefined || partition === undefined || offset === undefined || place(offset).kind === 'path') {
    const names = ['topic', 'partition', 'offset'].map((name) => prefix + name).join(', ');
    throw new ReplayError(
      'NO_SOURCE_COLUMNS',
      `${table.url} lacks one of the columns ${names} (string, integer, long), so that what is in it cannot be told`,
      { table: table.url },
    );
  }
  return {
    topic: place(topic),
    partition: place(partition),
    offset: physicalName(offset),
    timestamp: timestamp === undefined || place(timestamp).kind === 'path' ? undefined : physicalName(timestamp),
  };
}

function physicalName({ name, metadata }: StructField): string {
  const physical = metadata['delta.columnMapping.physicalName'];
  return typeof physical === 'string' ? physical : name;
}
