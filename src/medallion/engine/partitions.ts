import { isDeltaError } from '../../delta/errors.ts';
import { type PartitionType, partitionColumnsOf, partitionValue } from '../../delta/partition.ts';
import type { Output } from '../engine.ts';
import type { Database } from './duckdb.ts';
import { EngineError } from './errors.ts';
import { quoteName, quoteText } from './sql-text.ts';
import { duckDbType } from './types.ts';

/** The rows of one partition. */
export interface Partition {
  /** By column, in the table's order, as an `add` has them. */
  readonly values: Readonly<Record<string, string | null>>;
  /** Its columns are those of the files. */
  readonly query: string;
}

/** Rows that have to be read to find those of a small partition. */
const STAGED_GROUP_ROWS = 20_480;

/**
 * Splits a query by the partitions of an output. Its rows are sorted by them into one file on the disk first, so that any
 * number of partitions takes the memory of one. Throws EngineError `CAST` for a value that cannot be that of a partition.
 */
export async function* stagePartitions(
  { connection }: Database,
  { file, output, query }: { readonly file: string; readonly output: Output; readonly query: string },
): AsyncGenerator<Partition, void> {
  const columns = partitionColumnsOf(output.schema, output.partitionColumns);
  const names = columns.map(({ name }) => quoteName(name)).join(', ');
  await connection.run(
    `COPY (${query} ORDER BY ${names}) TO ${quoteText(file)} ` +
      `(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${STAGED_GROUP_ROWS})`,
  );
  const staged = `read_parquet([${quoteText(file)}], hive_partitioning = false)`;
  const texts = columns.map(({ name, type }) => textOf(name, type)).join(', ');
  const partitions = await connection.runAndReadAll(`SELECT DISTINCT ${texts} FROM ${staged} ORDER BY ALL`);
  const selected = output.schema.fields
    .filter(({ name }) => !output.partitionColumns.includes(name))
    .map(({ name }) => quoteName(name));
  for (const row of partitions.getRows()) {
    const values = columns.map((column, index) => ({ column, text: row[index] === null ? null : String(row[index]) }));
    const conditions = values.map(({ column, text }) => isValue(column, text)).join(' AND ');
    yield {
      values: Object.fromEntries(values.map(({ column, text }) => [column.name, canonical(column, text)])),
      query: `SELECT ${selected.join(', ')} FROM ${staged} WHERE ${conditions}`,
    };
  }
}

/** The bytes of a binary value are those of the text that the log has. */
function textOf(name: string, type: PartitionType['type']): string {
  return type === 'binary' ? `decode(${quoteName(name)})` : `CAST(${quoteName(name)} AS VARCHAR)`;
}

function isValue({ name, type }: PartitionType, text: string | null): string {
  if (text === null) return `${quoteName(name)} IS NULL`;
  const value =
    type === 'binary' ? `encode(${quoteText(text)})` : `CAST(${quoteText(text)} AS ${duckDbType(type, name)})`;
  return `${quoteName(name)} = ${value}`;
}

function canonical({ name, type }: PartitionType, text: string | null): string | null {
  try {
    return partitionValue(text, type, name);
  } catch (error) {
    if (!isDeltaError(error, 'INVALID_SCHEMA')) throw error;
    throw new EngineError('CAST', error.message, { column: name, value: text }, { cause: error });
  }
}
