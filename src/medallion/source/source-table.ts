import { type ChangeLog, openChangeLog } from '../../cdf/changes/change-log.ts';
import { type ChangeShape, shapeOf } from '../../cdf/changes/change-schema.ts';
import { CdfError } from '../../cdf/errors.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { createSnapshotCache } from '../snapshot-cache.ts';

/** The source of a step, as it was when it was opened. */
export interface SourceTable {
  readonly table: TableRef;
  readonly reader: CheckpointReader;
  readonly log: ChangeLog;
  readonly latest: Snapshot;
}

/**
 * Opens the source of a step at its latest version. Undefined where there is no table yet. Throws CdfError `UNSUPPORTED_TABLE` for one
 * whose rows cannot be read, and what `loadSnapshot` throws.
 */
export async function openSource(
  table: TableRef,
  reader: CheckpointReader,
  latestOf = createSnapshotCache(reader),
): Promise<SourceTable | undefined> {
  const latest = await latestOf(table);
  if (latest === undefined) return undefined;
  sourceShape(latest);
  return { table, reader, log: await openChangeLog(table, reader, latest), latest };
}

/** Columns that the relation of a source has behind those of the table. */
export const SOURCE_EXTRAS = [
  { name: '_change_type', type: 'string' },
  { name: '_segment', type: 'long' },
  { name: '_commit_version', type: 'long' },
] as const;

/** As what the rows of a source are read. Throws CdfError `UNSUPPORTED_TABLE`, also for columns named like `SOURCE_EXTRAS`. */
export function sourceShape(
  snapshot: Pick<Snapshot, 'table' | 'version' | 'schema' | 'metadata' | 'protocol'>,
): ChangeShape {
  const shape = shapeOf(snapshot);
  const taken = shape.schema.fields.find(({ name }) =>
    SOURCE_EXTRAS.some((extra) => extra.name === name.toLowerCase()),
  );
  if (taken === undefined) return shape;
  throw new CdfError(
    'UNSUPPORTED_TABLE',
    `${snapshot.table.url} cannot be the source of a step: it has a column "${taken.name}", which is the name of one that ` +
      'says of a row where it is from',
    { table: snapshot.table.url, version: snapshot.version, column: taken.name },
  );
}
