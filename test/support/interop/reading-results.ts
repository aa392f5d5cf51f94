import type { Rows, Value } from './engines.ts';
import type { S3Request } from './reading-recorder.ts';
import { ROOT } from './reading-table.ts';

/** What a snippet gives: the rows of a table, or a plain value. */
export type Result = Rows | Value;

/** What a snippet is to give, and the data files that it is to open, if that is what it shows. */
export interface Expectation {
  readonly rows: readonly (readonly Value[])[] | Value;
  readonly files?: readonly string[];
}

const FILTERED: Expectation = {
  rows: [
    ['/page/6', '500'],
    ['/page/7', '503'],
  ],
  files: ['ds=2026-11-24/3.parquet'],
};
const HISTORY: Expectation = {
  rows: [
    ['2', 'WRITE'],
    ['1', 'WRITE'],
    ['0', 'WRITE'],
  ],
};

/** By engine and name of the snippet, for the table of `makeWebRequests`. */
export const EXPECTED: Readonly<Record<string, Expectation>> = {
  'duckdb read': { rows: [['9']] },
  'duckdb filter': FILTERED,
  'duckdb version': { rows: [['7']] },
  'duckdb history': HISTORY,
  'delta-rs read': { rows: '9' },
  'delta-rs filter': FILTERED,
  'delta-rs sql': FILTERED,
  'delta-rs version': { rows: '7' },
  'delta-rs time': { rows: '7' },
  'delta-rs history': HISTORY,
  'delta-rs checkpoint': { rows: null, files: [] },
  'polars read': { rows: [['9']] },
  'polars filter': FILTERED,
  'polars version': { rows: [['7']] },
  'polars time': { rows: [['7']] },
  'spark-python read': { rows: '9' },
  'spark-sql filter': FILTERED,
  'spark-sql version': { rows: [['7']] },
  'spark-sql time': { rows: [['7']] },
  'spark-sql history': HISTORY,
};

/** The rows of a table, or the value itself. */
export function rowsIn(result: Result): readonly (readonly Value[])[] | Value {
  return isRows(result) ? result.rows : result;
}

/** Version and operation of each commit, newest first, from rows with such columns or from tuples that start so. */
export function historyIn(result: Result): Value[][] {
  const indexes = isRows(result) ? ['version', 'operation'].map((name) => result.columns.indexOf(name)) : [0, 1];
  const entries = rowsIn(result) as readonly (readonly Value[])[];
  const commits = entries.map((entry) => indexes.map((index) => entry[index] ?? null));
  return commits.sort((a, b) => Number(b[0]) - Number(a[0]));
}

/** The data files of the table that were asked for, below its root. */
export function dataFiles(requests: readonly S3Request[]): string[] {
  const names = requests.map(({ key }) => key).filter((key) => key.startsWith(`${ROOT}/ds=`));
  return [...new Set(names)].map((key) => key.slice(ROOT.length + 1)).sort();
}

function isRows(result: Result): result is Rows {
  return result !== null && typeof result === 'object' && 'rows' in result && 'columns' in result;
}
