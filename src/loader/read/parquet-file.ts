import type { StructType } from '../../delta/schema.ts';
import type { TypedRow } from '../../kafka/decode/decoder.ts';
import { isParquetError } from '../../parquet/errors.ts';
import { bindColumns } from '../../parquet/rewrite/bind-columns.ts';
import { type DataFile, openDataFile, readBatches } from '../../parquet/rewrite/data-file.ts';
import { UnfitFileError } from '../../parquet/rewrite/rewrite-error.ts';
import { fileColumns } from '../../parquet/schema.ts';
import { LoadError } from '../load-error.ts';
import type { SourceObject } from '../source/object-bytes.ts';
import { BATCH, type Position, type RowSource, type SourceBatch, type SourceRow } from './row-source.ts';
import { type ReadCell, sliceReader } from './slice-cells.ts';

/**
 * The rows of a Parquet file, with the types that the file has. One row group is held as it is stored, and some MiB of its
 * rows. Row groups before the place that is read from are passed over.
 */
export function readParquetFile(source: SourceObject, from: Position): RowSource {
  return { batches: batchesOf(source, from.offset), header: () => undefined };
}

async function* batchesOf(source: SourceObject, startRow: number): AsyncGenerator<SourceBatch, void> {
  try {
    const file = await openDataFile(source.store, source.key, source.size);
    await expectSame(source);
    const schema = columnsOf(file);
    const { fields, problems } = bindColumns(file.footer, schema);
    if (problems.length > 0) throw new LoadError('UNSUPPORTED_FILE', problems.join('; '));
    for await (const { rowCount, columns, firstRow } of readBatches(file, fields, { startRow })) {
      const cells = schema.fields.map(({ type }, index) => sliceReader(type, columns[index]));
      const names = schema.fields.map(({ name }) => name);
      for (let start = Math.max(startRow - firstRow, 0); start < rowCount; start += BATCH.rows) {
        const rows: SourceRow<TypedRow>[] = [];
        for (let index = start; index < Math.min(start + BATCH.rows, rowCount); index++) {
          const next = firstRow + index + 1;
          rows.push({ number: next, value: rowAt(names, cells, index), end: { offset: next, number: next + 1 } });
        }
        yield { kind: 'typed', rows, schema };
      }
    }
  } catch (error) {
    if (error instanceof UnfitFileError || isParquetError(error)) {
      throw new LoadError('INVALID_FILE', error.message, { cause: error });
    }
    throw error;
  }
}

/** The footer was read of whatever was there; everything behind is read with its etag. */
async function expectSame({ store, key, etag }: SourceObject): Promise<void> {
  if ((await store.head(key))?.etag === etag) return;
  throw new LoadError('SOURCE_CHANGED', `"${key}" is no longer the object with the etag ${etag} that was begun`);
}

function columnsOf(file: DataFile): StructType {
  const { schema, unsupported } = fileColumns(file.footer);
  const [first] = unsupported;
  if (first !== undefined) {
    const column = first.path.join('.');
    throw new LoadError('UNSUPPORTED_FILE', `its column "${column}" is of type ${first.type}: ${first.reason}`);
  }
  if (schema.fields.length === 0) throw new LoadError('NO_COLUMNS', 'the file has no column');
  return schema;
}

function rowAt(names: readonly string[], cells: readonly ReadCell[], index: number): TypedRow {
  const row: Record<string, ReturnType<ReadCell>> = Object.create(null);
  for (let column = 0; column < names.length; column++) row[names[column] ?? ''] = cells[column]?.(index);
  return row;
}
