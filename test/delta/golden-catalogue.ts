import type { DeltaErrorCode } from '../../src/delta/errors.ts';

/** What is expected of one golden table, at its latest version. */
export type GoldenTable = ReadableTable | BrokenTable;

interface ReadableTable {
  /** Folder under the golden tables. */
  readonly name: string;
  /** What it is a table of, where the name does not tell. */
  readonly note?: string;
  readonly version: number;
  /** Active files, the sum of their sizes in bytes, and of the `numRecords` of those that have statistics. */
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  readonly partitionedBy?: readonly string[];
  /** Of the schema, where there are few. */
  readonly columns?: readonly string[];
  /** Version of the checkpoint that is read. */
  readonly checkpoint?: number;
  /** Reader and writer version. @default [1, 2] */
  readonly protocol?: readonly [reader: number, writer: number];
  /** The feature because of which we do not write to it. @default none: we may write */
  readonly unwritable?: string;
}

interface BrokenTable {
  readonly name: string;
  readonly note?: string;
  readonly error: DeltaErrorCode;
  readonly message: RegExp;
}

const DATES = { version: 0, files: 2, bytes: 1075, rows: 0, columns: ['timestamp', 'date'] };
const TIMES = { version: 0, files: 5, bytes: 3535, rows: 5, partitionedBy: ['part'], columns: ['id', 'part', 'time'] };
const NO_SCHEMA = 'its metaData has no schemaString, which delta-rs refuses';

/**
 * The numbers come from replaying the JSON commits of each table naively, and were compared with delta-rs 1.6.6, which
 * agrees on every table that it can read.
 */
export const GOLDEN_TABLES: readonly GoldenTable[] = [
  {
    name: 'basic-decimal-table',
    version: 0,
    files: 4,
    bytes: 4131,
    rows: 4,
    partitionedBy: ['part'],
    columns: ['part', 'col1', 'col2', 'col3'],
  },
  { name: 'basic-with-inserts-merge', version: 1, files: 1, bytes: 1495, rows: 140, columns: ['id', 'str'] },
  {
    name: 'basic-with-inserts-overwrite-restore',
    version: 3,
    files: 4,
    bytes: 2834,
    rows: 200,
    columns: ['id'],
    checkpoint: 3,
  },
  { name: 'basic-with-vacuum-protocol-check-feature', version: 1, files: 2, bytes: 2191, rows: 100, protocol: [3, 7] },
  {
    name: 'canonicalized-paths-normal-a',
    note: `an absolute path is removed as file: URI; ${NO_SCHEMA}`,
    version: 1,
    files: 0,
    bytes: 0,
    rows: 0,
    columns: [],
  },
  {
    name: 'canonicalized-paths-normal-b',
    note: 'the same with a file:/// URI',
    version: 1,
    files: 0,
    bytes: 0,
    rows: 0,
    columns: [],
  },
  {
    name: 'canonicalized-paths-special-a',
    note: 'the same with special characters',
    version: 1,
    files: 0,
    bytes: 0,
    rows: 0,
    columns: [],
  },
  {
    name: 'checkpoint',
    note: 'every commit replaces the one file',
    version: 14,
    files: 1,
    bytes: 1,
    rows: 0,
    columns: ['intCol'],
    checkpoint: 10,
  },
  {
    name: 'commit-info-containing-arbitrary-operationParams-types',
    note: 'operationParameters that are null, a boolean, a text',
    version: 2,
    files: 2,
    bytes: 904,
    rows: 2,
    partitionedBy: ['month'],
    protocol: [1, 7],
  },
  {
    name: 'corrupted-last-checkpoint',
    note: `the hint is right, its size is not; ${NO_SCHEMA}`,
    version: 10,
    files: 11,
    bytes: 11,
    rows: 0,
    columns: [],
    checkpoint: 10,
  },
  {
    name: 'corrupted-last-checkpoint-kernel',
    note: 'the hint is empty',
    version: 11,
    files: 2,
    bytes: 1454,
    rows: 100,
    columns: ['id'],
    checkpoint: 10,
  },
  { name: 'data-reader-date-types-Asia/Beirut', ...DATES },
  { name: 'data-reader-date-types-Etc/GMT+9', ...DATES },
  { name: 'data-reader-date-types-JST', ...DATES },
  { name: 'data-reader-date-types-PST', ...DATES },
  { name: 'data-reader-date-types-UTC', ...DATES },
  {
    name: 'data-reader-nullable-field-invalid-schema-key',
    version: 0,
    files: 2,
    bytes: 885,
    rows: 0,
    columns: ['array_can_contain_null'],
  },
  {
    name: 'data-reader-partition-values',
    note: 'a partition column of every type, with nulls and texts that look like null',
    version: 0,
    files: 3,
    bytes: 5832,
    rows: 0,
    partitionedBy: [
      'as_int',
      'as_long',
      'as_byte',
      'as_short',
      'as_boolean',
      'as_float',
      'as_double',
      'as_string',
      'as_string_lit_null',
      'as_date',
      'as_timestamp',
      'as_big_decimal',
    ],
  },
  { name: 'data-reader-primitives', version: 0, files: 2, bytes: 5050, rows: 0 },
  {
    name: 'data-reader-timestamp_ntz',
    version: 1,
    files: 4,
    bytes: 2940,
    rows: 9,
    partitionedBy: ['tsNtzPartition'],
    protocol: [3, 7],
  },
  {
    name: 'data-reader-timestamp_ntz-id-mode',
    version: 1,
    files: 4,
    bytes: 4832,
    rows: 9,
    partitionedBy: ['tsNtzPartition'],
    protocol: [3, 7],
    unwritable: 'columnMapping',
  },
  { name: 'data-skipping-basic-stats-all-types-checkpoint', version: 0, files: 1, bytes: 2738, rows: 1 },
  {
    name: 'data-skipping-basic-stats-all-types-columnmapping-name',
    version: 0,
    files: 1,
    bytes: 4949,
    rows: 1,
    protocol: [2, 5],
    unwritable: 'columnMapping',
  },
  {
    name: 'data-skipping-change-stats-collected-across-versions',
    version: 4,
    files: 3,
    bytes: 2052,
    rows: 3,
    columns: ['col1', 'col2'],
  },
  { name: 'deltalog-commit-info', note: NO_SCHEMA, version: 0, files: 1, bytes: 1, rows: 0, columns: [] },
  { name: 'deltalog-invalid-protocol-version', error: 'UNSUPPORTED_READER', message: /reader version 99/ },
  {
    name: 'deltalog-state-reconstruction-from-checkpoint-missing-metadata',
    error: 'CORRUPT_LOG',
    message: /no metaData action up to version 10/,
  },
  {
    name: 'deltalog-state-reconstruction-from-checkpoint-missing-protocol',
    error: 'CORRUPT_LOG',
    message: /no protocol action up to version 10/,
  },
  {
    name: 'deltalog-state-reconstruction-without-metadata',
    error: 'CORRUPT_LOG',
    message: /no metaData action up to version 0/,
  },
  {
    name: 'deltalog-state-reconstruction-without-protocol',
    error: 'CORRUPT_LOG',
    message: /no protocol action up to version 0/,
  },
  {
    name: 'dv-with-columnmapping',
    version: 15,
    files: 15,
    bytes: 18057,
    rows: 37,
    partitionedBy: ['part'],
    columns: ['part', 'col1', 'col2'],
    checkpoint: 10,
    protocol: [3, 7],
    unwritable: 'columnMapping',
  },
  { name: 'kernel-timestamp-INT96', ...TIMES },
  { name: 'kernel-timestamp-PST', ...TIMES },
  { name: 'kernel-timestamp-TIMESTAMP_MICROS', ...TIMES, bytes: 3530 },
  {
    name: 'log-replay-special-characters-a',
    note: 'the one file is added and removed',
    version: 1,
    files: 0,
    bytes: 0,
    rows: 0,
    columns: ['intCol'],
  },
  { name: 'log-store-listFrom', note: 'files to list, no table', error: 'TABLE_NOT_FOUND', message: /no Delta log/ },
  { name: 'log-store-read', note: 'files to read, no table', error: 'TABLE_NOT_FOUND', message: /no Delta log/ },
  { name: 'parquet-all-types', version: 0, files: 1, bytes: 21057, rows: 200, protocol: [3, 7] },
  {
    name: 'parquet-decimal-dictionaries-v1',
    version: 0,
    files: 1,
    bytes: 4571289,
    rows: 1000000,
    columns: ['id', 'col1', 'col2', 'col3'],
  },
  {
    name: 'parquet-decimal-dictionaries-v2',
    version: 0,
    files: 1,
    bytes: 60952,
    rows: 1000000,
    columns: ['id', 'col1', 'col2', 'col3'],
  },
  { name: 'snapshot-data0', version: 0, files: 2, bytes: 1300, rows: 0, columns: ['col1', 'col2'] },
  { name: 'snapshot-data1', note: 'an append', version: 1, files: 4, bytes: 2598, rows: 0 },
  { name: 'snapshot-data2', note: 'an overwrite', version: 2, files: 2, bytes: 1298, rows: 0 },
  { name: 'snapshot-data3', note: 'an append', version: 3, files: 4, bytes: 2690, rows: 0 },
  {
    name: 'snapshot-data2-deleted',
    note: 'a DELETE, which rewrites files',
    version: 4,
    files: 3,
    bytes: 1740,
    rows: 0,
  },
  { name: 'snapshot-repartitioned', version: 5, files: 2, bytes: 1392, rows: 0 },
  {
    name: 'spark-variant-checkpoint',
    version: 2,
    files: 4,
    bytes: 24911,
    rows: 102,
    checkpoint: 2,
    protocol: [3, 7],
    unwritable: 'variantType-preview',
  },
  {
    name: 'table-with-columnmapping-mode-id',
    version: 0,
    files: 2,
    bytes: 35024,
    rows: 6,
    protocol: [2, 5],
    unwritable: 'columnMapping',
  },
  {
    name: 'table-with-columnmapping-mode-name',
    version: 0,
    files: 2,
    bytes: 35024,
    rows: 6,
    protocol: [2, 5],
    unwritable: 'columnMapping',
  },
  {
    name: 'time-travel-partition-changes-a',
    version: 0,
    files: 10,
    bytes: 4290,
    rows: 0,
    partitionedBy: ['part5'],
    columns: ['id', 'part5'],
  },
  {
    name: 'time-travel-partition-changes-b',
    note: 'an overwrite with other partition columns',
    version: 1,
    files: 4,
    bytes: 1758,
    rows: 0,
    partitionedBy: ['part2'],
    columns: ['id', 'part2'],
  },
  { name: 'time-travel-schema-changes-a', version: 0, files: 2, bytes: 900, rows: 0, columns: ['id'] },
  { name: 'time-travel-start-start20', version: 1, files: 4, bytes: 1802, rows: 0, columns: ['id'] },
  { name: 'type-widening', version: 2, files: 2, bytes: 7753, rows: 2, protocol: [3, 7] },
  {
    name: 'type-widening-nested',
    version: 2,
    files: 2,
    bytes: 2935,
    rows: 2,
    columns: ['struct', 'map', 'array'],
    protocol: [3, 7],
  },
  {
    name: 'update-deleted-directory',
    note: NO_SCHEMA,
    version: 0,
    files: 10,
    bytes: 10,
    rows: 0,
    columns: [],
    checkpoint: 0,
  },
];
