import { Field, Int64, makeData, RecordBatch, Schema, Struct, Table, tableToIPC } from 'apache-arrow';
import { EnabledStatistics, Table as WasmTable, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm';

/** A Parquet file with many columns and row groups of one row each: little data and a large footer. */
export function wideFile(columns: number, rowGroups: number): Uint8Array {
  const schema = new Schema(
    Array.from({ length: columns }, (_, index) => new Field(`column_${index}`, new Int64(), true)),
  );
  const children = Array.from({ length: columns }, (_, column) =>
    makeData({
      type: new Int64(),
      length: rowGroups,
      nullCount: 0,
      data: BigInt64Array.from({ length: rowGroups }, (_, row) => BigInt(row * columns + column)),
    }),
  );
  const data = makeData({ type: new Struct(schema.fields), length: rowGroups, nullCount: 0, children });
  const table = WasmTable.fromIPCStream(tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), 'stream'));
  const properties = new WriterPropertiesBuilder()
    .setMaxRowGroupSize(1)
    .setDictionaryEnabled(false)
    .setStatisticsEnabled(EnabledStatistics.Chunk)
    .build();
  return writeParquet(table, properties);
}
