import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { openChangeLog } from '../../../src/cdf/changes/change-log.ts';
import { CHANGE_TYPES } from '../../../src/cdf/changes/change-type.ts';
import { readChanges } from '../../../src/cdf/changes/read-changes.ts';
import { isCdfError } from '../../../src/cdf/errors.ts';
import { jsonObject } from '../../../src/cdf/text/json-text.ts';
import type { Action, AddFile } from '../../../src/delta/actions.ts';
import { serializeSchema } from '../../../src/delta/schema.ts';
import { createDuckDbEngine } from '../../../src/medallion/engine/session.ts';
import type { Position } from '../../../src/medallion/position.ts';
import type { BatchLimits, SourceBatch } from '../../../src/medallion/source/batch.ts';
import { planChanges } from '../../../src/medallion/source/change-batch.ts';
import { openSource, type SourceTable, sourceShape } from '../../../src/medallion/source/source-table.ts';
import { createCheckpointReader } from '../../../src/parquet/checkpoint-reader.ts';
import { type CdfWorld, createCdfWorld, removeOf, structOf } from '../../cdf/cdf-world.ts';
import { vectorOf } from '../../support/deletion-vectors.ts';
import { metaData } from '../../support/delta-log-builder.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { MIB } from '../engine/engine-world.ts';

const reader = createCheckpointReader();
const NO_LIMITS: BatchLimits = { maxBytes: 2 ** 40, maxFiles: 1000, maxVersions: 1000 };
const engine = createDuckDbEngine({ tempDir: makeTempFolder(), memoryLimit: 256 * MIB });
const START: Position = { version: 0, files: 0 };

async function sourceOf({ table }: CdfWorld): Promise<SourceTable> {
  const source = await openSource(table, reader);
  assert.ok(source !== undefined);
  return source;
}

/** All batches from a position on. */
async function batchesOf(source: SourceTable, limits: BatchLimits, splitRemovals = false): Promise<SourceBatch[]> {
  const batches: SourceBatch[] = [];
  for (let from = START; ; ) {
    const batch = await planChanges(source, from, { name: 'source', limits, splitRemovals });
    if (batch === undefined) return batches;
    assert.deepEqual(batch.from, from);
    batches.push(batch);
    from = batch.until;
  }
}

/** Rows of batches as DuckDB reads them, in no order: `_change_type`, version, id, name. */
async function rowsOf(batches: readonly SourceBatch[]): Promise<string[]> {
  const rows: string[] = [];
  const session = await engine.open();
  try {
    for (const [index, { relation }] of batches.entries()) {
      await session.addRelation({ ...relation, name: `batch ${index}` });
      const sql = `SELECT _change_type, _commit_version, id, name FROM "batch ${index}"`;
      for (const row of await session.query({ name: 'rows', sql })) {
        rows.push(
          JSON.stringify(Object.values(row).map((value) => (typeof value === 'bigint' ? Number(value) : value))),
        );
      }
    }
  } finally {
    await session.close();
  }
  return rows.sort();
}

/** The same by the reader of changes. */
async function expectedRows(source: SourceTable): Promise<string[]> {
  const log = await openChangeLog(source.table, reader);
  const shape = sourceShape(source.latest);
  const rows: string[] = [];
  const options = { from: 0, until: source.latest.version, shape, initial: sourceShape(await log.snapshotAt(0)) };
  for await (const { changes, version, columns, rowCount } of readChanges(log, { ...options, deriveRewrites: true })) {
    const line = jsonObject(shape.schema, columns, { timestamps: 'iso', zone: 'UTC', binary: 'hex' });
    for (let row = 0; row < rowCount; row++) {
      const { id, name } = JSON.parse(line(row));
      rows.push(JSON.stringify([CHANGE_TYPES[changes[row] ?? 0], version, id, name ?? null]));
    }
  }
  return rows.sort();
}

/** Commits of a random history, by which the files of a table come, go, and lose rows. */
type Step =
  | { readonly kind: 'append'; readonly files: number }
  | { readonly kind: 'delete' | 'rewrite' | 'optimize'; readonly file: number }
  | { readonly kind: 'vector'; readonly file: number; readonly rows: readonly number[] }
  | { readonly kind: 'recorded'; readonly types: readonly number[] }
  | { readonly kind: 'column' }
  | { readonly kind: 'nothing' };

const ROWS = 4;
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), files: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete' as const, 'rewrite' as const, 'optimize' as const),
      file: fc.nat(9),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('vector' as const),
      file: fc.nat(9),
      rows: fc.uniqueArray(fc.nat(ROWS - 1), { minLength: 1, maxLength: ROWS }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('recorded' as const),
      types: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'column' as const }, { kind: 'nothing' as const }) },
);

/** Makes the commits of a history in a partitioned table. */
async function play(history: readonly Step[]): Promise<CdfWorld> {
  const schema = structOf({ id: 'long', part: 'date', name: 'string' });
  const world = await createCdfWorld({ schema, partitionColumns: ['part'], configuration: {} });
  const active: AddFile[] = [];
  const columns: Record<string, 'string'> = {};
  let serial = 0;
  const write = (): Promise<AddFile> => {
    const number = serial++;
    const rows = Array.from({ length: ROWS }, (_, row) => [BigInt(10 * number + row), row === 0 ? null : `n${number}`]);
    const part = number % 3 === 0 ? null : `2026-11-0${number % 3}`;
    return world.file(`part ${number}.parquet`, rows, { path: `part%20${number}.parquet`, partitionValues: { part } });
  };
  const take = (index: number) => active.splice(index % active.length, 1)[0];
  for (const step of history) await world.log.commit(...(await actionsOf(step)));
  return world;

  async function actionsOf(step: Step): Promise<Action[]> {
    switch (step.kind) {
      case 'append': {
        const files = await Promise.all(Array.from({ length: step.files }, write));
        active.push(...files);
        return files.map((add) => ({ add }));
      }
      case 'recorded': {
        const number = serial++;
        const rows = step.types.map((type, row) => [BigInt(10 * number + row), 'r', CHANGE_TYPES[type] ?? null]);
        const recorded = await world.recorded(`_change_data/${number}.parquet`, rows);
        const add = await write();
        active.push(add);
        return [
          { add },
          'cdc' in recorded ? { cdc: { ...recorded.cdc, partitionValues: { part: '2026-11-30' } } } : recorded,
        ];
      }
      case 'column': {
        columns[`new${serial++}`] = 'string';
        const wider = structOf({ id: 'long', part: 'date', name: 'string', ...columns });
        return [metaData({ schemaString: serializeSchema(wider), partitionColumns: ['part'], configuration: {} })];
      }
      case 'nothing':
        return [{ commitInfo: { operation: 'VACUUM END' } }];
      default:
        return active.length === 0 ? [{ commitInfo: {} }] : changeOf(step);
    }
  }

  async function changeOf(step: Extract<Step, { readonly file: number }>): Promise<Action[]> {
    const file = take(step.file);
    assert.ok(file !== undefined);
    if (step.kind === 'delete') return [removeOf(file)];
    if (step.kind === 'vector') {
      const changed = { ...file, deletionVector: vectorOf(...step.rows.toSorted((a, b) => a - b)) };
      active.push(changed);
      return [removeOf(file), { add: changed }];
    }
    const other = await write();
    active.push(other);
    const dataChange = step.kind === 'rewrite';
    const removal = removeOf(file);
    assert.ok('remove' in removal);
    return [{ remove: { ...removal.remove, dataChange } }, { add: { ...other, dataChange } }];
  }
}

/** That inside of a segment no rows go after others came, in the order of the files. */
function assertSegments({ relation, segments }: SourceBatch): void {
  const seen = new Map<unknown, number>();
  for (const { rows, constants } of relation.files) {
    const { _segment: segment, _commit_version: version } = constants;
    const maybeWent = rows.kind !== 'all' || constants._change_type === 'delete';
    const maybeCame = rows.kind !== 'all' || constants._change_type === 'insert';
    assert.ok(segments.includes(Number(segment)));
    const came = seen.get(segment);
    assert.ok(!maybeWent || came === undefined || came === version, `rows of version ${version} go after others came`);
    if (maybeCame) seen.set(segment, Math.min(came ?? Number(version), Number(version)));
  }
  assert.deepEqual(
    segments,
    segments.toSorted((a, b) => a - b),
  );
}

describe('the changes of a source', () => {
  it('are each in one batch, whatever the history and the limits', async () => {
    const limits = fc.record({
      maxBytes: fc.constantFrom(1, 2000, 2 ** 40),
      maxFiles: fc.integer({ min: 1, max: 8 }),
      maxVersions: fc.integer({ min: 1, max: 12 }),
      maxSegments: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 1, maxLength: 12 }),
        limits,
        fc.boolean(),
        async (history, own, split) => {
          const world = await play(history);
          const source = await sourceOf(world);
          const batches = await batchesOf(source, own, split);
          for (const batch of batches) {
            assertSegments(batch);
            assert.ok(batch.isTooLarge || batch.relation.files.length <= own.maxFiles);
            assert.ok(!split || !batch.isTooLarge);
            assert.ok(batch.segments.length <= own.maxSegments);
          }
          assert.deepEqual(batches.at(-1)?.until, { version: source.latest.version + 1, files: 0 });
          assert.deepEqual(
            batches.map(({ isLast }) => isLast),
            batches.map((_, index) => index === batches.length - 1),
          );
          assert.deepEqual(await rowsOf(batches), await expectedRows(source));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('are none once all versions are read', async () => {
    const world = await createCdfWorld();
    const source = await sourceOf(world);
    assert.equal(await planChanges(source, { version: 1, files: 0 }, { name: 'source', limits: NO_LIMITS }), undefined);
  });

  it('are those of another table where the position is beyond its versions', async () => {
    const source = await sourceOf(await createCdfWorld());
    for (const from of [
      { version: 2, files: 0 },
      { version: 1, files: 3 },
    ]) {
      await assert.rejects(
        planChanges(source, from, { name: 'source', limits: NO_LIMITS }),
        (error) =>
          isCdfError(error, 'OTHER_TABLE') && /is at version 0, and was read up to version/.test(error.message),
      );
    }
  });

  it('are gone once the log is cleaned up', async () => {
    const world = await createCdfWorld();
    for (const name of ['a', 'b', 'c'])
      await world.log.commit({ add: await world.file(`${name}.parquet`, [[1n, name]]) });
    await world.log.checkpoint(2);
    for (const version of [0, 1]) await world.log.delete(`${String(version).padStart(20, '0')}.json`);
    const source = await sourceOf(world);
    await assert.rejects(
      planChanges(source, { version: 1, files: 0 }, { name: 'source', limits: NO_LIMITS }),
      (error) => isCdfError(error, 'CHANGES_GONE'),
    );
    const batch = await planChanges(source, { version: 2, files: 0 }, { name: 'source', limits: NO_LIMITS });
    assert.equal(batch?.relation.files.length, 2);
  });

  it('leave out commits that remove rows where these are not wanted', async () => {
    const world = await createCdfWorld();
    const file = await world.file('a.parquet', [[1n, 'a']]);
    await world.log.commit({ add: file });
    await world.log.commit(removeOf(file), { add: await world.file('b.parquet', [[2n, 'b']]) });
    await world.log.commit({ add: await world.file('c.parquet', [[3n, 'c']]) });
    const options = { name: 'source', limits: NO_LIMITS };
    const source = await sourceOf(world);
    const batch = await planChanges(source, START, { ...options, removals: 'leave-out' });
    assert.deepEqual(batch?.leftOut, [2]);
    assert.equal(batch?.removesAt, undefined);
    assert.deepEqual(
      batch?.relation.files.map(({ path }) => path),
      ['a.parquet', 'c.parquet'],
    );
    assert.equal((await planChanges(source, START, options))?.removesAt, 2);
  });

  it('end before a commit that takes away columns, which have a batch of their own', async () => {
    const world = await createCdfWorld();
    await world.log.commit({ add: await world.file('a.parquet', [[1n, 'a']]) });
    const narrow = metaData({ schemaString: serializeSchema(structOf({ id: 'long' })) });
    await world.log.commit(narrow, { add: await world.file('b.parquet', [[2n, 'b']]) });
    const batches = await batchesOf(await sourceOf(world), NO_LIMITS);
    assert.deepEqual(
      batches.map(({ untilVersion, relation }) => [untilVersion, relation.schema.fields.map(({ name }) => name)]),
      [
        [1, ['id', 'name']],
        [2, ['id']],
      ],
    );
  });

  it('are refused for a commit that removes rows with columns that it takes away', async () => {
    const world = await createCdfWorld();
    const file = await world.file('a.parquet', [[1n, 'a']]);
    await world.log.commit({ add: file });
    const other = metaData({ schemaString: serializeSchema(structOf({ id: 'long', name: 'date' })) });
    await world.log.commit(other, removeOf(file));
    const source = await sourceOf(world);
    const first = await planChanges(source, START, { name: 'source', limits: NO_LIMITS });
    assert.deepEqual(first?.until, { version: 2, files: 0 });
    await assert.rejects(
      planChanges(source, { version: 2, files: 0 }, { name: 'source', limits: NO_LIMITS }),
      (error) => isCdfError(error, 'INCOMPATIBLE_SCHEMA') && /"name" was string, and is date/.test(error.message),
    );
  });

  it('are not read of tables with mapped columns or columns of the names of extras', async () => {
    const mapped = await createCdfWorld({ configuration: { 'delta.columnMapping.mode': 'name' } });
    await assert.rejects(openSource(mapped.table, reader), (error) => isCdfError(error, 'UNSUPPORTED_TABLE'));
    const taken = await createCdfWorld({ schema: structOf({ id: 'long', _Segment: 'long' }) });
    await assert.rejects(
      openSource(taken.table, reader),
      (error) => isCdfError(error, 'UNSUPPORTED_TABLE') && /has a column "_Segment"/.test(error.message),
    );
  });

  it('of no table are none', async () => {
    const { table } = await createCdfWorld();
    assert.equal(await openSource({ ...table, root: 'lake/nowhere' }, reader), undefined);
  });
});
