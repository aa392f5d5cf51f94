import type { AddFile } from '../../delta/actions.ts';
import type { WrittenFile } from '../engine.ts';

/** A file that a step wrote, with rows that are new to the table. */
export function toAdd({ path, partitionValues, size, modificationTime, stats }: WrittenFile): AddFile {
  return { path, partitionValues, size, modificationTime, dataChange: true, stats };
}
