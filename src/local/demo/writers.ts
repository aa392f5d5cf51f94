import { tableToIPC } from 'apache-arrow';
import {
  Compression,
  EnabledStatistics,
  Table,
  WriterPropertiesBuilder,
  WriterVersion,
  writeParquet,
} from 'parquet-wasm';
import { type ColumnData, tableOf } from './columns.ts';

/** How one of the producers writes its Parquet files. */
export interface Writer {
  /** In file names. */
  readonly codec: string;
  readonly compression: Compression;
  readonly rowGroupRows: number;
  readonly version: WriterVersion;
  readonly dictionary: boolean;
  readonly statistics: EnabledStatistics;
  /** The order of the columns. */
  readonly columns: 'as-is' | 'reversed' | 'by-name';
}

/** What engines differ in: codec, row groups, page version, dictionaries, statistics, order of the columns. */
export const WRITERS: readonly [Writer, ...Writer[]] = [
  {
    codec: 'zstd',
    compression: Compression.ZSTD,
    rowGroupRows: 2_000,
    version: WriterVersion.V1,
    dictionary: true,
    statistics: EnabledStatistics.Page,
    columns: 'as-is',
  },
  {
    codec: 'snappy',
    compression: Compression.SNAPPY,
    rowGroupRows: 1_000_000,
    version: WriterVersion.V1,
    dictionary: true,
    statistics: EnabledStatistics.Chunk,
    columns: 'by-name',
  },
  {
    codec: 'gz',
    compression: Compression.GZIP,
    rowGroupRows: 1_500,
    version: WriterVersion.V2,
    dictionary: false,
    statistics: EnabledStatistics.Chunk,
    columns: 'reversed',
  },
  {
    codec: 'plain',
    compression: Compression.UNCOMPRESSED,
    rowGroupRows: 1_000_000,
    version: WriterVersion.V1,
    dictionary: false,
    statistics: EnabledStatistics.None,
    columns: 'as-is',
  },
  {
    codec: 'lz4',
    compression: Compression.LZ4_RAW,
    rowGroupRows: 800,
    version: WriterVersion.V2,
    dictionary: true,
    statistics: EnabledStatistics.Chunk,
    columns: 'as-is',
  },
];

/** The bytes of a Parquet file. */
export function writeFile(columns: Readonly<Record<string, ColumnData>>, writer: Writer): Uint8Array {
  const properties = new WriterPropertiesBuilder()
    .setCompression(writer.compression)
    .setMaxRowGroupSize(writer.rowGroupRows)
    .setWriterVersion(writer.version)
    .setDictionaryEnabled(writer.dictionary)
    .setStatisticsEnabled(writer.statistics)
    .build();
  const table = Table.fromIPCStream(tableToIPC(tableOf(inOrder(columns, writer.columns)), 'stream'));
  return writeParquet(table, properties);
}

function inOrder(columns: Readonly<Record<string, ColumnData>>, order: Writer['columns']): Record<string, ColumnData> {
  const entries = Object.entries(columns);
  if (order === 'reversed') entries.reverse();
  if (order === 'by-name') entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}
