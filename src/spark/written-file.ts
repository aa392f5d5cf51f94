import { type TableRef, tableKey } from '../delta/table.ts';
import type { Footer } from '../parquet/footer.ts';
import { readFooter } from '../parquet/footer-reader.ts';

/** A file that a job wrote, and that no commit has yet. */
export interface OutputFile {
  /** Its key below the table's root, decoded. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** A file that Spark wrote and whose footer was seen. */
export interface WrittenFile extends OutputFile {
  readonly footer: Footer;
}

/** Reads the footer of a file: one ranged GET for the usual one. Throws the store's errors and ParquetError. */
export async function readWritten(table: TableRef, { path, size }: OutputFile): Promise<WrittenFile> {
  const footer = await readFooter(table.store, tableKey(table, path), { size });
  // A copy lets go of the rest of the bytes that the request brought.
  return { path, size, footer: { ...footer, bytes: footer.bytes.slice() } };
}
