import type { DataFile } from './data-file.ts';

/** Bytes of a row group, about, as it is stored. */
const ROW_GROUP_BYTES = 64 * 1024 * 1024;
/** As parquet-rs has it. */
const MAX_ROW_GROUP_ROWS = 1_048_576;

/** Rows of a row group: as many as take `ROW_GROUP_BYTES` in the files that they come from. */
export function rowGroupRows(files: readonly DataFile[]): number {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const rows = files.reduce((sum, { footer }) => sum + footer.rowCount, 0);
  return Math.max(1, Math.min(MAX_ROW_GROUP_ROWS, Math.floor((ROW_GROUP_BYTES * rows) / Math.max(1, bytes))));
}
