import { randomUUID } from 'node:crypto';
import { mergedFileName } from '../delta/path.ts';
import type { StructType } from '../delta/schema.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import type { DataFile as NewFile } from '../kafka/table-writer.ts';
import type { RowBatch } from '../parquet/rewrite/batch.ts';
import { readChecked } from '../parquet/rewrite/checked-batches.ts';
import { RowChecksum } from '../parquet/rewrite/checksum.ts';
import { encodeStream } from '../parquet/rewrite/encode-stream.ts';
import { rowGroupRows } from '../parquet/rewrite/row-group-rows.ts';
import { verifyFile } from '../parquet/rewrite/verify-file.ts';
import type { MergeGroup } from './plan.ts';

export interface WriteContext {
  readonly table: TableRef;
  readonly schema: StructType;
  /** Throws when there is no time left. */
  checkTime(): void;
  now(): number;
}

/**
 * Writes the rows of a group as one file under the table's root, reads it again, and compares. Undefined where they have no
 * rows. Throws `UnfitFileError` naming an input that cannot be read after all (then there is no file), `VerifyError`, and
 * the store's errors. What no commit names then is for a vacuum.
 */
export async function writeGroup(context: WriteContext, { folder, inputs }: MergeGroup): Promise<NewFile | undefined> {
  const { table, schema, checkTime } = context;
  const rows = inputs.reduce((sum, { file }) => sum + file.footer.rowCount, 0);
  if (rows === 0) return undefined;
  const path = `${folder === '' ? '' : `${folder}/`}${mergedFileName(randomUUID())}`;
  const key = tableKey(table, path);
  const checksum = new RowChecksum(schema);
  const encoded = encodeStream(schema, rowsOf(context, inputs, checksum), {
    rowGroupRows: rowGroupRows(inputs.map(({ file }) => file)),
  });
  const size = await table.store.putStream(key, encoded.pieces);
  await verifyFile({ store: table.store, key, size, schema, checkTime }, { checksum, rows });
  return { path, size, rows, footer: encoded.footer(), time: context.now() };
}

async function* rowsOf(
  { schema, checkTime }: WriteContext,
  inputs: MergeGroup['inputs'],
  checksum: RowChecksum,
): AsyncGenerator<RowBatch, void> {
  for (const { file, fields } of inputs) {
    for await (const batch of readChecked(file, fields, schema)) {
      checkTime();
      checksum.add(batch);
      yield batch;
    }
  }
}
