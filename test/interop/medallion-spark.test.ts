import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AddFile } from '../../src/delta/actions.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import type { StructType } from '../../src/delta/schema.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type {
  EnginePlan,
  EngineRun,
  Output,
  Relation,
  RelationFile,
  RowSelection,
} from '../../src/medallion/engine.ts';
import { createStepSpark } from '../../src/medallion/spark/step-spark.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { Rows } from '../support/interop/engines.ts';
import { enginesOf, findEngines } from '../support/interop/readers.ts';
import { createSparkSessionJobs } from '../support/interop/spark-session-jobs.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const engines = await findEngines();
const skip = engines.skip ?? false;
const folder = makeTempFolder();
const reader = createCheckpointReader();

const tableAt = (name: string): TableRef => ({
  store: createFolderStore(folder),
  root: name,
  url: join(folder, name),
});
const sql = (statement: string) => enginesOf(engines).spark.call('sql', { statement }) as Promise<Rows>;

async function filesOf(table: TableRef, version?: number): Promise<AddFile[]> {
  const snapshot = await loadSnapshot(table, reader, version === undefined ? {} : { version });
  const files: AddFile[] = [];
  for await (const batch of activeFiles(snapshot, reader, { stats: true })) files.push(...batch);
  return files;
}

function member(table: TableRef, file: AddFile, rows: RowSelection, constants: RelationFile['constants'] = {}) {
  const { path, size, partitionValues } = file;
  return { table, path: canonicalPath(table, path), size, partitionValues, rows, constants } satisfies RelationFile;
}

async function relationOf(name: string, table: TableRef, files: readonly RelationFile[]): Promise<Relation> {
  const { schema, metadata } = await loadSnapshot(table, reader);
  return { name, schema, partitionColumns: metadata.partitionColumns, extras: [], files };
}

const schemaOf = (...columns: readonly (readonly [string, StructType['fields'][number]['type']])[]): StructType => ({
  type: 'struct',
  fields: columns.map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
});

const outputTo = (table: TableRef, more: Partial<Output> & Pick<Output, 'sql' | 'schema'>): Output => ({
  name: 'out',
  partitionColumns: [],
  sortBy: [],
  table,
  targetFileBytes: 1 << 20,
  ...more,
});

/** Runs a plan on Spark as a batch of a step. */
async function run(target: TableRef, plan: Partial<EnginePlan>): Promise<EngineRun> {
  const whole = { relations: [], statements: [], results: [], outputs: [], ...plan };
  const spark = createStepSpark({ jobs: createSparkSessionJobs(enginesOf(engines).spark), now: Date.now });
  const batch = await spark.begin(target, 'silver', whole, {
    work: randomUUID(),
    versions: {},
    question: 'q',
    answers: new Map(),
  });
  const state = await spark.look(target, 'silver', batch, whole);
  assert.equal(state.kind, 'finished');
  await spark.end(target, 'silver', batch, 'committed');
  return state.kind === 'finished' ? state.run : assert.fail();
}

describe('A plan of a step on Spark', { skip }, () => {
  it('reads relations: partitions, older files, deletion vectors, extras', async () => {
    const table = tableAt('bronze');
    const name = `delta.\`${table.url}\``;
    await sql(
      `CREATE TABLE ${name} (id BIGINT, p STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`,
    );
    await sql(`INSERT INTO ${name} SELECT /*+ COALESCE(1) */ id, 'a b/ü%:' FROM VALUES (1), (2), (3), (4) AS r(id)`);
    await sql(`ALTER TABLE ${name} ADD COLUMNS (late STRING)`);
    await sql(`INSERT INTO ${name} VALUES (9, NULL, 'new')`);
    await sql(`DELETE FROM ${name} WHERE id = 2`);
    const { version } = await loadSnapshot(table, reader);
    const before = (await filesOf(table)).find(({ deletionVector }) => deletionVector !== undefined);
    await sql(`DELETE FROM ${name} WHERE id = 3`);
    const files = await filesOf(table);
    const after = files.find(({ deletionVector }) => deletionVector !== undefined);
    assert.ok(before?.deletionVector !== undefined && after?.deletionVector !== undefined && version === 4);

    const all = files.map((file, index) =>
      member(
        table,
        file,
        { kind: 'all', ...(file.deletionVector && { deletionVector: file.deletionVector }) },
        {
          _change_type: 'insert',
          _commit_version: index,
        },
      ),
    );
    const extras = [
      { name: '_change_type', type: 'string' },
      { name: '_commit_version', type: 'long' },
    ] as const;
    const difference = (rows: RowSelection) => member(table, after, rows, { _commit_version: 7 });
    const relation = await relationOf('source', table, [
      ...all,
      // Rows of one file that came and went are there twice.
      ...all.slice(0, 1),
      difference({ kind: 'difference', before: before.deletionVector, after: after.deletionVector }),
      difference({ kind: 'difference', after: before.deletionVector }),
      difference({ kind: 'difference', before: after.deletionVector, after: before.deletionVector }),
    ]);
    const target = tableAt('t1');
    const { results } = await run(target, {
      relations: [{ ...relation, extras }],
      results: [{ name: 'rows', sql: `SELECT "id", "p", "late", "_change_type", "_commit_version" FROM "source"` }],
    });
    const rows = (results.get('rows') ?? []).map((row) => Object.values(row).join(' ')).sort();
    const first = files.findIndex(({ path }) => path === all[0]?.path || path === files[0]?.path);
    const plain = ['1 a b/ü%:  insert', '4 a b/ü%:  insert'];
    const numbered = (lines: readonly string[], version: number) => lines.map((line) => `${line} ${version}`);
    const old = files.indexOf(after);
    const whole = [...numbered(plain, old), ...numbered(['9  new insert'], 1 - old)];
    const twice = first === old ? numbered(plain, old) : numbered(['9  new insert'], 1 - old);
    assert.deepEqual(
      rows,
      [
        ...whole,
        ...twice,
        '3 a b/ü%:  delete 7',
        '2 a b/ü%:  delete 7',
        // Restored by a later commit.
        '3 a b/ü%:  insert 7',
      ].sort(),
    );
  });

  it('reads recorded changes, and shares what statements keep', async () => {
    const table = tableAt('fed');
    const name = `delta.\`${table.url}\``;
    await sql(
      `CREATE TABLE ${name} (id BIGINT, p STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')`,
    );
    await sql(`INSERT INTO ${name} SELECT /*+ COALESCE(1) */ id, 'x' FROM VALUES (1), (2) AS r(id)`);
    await sql(`UPDATE ${name} SET id = 20 WHERE id = 2`);
    const keys: { path: string; size: number }[] = [];
    for await (const { key, size } of table.store.list(`${table.root}/_change_data/`)) {
      if (key.endsWith('.parquet')) keys.push({ path: key.slice(table.root.length + 1), size });
    }
    assert.ok(keys.length > 0);
    const relation = await relationOf(
      'changes',
      table,
      keys.map((file) => ({
        table,
        ...file,
        partitionValues: { p: 'x' },
        rows: { kind: 'recorded' },
        constants: { _segment: 3 },
      })),
    );
    const { results } = await run(tableAt('t2'), {
      relations: [
        {
          ...relation,
          extras: [
            { name: '_change_type', type: 'string' },
            { name: '_segment', type: 'long' },
          ],
        },
      ],
      statements: [
        // Not the same twice, unless it is kept.
        { name: 'kept', sql: `SELECT *, uuid() AS u, NULL AS none FROM "changes"`, materialized: true },
        { name: 'counted', sql: `SELECT COUNT(*) AS n FROM "kept"`, materialized: false },
      ],
      results: [
        { name: 'rows', sql: `SELECT id, p, "_change_type", "_segment", none FROM kept ORDER BY "_change_type"` },
        { name: 'same', sql: `SELECT COUNT(*) AS n FROM kept a JOIN kept b ON a.u = b.u` },
        { name: 'values', sql: `SELECT n, CAST(n AS INT) AS i, 1.50 AS d, n = 2 AS b, 'x' AS t FROM counted` },
      ],
    });
    assert.deepEqual(results.get('rows'), [
      { id: 20n, p: 'x', _change_type: 'update_postimage', _segment: 3n, none: null },
      { id: 2n, p: 'x', _change_type: 'update_preimage', _segment: 3n, none: null },
    ]);
    assert.deepEqual(results.get('same'), [{ n: 2n }]);
    assert.deepEqual(results.get('values'), [{ n: 2n, i: 2, d: '1.50', b: true, t: 'x' }]);
  });

  it('writes files of a partition each, sorted, of the size that was asked for, with statistics', async () => {
    const target = tableAt('silver/orders');
    const { outputs } = await run(target, {
      outputs: [
        outputTo(target, {
          sql: `SELECT md5(CAST(id AS STRING)) AS text, id AS k, id % 10 AS ignored,
            CASE WHEN id % 3 = 0 THEN NULL WHEN id % 3 = 1 THEN 'a b/ü%:=' ELSE '' END AS p FROM range(60000)`,
          schema: schemaOf(['k', 'integer'], ['text', 'string'], ['p', 'string']),
          partitionColumns: ['p'],
          sortBy: ['k'],
          targetFileBytes: 500_000,
        }),
      ],
    });
    const files = outputs.get('out') ?? [];
    assert.equal(
      files.reduce((sum, { rows }) => sum + rows, 0),
      60_000,
    );
    const byPartition = Map.groupBy(files, ({ partitionValues }) => partitionValues.p ?? 'null');
    assert.deepEqual([...byPartition.keys()].sort(), ['a b/ü%:=', 'null']);
    assert.ok(files.length >= 4 && files.length <= 9, `${files.length} files`);
    for (const [p, members] of byPartition) {
      const ranges = members
        .map(({ stats }) => JSON.parse(stats))
        .map(({ minValues, maxValues }) => [minValues.k, maxValues.k])
        .sort(([a], [b]) => a - b);
      for (const [index, [low]] of ranges.entries()) {
        const [, high] = ranges[index - 1] ?? [0, -1];
        assert.ok(low > high, `files of ${p} overlap: ${JSON.stringify(ranges)}`);
      }
    }
    const [file] = byPartition.get('a b/ü%:=') ?? [];
    assert.match(file?.path ?? '', /^p=a%20b%252F%C3%BC%2525%253A%253D\/resaca-step-[0-9a-f-]{36}\.zstd\.parquet$/);
  });

  it('casts to the types of the table, and fails at what does not fit', async () => {
    const target = tableAt('casts');
    const schema: StructType = schemaOf(
      ['n', 'integer'],
      ['d', 'decimal(10,2)'],
      ['s', schemaOf(['b', 'long'], ['a', 'string'], ['c', 'date'])],
      ['l', { type: 'array', elementType: 'integer', containsNull: true }],
      ['t', 'timestamp'],
      ['z', 'timestamp_ntz'],
    );
    const { outputs } = await run(target, {
      outputs: [
        outputTo(target, {
          sql: `SELECT CAST(2.5 AS DOUBLE) AS n, 1.005 AS d, named_struct('A', 'x', 'b', 7) AS s, array(1L, NULL) AS l,
            TIMESTAMP '1969-12-31 23:59:59.123456' AS t, TIMESTAMP_NTZ '2026-01-01 00:00:00' AS z`,
          schema,
        }),
      ],
    });
    const [file] = outputs.get('out') ?? [];
    const { minValues } = JSON.parse(file?.stats ?? '');
    assert.deepEqual(minValues, {
      n: 2,
      d: 1.01,
      s: { b: 7, a: 'x' },
      t: '1969-12-31T23:59:59.123Z',
      z: '2026-01-01T00:00:00.000',
    });
    for (const [query, problem] of [
      [`SELECT 3000000000 AS n`, /CAST_OVERFLOW/],
      [`SELECT 'x' AS n`, /CAST_INVALID_INPUT/],
      [`SELECT 1 AS m`, /has no column "n", but m/],
      [`SELECT CAST(NULL AS INT) AS n`, /"out" has a null in the column "n"/],
    ] as const) {
      const column = { name: 'n', type: 'integer', nullable: false, metadata: {} } as const;
      const output = outputTo(target, { sql: query, schema: { type: 'struct', fields: [column] } });
      await assert.rejects(run(target, { outputs: [output] }), problem);
    }
  });

  it('leaves nothing where there are no rows, and writes to a folder of the table', async () => {
    const target = tableAt('none');
    const schema = schemaOf(['id', 'long'], ['_change_type', 'string']);
    const { outputs } = await run(target, {
      outputs: [
        outputTo(target, { name: 'empty', sql: `SELECT 1L AS id, 'x' AS "_change_type" WHERE FALSE`, schema }),
        outputTo(target, {
          name: 'cdc',
          sql: `SELECT 1L AS id, 'insert' AS "_change_type"`,
          schema,
          folder: '_change_data',
        }),
      ],
    });
    assert.deepEqual(outputs.get('empty'), []);
    assert.match(outputs.get('cdc')?.[0]?.path ?? '', /^_change_data\/resaca-step-/);
    const keys: string[] = [];
    for await (const { key } of target.store.list('none/')) keys.push(key);
    assert.equal(keys.length, 1, keys.join(', '));
  });
});
