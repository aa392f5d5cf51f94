import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ExportResult, exportTable } from '../../src/cdf/export/export-table.ts';
import { type OutputSettingsInput, readOutputSettings } from '../../src/cdf/output/settings.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { ConfigReader } from '../../src/ingest/config-reader.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { type Rows, startDuckDb, startSpark } from '../support/interop/engines.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ spark: await startSpark(), duckDb: await startDuckDb() }));
const folder = makeTempFolder();

async function sql(...statements: readonly string[]): Promise<Rows> {
  let rows: unknown;
  for (const statement of statements) rows = await available(found).spark.call('sql', { statement });
  return rows as Rows;
}

async function duckDb(statement: string): Promise<Rows> {
  return (await available(found).duckDb.call('sql', { statement })) as Rows;
}

async function exported(path: string, to: string, settings: OutputSettingsInput): Promise<ExportResult> {
  const table: TableRef = { store: createFolderStore(path), root: '', url: path };
  const problems: string[] = [];
  const output = readOutputSettings(new ConfigReader(settings, '', problems));
  assert.deepEqual(problems, []);
  const target = { store: createFolderStore(to), root: '', url: to };
  return exportTable(table, target, createCheckpointReader(), { output });
}

function sorted({ rows }: Rows): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

const COLUMNS =
  'id BIGINT, name STRING, price DECIMAL(20,4), at TIMESTAMP, flag BOOLEAN, raw BINARY, tags ARRAY<STRING>, part STRING';

/** Rows with all that CSV trips over. */
const VALUES = [
  `1, 'plain', 12.5, TIMESTAMP '2026-03-29 01:30:00.123456', true, X'00FF', array('a', 'b'), 'x'`,
  `2, 'comma, "quote" and \\\\ back', -0.0001, TIMESTAMP '1969-12-31 23:59:59.999999', false, X'', array(), 'x'`,
  `3, 'line\\nfeed', 9999999999999999.9999, NULL, NULL, NULL, NULL, 'y é'`,
  `4, '', NULL, TIMESTAMP '2026-10-25 02:30:00', true, X'41', array(NULL), NULL`,
  `5, NULL, 0, TIMESTAMP '2500-01-01 00:00:00', NULL, X'2C', array('z'), 'y é'`,
].map((row) => `(${row})`);

const HISTORIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'files of changes': { 'delta.enableDeletionVectors': 'false' },
  'in-commit timestamps and deletion vectors': {
    'delta.enableDeletionVectors': 'true',
    'delta.enableInCommitTimestamps': 'true',
  },
};

describe('The changes of a table of Spark', { skip: found.skip ?? false }, () => {
  for (const [name, properties] of Object.entries(HISTORIES)) {
    it(`are those that Spark tells, with ${name}`, async () => {
      const path = join(folder, name.replaceAll(' ', '-'));
      const table = `delta.\`${path}\``;
      const all = Object.entries({ 'delta.enableChangeDataFeed': 'true', ...properties });
      await sql(
        `CREATE TABLE ${table} (${COLUMNS}) USING delta PARTITIONED BY (part)
         TBLPROPERTIES (${all.map(([key, value]) => `'${key}' = '${value}'`).join(', ')})`,
        `INSERT INTO ${table} VALUES ${VALUES.join(', ')}`,
        `INSERT INTO ${table} SELECT id, concat('row ', id), id / 8, TIMESTAMP '2026-01-01 00:00:00', id % 2 = 0, NULL, NULL, 'z'
         FROM range(10, 60)`,
        `UPDATE ${table} SET name = concat(name, '!') WHERE id IN (1, 2, 20)`,
        `DELETE FROM ${table} WHERE id IN (3, 30, 31)`,
        `DELETE FROM ${table} WHERE id BETWEEN 32 AND 40`,
        `MERGE INTO ${table} t USING (SELECT * FROM VALUES (4L, 'merged'), (45L, NULL), (99L, 'new') AS s(id, name)) s ON t.id = s.id
         WHEN MATCHED AND s.name IS NULL THEN DELETE
         WHEN MATCHED THEN UPDATE SET t.name = s.name
         WHEN NOT MATCHED THEN INSERT (id, name, part) VALUES (s.id, s.name, 'x')`,
        `OPTIMIZE ${table}`,
        `DELETE FROM ${table} WHERE part = 'y é'`,
        `RESTORE TABLE ${table} TO VERSION AS OF 4`,
        `ALTER TABLE ${table} ADD COLUMN extra INT`,
        `INSERT INTO ${table} (id, part, extra) VALUES (100, 'x', 7)`,
      );
      const expected = await sql(`SELECT * EXCEPT (_commit_timestamp, extra), unix_micros(_commit_timestamp) AS time
        FROM table_changes_by_path('${path}', 0)`);
      assert.ok(expected.rows.length > 100, `${expected.rows.length} rows`);

      const parquet = `${path}-parquet`;
      const { versions, ranges } = await exported(path, parquet, { format: 'parquet' });
      const { rows: history } = await sql(`DESCRIBE HISTORY ${table}`);
      // The new column begins a range.
      assert.deepEqual([versions, ranges], [history.length, 2]);
      const ours = await sql(`SELECT * EXCEPT (_commit_timestamp), unix_micros(_commit_timestamp) AS time FROM (
        ${await unioned(parquet)})`);
      assert.deepEqual(ours.columns, expected.columns);
      assert.deepEqual(sorted(ours), sorted(expected));

      const csv = `${path}-csv`;
      const form = { quote: 'all', nullText: '\\N' } as const;
      await exported(path, csv, {
        csv: form,
        values: { timestamps: 'epoch-micros', binary: 'hex' },
        compression: 'gzip',
      });
      const read =
        await duckDb(`SELECT id, name, price, make_timestamp("at"), flag, raw, tags, part, _change_type, _commit_version, _commit_timestamp
        FROM read_csv('${csv}/*/*.csv.gz', union_by_name = true, header = true, nullstr = '\\N', allow_quoted_nulls = false,
          types = {'id': 'BIGINT', 'name': 'VARCHAR', 'price': 'DECIMAL(20,4)', 'at': 'BIGINT', 'flag': 'BOOLEAN', 'raw': 'VARCHAR',
            'tags': 'VARCHAR', 'part': 'VARCHAR', '_change_type': 'VARCHAR', '_commit_version': 'BIGINT', '_commit_timestamp': 'BIGINT'})`);
      const theirs =
        await sql(`SELECT id, name, price, at, flag, lower(hex(raw)), to_json(tags), part, _change_type, _commit_version,
        unix_micros(_commit_timestamp) FROM table_changes_by_path('${path}', 0)`);
      assert.deepEqual(sorted(read), sorted(theirs));
    });
  }
});

/** Query of the rows of all Parquet files of an export, without the column that some lack. */
async function unioned(to: string): Promise<string> {
  const store = createFolderStore(to);
  const folders = new Set<string>();
  for await (const { key } of store.list('')) if (key.endsWith('.parquet')) folders.add(key.split('/')[0] ?? '');
  const own = 'id, name, price, at, flag, raw, tags, part, _change_type, _commit_version, _commit_timestamp';
  return [...folders].map((name) => `SELECT ${own} FROM parquet.\`${to}/${name}/*.parquet\``).join(' UNION ALL ');
}
