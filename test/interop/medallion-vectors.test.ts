import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import { type Rows, startReading } from '../support/interop/engines.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { createStepTables, reader, stepRule } from '../support/interop/step-tables.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await findEngines();
const reading = await resource(() => startReading({}));
const skip = found.skip ?? reading.skip ?? false;
const tables = createStepTables();
const VECTORS = { 'delta.enableDeletionVectors': 'true' };
const MERGE = { kind: 'merge', keys: ['id'], deletes: 'apply', lateness: 0 } as const;

/** Each from a source that has all its rows for a partition of the target, and some of them new. */
const MODES: Readonly<
  Record<string, { readonly mode: StepMode; readonly properties?: Readonly<Record<string, string>> }>
> = {
  merged: { mode: MERGE },
  fed: { mode: MERGE, properties: { 'delta.enableChangeDataFeed': 'true' } },
  partitions: { mode: { kind: 'replace-partitions' } },
  whole: { mode: { kind: 'replace' } },
};

const spark = (statement: string) => enginesOf(found).spark.call('sql', { statement }) as Promise<Rows>;
const at = (name: string) => `delta.\`${tables.tableAt(name).url}\``;
const readers = () => enginesOf(found).readers;
const able = () => readers().filter(({ name }) => !name.includes('PyArrow'));

/** Has Spark make a table of 60 rows in three files, of each of which some rows are deleted by a vector. */
async function makeTable(name: string, properties: Readonly<Record<string, string>> = {}): Promise<void> {
  const set = Object.entries({ ...VECTORS, ...properties }).map(([key, value]) => `'${key}' = '${value}'`);
  await spark(
    `CREATE TABLE ${at(name)} (id BIGINT, name STRING, day STRING) USING delta PARTITIONED BY (day) TBLPROPERTIES (${set})`,
  );
  await spark(
    `INSERT INTO ${at(name)} SELECT /*+ COALESCE(1) */ id, concat('old ', id), concat('d', id % 3) FROM range(60)`,
  );
  await spark(`DELETE FROM ${at(name)} WHERE id IN (4, 11, 12)`);
  assert.equal((await vectorsOf(name)).length, 3);
}

const latest = (name: string): Promise<Snapshot> => loadSnapshot(tables.tableAt(name), reader);

async function vectorsOf(name: string): Promise<readonly string[]> {
  const adds = (await Array.fromAsync(activeFiles(await latest(name), reader))).flat();
  return adds.flatMap(({ path, deletionVector }) => (deletionVector === undefined ? [] : [path])).sort();
}

async function actionsOf(name: string, version: number): Promise<readonly Action[]> {
  const table = tables.tableAt(name);
  const { body } = await table.store.get(commitKey(table, version));
  return new TextDecoder()
    .decode(body)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** A step from a source in which some rows are new, some changed, and some are deleted by a vector. */
async function intoTarget(name: string, mode: StepMode): Promise<StepRule> {
  const source = `bronze/${name}`;
  const columns = '(id BIGINT, name STRING, day STRING)';
  await spark(
    `CREATE TABLE ${at(source)} ${columns} USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`,
  );
  // 0, 7, 14 and so on to 98, in all partitions.
  await spark(
    `INSERT INTO ${at(source)} SELECT /*+ COALESCE(1) */ id, concat('new ', id), concat('d', id % 3) FROM range(0, 100, 7)
     UNION ALL SELECT 12, 'back', 'd0'`,
  );
  await spark(`DELETE FROM ${at(source)} WHERE id IN (7, 70)`);
  assert.equal((await vectorsOf(source)).length, 1);
  return stepRule(`silver-${name}`, { source, sql: `SELECT * FROM ${name}` }, { mode });
}

describe('Deletion vectors', { skip }, () => {
  it('are no option of a merge as long as delta-rs refuses them through PyArrow, and all others read them', async () => {
    await makeTable('refused');
    const { url } = tables.tableAt('refused');
    const expected = await spark(`SELECT * FROM ${at('refused')}`);
    assert.equal(expected.rows.length, 57);
    await assertRows({ readers: able() }, url, expected);
    const polars = (await available(reading).call('polarsRows', { table: url })) as Rows;
    assert.equal(polars.rows.length, 57);
    // The day this is read, the option can be offered: docs/medallion.md, "Deletion vectors".
    for (const { name, read } of readers()) {
      if (name.includes('PyArrow')) await assert.rejects(read(url), /deletionVectors/, name);
    }
  });

  for (const [name, { mode, properties = {} }] of Object.entries(MODES)) {
    it(`of a source and of a target are heeded, and go where a step writes files again (${name})`, async () => {
      const silver = `silver/${name}`;
      await makeTable(silver, properties);
      const before = await latest(silver);
      const vectors = await vectorsOf(silver);
      await tables.run(await intoTarget(name, mode));
      const expected = await spark(
        mode.kind === 'merge'
          ? `SELECT coalesce(s.id, t.id) AS id, coalesce(s.name, t.name) AS name, coalesce(s.day, t.day) AS day FROM ${at(`bronze/${name}`)} s
             FULL JOIN (SELECT * FROM ${at(silver)} VERSION AS OF ${before.version}) t ON s.id = t.id`
          : `SELECT * FROM ${at(`bronze/${name}`)}`,
      );
      await assertRows({ readers: able() }, tables.tableAt(silver).url, expected);

      const after = await latest(silver);
      assert.deepEqual(after.protocol, before.protocol);
      const actions = await actionsOf(silver, after.version);
      const removed = actions.flatMap((action) => ('remove' in action ? [action.remove] : []));
      assert.deepEqual(removed.map(({ path }) => path).sort(), vectors);
      assert.ok(removed.every(({ deletionVector }) => deletionVector !== undefined));
      assert.deepEqual(await vectorsOf(silver), []);
      if (name !== 'fed') return;
      const feed = `table_changes_by_path('${tables.tableAt(silver).url}', ${after.version})`;
      const types = await spark(`SELECT _change_type, CAST(count(*) AS INT) AS n FROM ${feed} GROUP BY 1 ORDER BY 1`);
      // A row that a vector had deleted is new when it comes back.
      assert.deepEqual(types.rows, [
        ['insert', '6'],
        ['update_postimage', '8'],
        ['update_preimage', '8'],
      ]);
    });
  }
});
