import type { StructType } from '../../delta/schema.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { Relation, RelationFile } from '../engine.ts';
import type { Database } from './duckdb.ts';
import { fromDuckDb } from './errors.ts';
import { type InputFile, type InputFolder, unreadable } from './input-files.ts';
import { layoutKey, readColumns, readProblems } from './read-columns.ts';
import { CHANGE_TYPE, createConstants, createMarks } from './relation-tables.ts';
import { quoteName, quoteText } from './sql-text.ts';
import { duckDbType } from './types.ts';

/** Files that are fetched at once: each holds a piece of a few MiB. */
const FETCHES = 4;

/** Holds of which file a row is; no column of a table has the name. */
const FILE_NAME = '__resaca_file';
/** What is read from; names that no column has, which DuckDB would take for structs. */
const FILES = '__resaca_f';
const CONSTANTS = '__resaca_c';
const MARKS = '__resaca_m';

/** A file as it stands in a relation: the same one may be there as inserted rows and as deleted ones. */
interface Occurrence {
  /** Position among the relation's files. */
  readonly id: number;
  readonly file: RelationFile;
  readonly input: InputFile;
}

/** Occurrences that one query reads. */
interface FileGroup {
  readonly id: number;
  readonly rows: 'all' | 'unmarked' | 'marked' | 'recorded';
  readonly members: readonly Occurrence[];
}

/** Names of the tables of a relation. */
interface RelationTables {
  readonly constants: string;
  readonly marks: string;
}

/**
 * Makes a view of a relation: fetches its files, and puts those that are read alike into one query each. Throws EngineError
 * (`FILE_GONE`, `UNREADABLE_FILE`, `DISK_FULL`, ...) with the table and the path, and the store's errors.
 */
export async function createRelation(
  database: Database,
  inputs: InputFolder,
  relation: Relation,
  serial: number,
): Promise<void> {
  const occurrences = await mapConcurrently(relation.files, FETCHES, async (file, id) => {
    const input = await inputs.fetch(file);
    checkFile(relation, file, input);
    return { id, file, input };
  });
  const tables = { constants: `__resaca_files_${serial}`, marks: `__resaca_rows_${serial}` };
  const groups = groupFiles(occurrences);
  try {
    const constants = await createConstants(database, relation, groups, tables.constants);
    await createMarks(database, occurrences, tables.marks);
    const queries: string[] = [];
    for (const group of groups) queries.push(await groupQuery(database, relation, group, tables, constants));
    const query = queries.length === 0 ? emptyQuery(relation) : queries.join(' UNION ALL ');
    await database.connection.run(`CREATE TEMP VIEW ${quoteName(relation.name)} AS ${query}`);
  } catch (error) {
    throw fromDuckDb(error, `Reading the relation "${relation.name}"`, { relation: relation.name });
  }
}

/** Columns that are in the files: those of partitions are in the log. */
function storedSchema({ schema, partitionColumns }: Relation, recorded: boolean): StructType {
  const partitions = new Set(partitionColumns.map((name) => name.toLowerCase()));
  const fields = schema.fields.filter(({ name }) => !partitions.has(name.toLowerCase()));
  const change = { name: CHANGE_TYPE, type: 'string', nullable: true, metadata: {} } as const;
  return { type: 'struct', fields: recorded ? [...fields, change] : fields };
}

function checkFile(
  relation: Relation,
  { table, path, partitionValues, rows }: RelationFile,
  { footer }: InputFile,
): void {
  const problems = readProblems(footer, storedSchema(relation, rows.kind === 'recorded'));
  if (problems.length > 0) throw unreadable(table, path, problems.join('; '));
  const other = Object.keys(partitionValues).find((name) => !relation.partitionColumns.includes(name));
  if (other !== undefined) throw unreadable(table, path, `it is partitioned by "${other}", and the table is not`);
}

function groupFiles(occurrences: readonly Occurrence[]): readonly FileGroup[] {
  const groups = Map.groupBy(occurrences, ({ file, input }) => `${rowsOf(file)} ${layoutKey(input.footer)}`);
  return Array.from(groups.values(), (members, id) => {
    const [first] = members;
    return { id, rows: first === undefined ? 'all' : rowsOf(first.file), members };
  });
}

function rowsOf({ rows }: RelationFile): FileGroup['rows'] {
  if (rows.kind === 'difference') return 'marked';
  if (rows.kind === 'recorded') return 'recorded';
  return rows.deletionVector === undefined ? 'all' : 'unmarked';
}

/** The rows of a group, with the columns of the relation. */
async function groupQuery(
  database: Database,
  relation: Relation,
  { id, rows, members }: FileGroup,
  tables: RelationTables,
  constants: ReadonlyMap<string, string>,
): Promise<string> {
  const [first] = members;
  if (first === undefined) return emptyQuery(relation);
  const withRows = rows === 'marked' || rows === 'unmarked';
  if (withRows) assertCountsRows(first);
  const source = readParquet(members, withRows);
  const values = storedValues(first, storedSchema(relation, rows === 'recorded'), await columnsOf(database, source));
  const constant = (name: string) => `${CONSTANTS}.${constants.get(name) ?? quoteName(name)}`;
  const selected = relation.schema.fields.map(
    ({ name }) => `${values.get(name) ?? constant(name)} AS ${quoteName(name)}`,
  );
  for (const { name } of relation.extras) {
    const own = name !== CHANGE_TYPE ? undefined : rows === 'marked' ? `${MARKS}.change` : values.get(name);
    selected.push(`${own ?? constant(name)} AS ${quoteName(name)}`);
  }
  // The name of a file is its index: see `fetchFile`.
  const index = `CAST(parse_filename(${FILES}.${FILE_NAME}, true) AS INTEGER)`;
  const isMarked = `${MARKS}.id = ${CONSTANTS}.id AND ${MARKS}."row" = ${FILES}.file_row_number`;
  return [
    `SELECT ${selected.join(', ')} FROM ${source} ${FILES}`,
    `JOIN ${tables.constants} ${CONSTANTS} ON ${CONSTANTS}.file = ${index}`,
    ...(rows === 'marked' ? [`JOIN ${tables.marks} ${MARKS} ON ${isMarked}`] : []),
    ...(rows === 'unmarked' ? [`ANTI JOIN ${tables.marks} ${MARKS} ON ${isMarked}`] : []),
    `WHERE ${CONSTANTS}."group" = ${id}`,
  ].join(' ');
}

/** DuckDB numbers rows in a column that files may have themselves. */
function assertCountsRows({ file, input }: Occurrence): void {
  const taken = input.footer.root.children.find(({ name }) => name.toLowerCase() === 'file_row_number');
  if (taken === undefined) return;
  throw unreadable(file.table, file.path, `rows of it are deleted, and it has a column "${taken.name}"`);
}

/** Expressions by the columns of the files. */
function storedValues(
  { file, input }: Occurrence,
  stored: StructType,
  columns: Awaited<ReturnType<typeof columnsOf>>,
): ReadonlyMap<string, string> {
  const values = readColumns(FILES, input.footer, stored, columns);
  return new Map(
    stored.fields.map(({ name }, index) => {
      const value = values[index];
      if (value !== undefined) return [name, value];
      throw unreadable(file.table, file.path, `its column "${name}" has texts where the table has binary values`);
    }),
  );
}

function readParquet(members: readonly Occurrence[], withRows: boolean): string {
  const paths = [...new Set(members.map(({ input }) => input.local))].map(quoteText).join(', ');
  const options = `filename = '${FILE_NAME}', hive_partitioning = false, file_row_number = ${withRows}`;
  return `read_parquet([${paths}], ${options})`;
}

async function columnsOf({ connection }: Database, source: string) {
  const result = await connection.run(`SELECT * FROM ${source} LIMIT 0`);
  return new Map(result.columnNames().map((name, index) => [name, result.columnType(index)]));
}

function emptyQuery({ schema, extras }: Relation): string {
  const columns = [...schema.fields, ...extras].map(
    ({ name, type }) => `CAST(NULL AS ${duckDbType(type, name)}) AS ${quoteName(name)}`,
  );
  return `SELECT ${columns.join(', ')} WHERE false`;
}
