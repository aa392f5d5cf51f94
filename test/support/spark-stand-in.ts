import { randomUUID } from 'node:crypto';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { canonicalPath } from '../../src/delta/path.ts';
import { type TableRef, tableKey } from '../../src/delta/table.ts';
import type { PlanBin } from '../../src/maintenance/spark/plan.ts';
import type { SparkJob, SparkJobOutcome, SparkJobs } from '../../src/spark/jobs.ts';
import type { ColumnType } from './checkpoint-fixtures.ts';
import { parquet, ROW_COLUMNS } from './landing.ts';

export interface StandInOptions {
  readonly table: TableRef;
  /** Of the files that are written. */
  readonly columns?: Readonly<Record<string, ColumnType>>;
  /** Changes what the job leaves: the lines of the result. */
  readonly change?: (lines: object[]) => object[] | Promise<object[]>;
  /** How jobs end. @default they succeed */
  readonly outcome?: () => SparkJobOutcome;
}

/**
 * Does in this process what `spark/optimize.py` does with Spark, for tables of few rows without deletion vectors: so the
 * tests of what stands around the job need no Java. `test/interop/spark-jobs.test.ts` has the script itself.
 */
export function createSparkStandIn({ table, columns = ROW_COLUMNS, change, outcome }: StandInOptions) {
  const started: SparkJob[] = [];
  const ids = new Map<string, string>();
  const jobs: SparkJobs = {
    async start(job) {
      const known = ids.get(job.token);
      if (known !== undefined) return known;
      const id = `job-${ids.size + 1}`;
      ids.set(job.token, id);
      started.push(job);
      await rewriteAll(table, job.token, columns, change);
      return id;
    },
    wait: async () => outcome?.() ?? { kind: 'succeeded' },
    cancel: async () => undefined,
  };
  return { jobs, started };
}

async function rewriteAll(
  table: TableRef,
  run: string,
  columns: Readonly<Record<string, ColumnType>>,
  change: StandInOptions['change'],
): Promise<void> {
  const folder = tableKey(table, `_resaca/optimize/${run}/`);
  const text = new TextDecoder().decode((await table.store.get(`${folder}plan.jsonl`)).body);
  const lines = text.trimEnd().split('\n').slice(1, -1);
  const results: object[] = [];
  for (const line of lines) results.push(await rewrite(table, JSON.parse(line) as PlanBin, columns));
  const whole = [
    { format: 1, run, spark: '0' },
    ...results,
    { end: true, bins: results.length, failed: 0, files: 0, bytes: 0 },
  ];
  const kept = change === undefined ? whole : await change(whole);
  await table.store.put(
    `${folder}result.jsonl`,
    new TextEncoder().encode(kept.map((value) => `${JSON.stringify(value)}\n`).join('')),
  );
}

async function rewrite(
  table: TableRef,
  { bin, folder, inputs }: PlanBin,
  columns: Readonly<Record<string, ColumnType>>,
): Promise<object> {
  const rows: Record<string, unknown>[] = [];
  for (const { path } of inputs) rows.push(...(await readRows(table, canonicalPath(table, path))));
  const body = parquet(rows, columns);
  const path = `${folder === '' ? '' : `${folder}/`}resaca-compacted-${randomUUID()}.zstd.parquet`;
  await table.store.put(tableKey(table, path), body);
  return { bin, outputs: [{ path, size: body.byteLength }] };
}

/** The rows of a data file. */
export async function readRows(table: TableRef, path: string): Promise<Record<string, unknown>[]> {
  const { body } = await table.store.get(tableKey(table, path));
  const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer;
  return parquetReadObjects({ file, compressors });
}
