import type { LineProcess } from './line-process.ts';
import { type Dialect, type Predicate, predicateSql } from './predicate.ts';
import type { Engines } from './readers.ts';

export type EngineName = 'Spark' | 'delta-rs through DataFusion' | 'delta-rs through PyArrow' | 'DuckDB';

/** Counts the rows of a table in a local folder for each of the predicates. */
export interface CountingEngine {
  readonly name: EngineName;
  /** A query each, which may leave out files and parts of files. */
  counts(table: string, predicates: readonly Predicate[]): Promise<readonly number[]>;
  /** One look at all rows. */
  fullCounts(table: string, predicates: readonly Predicate[]): Promise<readonly number[]>;
}

/** Spark plans a query with many branches much faster than as many queries. */
const BATCH = 40;

export function countingEngines({ spark, deltaRs, duckDb }: Engines): CountingEngine[] {
  const sql = (predicates: readonly Predicate[], dialect: Dialect) =>
    predicates.map((predicate) => predicateSql(predicate, dialect));
  const call = async (engine: LineProcess, command: string, values: object) =>
    (await engine.call(command, values)) as readonly number[];
  return [
    {
      name: 'Spark',
      async counts(table, predicates) {
        const counts: number[] = [];
        for (let start = 0; start < predicates.length; start += BATCH) {
          const batch = sql(predicates.slice(start, start + BATCH), 'spark');
          counts.push(...(await call(spark, 'counts', { table, predicates: batch })));
        }
        return counts;
      },
      fullCounts: (table, predicates) => call(spark, 'fullCounts', { table, predicates: sql(predicates, 'spark') }),
    },
    {
      name: 'delta-rs through DataFusion',
      counts: (table, predicates) => call(deltaRs, 'counts', { table, predicates: sql(predicates, 'datafusion') }),
      fullCounts: (table, predicates) =>
        call(deltaRs, 'fullCounts', { table, predicates: sql(predicates, 'datafusion') }),
    },
    {
      name: 'delta-rs through PyArrow',
      counts: (table, predicates) => call(deltaRs, 'pyarrowCounts', { table, predicates, full: false }),
      fullCounts: (table, predicates) => call(deltaRs, 'pyarrowCounts', { table, predicates, full: true }),
    },
    {
      name: 'DuckDB',
      counts: (table, predicates) => call(duckDb, 'counts', { table, predicates: sql(predicates, 'duckdb') }),
      fullCounts: (table, predicates) => call(duckDb, 'fullCounts', { table, predicates: sql(predicates, 'duckdb') }),
    },
  ];
}
