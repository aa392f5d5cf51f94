import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { formatRows, shorten } from '../../src/cli/format.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import type { DataType } from '../../src/delta/schema.ts';
import { activeFiles, type Snapshot } from '../../src/delta/snapshot.ts';
import { tableKey } from '../../src/delta/table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

/** Columns that fit side by side on a terminal, and what a cell may take. */
const MAX_COLUMNS = 6;
const MAX_CELL = 20;

/** The first rows of one of a table's files, as lines under the names of the columns. */
export async function sampleRows(snapshot: Snapshot, count: number): Promise<string[]> {
  const { table, schema } = snapshot;
  const columns = schema.fields.slice(0, MAX_COLUMNS);
  for await (const [add] of activeFiles(snapshot, createCheckpointReader())) {
    if (add === undefined) continue;
    const { body } = await table.store.get(tableKey(table, canonicalPath(table, add.path)));
    const bytes = Uint8Array.from(body);
    const rows = await parquetReadObjects({ file: bytes.buffer, rowEnd: count, compressors });
    const cells = rows.map((row) =>
      columns.map(({ name, type }) => cell(add.partitionValues[name] ?? row[name], type)),
    );
    const more = schema.fields.length > columns.length ? ['…'] : [];
    return formatRows([[...columns.map(({ name }) => name), ...more], ...cells]);
  }
  return [];
}

function cell(value: unknown, type: DataType): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return type === 'date' ? value.toISOString().slice(0, 10) : value.toISOString();
  const text =
    typeof value === 'object'
      ? JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part))
      : String(value);
  return shorten(text, MAX_CELL);
}
