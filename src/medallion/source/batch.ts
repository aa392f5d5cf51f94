import type { Relation } from '../engine.ts';
import type { Position } from '../position.ts';

export interface BatchLimits {
  /** Bytes of the files of a batch. It has one file at least, whatever its size. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Commits of the source in a batch. */
  readonly maxVersions: number;
  /** Commits that remove rows after others have added some begin a new segment. @default MAX_SEGMENTS */
  readonly maxSegments?: number;
}

/** Segments of a batch: the transform runs over each of them where order matters. */
export const MAX_SEGMENTS = 16;

/** A part of what a source has for a step. */
export interface SourceBatch {
  /** The rows, with the extras `SOURCE_EXTRAS`. */
  readonly relation: Relation;
  /** Numbers of the segments, ascending: inside of one all rows that went are before all that came. None without files. */
  readonly segments: readonly number[];
  /** The first version of the batch that may remove rows; undefined when none does. */
  readonly removesAt: number | undefined;
  /** Versions that were left out, because they may remove rows. */
  readonly leftOut: readonly number[];
  /** Position where the batch begins, and the one to be at once its rows are in the target. */
  readonly from: Position;
  readonly until: Position;
  /** Versions of which it has changes, both included; of a backfill both the version that is read. */
  readonly fromVersion: number;
  readonly untilVersion: number;
  /** Of its files. */
  readonly bytes: number;
  /** Whether it is beyond the limits, because it could not be split. */
  readonly isTooLarge: boolean;
  /** Whether it reaches what the source had when it was opened; of a backfill, whether it is the last one. */
  readonly isLast: boolean;
}
