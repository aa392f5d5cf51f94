import type { CatalogColumn, CatalogStorage, CatalogTable } from './catalog.ts';
import { DELTA_PARAMETERS, DELTA_STORAGE, type TableDefinition } from './definition.ts';

export interface Merged {
  /** What is there, brought up to date; what others set in it is kept. */
  readonly table: CatalogTable;
  /** What is another than it was, for people; empty when nothing is. */
  readonly changes: readonly string[];
}

/**
 * Brings a table of the catalog to a definition. Columns are those of the definition in its order. Parameters, comments and
 * a description that the Delta table says nothing of are kept, as is everything else that others set.
 */
export function mergeTable(existing: CatalogTable, definition: TableDefinition): Merged {
  const changes: string[] = [];
  const { description } = definition;
  const storage = existing.StorageDescriptor ?? {};
  const { columns, keys } = mergeColumns(existing, definition.columns, changes);
  const parameters = mergeParameters(existing.Parameters ?? {}, definition.properties, changes);
  if (description !== undefined && description !== existing.Description) changes.push('description');
  const table: CatalogTable = {
    ...existing,
    TableType: 'EXTERNAL_TABLE',
    ...(description !== undefined && { Description: description }),
    Parameters: parameters,
    PartitionKeys: keys,
    StorageDescriptor: mergeStorage({ ...storage, Columns: columns }, definition.location, changes),
  };
  if (existing.TableType !== 'EXTERNAL_TABLE') changes.push(`table type: ${existing.TableType} -> EXTERNAL_TABLE`);
  return { table, changes };
}

/** A table that someone made with partition keys keeps them, as long as the Delta table has such columns. */
function mergeColumns(existing: CatalogTable, wanted: readonly CatalogColumn[], changes: string[]) {
  const oldColumns = existing.StorageDescriptor?.Columns ?? [];
  const oldKeys = existing.PartitionKeys ?? [];
  const known = new Map([...oldColumns, ...oldKeys].map((column) => [column.Name.toLowerCase(), column]));
  const merged = new Map(wanted.map((column) => [column.Name, mergeColumn(known.get(column.Name), column)]));
  const keyNames = new Set(oldKeys.map(({ Name }) => Name.toLowerCase()));
  const keys = [...keyNames].map((name) => merged.get(name)).filter((column) => column !== undefined);
  const columns = [...merged.values()].filter(({ Name }) => !keyNames.has(Name));
  const before = changes.length;
  for (const column of [...columns, ...keys]) {
    const change = columnChange(known.get(column.Name), column);
    if (change !== undefined) changes.push(change);
  }
  for (const name of known.keys()) if (!merged.has(name)) changes.push(`column ${name}: removed`);
  if (changes.length === before && namesOf(columns) !== namesOf(oldColumns)) changes.push('order of the columns');
  return { columns, keys };
}

function mergeColumn(old: CatalogColumn | undefined, { Name, Type, Comment }: CatalogColumn): CatalogColumn {
  const comment = Comment ?? old?.Comment;
  return {
    Name,
    Type,
    ...(comment !== undefined && { Comment: comment }),
    ...(old?.Parameters !== undefined && { Parameters: old.Parameters }),
  };
}

function columnChange(old: CatalogColumn | undefined, column: CatalogColumn): string | undefined {
  const { Name, Type, Comment } = column;
  if (old === undefined) return `column ${Name}: added, ${Type}`;
  if (old.Type !== Type) return `column ${Name}: ${old.Type} -> ${Type}`;
  if (old.Name !== Name) return `column ${old.Name}: named ${Name}`;
  // An empty comment is none.
  return (old.Comment ?? '') === (Comment ?? '') ? undefined : `column ${Name}: comment`;
}

function mergeParameters(
  old: Readonly<Record<string, string>>,
  properties: TableDefinition['properties'],
  changes: string[],
): Record<string, string> {
  const merged = new Map(Object.entries(old));
  for (const [name, value] of properties) {
    if (name in DELTA_PARAMETERS || merged.get(name) === value) continue;
    changes.push(`parameter ${name}: ${merged.get(name) ?? 'none'} -> ${value ?? 'none'}`);
    if (value === undefined) merged.delete(name);
    else merged.set(name, value);
  }
  for (const [name, value] of Object.entries(DELTA_PARAMETERS)) {
    // Athena and Spark write them in other cases.
    if (merged.get(name)?.toLowerCase() === value.toLowerCase()) continue;
    changes.push(`parameter ${name}: ${merged.get(name) ?? 'none'} -> ${value}`);
    merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

/** The classes of another engine are as good as ours; a table that has none gets them. */
function mergeStorage(storage: CatalogStorage, location: string, changes: string[]): CatalogStorage {
  const { InputFormat, OutputFormat, SerdeInfo = {} } = storage;
  const path = SerdeInfo.Parameters?.path;
  const isWhole = InputFormat && OutputFormat && SerdeInfo.SerializationLibrary;
  if (!isWhole) changes.push('classes of input, output and SerDe');
  if (path === undefined) changes.push(`path of the SerDe: ${location}`);
  return {
    ...storage,
    InputFormat: InputFormat || DELTA_STORAGE.InputFormat,
    OutputFormat: OutputFormat || DELTA_STORAGE.OutputFormat,
    SerdeInfo: {
      ...SerdeInfo,
      SerializationLibrary: SerdeInfo.SerializationLibrary || DELTA_STORAGE.SerializationLibrary,
      Parameters: { 'serialization.format': '1', ...SerdeInfo.Parameters, path: path ?? location },
    },
  };
}

function namesOf(columns: readonly CatalogColumn[]): string {
  return JSON.stringify(columns.map(({ Name }) => Name));
}
