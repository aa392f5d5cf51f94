import type { StructType } from '../../delta/schema.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { bindColumns } from './bind-columns.ts';
import { RowChecksum } from './checksum.ts';
import { openDataFile, readBatches } from './data-file.ts';
import { UnfitFileError } from './rewrite-error.ts';

/** A file that was written and does not hold what it should. It must not come into the table. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
}

export interface WrittenFile {
  readonly store: ObjectStore;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly schema: StructType;
  checkTime(): void;
}

export interface ExpectedRows {
  /** Of the rows that were to be written. */
  readonly checksum: RowChecksum;
  /** As the footers and deletion vectors of the inputs say. */
  readonly rows: number;
}

/**
 * Reads a new file again, as it is stored, and compares its rows with those that it was made of. The count is that of
 * the inputs' footers, so that rows that were lost while reading show, too. Throws `VerifyError`.
 */
export async function verifyFile(written: WrittenFile, expected: ExpectedRows): Promise<void> {
  const { key } = written;
  if (expected.checksum.rowCount !== expected.rows) {
    throw new VerifyError(`${expected.rows} rows were to be read, ${expected.checksum.rowCount} were`);
  }
  const actual = await checksumOf(written);
  const difference = expected.checksum.difference(actual);
  if (difference !== undefined)
    throw new VerifyError(`the new file "${key}" is not what it was made of: ${difference}`);
}

async function checksumOf({ store, key, size, schema, checkTime }: WrittenFile): Promise<RowChecksum> {
  const checksum = new RowChecksum(schema);
  try {
    const file = await openDataFile(store, key, size);
    const { fields, problems } = bindColumns(file.footer, schema);
    if (problems.length > 0) throw new VerifyError(`the new file "${key}" has other columns: ${problems.join('; ')}`);
    for await (const batch of readBatches(file, fields)) {
      checkTime();
      checksum.add(batch);
    }
  } catch (error) {
    if (!(error instanceof UnfitFileError)) throw error;
    throw new VerifyError(`the new file "${key}" cannot be read again: ${error.message}`, { cause: error });
  }
  return checksum;
}
