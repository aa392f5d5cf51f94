/** A column as the Glue API has it ("Column structure"). */
export interface CatalogColumn {
  /** In lower case. */
  readonly Name: string;
  /** A Hive type: `array<struct<a:int>>`. */
  readonly Type?: string | undefined;
  readonly Comment?: string | undefined;
  readonly Parameters?: Readonly<Record<string, string>> | undefined;
}

/** Where and how a table's files lie ("StorageDescriptor structure"). Other fields are kept as they came. */
export interface CatalogStorage {
  readonly Columns?: readonly CatalogColumn[] | undefined;
  readonly Location?: string | undefined;
  readonly InputFormat?: string | undefined;
  readonly OutputFormat?: string | undefined;
  readonly SerdeInfo?:
    | {
        readonly SerializationLibrary?: string | undefined;
        readonly Parameters?: Readonly<Record<string, string>> | undefined;
        readonly [field: string]: unknown;
      }
    | undefined;
  readonly [field: string]: unknown;
}

/** A table as the Glue API has it ("Table structure"). Other fields are kept as they came. */
export interface CatalogTable {
  readonly Name: string;
  /** Changed by every update; undefined for a table that is to be made. */
  readonly VersionId?: string | undefined;
  readonly Description?: string | undefined;
  readonly TableType?: string | undefined;
  readonly Parameters?: Readonly<Record<string, string>> | undefined;
  readonly PartitionKeys?: readonly CatalogColumn[] | undefined;
  readonly StorageDescriptor?: CatalogStorage | undefined;
  /** Of a link to a table of another catalog or database. */
  readonly TargetTable?: { readonly DatabaseName?: string | undefined; readonly Name?: string | undefined } | undefined;
  readonly [field: string]: unknown;
}

/** A catalog of tables: AWS Glue's, see `src/aws/glue-catalog.ts`. Each throws what keeps it from answering. */
export interface Catalog {
  /** Undefined where there is no such table, or no such database. */
  getTable(database: string, name: string): Promise<CatalogTable | undefined>;
  /** Makes a table where there is none of its name. */
  createTable(database: string, table: CatalogTable): Promise<'created' | 'exists' | 'noDatabase'>;
  /** Replaces a table if it still has the version of `table`; keeps no older version of it. */
  updateTable(database: string, table: CatalogTable): Promise<'updated' | 'changed'>;
  /** Makes a database where there is none of its name. */
  createDatabase(name: string): Promise<void>;
}
