import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FunctionStatement } from '../engine.ts';
import { assertSelect, type Database, describeQuery } from './duckdb.ts';
import { EngineError, fromDuckDb } from './errors.ts';
import { isPlainObject, type Row, readerOf, writerOf } from './row-values.ts';
import { quoteName } from './sql-text.ts';
import { duckDbType } from './types.ts';

/** What a function is told beside the rows. */
export type TransformContext = Readonly<Record<string, unknown>>;

/**
 * What a module of a transform exports as `transform`: it gets some thousand rows at a time, in no order, and gives any number of
 * rows of the declared columns for them; a column that a row lacks is null. It may be called again with the same rows, after a
 * failure or a lost race, so that what it does must depend on nothing else.
 */
export type TransformFunction = (
  rows: readonly Row[],
  context: TransformContext,
) => readonly Row[] | Promise<readonly Row[]>;

/** Rows that a function gets at a time. */
const CHUNK_ROWS = 4_096;
/** Rows of a chunk that is appended (DuckDB's vector size). */
const APPENDED_ROWS = 2_048;

/**
 * Runs a module's function over the rows of a query into a table. Throws EngineError `FUNCTION` for a module or a function that
 * fails, and for rows that are none of the columns; `SQL` for the query.
 */
export async function createFunctionTable(database: Database, statement: FunctionStatement): Promise<void> {
  const { name, sql, schema, module, context } = statement;
  const { connection, instance, duckdb } = database;
  const what = `The function of ${module}`;
  const transform = await loadFunction(module);
  await assertSelect(database, sql, `The rows for ${module}`);
  const input = await describeQuery(database, sql, `The rows for ${module}`);
  const readers = input.fields.map((field) => ({ name: field.name, read: readerOf(duckdb, field.type) }));
  const table = await createTable(database, statement);
  // Of its own: what a connection streams ends with its next statement.
  const writing = await instance.connect();
  try {
    const appender = await writing.createAppender(name);
    try {
      const write = async (rows: Row[]) => {
        const result = await callFunction(transform, rows, { what, context });
        for (let start = 0; start < result.length; start += APPENDED_ROWS) {
          appender.appendDataChunk(table.chunkOf(result.slice(start, start + APPENDED_ROWS), what));
        }
      };
      let rows: Row[] = [];
      const result = await connection.stream(sql);
      for await (const values of result.yieldRows()) {
        for (const row of values) {
          rows.push(Object.fromEntries(readers.map(({ name, read }, index) => [name, read(row[index] ?? null)])));
        }
        if (rows.length < CHUNK_ROWS) continue;
        await write(rows);
        rows = [];
      }
      if (rows.length > 0) await write(rows);
      appender.flushSync();
    } finally {
      appender.closeSync();
    }
  } catch (error) {
    throw fromDuckDb(error, what, { statement: name, module, schema: schema.fields.map((field) => field.name) });
  } finally {
    writing.closeSync();
  }
}

async function loadFunction(module: string): Promise<TransformFunction> {
  let loaded: { readonly transform?: unknown };
  try {
    loaded = await import(isAbsolute(module) ? pathToFileURL(module).href : module);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('FUNCTION', `The module ${module} cannot be loaded: ${reason}`, { module }, { cause });
  }
  const { transform } = loaded;
  if (typeof transform === 'function') return transform as TransformFunction;
  const message = `The module ${module} exports no function "transform": its export is ${typeof transform}`;
  throw new EngineError('FUNCTION', message, { module });
}

async function callFunction(
  transform: TransformFunction,
  rows: readonly Row[],
  { what, context }: { readonly what: string; readonly context: TransformContext },
): Promise<readonly Row[]> {
  let result: unknown;
  try {
    result = await transform(rows, context);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('FUNCTION', `${what} threw: ${reason}`, {}, { cause });
  }
  if (Array.isArray(result) && result.every(isPlainObject)) return result;
  throw new EngineError(
    'FUNCTION',
    `${what} returned ${typeof result}, expected a list of rows, which are plain objects`,
  );
}

/** Makes the table, and gives how rows become chunks of it. */
async function createTable({ duckdb, connection }: Database, { name, schema }: FunctionStatement) {
  const columns = schema.fields.map((field) => `${quoteName(field.name)} ${duckDbType(field.type, field.name)}`);
  try {
    // Not a temporary one, which only its connection sees; the database is in memory anyway.
    await connection.run(`CREATE TABLE ${quoteName(name)} (${columns.join(', ')})`);
    const types = (await connection.run(`SELECT * FROM ${quoteName(name)} LIMIT 0`)).columnTypes();
    const writers = schema.fields.map((field) => ({
      name: field.name,
      write: writerOf(duckdb, field.type, [field.name]),
    }));
    const names = new Set(writers.map((writer) => writer.name));
    return {
      chunkOf(rows: readonly Row[], what: string) {
        for (const row of rows) assertNames(row, names, what);
        const chunk = duckdb.DuckDBDataChunk.create(types, rows.length);
        chunk.setColumns(writers.map((writer) => rows.map((row) => writer.write(row[writer.name]))));
        return chunk;
      },
    };
  } catch (error) {
    throw fromDuckDb(error, `The table "${name}"`, { statement: name });
  }
}

function assertNames(row: Row, names: ReadonlySet<string>, what: string): void {
  const unknown = Object.keys(row).find((name) => !names.has(name));
  if (unknown === undefined) return;
  const message = `${what} returned a row with "${unknown}", which is no column: expected ${[...names].join(', ')}`;
  throw new EngineError('FUNCTION', message, { column: unknown });
}
