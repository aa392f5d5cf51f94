import type { CheckpointReader } from '../delta/checkpoint.ts';
import { backOff } from '../delta/commit.ts';
import { loadSnapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import type { Catalog, CatalogTable } from './catalog.ts';
import { defineTable, isSameLocation, newTable } from './definition.ts';
import { CatalogError } from './errors.ts';
import { mergeTable } from './merge.ts';
import type { CatalogName } from './names.ts';

export interface SyncEngine {
  readonly catalog: Catalog;
  readonly reader: CheckpointReader;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
}

export interface SyncOptions {
  /** Whether a database that is not there is made. */
  readonly createDatabase: boolean;
  /** Table properties that become parameters. */
  readonly properties: readonly string[];
  /** Only say what would be done. @default false */
  readonly dryRun?: boolean;
}

export interface SyncResult {
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** Version of the Delta table that the catalog describes now. */
  readonly version: number;
  /** What was another than it is, for people; empty for a table that was made. */
  readonly changes: readonly string[];
}

/** Others change a table in Glue with schema changes only: so often in a row is a fault. */
const MAX_ATTEMPTS = 8;

/**
 * Brings the catalog up to date with a Delta table: makes the table there, or changes what differs; costs one request to
 * Glue when nothing does. May be repeated, and run beside itself.
 *
 * The catalog is looked at first and the log read afterwards, and the update is made on the version that was looked at only:
 * so what others wrote from a newer log is never replaced by what an older one says.
 *
 * Throws CatalogError, the errors of `loadSnapshot`, and the catalog's.
 */
export async function syncTable(
  engine: SyncEngine,
  table: TableRef,
  name: CatalogName,
  options: SyncOptions,
): Promise<SyncResult> {
  const { catalog, reader } = engine;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (attempt > 0) await engine.sleep(backOff(attempt, engine.random));
    const existing = await catalog.getTable(name.database, name.table);
    const definition = defineTable(await loadSnapshot(table, reader), options.properties);
    const { version, location } = definition;
    if (existing === undefined) {
      const made = { outcome: 'created', version, changes: [] } as const;
      if (options.dryRun === true) return made;
      if (await create(catalog, name, newTable(name.table, definition), options)) return made;
      continue;
    }
    assertSameTable(existing, name, location);
    const { table: merged, changes } = mergeTable(existing, definition);
    if (changes.length === 0) return { outcome: 'unchanged', version, changes };
    const updated = { outcome: 'updated', version, changes } as const;
    if (options.dryRun === true) return updated;
    if ((await catalog.updateTable(name.database, merged)) === 'updated') return updated;
  }
  throw new CatalogError(
    'CONTENTION',
    `${fullName(name)} was changed in Glue by others each of the ${MAX_ATTEMPTS} times that ${table.url} was to be synced`,
  );
}

/** False when someone else made it meanwhile. */
async function create(
  catalog: Catalog,
  name: CatalogName,
  table: CatalogTable,
  { createDatabase }: SyncOptions,
): Promise<boolean> {
  const outcome = await catalog.createTable(name.database, table);
  if (outcome !== 'noDatabase') return outcome === 'created';
  if (!createDatabase) {
    throw new CatalogError(
      'NO_DATABASE',
      `Glue has no database ${name.database} for the table ${name.table}: make it, or set createDatabase`,
    );
  }
  await catalog.createDatabase(name.database);
  return (await catalog.createTable(name.database, table)) === 'created';
}

/** Throws CatalogError unless the catalog's table is the Delta table at the location. */
function assertSameTable(existing: CatalogTable, name: CatalogName, location: string): void {
  const { TargetTable: target, StorageDescriptor: storage, Parameters: parameters = {} } = existing;
  const other = target ? `a link to ${target.DatabaseName}.${target.Name}` : storage?.Location;
  if (!isSameLocation(other, location)) {
    throw new CatalogError(
      'NAME_TAKEN',
      `${fullName(name)} is in Glue already, as ${other || 'something without a location'}: ${location} was left out. ` +
        'Give one of them another name in the rules of the catalog, or drop the one in Glue',
    );
  }
  const type = parameters.table_type?.toLowerCase();
  const provider = parameters['spark.sql.sources.provider']?.toLowerCase();
  if ([type, provider].includes('delta') && [undefined, 'delta'].includes(type)) return;
  throw new CatalogError(
    'NOT_DELTA',
    `${fullName(name)} is in Glue as another kind of table at ${location} (table_type ${type ?? 'none'}, provider ` +
      `${provider ?? 'none'}): expected a Delta table. Drop it in Glue, or register the Delta table under another name`,
  );
}

export function fullName({ database, table }: CatalogName): string {
  return `${database}.${table}`;
}
