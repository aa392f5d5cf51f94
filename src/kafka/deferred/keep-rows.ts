import type { RecordBatch } from 'apache-arrow';

/**
 * A Parquet file with the rows of another one that are wanted; undefined where there are none. `isWanted` gets what is
 * in the columns named, in their order; whole numbers may be bigints.
 */
export async function keepRows(
  file: Uint8Array,
  columns: readonly string[],
  isWanted: (values: readonly unknown[]) => boolean,
): Promise<Uint8Array | undefined> {
  const [arrow, wasm] = await Promise.all([import('apache-arrow'), import('parquet-wasm')]);
  const table = arrow.tableFromIPC(wasm.readParquet(file).intoIPCStream());
  const kept: RecordBatch[] = [];
  for (const batch of table.batches) {
    const vectors = columns.map((name) => batch.getChild(name));
    for (const [from, to] of runs(batch.numRows, (row) => isWanted(vectors.map((vector) => vector?.get(row))))) {
      kept.push(batch.slice(from, to));
    }
  }
  if (kept.length === 0) return undefined;
  const properties = new wasm.WriterPropertiesBuilder()
    .setCompression(wasm.Compression.ZSTD)
    // Bounds of pages leave NaN out without saying so, and Spark passes over pages by them.
    .setStatisticsEnabled(wasm.EnabledStatistics.Chunk)
    .build();
  const stream = arrow.tableToIPC(new arrow.Table(table.schema, kept), 'stream');
  return new Uint8Array(wasm.writeParquet(wasm.Table.fromIPCStream(stream), properties));
}

/** Where the rows that are wanted start and end. */
function* runs(count: number, isWanted: (row: number) => boolean): Iterable<[number, number]> {
  let from: number | undefined;
  for (let row = 0; row < count; row++) {
    if (isWanted(row)) {
      from ??= row;
    } else if (from !== undefined) {
      yield [from, row];
      from = undefined;
    }
  }
  if (from !== undefined) yield [from, count];
}
