import { hiveFolders, partitionValue } from '../../delta/partition.ts';
import { encodePath, stepFileName } from '../../delta/path.ts';
import { statsJson } from '../../delta/stats.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { fileStatistics } from '../../parquet/statistics.ts';
import { InvalidField } from '../../spark/fields.ts';
import { invalidRun } from '../../spark/job-note.ts';
import { readJsonLines } from '../../spark/lines.ts';
import { type Runs, runKeys } from '../../spark/run-folder.ts';
import { readWritten } from '../../spark/written-file.ts';
import type { EngineRun, Output, Result, WrittenFile } from '../engine.ts';
import { parseResultLine, type ResultLine, type SparkFile } from './result.ts';

/** Footers that are read at once. */
const CONCURRENCY = 16;

export interface Expected {
  readonly results: readonly Pick<Result, 'name'>[];
  readonly outputs: readonly Pick<Output, 'name' | 'schema' | 'partitionColumns' | 'table' | 'folder'>[];
  /** ms since the epoch, of the files. */
  readonly now: number;
}

/**
 * What the job of a run found and wrote, with the statistics from the footers of its files. Throws `INVALID_RUN` where the
 * result is malformed, not whole, or not that of the plan, ParquetError for files that cannot be read, and the store's errors:
 * `NOT_FOUND` where there is no result.
 */
export async function readRun(runs: Runs, run: string, expected: Expected): Promise<EngineRun> {
  const { result: key } = runKeys(runs, run);
  const lines = parsed(runs, key);
  const head = (await lines.next()).value;
  if (head?.kind !== 'head' || head.run !== run)
    throw invalidRun(key, `it does not begin with the head of the run ${run}`);

  const results = new Map<string, Extract<ResultLine, { kind: 'result' }>['rows']>();
  const outputs = new Map<string, readonly WrittenFile[]>();
  for (const { name } of expected.results) {
    const line = (await lines.next()).value;
    if (line?.kind !== 'result' || line.name !== name) throw invalidRun(key, `it lacks the result "${name}"`);
    results.set(name, line.rows);
  }
  for (const output of expected.outputs) {
    const line = (await lines.next()).value;
    if (line?.kind !== 'output' || line.name !== output.name)
      throw invalidRun(key, `it lacks the output "${output.name}"`);
    const files = await mapConcurrently(line.files, CONCURRENCY, (file) => read(key, output, file, expected.now));
    outputs.set(
      output.name,
      files.filter(({ rows }) => rows > 0),
    );
  }
  const end = (await lines.next()).value;
  const count = results.size + outputs.size;
  if (end?.kind !== 'end' || end.lines !== count) throw invalidRun(key, `it does not end after ${count} lines`);
  return { results, outputs };
}

async function* parsed({ store }: Runs, key: string): AsyncGenerator<ResultLine, void, undefined> {
  let number = 0;
  for await (const value of readJsonLines(store, key)) {
    number += 1;
    let line: ResultLine;
    try {
      line = parseResultLine(value);
    } catch (error) {
      throw error instanceof InvalidField ? invalidRun(key, `line ${number}: ${error.message}`, error) : error;
    }
    yield line;
  }
}

async function read(
  key: string,
  output: Expected['outputs'][number],
  file: SparkFile,
  now: number,
): Promise<WrittenFile> {
  const { schema, partitionColumns, table } = output;
  const partitionValues = canonicalValues(output, file);
  assertPlace(key, output, file);
  const { footer } = await readWritten(table, file);
  return {
    path: encodePath(file.path),
    partitionValues,
    size: file.size,
    rows: footer.rowCount,
    stats: statsJson(fileStatistics(footer), { schema, partitionColumns, configuration: {} }),
    modificationTime: now,
  };
}

function canonicalValues({ schema, partitionColumns }: Expected['outputs'][number], { partitionValues }: SparkFile) {
  const entries = partitionColumns.map((name) => {
    const type = schema.fields.find((field) => field.name === name)?.type ?? 'string';
    return [name, partitionValue(partitionValues[name] ?? null, type, name)] as const;
  });
  return Object.fromEntries(entries);
}

/** What is committed has to lie where it belongs, under a name that no file had before. */
function assertPlace(
  key: string,
  { name, folder, partitionColumns }: Expected['outputs'][number],
  file: SparkFile,
): void {
  const values = partitionColumns.map((column) => ({ name: column, value: file.partitionValues[column] ?? null }));
  const parts = [...(folder === undefined ? [] : [folder]), ...(values.length === 0 ? [] : [hiveFolders(values)])];
  const prefix = parts.map((part) => `${part}/`).join('');
  const [uuid = ''] = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(file.path.slice(prefix.length)) ?? [];
  if (uuid !== '' && file.path === `${prefix}${stepFileName(uuid)}`) return;
  throw invalidRun(key, `"${name}" has the file "${file.path}", expected ${prefix}${stepFileName('…')}`);
}
