import type { AddFile } from '../../delta/actions.ts';
import { clusteringColumns, supportsFeature } from '../../delta/features.ts';
import { encodePath } from '../../delta/path.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { statsJson } from '../../delta/stats.ts';
import { fileStatistics } from '../../parquet/statistics.ts';
import type { WrittenFile } from '../../spark/written-file.ts';

export interface AddContext {
  readonly head: Snapshot;
  readonly partitionValues: AddFile['partitionValues'];
  /** ms since the epoch. */
  readonly now: number;
}

/** The `add` of a file whose rows are in the table already. */
export function addOf({ path, size, footer }: WrittenFile, { head, partitionValues, now }: AddContext): AddFile {
  const { metadata, protocol, schema, domains } = head;
  return {
    path: encodePath(path),
    partitionValues,
    size,
    modificationTime: now,
    dataChange: false,
    stats: statsJson(fileStatistics(footer), {
      schema,
      partitionColumns: metadata.partitionColumns,
      configuration: metadata.configuration,
      clusteringColumns: clusteringColumns(domains),
      tightBounds: supportsFeature(protocol, 'deletionVectors'),
    }),
  };
}
