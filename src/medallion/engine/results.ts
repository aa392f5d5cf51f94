import type { DuckDBValue } from '@duckdb/node-api';
import type { Result, ResultValue } from '../engine.ts';
import { assertSelect, type Database } from './duckdb.ts';
import { EngineError, fromDuckDb } from './errors.ts';

/** Rows that a result may have: it is held as objects. */
const MAX_RESULT_ROWS = 100_000;

/**
 * The rows of a result. Integers of up to 32 bits and floats are numbers, longer ones bigint; what is no text, boolean or number
 * is a text as DuckDB has it. Throws EngineError, also for more than `MAX_RESULT_ROWS` rows.
 */
export async function readResult(
  database: Database,
  { name, sql }: Result,
): Promise<readonly Readonly<Record<string, ResultValue>>[]> {
  const what = `The result "${name}"`;
  await assertSelect(database, sql, what);
  const rows: Record<string, ResultValue>[] = [];
  try {
    const result = await database.connection.stream(sql);
    const names = result.columnNames();
    for await (const chunk of result.yieldRows()) {
      for (const row of chunk) {
        rows.push(Object.fromEntries(names.map((column, index) => [column, toResultValue(row[index] ?? null)])));
      }
      if (rows.length > MAX_RESULT_ROWS) {
        throw new EngineError('SQL', `${what} has more than ${MAX_RESULT_ROWS} rows`, { result: name, sql });
      }
    }
  } catch (error) {
    throw fromDuckDb(error, what, { result: name, sql });
  }
  return rows;
}

function toResultValue(value: DuckDBValue): ResultValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      return value === null ? null : String(value);
  }
}
