import type { Catalog, CatalogTable } from '../../src/catalog/catalog.ts';

export interface MemoryCatalog extends Catalog {
  /** By `database.table`. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  readonly databases: Set<string>;
  /** What was asked, as `getTable db.table`. */
  readonly requests: string[];
  /** Puts a table there, as someone else does. */
  put(database: string, table: CatalogTable): void;
}

/**
 * Glue's catalog as far as races go, in which updates of other versions than the newest fail. The
 * real one is asked in test/aws/glue-catalog.test.ts.
 */
export function createMemoryCatalog(): MemoryCatalog {
  const tables = new Map<string, CatalogTable>();
  const databases = new Set<string>();
  const requests: string[] = [];
  const put = (database: string, table: CatalogTable) => {
    const key = `${database}.${table.Name}`;
    const VersionId = String(Number(tables.get(key)?.VersionId ?? '0') + 1);
    tables.set(key, structuredClone({ ...table, VersionId }));
  };
  return {
    tables,
    databases,
    requests,
    put,
    async getTable(database, name) {
      requests.push(`getTable ${database}.${name}`);
      return structuredClone(tables.get(`${database}.${name}`));
    },
    async createTable(database, table) {
      requests.push(`createTable ${database}.${table.Name}`);
      if (!databases.has(database)) return 'noDatabase';
      if (tables.has(`${database}.${table.Name}`)) return 'exists';
      put(database, table);
      return 'created';
    },
    async updateTable(database, table) {
      requests.push(`updateTable ${database}.${table.Name}`);
      if (tables.get(`${database}.${table.Name}`)?.VersionId !== table.VersionId) return 'changed';
      put(database, table);
      return 'updated';
    },
    async createDatabase(name) {
      requests.push(`createDatabase ${name}`);
      databases.add(name);
    },
  };
}
