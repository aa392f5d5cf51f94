import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openChangeLog } from '../../src/cdf/changes/change-log.ts';
import { shapeOf } from '../../src/cdf/changes/change-schema.ts';
import { readChanges } from '../../src/cdf/changes/read-changes.ts';
import { isCdfError } from '../../src/cdf/errors.ts';
import { outputFields, withChangeColumns } from '../../src/cdf/output/change-output.ts';
import { jsonObject } from '../../src/cdf/text/json-text.ts';
import { serializeSchema } from '../../src/delta/schema.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { vectorOf } from '../support/deletion-vectors.ts';
import { featureProtocol, metaData } from '../support/delta-log-builder.ts';
import { type CdfWorld, createCdfWorld, removeOf, structOf } from './cdf-world.ts';

/** The rows of changes without their times: `_change_type`, version, and the values of the table. */
async function rowsOf({ table }: CdfWorld, from: number, until: number, deriveRewrites = false): Promise<unknown[]> {
  const log = await openChangeLog(table, createCheckpointReader());
  const shape = shapeOf(await log.snapshotAt(until));
  const initial = shapeOf(await log.snapshotAt(from));
  const schema = { type: 'struct', fields: outputFields(shape.schema, true) } as const;
  const rows: unknown[] = [];
  for await (const batch of readChanges(log, { from, until, shape, initial, deriveRewrites })) {
    const line = jsonObject(schema, withChangeColumns(batch).columns, {
      timestamps: 'iso',
      zone: 'UTC',
      binary: 'hex',
    });
    for (let row = 0; row < batch.rowCount; row++) {
      const {
        _change_type: type,
        _commit_version: version,
        _commit_timestamp: time,
        ...values
      } = JSON.parse(line(row));
      assert.equal(time, `2026-01-01T00:0${version}:00.000000Z`);
      rows.push([type, version, ...Object.values(values)]);
    }
  }
  return rows;
}

describe('the changes of a table', () => {
  it('are the rows of files that were added and removed, what went before what came', async () => {
    const world = await createCdfWorld();
    const a = await world.file('a.parquet', [
      [1n, 'one'],
      [2n, null],
    ]);
    const b = await world.file('b.parquet', [[3n, 'three']]);
    await world.log.commit({ add: a });
    await world.log.commit({ add: b }, removeOf(a));
    assert.deepEqual(await rowsOf(world, 0, 2), [
      ['insert', 1, 1, 'one'],
      ['insert', 1, 2, null],
      ['delete', 2, 1, 'one'],
      ['delete', 2, 2, null],
      ['insert', 2, 3, 'three'],
    ]);
    assert.deepEqual(await rowsOf(world, 2, 2), (await rowsOf(world, 0, 2)).slice(2));
  });

  it('are those that were recorded, where some are, and nothing else of that commit', async () => {
    const world = await createCdfWorld();
    const a = await world.file('a.parquet', [
      [1n, 'one'],
      [2n, 'two'],
    ]);
    const b = await world.file('b.parquet', [
      [1n, 'uno'],
      [2n, 'two'],
    ]);
    await world.log.commit({ add: a });
    const cdc = await world.recorded('_change_data/cdc.parquet', [
      [1n, 'one', 'update_preimage'],
      [1n, 'uno', 'update_postimage'],
    ]);
    await world.log.commit(removeOf(a), { add: b }, cdc);
    assert.deepEqual(await rowsOf(world, 2, 2), [
      ['update_preimage', 2, 1, 'one'],
      ['update_postimage', 2, 1, 'uno'],
    ]);
  });

  it('are none where no data changed', async () => {
    const world = await createCdfWorld();
    const a = await world.file('a.parquet', [[1n, 'one']]);
    await world.log.commit({ add: a });
    const rewritten = await world.file('b.parquet', [[1n, 'one']], { dataChange: false });
    await world.log.commit({ add: rewritten }, { remove: { path: a.path, dataChange: false } });
    assert.deepEqual(await rowsOf(world, 2, 2), []);
  });

  it('are the difference of two deletion vectors of a file, both ways', async () => {
    const world = await createCdfWorld({ protocol: featureProtocol(['deletionVectors'], ['changeDataFeed']) });
    const rows = [0n, 1n, 2n, 3n].map((id) => [id, `row ${id}`]);
    const whole = await world.file('a.parquet', rows);
    const first = { ...whole, deletionVector: vectorOf(1) };
    const second = { ...whole, deletionVector: vectorOf(1, 3) };
    const other = { ...whole, deletionVector: vectorOf(0) };
    await world.log.commit({ add: whole });
    await world.log.commit(removeOf(whole), { add: first });
    await world.log.commit({ add: second }, removeOf(first));
    await world.log.commit(removeOf(second), { add: other });
    await world.log.commit(removeOf(other), { add: whole });
    await world.log.commit(removeOf({ ...whole, deletionVector: vectorOf(0, 1, 2) }));
    assert.deepEqual(await rowsOf(world, 2, 6), [
      ['delete', 2, 1, 'row 1'],
      ['delete', 3, 3, 'row 3'],
      ['delete', 4, 0, 'row 0'],
      ['insert', 4, 1, 'row 1'],
      ['insert', 4, 3, 'row 3'],
      ['insert', 5, 0, 'row 0'],
      ['delete', 6, 3, 'row 3'],
    ]);
  });

  it('have the values of partitions from the log, typed, in the place of the schema', async () => {
    const schema = structOf({ day: 'date', id: 'long', code: 'decimal(5,2)' });
    const world = await createCdfWorld({ schema, partitionColumns: ['day', 'code'] });
    const partitionValues = { day: '2026-11-30', code: '1.50' };
    await world.log.commit({ add: await world.file('a.parquet', [[7n]], { partitionValues }) });
    await world.log.commit({
      add: await world.file('b.parquet', [[8n]], { partitionValues: { day: null, code: '' } }),
    });
    assert.deepEqual(await rowsOf(world, 1, 2), [
      ['insert', 1, '2026-11-30', 7, 1.5],
      ['insert', 2, null, 8, null],
    ]);
    // As Spark's RESTORE leaves out what is null.
    await world.log.commit({ add: await world.file('n.parquet', [[5n]], { partitionValues: { code: '2' } }) });
    assert.deepEqual(await rowsOf(world, 3, 3), [['insert', 3, null, 5, 2]]);
    await world.log.commit({ remove: { path: 'n.parquet', dataChange: true } });
    await assert.rejects(rowsOf(world, 4, 4), /version 4 .*"n\.parquet": the log does not say the values/);
    await world.log.commit({ add: await world.file('o.parquet', [[5n]], { partitionValues: { hour: '2' } }) });
    await assert.rejects(rowsOf(world, 5, 5), /"o\.parquet": it is partitioned by "hour", and the table is not/);
    const bad = { day: 'soon', code: '1' };
    await world.log.commit({ add: await world.file('c.parquet', [[9n]], { partitionValues: bad }) });
    await assert.rejects(rowsOf(world, 6, 6), /version 6 .*"c\.parquet".*"soon".*"day"/);
  });

  it('have null for columns that are newer than the rows, and are refused where they do not fit', async () => {
    const world = await createCdfWorld();
    await world.log.commit({ add: await world.file('a.parquet', [[1n, 'one']]) });
    const wider = structOf({ id: 'long', name: 'string', age: 'integer' });
    const configuration = { 'delta.enableChangeDataFeed': 'true' };
    await world.log.commit(metaData({ schemaString: serializeSchema(wider), configuration }));
    assert.deepEqual(await rowsOf(world, 1, 2), [['insert', 1, 1, 'one', null]]);
    const other = structOf({ id: 'string', name: 'string', age: 'integer' });
    await world.log.commit(metaData({ schemaString: serializeSchema(other), configuration }));
    await assert.rejects(
      rowsOf(world, 1, 3),
      (error: Error) => isCdfError(error, 'INCOMPATIBLE_SCHEMA') && /"id" was long, and is string/.test(error.message),
    );
  });

  it('name the oldest version that is left where the log was cleaned up', async () => {
    const world = await createCdfWorld();
    for (const name of ['a', 'b', 'c']) {
      await world.log.commit({ add: await world.file(`${name}.parquet`, [[1n, name]]) });
    }
    await world.log.checkpoint(2);
    for (const version of [0, 1]) await world.log.delete(`${String(version).padStart(20, '0')}.json`);
    assert.equal((await rowsOf(world, 2, 3)).length, 2);
    await assert.rejects(
      rowsOf(world, 1, 3),
      (error) =>
        isCdfError(error, 'CHANGES_GONE') && error.data.oldest === 2 && /version 1 .* is 2$/.test(error.message),
    );
  });

  it('name the version and the file that is vacuumed away', async () => {
    const world = await createCdfWorld();
    const a = await world.file('a.parquet', [[1n, 'one']]);
    await world.log.commit({ add: a });
    await world.log.commit(removeOf(a));
    await world.store.delete('lake/people/a.parquet');
    await assert.rejects(rowsOf(world, 2, 2), (error) => isCdfError(error, 'FILE_GONE') && error.data.version === 2);
    await world.log.commit({ remove: { path: 'a.parquet', dataChange: true } });
    await assert.rejects(rowsOf(world, 3, 3), (error) => isCdfError(error, 'FILE_GONE') && error.data.version === 3);
  });

  it('are not guessed where a table without a feed rewrote files, unless that is wanted', async () => {
    const world = await createCdfWorld({ configuration: {} });
    const a = await world.file('a.parquet', [
      [1n, 'one'],
      [2n, 'two'],
    ]);
    await world.log.commit({ add: a });
    await world.log.commit(removeOf(a), { add: await world.file('b.parquet', [[2n, 'two']]) });
    assert.equal((await rowsOf(world, 1, 1)).length, 2);
    await assert.rejects(rowsOf(world, 1, 2), (error) => isCdfError(error, 'NOT_RECORDED') && error.data.version === 2);
    assert.equal((await rowsOf(world, 1, 2, true)).length, 5);
  });

  it('are refused for mapped columns, and for columns that are named like theirs', async () => {
    const mapped = await createCdfWorld({
      configuration: { 'delta.columnMapping.mode': 'name' },
      protocol: featureProtocol(['columnMapping']),
    });
    await assert.rejects(rowsOf(mapped, 0, 0), (error) => isCdfError(error, 'UNSUPPORTED_TABLE'));
    const taken = await createCdfWorld({ schema: structOf({ _change_type: 'string' }), configuration: {} });
    await assert.rejects(rowsOf(taken, 0, 0), /has a column "_change_type"/);
  });
});
