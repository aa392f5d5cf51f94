import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lastCheckpointChecksum } from '../../src/delta/last-checkpoint.ts';
import type { CheckpointResult } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import type { Rows } from '../support/interop/engines.ts';
import { dropCommitsBefore, writeCheckpoint } from '../support/interop/own-checkpoint.ts';
import { assertRows, enginesOf, findEngines, type Reader } from '../support/interop/readers.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();

/** Tables of Spark by their properties; the SQL of a second commit that changes files. */
const TABLES: Readonly<Record<string, TableCase>> = {
  'no properties': {},
  partitions: { partitionedBy: 'day' },
  'V2 checkpoints': { properties: { 'delta.checkpointPolicy': 'v2' }, notReadBy: ['delta-rs through PyArrow'] },
  'deletion vectors': {
    properties: { 'delta.enableDeletionVectors': 'true' },
    notReadBy: ['delta-rs through PyArrow'],
  },
  'V2 checkpoints and deletion vectors': {
    properties: { 'delta.checkpointPolicy': 'v2', 'delta.enableDeletionVectors': 'true' },
    notReadBy: ['delta-rs through PyArrow'],
  },
  'statistics as structs': { properties: { 'delta.checkpoint.writeStatsAsStruct': 'true' }, partitionedBy: 'day' },
  'statistics as structs only': {
    properties: { 'delta.checkpoint.writeStatsAsJson': 'false', 'delta.checkpoint.writeStatsAsStruct': 'true' },
    partitionedBy: 'day',
  },
  'V2 checkpoints with structs only': {
    properties: { 'delta.checkpointPolicy': 'v2', 'delta.checkpoint.writeStatsAsJson': 'false' },
    notReadBy: ['delta-rs through PyArrow'],
  },
  'column mapping': {
    properties: { 'delta.columnMapping.mode': 'name' },
    partitionedBy: 'day',
    // DuckDB finds null in partition columns with other names in the log, with or without a checkpoint.
    notReadBy: ['delta-rs through PyArrow', 'DuckDB'],
  },
  'row tracking': { properties: { 'delta.enableRowTracking': 'true' }, notReadBy: ['delta-rs through PyArrow'] },
  'in-commit timestamps': {
    properties: { 'delta.enableInCommitTimestamps': 'true' },
    notReadBy: ['delta-rs through PyArrow'],
  },
  clustering: { clusteredBy: 'id', notReadBy: ['delta-rs through PyArrow'] },
};

interface TableCase {
  readonly properties?: Readonly<Record<string, string>>;
  readonly partitionedBy?: string;
  readonly clusteredBy?: string;
  /** Readers that do not support the features. */
  readonly notReadBy?: readonly string[];
}

describe('A table of Spark with checkpoints of ours', { skip: found.skip ?? false }, () => {
  for (const [name, definition] of Object.entries(TABLES)) {
    it(`is read and written by all, with ${name}`, async () => {
      const { spark, readers } = enginesOf(found);
      const table = join(folder, name.replaceAll(' ', '-'));
      const sql = (statement: string) =>
        spark.call('sql', { statement: statement.replaceAll('$t', `delta.\`${table}\``) });
      await sql(createStatement(definition));
      await sql(insert(1, 4));
      await sql('DELETE FROM $t WHERE id = 2');
      await sql(insert(5, 2));
      const able = readers.filter((candidate) => !(definition.notReadBy ?? []).includes(candidate.name));

      await assertReadsAsBefore(able, table);
      await sql(insert(7, 2));
      await sql('DELETE FROM $t WHERE id = 5');
      await assertReadsAsBefore(able, table);
      // Spark goes on from our checkpoint, and we go on from Spark's.
      await spark.call('checkpoint', { table });
      const hint = JSON.parse(readFileSync(join(table, '_delta_log/_last_checkpoint'), 'utf8')) as { checksum: string };
      assert.equal(lastCheckpointChecksum(hint), hint.checksum);
      await sql(insert(9, 1));
      await assertReadsAsBefore(able, table);
    });
  }

  it('is read by all from sidecars of several checkpoints', async () => {
    const { spark, readers } = enginesOf(found);
    const table = join(folder, 'chain');
    const sql = (statement: string) =>
      spark.call('sql', { statement: statement.replaceAll('$t', `delta.\`${table}\``) });
    const able = readers.filter(({ name }) => name !== 'delta-rs through PyArrow');
    // Three sidecars: the days before, and one for each later checkpoint.
    const steps = [
      { sql: insertDays(1, 20), sidecars: { reused: 0, written: 1 } },
      { sql: insertDays(21, 6), sidecars: { reused: 1, written: 1 } },
      { sql: insertDays(27, 2), sidecars: { reused: 2, written: 1 } },
      // In the oldest sidecar, with which the two smaller ones are put together.
      { sql: "DELETE FROM $t WHERE day = DATE '2026-01-03'", sidecars: { reused: 0, written: 1 } },
    ];
    await sql(createStatement({ properties: { 'delta.checkpointPolicy': 'v2' }, partitionedBy: 'day' }));
    for (const step of steps) {
      await sql(step.sql);
      const { written } = await assertReadsAsBefore(able, table);
      assert.deepEqual(written?.sidecars, step.sidecars);
    }
  });

  it('says in it what Spark says in its own', async () => {
    const { spark } = enginesOf(found);
    const table = join(folder, 'same');
    const sql = (statement: string) =>
      spark.call('sql', { statement: statement.replaceAll('$t', `delta.\`${table}\``) });
    const types =
      'id BIGINT, name STRING, price DECIMAL(20, 3), ratio FLOAT, size DOUBLE, n INT, at TIMESTAMP, wall TIMESTAMP_NTZ, on DATE, nested STRUCT<a: INT, b: STRING>, list ARRAY<INT>, flag BOOLEAN, day DATE, hour TIMESTAMP';
    await sql(
      `CREATE TABLE $t (${types}) USING delta PARTITIONED BY (day, hour)
       TBLPROPERTIES ('delta.checkpoint.writeStatsAsStruct' = 'true', 'delta.checkpointInterval' = '1000')`,
    );
    const row = (id: string, name: string) =>
      `(${id}, '${name}', 12345678901234567.891, 0.1, -1.5e300, 7, TIMESTAMP '2026-01-02 03:04:05.678901', TIMESTAMP_NTZ '2026-01-02 03:04:05.678901',
        DATE '2026-01-02', named_struct('a', 1, 'b', 'é'), array(1), true, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:00:00')`;
    await sql(`INSERT INTO $t VALUES ${row('9007199254740993', 'x'.repeat(40))}, ${row('-1', 'y')}`);
    await sql('INSERT INTO $t (id) VALUES (5)');
    const ours = join(folder, 'same-ours');
    cpSync(table, ours, { recursive: true });
    await spark.call('checkpoint', { table });
    await writeCheckpoint(ours);
    const actions = async (path: string, column: string) => {
      const file = join(path, '_delta_log/00000000000000000002.checkpoint.parquet');
      const statement = `SELECT to_json(${column}) AS json FROM parquet.\`${file}\` WHERE ${column} IS NOT NULL ORDER BY 1`;
      const { rows } = (await spark.call('sql', { statement })) as Rows;
      return rows.map(([json]) => JSON.parse(String(json)) as unknown);
    };
    for (const column of ['add', 'metaData', 'protocol']) {
      assert.deepEqual(sortKeys(await actions(ours, column)), sortKeys(await actions(table, column)), column);
    }
  });
});

/** Writes a checkpoint, makes sure that nothing else is left to read from, and compares what all readers find. */
async function assertReadsAsBefore(readers: readonly Reader[], table: string): Promise<CheckpointResult> {
  const { spark } = enginesOf(found);
  const expected = (await spark.call('sql', { statement: `SELECT * FROM delta.\`${table}\`` })) as Rows;
  const result = await writeCheckpoint(table);
  const { outcome, version } = result;
  assert.equal(outcome, 'written');
  const copy = join(folder, 'copies', `${table.split('/').at(-1)}-${version}`);
  cpSync(table, copy, { recursive: true });
  dropCommitsBefore(copy, version);
  await assertRows({ readers }, copy, expected);
  return result;
}

function createStatement({ properties = {}, partitionedBy, clusteredBy }: TableCase): string {
  const list = Object.entries({ ...properties, 'delta.checkpointInterval': '1000' });
  const text = list.map(([key, value]) => `'${key}' = '${value}'`).join(', ');
  const partitions = partitionedBy === undefined ? '' : `PARTITIONED BY (${partitionedBy})`;
  const clusters = clusteredBy === undefined ? '' : `CLUSTER BY (${clusteredBy})`;
  return `CREATE TABLE $t (id BIGINT, name STRING, day DATE) USING delta ${partitions} ${clusters} TBLPROPERTIES (${text})`;
}

function insert(first: number, count: number): string {
  const rows = Array.from(
    { length: count },
    (_, index) => `(${first + index}, 'row ${first + index}', DATE '2026-01-0${1 + (index % 2)}')`,
  );
  return `INSERT INTO $t VALUES ${rows.join(', ')}`;
}

/** A row, and so a file, for each of some days of January. */
function insertDays(first: number, count: number): string {
  const days = Array.from({ length: count }, (_, index) => first + index);
  const rows = days.map((day) => `(${day}, 'row ${day}', DATE '2026-01-${String(day).padStart(2, '0')}')`);
  return `INSERT INTO $t VALUES ${rows.join(', ')}`;
}

/** Writers differ in the order of fields. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}
