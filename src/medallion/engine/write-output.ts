import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hiveFolders } from '../../delta/partition.ts';
import { encodePath, stepFileName } from '../../delta/path.ts';
import { fileNullability, statsJson } from '../../delta/stats.ts';
import { tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { Footer } from '../../parquet/footer.ts';
import { fileStatistics } from '../../parquet/statistics.ts';
import type { Output, WrittenFile } from '../engine.ts';
import { castColumns } from './casts.ts';
import type { Clock } from './clock.ts';
import { type Database, describeQuery } from './duckdb.ts';
import { EngineError, fromDuckDb } from './errors.ts';
import { openLocalFile, readPieces } from './local-file.ts';
import { type Partition, stagePartitions } from './partitions.ts';
import { quoteName, quoteText, subquery } from './sql-text.ts';

export interface WriteContext {
  readonly database: Database;
  /** For the files until they are uploaded. Absolute; made and removed here. */
  readonly folder: string;
  readonly clock: Clock;
}

/**
 * Computes an output and writes it as data files, partition by partition, which no log names yet. None for no rows. -0.0
 * may become 0.0, which SQL takes for the same. Throws
 * EngineError (`TYPE`, `CAST`, `NULL_VALUE`, `OUT_OF_MEMORY`, `DISK_FULL`, ...) and the store's errors; files that were written
 * before are then for a vacuum.
 */
export async function writeOutput(context: WriteContext, output: Output): Promise<readonly WrittenFile[]> {
  const { database, folder } = context;
  const what = `The output "${output.name}" for ${output.table.url}`;
  const columns = castColumns(await describeQuery(database, output.sql, what), output.schema, what);
  assertColumns(output, what);
  const query = `SELECT ${columns} FROM ${subquery(output.sql)}`;
  await mkdir(folder, { recursive: true });
  try {
    if (output.partitionColumns.length === 0) return await writeFiles(context, output, { values: {}, query });
    const written: WrittenFile[] = [];
    for await (const partition of stagePartitions(database, { file: `${folder}/staged.parquet`, output, query })) {
      written.push(...(await writeFiles(context, output, partition)));
    }
    return written;
  } catch (error) {
    throw fromDuckDb(error, what, { output: output.name, table: output.table.url });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file of no columns is none. */
function assertColumns({ schema, partitionColumns, table }: Output, what: string): void {
  if (schema.fields.some(({ name }) => !partitionColumns.includes(name))) return;
  throw new EngineError('TYPE', `${what} has no columns but those of partitions`, { table: table.url });
}

/** Files that are uploaded at once. */
const UPLOADS = 4;

async function writeFiles(context: WriteContext, output: Output, partition: Partition): Promise<WrittenFile[]> {
  const folder = `${context.folder}/files`;
  const order = output.sortBy.length === 0 ? '' : ` ORDER BY ${output.sortBy.map(quoteName).join(', ')}`;
  const { connection, rowGroupBytes } = context.database;
  await connection.run(
    `COPY (${partition.query}${order}) TO ${quoteText(folder)} (FORMAT parquet, COMPRESSION zstd, ` +
      `ROW_GROUP_SIZE_BYTES ${rowGroupBytes}, FILE_SIZE_BYTES ${output.targetFileBytes})`,
  );
  const names = (await readdir(folder)).sort();
  const files = await mapConcurrently(names, UPLOADS, (name) =>
    upload(context, output, partition, `${folder}/${name}`),
  );
  await rm(folder, { recursive: true, force: true });
  return files.filter((file) => file !== undefined);
}

/** Undefined for a file without rows, which DuckDB makes where there are none at all. */
async function upload(
  { clock }: WriteContext,
  output: Output,
  { values }: Partition,
  local: string,
): Promise<WrittenFile | undefined> {
  clock.checkTime();
  const { size, footer } = await openLocalFile(local);
  if (footer.rowCount === 0) return undefined;
  assertNoNulls(output, footer);
  const folders = hiveFolders(Object.entries(values).map(([name, value]) => ({ name, value })));
  const path = [output.folder ?? '', folders, stepFileName(randomUUID())].filter((part) => part !== '').join('/');
  await output.table.store.putStream(tableKey(output.table, path), readPieces(local, size));
  await rm(local);
  return {
    path: encodePath(path),
    partitionValues: values,
    size,
    rows: footer.rowCount,
    stats: statsJson(fileStatistics(footer), {
      schema: output.schema,
      partitionColumns: output.partitionColumns,
      configuration: output.statistics?.configuration ?? {},
      clusteringColumns: output.statistics?.clusteringColumns ?? [],
      tightBounds: output.statistics?.tightBounds ?? false,
    }),
    modificationTime: clock.now(),
  };
}

function assertNoNulls({ name, table, schema, partitionColumns }: Output, footer: Footer): void {
  const columns = fileNullability(fileStatistics(footer), { schema, partitionColumns })
    .filter(({ nulls }) => nulls === 'some')
    .map(({ column }) => column);
  if (columns.length === 0) return;
  const message = `The output "${name}" has null in columns of ${table.url} that must not be null: ${columns.join(', ')}`;
  throw new EngineError('NULL_VALUE', message, { table: table.url, columns });
}
