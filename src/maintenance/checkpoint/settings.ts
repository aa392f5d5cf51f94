import type { FileAction } from '../../delta/checkpoint.ts';
import { supportsFeature } from '../../delta/features.ts';
import { parseInterval } from '../../delta/log-retention.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { CheckpointLayout } from '../../parquet/checkpoint-schema.ts';
import { partitionValuesColumn } from './parsed-partitions.ts';
import { statsColumn } from './parsed-stats.ts';

export type CheckpointKind = 'classic' | 'v2';

type Described = Pick<Snapshot, 'protocol' | 'metadata' | 'schema' | 'domains'>;

/** 1 week, in ms (PROTOCOL.md has no number; Spark's `delta.deletedFileRetentionDuration`). */
const DEFAULT_TOMBSTONE_RETENTION = 604_800_000;

/**
 * The kind of checkpoint that a table gets: with sidecars where its protocol has the feature `v2Checkpoint`, unless
 * `delta.checkpointPolicy` asks for classic ones. Classic ones can be read by everyone who can read the table.
 */
export function checkpointKind({ protocol, metadata }: Pick<Snapshot, 'protocol' | 'metadata'>): CheckpointKind {
  if (!supportsFeature(protocol, 'v2Checkpoint')) return 'classic';
  return metadata.configuration['delta.checkpointPolicy']?.toLowerCase() === 'classic' ? 'classic' : 'v2';
}

/**
 * The columns that the table's properties ask for. `delta.checkpoint.writeStatsAsJson` is true unless it is set, and
 * `delta.checkpoint.writeStatsAsStruct` false (PROTOCOL.md "Checkpoints"; for Spark it is true). Where only the former is
 * set, to false, the statistics are written as structs: they would be lost otherwise.
 */
export function checkpointLayout(table: Described): CheckpointLayout {
  const { protocol, metadata } = table;
  const { configuration } = metadata;
  const stats = configuration['delta.checkpoint.writeStatsAsJson']?.toLowerCase() !== 'false';
  const asStruct = configuration['delta.checkpoint.writeStatsAsStruct']?.toLowerCase();
  const parsed = asStruct === 'true' || (asStruct === undefined && !stats);
  const partitionValuesParsed = parsed ? partitionValuesColumn(table) : undefined;
  const statsParsed = parsed ? statsColumn(table) : undefined;
  return {
    readerFeatures: protocol.minReaderVersion >= 3,
    writerFeatures: protocol.minWriterVersion >= 7,
    stats,
    ...(partitionValuesParsed === undefined ? {} : { partitionValuesParsed }),
    ...(statsParsed === undefined ? {} : { statsParsed }),
  };
}

/** Time up to which a tombstone's `deletionTimestamp` makes it expired, ms since the epoch. */
export function tombstoneCutoff({ metadata }: Pick<Snapshot, 'metadata'>, now: number): number {
  const property = metadata.configuration['delta.deletedFileRetentionDuration'];
  const retention = property === undefined ? DEFAULT_TOMBSTONE_RETENTION : parseInterval(property);
  // Of what cannot be understood nothing is dropped.
  return retention === undefined ? Number.NEGATIVE_INFINITY : now - retention;
}

/** Whether an action has its place in a checkpoint; of expired tombstones it has none. */
export function isLive(action: FileAction, cutoff: number): boolean {
  return 'add' in action || (action.remove.deletionTimestamp ?? 0) > cutoff;
}

/**
 * The transaction identifiers that a checkpoint keeps: all, but for a table with `delta.setTransactionRetentionDuration`
 * those that were written since then (as Spark's snapshots have it; one without a time is expired there).
 */
export function liveTxns({ txns, metadata }: Pick<Snapshot, 'txns' | 'metadata'>, now: number) {
  const property = metadata.configuration['delta.setTransactionRetentionDuration'];
  const retention = property === undefined ? undefined : parseInterval(property);
  const all = [...txns.values()];
  if (retention === undefined) return all;
  return all.filter(({ lastUpdated }) => lastUpdated !== undefined && lastUpdated > now - retention);
}
