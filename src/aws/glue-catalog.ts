import {
  AlreadyExistsException,
  ConcurrentModificationException,
  CreateDatabaseCommand,
  CreateTableCommand,
  EntityNotFoundException,
  GetTableCommand,
  GlueClient,
  type TableInput,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import type { Catalog, CatalogTable } from '../catalog/catalog.ts';
import { type ServiceAddress, serviceClientOptions } from './service-client.ts';

const PATIENCE = { connectTimeout: 2_000, responseTimeout: 30_000, maxAttempts: 6 };

/**
 * The fields of a table that an update may have (AWS Glue developer guide, "TableInput structure"); what it leaves out is
 * gone afterwards. The others are Glue's own.
 */
const INPUT_FIELDS = [
  'Name',
  'Description',
  'Owner',
  'LastAccessTime',
  'LastAnalyzedTime',
  'Retention',
  'StorageDescriptor',
  'PartitionKeys',
  'ViewOriginalText',
  'ViewExpandedText',
  'TableType',
  'Parameters',
  'TargetTable',
] as const satisfies readonly (keyof TableInput)[];

/**
 * The AWS Glue Data Catalog of the account and region. Needs `glue:GetTable`, `glue:CreateTable` and `glue:UpdateTable` on the
 * catalog, the databases and the tables, and `glue:CreateDatabase` where databases are made.
 */
export function createGlueCatalog({ region, endpoint }: ServiceAddress = {}): Catalog {
  const client = new GlueClient(serviceClientOptions({ region, endpoint }, PATIENCE));
  return {
    async getTable(database, name) {
      try {
        const { Table } = await client.send(new GetTableCommand({ DatabaseName: database, Name: name }));
        return Table as CatalogTable | undefined;
      } catch (error) {
        if (error instanceof EntityNotFoundException) return undefined;
        throw failure(`for the table ${database}.${name}`, error);
      }
    },
    async createTable(database, table) {
      try {
        await client.send(new CreateTableCommand({ DatabaseName: database, TableInput: toInput(table) }));
        return 'created';
      } catch (error) {
        if (error instanceof AlreadyExistsException) return 'exists';
        if (error instanceof EntityNotFoundException) return 'noDatabase';
        throw failure(`to make the table ${database}.${table.Name}`, error);
      }
    },
    async updateTable(database, table) {
      try {
        await client.send(
          new UpdateTableCommand({
            DatabaseName: database,
            TableInput: toInput(table),
            // Versions are a quota of the account, 1,000,000, and a Delta table keeps its own history.
            SkipArchive: true,
            ...(table.VersionId !== undefined && { VersionId: table.VersionId }),
          }),
        );
        return 'updated';
      } catch (error) {
        if (error instanceof ConcurrentModificationException || error instanceof EntityNotFoundException) {
          return 'changed';
        }
        throw failure(`to change the table ${database}.${table.Name}`, error);
      }
    },
    async createDatabase(name) {
      try {
        await client.send(new CreateDatabaseCommand({ DatabaseInput: { Name: name } }));
      } catch (error) {
        if (!(error instanceof AlreadyExistsException)) throw failure(`to make the database ${name}`, error);
      }
    },
  };
}

function toInput(table: CatalogTable): TableInput {
  const fields = INPUT_FIELDS.flatMap((name) => {
    const value = table[name];
    return value === undefined || value === null ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(fields), Name: table.Name };
}

function failure(what: string, cause: unknown): Error {
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new Error(`AWS Glue could not be asked ${what}: ${reason}`, { cause });
}
