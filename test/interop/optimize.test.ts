import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import type { OptimizeOptions, OptimizeResult } from '../../src/maintenance/optimize/options.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { type Rows, startReading, type Value } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import {
  newColumns,
  parquetSchema,
  type RawValue,
  type ReadableCase,
  widerColumns,
} from '../support/interop/type-cases.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await findEngines();
const server = await resource(startS3Server);
const folder = makeTempFolder();
/** Appends, each followed by a delete, of the other writer. */
const ROUNDS = 8;
const pipeline = createPipeline(createFolderStore(folder));
const engine: MaintenanceEngine = {
  reader: createCheckpointReader(),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
};

function tableAt(name: string): TableRef {
  const url = join(folder, name);
  return { store: createFolderStore(url), root: '', url };
}

async function optimize(name: string, options: OptimizeOptions = {}): Promise<OptimizeResult> {
  const result = await optimizeTable(engine, tableAt(name), options);
  assert.deepEqual(result.leftAlone, []);
  return result;
}

async function filesOf(name: string): Promise<number> {
  const snapshot = await loadSnapshot(tableAt(name), engine.reader);
  const batches = await Array.fromAsync(activeFiles(snapshot, engine.reader));
  return batches.flat().length;
}

/** What every reader finds; they must agree before there is anything to compare with. */
async function readAll(name: string): Promise<Rows> {
  const [first] = enginesOf(found).readers;
  assert.ok(first);
  const rows = await first.read(join(folder, name));
  await assertRows(enginesOf(found), join(folder, name), rows);
  return rows;
}

function sql(statement: string): Promise<Rows> {
  return enginesOf(found).spark.call('sql', { statement }) as Promise<Rows>;
}

describe('A compacted table', { skip: found.skip ?? false }, () => {
  it('is read with the same values, of every type that files may have', async () => {
    const { spark } = enginesOf(found);
    const rows = rawRows(newColumns);
    for (const file of ['a', 'b', 'c']) {
      await spark.call('writeExact', {
        path: join(folder, `types/${file}.parquet`),
        schema: parquetSchema(newColumns),
        rows,
      });
      await pipeline.append(`types/${file}.parquet`);
    }
    assert.equal((await optimize('types')).filesRemoved, 3);
    assert.equal(await filesOf('types'), 1);
    const expected = expectedRows(newColumns);
    await assertRows(enginesOf(found), join(folder, 'types'), {
      columns: ['id', ...newColumns.map(({ name }) => name)],
      rows: [...expected, ...expected, ...expected],
    });
  });

  it('is read with the same values, of files that are narrower than the table', async () => {
    const { spark, writers } = enginesOf(found);
    const columns = widerColumns.map(({ name, type, values }) => ({ name, type, values: [values[0]?.[1] ?? null] }));
    const id = { name: 'id', type: 'long', values: ['-1'] };
    await writers.call('write', { path: join(folder, 'wider/first.parquet'), columns: [id, ...columns] });
    await pipeline.append('wider/first.parquet');
    const path = join(folder, 'wider/second.parquet');
    await spark.call('writeExact', { path, schema: parquetSchema(widerColumns), rows: rawRows(widerColumns) });
    await pipeline.append('wider/second.parquet');
    const before = await readAll('wider');
    assert.equal((await optimize('wider')).filesRemoved, 2);
    await assertRows(enginesOf(found), join(folder, 'wider'), before);
  });

  it('has the INT96 timestamps of Spark as microseconds, from the first year to the last', async () => {
    const table = join(folder, 'int96');
    await sql('SET spark.sql.parquet.outputTimestampType = INT96');
    await sql('SET spark.sql.parquet.int96RebaseModeInWrite = CORRECTED');
    const moments = [
      '0001-02-03 00:00:00',
      '1500-06-07 08:09:10.123456',
      '1969-12-31 23:59:59.999999',
      '2262-04-12 00:00:00',
      '9999-12-31 23:59:59.999999',
    ];
    await sql(
      `CREATE TABLE delta.\`${table}\` (at TIMESTAMP, s STRUCT<at: TIMESTAMP>, l ARRAY<TIMESTAMP>, m MAP<STRING, TIMESTAMP>) USING delta`,
    );
    const rows = moments.map((moment) => `(TIMESTAMP '${moment}')`).join(', ');
    for (let part = 0; part < 2; part++) {
      await sql(
        `INSERT INTO delta.\`${table}\` SELECT /*+ COALESCE(1) */ at, named_struct('at', at), array(at, NULL), map('k', at) FROM VALUES ${rows} AS v(at)`,
      );
    }
    await sql('RESET spark.sql.parquet.outputTimestampType');
    const before = await sql(`SELECT * FROM delta.\`${table}\` ORDER BY at`);
    assert.equal((await optimize('int96')).filesRemoved, 2);
    assert.deepEqual(await sql(`SELECT * FROM delta.\`${table}\` ORDER BY at`), before);
    await readAll('int96');
  });

  it('has the rows that deletion vectors leave, and needs the vectors no longer', async () => {
    const table = join(folder, 'vectors');
    await sql(
      `CREATE TABLE delta.\`${table}\` (id BIGINT, name STRING) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`,
    );
    for (let part = 0; part < 3; part++) {
      await sql(
        `INSERT INTO delta.\`${table}\` SELECT /*+ COALESCE(1) */ id + ${part * 70_000}, concat('row ', id) FROM range(70000)`,
      );
    }
    await sql(
      `DELETE FROM delta.\`${table}\` WHERE id % 3 = 0 OR id BETWEEN 1000 AND 20000 OR id = 69999 OR id > 205000`,
    );
    const counts = `SELECT count(*), sum(id), min(id), max(id), count(DISTINCT id), max(name) FROM delta.\`${table}\``;
    const before = await sql(counts);
    const adds = (
      await Array.fromAsync(activeFiles(await loadSnapshot(tableAt('vectors'), engine.reader), engine.reader))
    ).flat();
    assert.equal(adds.filter(({ deletionVector }) => deletionVector !== undefined).length, 3);

    const result = await optimize('vectors');
    assert.deepEqual([result.filesRemoved, result.filesAdded], [3, 1]);
    assert.deepEqual(await sql(counts), before);
    const { deltaRs } = enginesOf(found);
    const theirs = (await deltaRs.call('sql', {
      table,
      statement: 'SELECT count(*) AS n, sum(id) AS s FROM t',
    })) as Rows;
    assert.deepEqual(theirs.rows[0], before.rows[0]?.slice(0, 2));
  });

  it('has partitions of any value, and the history that Spark shows of its own OPTIMIZE', async () => {
    const table = join(folder, 'parts');
    await sql(`CREATE TABLE delta.\`${table}\` (id BIGINT, p STRING, q TIMESTAMP) USING delta PARTITIONED BY (p, q)`);
    const values = ["'a b/c=d%25#?é日'", 'NULL', "''", "'__x'"];
    const partitions = values.map((value) => `(${value})`).join(', ');
    for (let part = 0; part < 2; part++) {
      await sql(
        `INSERT INTO delta.\`${table}\` SELECT id, p, TIMESTAMP '2026-11-24 06:07:08.9' FROM range(3), VALUES ${partitions} AS v(p)`,
      );
    }
    const before = await sql(`SELECT * FROM delta.\`${table}\``);
    const result = await optimize('parts');
    assert.equal(result.filesAdded, 3);
    const after = await sql(`SELECT * FROM delta.\`${table}\``);
    assert.deepEqual(sorted(after.rows), sorted(before.rows));
    await readAll('parts');
    const code = `spark.sql("DESCRIBE HISTORY delta.\`${table}\`").orderBy("version", ascending=False).limit(1).selectExpr("operation", "operationMetrics.numRemovedFiles", "operationMetrics.numAddedFiles", "isBlindAppend")`;
    const history = (await enginesOf(found).spark.call('python', { code })) as Rows;
    assert.deepEqual(history.rows, [['OPTIMIZE', String(result.filesRemoved), '3', 'false']]);
    const one = await sql(`SELECT count(*) FROM delta.\`${table}\` WHERE p = 'a b/c=d%25#?é日' AND id = 2`);
    assert.deepEqual(one.rows, [['2']]);
  });

  for (const kind of ['sort', 'z-order'] as const) {
    it(`is found by what its rows are compared with, when they are in the order of a ${kind}`, async () => {
      const name = `ordered-${kind}`;
      const table = join(folder, name);
      await sql(`CREATE TABLE delta.\`${table}\` (a INT, b DOUBLE, c STRING, d DECIMAL(30,3), e DATE) USING delta`);
      for (let part = 0; part < 3; part++) {
        await sql(
          `INSERT INTO delta.\`${table}\` SELECT /*+ COALESCE(1) */ if(id % 7 = 0, NULL, cast(hash(id, ${part}) AS INT)), if(id % 11 = 0, double('NaN'), id * ${part} - 50), if(id % 5 = 0, NULL, string(hash(id))), id * 10000000000 - ${part}, date_sub(DATE '1970-01-01', cast(id AS INT)) FROM range(200)`,
        );
      }
      const before = await readAll(name);
      await optimize(name, { order: { kind, columns: ['a', 'b', 'c', 'd', 'e'] } });
      await assertRows(enginesOf(found), table, before);
      if (kind === 'sort') {
        const inOrder = await sql(`SELECT a FROM delta.\`${table}\``);
        const own = inOrder.rows.map(([a]) => (a === null ? Number.NEGATIVE_INFINITY : Number(a)));
        assert.deepEqual(
          own,
          [...own].sort((a, b) => a - b || 0),
        );
      }
      const counts = await sql(
        `SELECT count_if(a < 0), count_if(b > 100), count_if(c > '5'), count_if(e < DATE '1969-12-01') FROM delta.\`${table}\``,
      );
      for (const [index, predicate] of ['a < 0', 'b > 100', "c > '5'", "e < DATE '1969-12-01'"].entries()) {
        const own = await sql(`SELECT count(*) FROM delta.\`${table}\` WHERE ${predicate}`);
        assert.equal(own.rows[0]?.[0], counts.rows[0]?.[index], predicate);
      }
    });
  }
});

describe('Compaction beside delta-rs on S3', { skip: found.skip ?? server.skip ?? false }, () => {
  it('loses and doubles nothing, whoever wins', async () => {
    const { client, createBucket, env } = available(server);
    const { deltaRs } = enginesOf(found);
    const bucket = await createBucket();
    const url = `s3://${bucket}/table`;
    const storage = { ...env, AWS_ALLOW_HTTP: 'true' };
    const table: TableRef = { store: createS3Store({ client: client(), bucket }), root: 'table', url };
    await deltaRs.call('appendNumbers', { table: url, storage, first: 0, commits: 6, rows: 5 });

    const theirs = (await startReading(storage)).call('python', { section: 'writers', code: appendsAndDeletes(url) });
    let isOver = false;
    const over = theirs.finally(() => {
      isOver = true;
    });
    let conflicts = 0;
    let removed = 0;
    while (!isOver) {
      const result = await optimizeTable(engine, table, { minInputFiles: 2 });
      assert.deepEqual(result.leftAlone, []);
      conflicts += result.conflicts;
      removed += result.filesRemoved;
    }
    const deleted = Number(await over);
    await optimizeTable(engine, table);
    assert.ok(removed >= 6, `${removed} files were compacted, ${conflicts} bins given up`);
    const { rows } = (await deltaRs.call('sql', {
      table: url,
      storage,
      statement: 'SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t',
    })) as Rows;
    const expected = String(6 * 5 + ROUNDS * 5 - deleted);
    assert.deepEqual(rows, [[expected, expected]]);
  });
});

/**
 * A process that appends ROUNDS files of five rows, and deletes a row after each, which removes or rewrites its file. The
 * value is the number of deleted rows: a delete may lose against a compaction of its file, and is then tried again.
 */
function appendsAndDeletes(url: string): string {
  return `
import pyarrow
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
deleted = 0
for turn in range(${ROUNDS}):
    first = 1000 + 5 * turn
    ids = pyarrow.array(range(first, first + 5), pyarrow.int64())
    write_deltalake("${url}", pyarrow.table({"id": ids, "name": pyarrow.array(["late"] * 5)}), mode="append")
    for attempt in range(20):
        try:
            deleted += DeltaTable("${url}").delete(f"id = {first} or id = {turn}")["num_deleted_rows"]
            break
        except CommitFailedError:
            pass
deleted
`;
}

function sorted(rows: Rows['rows']): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** As many rows as the longest column has values, and one with nulls. */
function rowCount(columns: readonly ReadableCase[]): number {
  return Math.max(...columns.map(({ values }) => values.length)) + 1;
}

function rawRows(columns: readonly ReadableCase[]): Record<string, RawValue>[] {
  return Array.from({ length: rowCount(columns) }, (_, id) =>
    Object.fromEntries([['id', id], ...columns.map(({ name, values }) => [name, values[id]?.[0] ?? null])]),
  );
}

function expectedRows(columns: readonly ReadableCase[]): Value[][] {
  return Array.from({ length: rowCount(columns) }, (_, id) => [
    String(id),
    ...columns.map(({ values }) => values[id]?.[1] ?? null),
  ]);
}
