import type { StructType } from '../../delta/schema.ts';
import { fileStatistics } from '../statistics.ts';
import type { FieldSource } from './bind-columns.ts';
import { type DataFile, type PlacedBatch, readBatches } from './data-file.ts';
import { FooterCheck } from './footer-check.ts';
import { UnfitFileError } from './rewrite-error.ts';

/** Streams the rows as `readBatches` does. Throws `UnfitFileError`, behind the last one, where the file's footer contradicts them. */
export async function* readChecked(
  file: DataFile,
  fields: readonly FieldSource[],
  schema: StructType,
): AsyncGenerator<PlacedBatch, void> {
  const check = new FooterCheck(schema, fileStatistics(file.footer));
  for await (const batch of readBatches(file, fields)) {
    check.add(batch);
    yield batch;
  }
  const contradiction = check.contradiction();
  if (contradiction !== undefined) throw new UnfitFileError(file.key, contradiction);
}
