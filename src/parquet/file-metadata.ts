import { ParquetError } from './errors.ts';
import type { ColumnOrder, Footer } from './footer.ts';
import { type RowGroup, type RowGroupContext, readRowGroup } from './row-group.ts';
import { type FileSchema, MAX_SCHEMA_ELEMENTS, readSchema } from './schema-node.ts';
import {
  type FieldReader,
  readBinary,
  readCount,
  readList,
  readStruct,
  skip,
  type ThriftCursor,
  thriftCursor,
  WIRE,
} from './thrift.ts';

/**
 * Reads the `FileMetaData` that a footer is (parquet.thrift). `dataEnd` is where the footer starts in the file; undefined
 * if not known. Throws a `ParquetError`.
 */
export function readFileMetadata(bytes: Uint8Array, dataEnd: number | undefined): Footer {
  const cursor = thriftCursor(bytes);
  const metadata: FileMetadata = {
    schema: undefined,
    rowCount: undefined,
    rowGroups: 0,
    columnOrders: [],
    createdBy: '',
    writtenBySpark: false,
    sparkVersion: undefined,
    legacyDates: false,
  };
  readStruct(cursor, WIRE.STRUCT, metadata, readFileMetadataField);
  const { schema, rowCount, columnOrders, createdBy, writtenBySpark } = metadata;
  if (schema === undefined) throw new ParquetError('CORRUPT', 'the footer has no schema');
  if (rowCount === undefined) throw new ParquetError('CORRUPT', 'the footer does not say how many rows the file has');
  const { root, columns } = schema;
  const unreadable = new Map<number, string>();
  const rowGroups =
    metadata.rowGroups === 0 ? [] : readRowGroups(bytes, metadata.rowGroups, { columns, dataEnd, unreadable });
  let rows = 0;
  for (const group of rowGroups) rows += group.rowCount;
  if (rows !== rowCount) {
    throw new ParquetError('CORRUPT', `the footer says ${rowCount} rows, its row groups have ${rows}`);
  }
  const legacyCalendar = isLegacy(metadata);
  return {
    rowCount,
    root,
    columns,
    rowGroups,
    unreadable,
    columnOrders,
    createdBy,
    writtenBySpark,
    legacyCalendar,
    bytes,
  };
}

interface FileMetadata {
  schema: FileSchema | undefined;
  rowCount: number | undefined;
  /** Where the row groups stand: they can be read only once the schema is known, whatever the order of the fields. */
  rowGroups: number;
  columnOrders: ColumnOrder[];
  createdBy: string;
  writtenBySpark: boolean;
  /** Undefined for Spark 2, which does not write it, and for other writers. */
  sparkVersion: string | undefined;
  legacyDates: boolean;
}

/** Most row groups. It bounds the memory that a hostile footer can claim. */
const MAX_ROW_GROUPS = 100_000;
/** Longest text of interest: a writer's name and version, the key of a key-value pair. */
const MAX_TEXT_BYTES = 256;

function readRowGroups(bytes: Uint8Array, position: number, context: RowGroupContext): readonly RowGroup[] {
  const rowGroups: RowGroup[] = [];
  readList(thriftCursor(bytes, position), WIRE.LIST, (cursor, type, index) => {
    if (index >= MAX_ROW_GROUPS) {
      throw new ParquetError('FOOTER_TOO_LARGE', `the file has more than ${MAX_ROW_GROUPS} row groups`);
    }
    rowGroups.push(readRowGroup(cursor, type, context));
  });
  return rowGroups;
}

const readFileMetadataField: FieldReader<FileMetadata> = (cursor, id, type, metadata) => {
  switch (id) {
    case 2:
      metadata.schema = readSchema(cursor, type);
      return true;
    case 3:
      metadata.rowCount = readCount(cursor, type);
      return true;
    case 4:
      metadata.rowGroups = cursor.offset;
      skip(cursor, type);
      return true;
    case 5:
      readList(cursor, type, (itemCursor, itemType) => readKeyValue(itemCursor, itemType, metadata));
      return true;
    case 6:
      metadata.createdBy = latin1(readBinary(cursor, type));
      return true;
    case 7:
      readList(cursor, type, (itemCursor, itemType, index) => {
        if (index >= MAX_SCHEMA_ELEMENTS) throw new ParquetError('CORRUPT', 'the footer has too many column orders');
        metadata.columnOrders.push(readStruct(itemCursor, itemType, newOrder(), readOrderField).order);
      });
      return true;
    default:
      return false;
  }
};

const ORDERS: readonly ColumnOrder[] = [undefined, 'TYPE', 'IEEE_754_TOTAL', 'INT96_TIMESTAMP'];

function newOrder(): { order: ColumnOrder } {
  return { order: undefined };
}

/** The order is a union of empty structs: which field is there says it all. */
const readOrderField: FieldReader<{ order: ColumnOrder }> = (_cursor, id, _type, target) => {
  target.order = ORDERS[id] ?? 'UNKNOWN';
  return false;
};

/** Keys that Spark writes into the footer (Spark, `SparkVersion` and `DataSourceUtils`). */
const SPARK_SCHEMA_KEY = 'org.apache.spark.sql.parquet.row.metadata';
const SPARK_VERSION_KEY = 'org.apache.spark.version';
const SPARK_LEGACY_KEYS: ReadonlySet<string> = new Set([
  'org.apache.spark.legacyDateTime',
  'org.apache.spark.legacyINT96',
]);

interface KeyValue {
  key: Uint8Array | undefined;
  value: Uint8Array | undefined;
}

/** Values can be long (Arrow and pandas schemas), so only those of interest are decoded. */
function readKeyValue(cursor: ThriftCursor, type: number, metadata: FileMetadata): void {
  const { key, value } = readStruct(cursor, type, { key: undefined, value: undefined } as KeyValue, readKeyValueField);
  if (key === undefined) return;
  const name = latin1(key);
  if (name === SPARK_VERSION_KEY && value !== undefined) metadata.sparkVersion = latin1(value);
  if (SPARK_LEGACY_KEYS.has(name)) metadata.legacyDates = true;
  if (name === SPARK_SCHEMA_KEY) metadata.writtenBySpark = true;
}

const readKeyValueField: FieldReader<KeyValue> = (cursor, id, type, pair) => {
  if (id === 1) pair.key = readBinary(cursor, type);
  else if (id === 2) pair.value = readBinary(cursor, type);
  else return false;
  return true;
};

/** Spark 2, which writes no version, always used the hybrid calendar; later versions only when told to, and then say so. */
function isLegacy({ writtenBySpark, sparkVersion, legacyDates }: FileMetadata): boolean {
  return legacyDates || (writtenBySpark && (sparkVersion === undefined || /^[0-2]\./.test(sparkVersion)));
}

/** Text that is ASCII where it is of interest. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, MAX_TEXT_BYTES));
}
