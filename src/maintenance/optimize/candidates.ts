import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { partitionColumnsOf } from '../../delta/partition.ts';
import { canonicalPath } from '../../delta/path.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';
import { byAge, type InputFile, toInput } from './input-file.ts';
import type { LeftAloneList } from './left-alone.ts';
import { partitionKey } from './partition-key.ts';
import { type PartitionFilter, partitionMatcher } from './where.ts';

export interface CandidateRules {
  /** Files of this many bytes or more are left out. */
  readonly minFileSize: number;
  /** Files that were written after this time are left out, ms since the epoch. */
  readonly before: number;
  readonly where: readonly PartitionFilter[];
  /** @default MAX_CANDIDATES */
  readonly maxFiles?: number;
}

export interface Candidates {
  /** The small files of each partition, the oldest first. */
  readonly partitions: readonly (readonly InputFile[])[];
  /** There are more than could be held; a later run sees them. */
  readonly isCut: boolean;
}

/** Small files that are held at once: some 100 MB of memory. */
export const MAX_CANDIDATES = 200_000;

/**
 * Finds the small files of a table by partition. Files that must stay as they are, whatever their size, are noted in
 * `leftAlone`.
 */
export async function findCandidates(
  snapshot: Snapshot,
  reader: CheckpointReader,
  rules: CandidateRules,
  leftAlone: LeftAloneList,
): Promise<Candidates> {
  const { table, schema, metadata } = snapshot;
  const columns = partitionColumnsOf(schema, metadata.partitionColumns);
  const isWanted = partitionMatcher(rules.where, columns);
  const partitions = new Map<string, InputFile[]>();
  const { maxFiles = MAX_CANDIDATES } = rules;
  let held = 0;
  let isCut = false;
  for await (const adds of activeFiles(snapshot, reader)) {
    for (const add of adds) {
      if (add.size >= rules.minFileSize || add.modificationTime > rules.before || !isWanted(add.partitionValues))
        continue;
      const relative = canonicalPath(table, add.path);
      const reason = obstacle(add, relative);
      if (reason !== undefined) {
        leftAlone.add(add.path, reason);
        continue;
      }
      if (held === maxFiles) {
        isCut = true;
        continue;
      }
      held++;
      const key = partitionKey(add.partitionValues, columns);
      const files = partitions.get(key);
      if (files === undefined) partitions.set(key, [toInput(add, relative)]);
      else files.push(toInput(add, relative));
    }
  }
  return { partitions: Array.from(partitions.values(), (files) => files.sort(byAge)), isCut };
}

/** Why a file stays as it is, whatever its size: it is another table's, or its layout would be lost. `relative` is its canonical path. */
export function obstacle({ clusteringProvider }: AddFile, relative: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(relative)) return "it is not under the table's root";
  if (clusteringProvider !== undefined) {
    return `it is clustered by ${clusteringProvider}, whose layout would be lost`;
  }
  return undefined;
}
