import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api';
import type { StructType } from '../../delta/schema.ts';
import { EngineError, fromDuckDb } from './errors.ts';
import { quoteText } from './sql-text.ts';
import { deltaSchema } from './types.ts';

/** DuckDB's library: some 60 MB of native code, which only a step that computes pays for. */
export type DuckDb = typeof import('@duckdb/node-api');

export interface DatabaseOptions {
  /** The only folder that queries can reach. Absolute. */
  readonly folder: string;
  /** Bytes. */
  readonly memoryLimit: number;
  /** Bytes that may be spilled to the folder. */
  readonly spillLimit: number;
  readonly threads: number;
}

/** A connection to a database of its own in memory. */
export interface Database {
  readonly duckdb: DuckDb;
  readonly instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
  /** Bytes of rows in memory that make a row group of a file, unless it has 122,880 rows before. */
  readonly rowGroupBytes: number;
}

/** A row group is held by each thread, and as what it becomes. */
const ROW_GROUP_SHARE = 8;
const MAX_ROW_GROUP_BYTES = 64 * 1024 * 1024;

/**
 * Opens a database that reaches nothing but its folder, loads no extensions, and whose settings can be changed by no query.
 * It spills to the folder what does not fit its memory. Timestamps are in UTC.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const duckdb = await import('@duckdb/node-api');
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(options.memoryLimit / 1024)}KiB`,
    threads: String(options.threads),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    // Rows have no order unless a query gives them one; to keep that of the files takes memory.
    preserve_insertion_order: 'false',
  });
  try {
    const connection = await instance.connect();
    for (const setting of [
      // Given to `create`, the limit is shown, and not kept.
      `temp_directory = ${quoteText(`${options.folder}/spill`)}`,
      `max_temp_directory_size = '${Math.floor(options.spillLimit / 1024)}KiB'`,
      `allowed_directories = [${quoteText(`${options.folder}/`)}]`,
      'enable_external_access = false',
      "TimeZone = 'UTC'",
      'lock_configuration = true',
    ]) {
      await connection.run(`SET ${setting}`);
    }
    const share = Math.floor(options.memoryLimit / ROW_GROUP_SHARE / options.threads);
    return { duckdb, instance, connection, rowGroupBytes: Math.min(MAX_ROW_GROUP_BYTES, share) };
  } catch (error) {
    instance.closeSync();
    throw fromDuckDb(error, 'Opening DuckDB');
  }
}

export function closeDatabase({ connection, instance }: Database): void {
  connection.closeSync();
  instance.closeSync();
}

/** Columns of a query, without running it. Throws EngineError `SQL` for what is no single SELECT, and as `deltaType` does. */
export async function describeQuery({ duckdb, connection }: Database, sql: string, what: string): Promise<StructType> {
  const statement = await prepareSelect({ duckdb, connection }, sql, what);
  try {
    const columns = Array.from({ length: statement.columnCount }, (_, index) => ({
      name: statement.columnName(index),
      type: statement.columnType(index),
    }));
    assertDistinct(columns, what);
    return deltaSchema(duckdb.DuckDBTypeId, columns);
  } finally {
    statement.destroySync();
  }
}

/** Throws EngineError `SQL` for what is no single SELECT. It keeps a text from being more than a part of what it is put into. */
export async function assertSelect(database: Database, sql: string, what: string): Promise<void> {
  (await prepareSelect(database, sql, what)).destroySync();
}

async function prepareSelect(
  { duckdb, connection }: Pick<Database, 'duckdb' | 'connection'>,
  sql: string,
  what: string,
): Promise<DuckDBPreparedStatement> {
  try {
    const { count } = await connection.extractStatements(sql);
    if (count !== 1) throw new EngineError('SQL', `${what} has ${count} statements, expected one SELECT`, { sql });
    const statement = await connection.prepare(sql);
    if (statement.statementType === duckdb.StatementType.SELECT && statement.parameterCount === 0) return statement;
    statement.destroySync();
  } catch (error) {
    throw fromDuckDb(error, what, { sql });
  }
  throw new EngineError('SQL', `${what} is no SELECT, or has parameters: ${sql}`, { sql });
}

/** Names of columns differ from each other beyond their case (PROTOCOL.md "Schema Serialization Format"). */
function assertDistinct(columns: readonly { readonly name: string }[], what: string): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) throw new EngineError('SQL', `${what} has the column "${name}" twice`, { column: name });
    seen.add(folded);
  }
}
