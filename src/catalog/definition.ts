import type { Snapshot } from '../delta/snapshot.ts';
import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { oneLine, shorten, toColumn } from './glue-types.ts';

/** What the catalog is to say of a Delta table. */
export interface TableDefinition {
  /** Version of the Delta table. */
  readonly version: number;
  /** `s3://bucket/prefix/` */
  readonly location: string;
  /** All columns in the order of the schema, those of the partitions included. */
  readonly columns: readonly CatalogColumn[];
  /** Undefined where the table has none. */
  readonly description: string | undefined;
  /** The chosen properties; undefined for those that the table has not. */
  readonly properties: ReadonlyMap<string, string | undefined>;
}

/** "Description string, not more than 2048 bytes long" (AWS Glue developer guide, "Table API"). */
const MAX_DESCRIPTION_BYTES = 2_048;

/**
 * What makes a table in Glue a native Delta table. `table_type` is what Athena's `CREATE EXTERNAL TABLE … TBLPROPERTIES
 * ('table_type' = 'DELTA')` sets (Athena user guide, "Get started with Delta Lake tables"), `spark.sql.sources.provider` what
 * Spark, EMR and Trino look at ("Synchronize Delta Lake metadata", where `EXTERNAL` is too); `classification` is what Glue's
 * console and jobs show.
 */
export const DELTA_PARAMETERS: Readonly<Record<string, string>> = {
  EXTERNAL: 'TRUE',
  table_type: 'DELTA',
  'spark.sql.sources.provider': 'delta',
  classification: 'delta',
};

/**
 * The classes that Delta tables of Spark have in a Hive metastore: Hive's own defaults. Engines that know Delta do not use
 * them; a listing through a Hive metastore, such as catalog federation, fails on a table without (apache/incubator-xtable,
 * pull request 940).
 */
export const DELTA_STORAGE = {
  InputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
  OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
  SerializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
} as const;

/** Describes a table for the catalog. `chosen` are the names of properties. Throws CatalogError. */
export function defineTable(snapshot: Snapshot, chosen: readonly string[]): TableDefinition {
  const { table, metadata, schema, version } = snapshot;
  const description = metadata.description?.trim() ?? '';
  return {
    version,
    location: `${table.url.replace(/\/+$/, '')}/`,
    columns: schema.fields.map(toColumn),
    description: description === '' ? undefined : cut(description),
    properties: new Map(chosen.map((name) => [name, metadata.configuration[name]])),
  };
}

/**
 * The table to be made. Partition columns are columns like others, and `"PartitionKeys": []` (Athena user guide, "Synchronize
 * Delta Lake metadata"): with keys, readers of Hive tables would look for partitions in Glue, of which a Delta table has none.
 */
export function newTable(name: string, { location, columns, description, properties }: TableDefinition): CatalogTable {
  const chosen = [...properties].flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return {
    Name: name,
    TableType: 'EXTERNAL_TABLE',
    ...(description !== undefined && { Description: description }),
    Parameters: { ...Object.fromEntries(chosen), ...DELTA_PARAMETERS },
    PartitionKeys: [],
    StorageDescriptor: {
      Columns: columns,
      Location: location,
      InputFormat: DELTA_STORAGE.InputFormat,
      OutputFormat: DELTA_STORAGE.OutputFormat,
      SerdeInfo: {
        SerializationLibrary: DELTA_STORAGE.SerializationLibrary,
        // Spark takes the location of a data source table from here (`HiveExternalCatalog.restoreDataSourceTable`).
        Parameters: { 'serialization.format': '1', path: location },
      },
    },
  };
}

/** Whether two locations are one: with or without a slash at the end, under any of Hadoop's names for S3. */
export function isSameLocation(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && normalLocation(a) === normalLocation(b);
}

function normalLocation(location: string): string {
  return location.replace(/^s3[an]:\/\//, 's3://').replace(/\/+$/, '');
}

/** Glue's "URI address multi-line string pattern" has line breaks, and no other control characters but the tabulator. */
function cut(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map(oneLine);
  return shorten(lines.join('\n'), MAX_DESCRIPTION_BYTES);
}
