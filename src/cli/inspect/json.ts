import type { AddFile } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import type { TableRef } from '../../delta/table.ts';
import { isoTime } from '../format.ts';
import { largestPartitions, rowCount, SMALL_FILE } from './file-totals.ts';
import type { TableReport } from './report.ts';

/** Partitions in the output. */
const TOP_PARTITIONS = 100;

/** The report as plain data; described in docs/cli.md. */
export function reportJson({ snapshot, totals, history }: TableReport): object {
  const { table, version, timestamp, protocol, metadata, schema, segment } = snapshot;
  const { partitions, morePartitions, oldest, newest, sizeClasses, ...sums } = totals;
  return {
    table: table.url,
    version,
    timestamp: isoTime(timestamp),
    protocol,
    metadata: {
      id: metadata.id,
      name: metadata.name ?? null,
      description: metadata.description ?? null,
      partitionColumns: metadata.partitionColumns,
      configuration: metadata.configuration,
      createdTime: metadata.createdTime === undefined ? null : isoTime(metadata.createdTime),
    },
    schema,
    ...sums,
    smallFileBytes: SMALL_FILE,
    oldestFile: oldest === undefined ? null : isoTime(oldest),
    newestFile: newest === undefined ? null : isoTime(newest),
    partitions: { count: partitions.size, isComplete: !morePartitions, top: largestPartitions(totals, TOP_PARTITIONS) },
    log: {
      checkpointVersion: segment.checkpoint?.version ?? null,
      commitsSinceCheckpoint: segment.commits.length,
    },
    history: history.map(({ timestamp: time, engine, ...entry }) => ({
      ...entry,
      timestamp: isoTime(time),
      engine: engine ?? null,
    })),
  };
}

/** One file of `--files --json`. */
export function fileJson(table: TableRef, add: AddFile): object {
  return {
    path: canonicalPath(table, add.path),
    size: add.size,
    rows: rowCount(add) ?? null,
    partitionValues: add.partitionValues,
    modificationTime: isoTime(add.modificationTime),
    hasDeletionVector: add.deletionVector !== undefined,
  };
}
