import type { LineProcess } from '../../test/support/interop/line-process.ts';
import type { Format } from './source-file.ts';

export interface Checksum {
  readonly rows: string;
  /** Sum of a hash of each row: in whatever order they are, none may be missing, there twice, or another one. */
  readonly hash: string;
}

const COLUMNS = {
  jsonl: {
    id: 'BIGINT',
    user: 'VARCHAR',
    at: 'VARCHAR',
    amount: 'DOUBLE',
    tags: 'VARCHAR[]',
    place: 'STRUCT(city VARCHAR, zip VARCHAR)',
    ok: 'BOOLEAN',
  },
  csv: { id: 'VARCHAR', user: 'VARCHAR', at: 'VARCHAR', amount: 'VARCHAR', city: 'VARCHAR', ok: 'VARCHAR' },
} as const;

/** What DuckDB itself reads in the source file. */
export function sourceChecksum(duckDb: LineProcess, path: string, format: Format): Promise<Checksum> {
  const kind = kindOf(format);
  const columns = JSON.stringify(COLUMNS[kind]).replaceAll('"', "'");
  const reader = kind === 'csv' ? 'read_csv' : 'read_json';
  const more = kind === 'csv' ? ', header = true' : ", format = 'newline_delimited'";
  return checksum(duckDb, `${reader}('${path}', columns = ${columns}${more})`, kind);
}

/** The same of the Parquet files of a folder. */
export function loadedChecksum(duckDb: LineProcess, folder: string, format: Format): Promise<Checksum> {
  return checksum(duckDb, `read_parquet('${folder}/*.parquet')`, kindOf(format));
}

async function checksum(duckDb: LineProcess, from: string, kind: keyof typeof COLUMNS): Promise<Checksum> {
  const texts = Object.keys(COLUMNS[kind]).map((name) => `"${name}"::VARCHAR`);
  const statement = `SELECT count(*)::VARCHAR, sum(hash(${texts.join(', ')})::HUGEINT)::VARCHAR FROM ${from}`;
  const { rows } = (await duckDb.call('sql', { statement })) as { readonly rows: readonly (readonly string[])[] };
  const [count = '', hash = ''] = rows[0] ?? [];
  return { rows: count, hash };
}

function kindOf(format: Format): keyof typeof COLUMNS {
  return format.startsWith('csv') ? 'csv' : 'jsonl';
}
