import { parseHiveSegments } from '../../delta/partition.ts';
import { isCompactedFile } from '../../delta/path.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';

/** The Parquet files under a prefix, before anything is done with them. */
export interface Survey {
  readonly files: number;
  readonly bytes: number;
  /** Files that a compaction of a table wrote that was here before; they are left out. */
  readonly compacted: number;
  /** Names of the partition columns in the path of the first file, in order. */
  readonly partitionColumns: readonly string[];
}

/** Lists the prefix; `relativePath` gives the path of a file to be taken. `onProgress` may throw to stop it. */
export async function surveyPrefix(
  table: TableRef,
  relativePath: (key: string) => string | undefined,
  onProgress: (files: number) => void,
): Promise<Survey> {
  let files = 0;
  let bytes = 0;
  let compacted = 0;
  let partitionColumns: readonly string[] = [];
  for await (const { key, size } of table.store.list(table.root === '' ? '' : tableKey(table, ''))) {
    if (isCompactedFile(key)) compacted += 1;
    const path = relativePath(key);
    if (path === undefined) continue;
    if (files === 0) partitionColumns = parseHiveSegments(path).values.map(({ name }) => name);
    files += 1;
    bytes += size;
    if (files % PROGRESS_STEP === 0) onProgress(files);
  }
  return { files, bytes, compacted, partitionColumns };
}

/** One page of a LIST. */
const PROGRESS_STEP = 1_000;
