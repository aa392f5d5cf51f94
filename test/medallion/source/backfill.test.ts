import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isCdfError } from '../../../src/cdf/errors.ts';
import type { AddFile } from '../../../src/delta/actions.ts';
import { type Backfill, openBackfill } from '../../../src/medallion/source/backfill-batch.ts';
import type { SourceBatch } from '../../../src/medallion/source/batch.ts';
import { orderFiles } from '../../../src/medallion/source/file-order.ts';
import { openSource } from '../../../src/medallion/source/source-table.ts';
import { createCheckpointReader } from '../../../src/parquet/checkpoint-reader.ts';
import { type CdfWorld, createCdfWorld, removeOf, structOf } from '../../cdf/cdf-world.ts';
import { vectorOf } from '../../support/deletion-vectors.ts';

const reader = createCheckpointReader();
const schema = structOf({ day: 'date', id: 'long' });

/** An add of a file that nobody reads. */
function addOf(number: number, day: string | null, overrides: Partial<AddFile> = {}): AddFile {
  const path = `${number}.parquet`;
  return { path, partitionValues: { day }, size: 10, modificationTime: 1, dataChange: true, ...overrides };
}

async function createWorld(): Promise<CdfWorld> {
  return createCdfWorld({ schema, partitionColumns: ['day'] });
}

async function backfillOf({ table }: CdfWorld, version: number): Promise<Backfill> {
  const source = await openSource(table, reader);
  assert.ok(source !== undefined);
  return openBackfill(source, version);
}

async function partsOf(backfill: Backfill, limits: { maxBytes: number; maxFiles: number }): Promise<SourceBatch[]> {
  const parts: SourceBatch[] = [];
  for (let done = 0; ; ) {
    const part = await backfill.next(done, { name: 'source', limits });
    if (part === undefined) return parts;
    assert.deepEqual(part.from, { version: backfill.version, files: done });
    parts.push(part);
    done = part.until.files;
  }
}

const pathsOf = (parts: readonly SourceBatch[]) =>
  parts.flatMap(({ relation }) => relation.files.map(({ path }) => path));

describe('the backfill of a source', () => {
  it('has each file of the version once, in one order, whatever the limits and the checkpoints', async () => {
    const days = ['2026-11-01', '2026-11-02', null];
    const limits = fc.record({ maxBytes: fc.constantFrom(1, 35, 1000), maxFiles: fc.integer({ min: 1, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 30 }), limits, async (choice, own) => {
        const world = await createWorld();
        const adds = choice.map((day, number) => addOf(number, days[day] ?? null));
        for (const add of adds) await world.log.commit({ add });
        const version = adds.length;
        await world.log.commit({ add: addOf(99, null) });
        const parts = await partsOf(await backfillOf(world, version), own);
        for (const { bytes, relation, isTooLarge } of parts) {
          assert.ok(relation.files.length <= own.maxFiles);
          assert.equal(isTooLarge, bytes > own.maxBytes);
          assert.ok(!isTooLarge || relation.files.length === 1);
        }
        assert.deepEqual(pathsOf(parts).toSorted(), adds.map(({ path }) => path).toSorted());
        assert.deepEqual(
          parts.map(({ isLast }) => isLast),
          parts.map((_, index) => index === parts.length - 1),
        );
        await world.log.checkpoint(Math.ceil(version / 2));
        await world.log.checkpoint(version);
        const again = await partsOf(await backfillOf(world, version), { maxBytes: 1000, maxFiles: 1000 });
        assert.deepEqual(pathsOf(again), pathsOf(parts));
        const seen = again.flatMap(({ relation }) => relation.files.map(({ partitionValues }) => partitionValues.day));
        assert.deepEqual(
          seen,
          seen.toSorted((a, b) => (JSON.stringify([a]) < JSON.stringify([b]) ? -1 : 1)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('has the rows of files that are not deleted, as such that came', async () => {
    const world = await createWorld();
    const file = await world.file('a.parquet', [[1n], [2n]], { partitionValues: { day: '2026-11-01' } });
    await world.log.commit({ add: file });
    await world.log.commit(removeOf(file), { add: { ...file, deletionVector: vectorOf(0) } });
    const [part] = await partsOf(await backfillOf(world, 2), { maxBytes: 1000, maxFiles: 10 });
    const [only, ...others] = part?.relation.files ?? [];
    assert.deepEqual(others, []);
    assert.deepEqual(only?.rows, { kind: 'all', deletionVector: vectorOf(0) });
    assert.deepEqual(only?.constants, { _change_type: 'insert', _segment: 0, _commit_version: 2 });
    assert.deepEqual(part?.segments, [0]);
  });

  it('of a table without files has no parts', async () => {
    const backfill = await backfillOf(await createWorld(), 0);
    assert.equal(backfill.fileCount, 0);
    assert.deepEqual(await partsOf(backfill, { maxBytes: 1, maxFiles: 1 }), []);
  });

  it('tells of a version that cannot be told any more', async () => {
    const world = await createWorld();
    for (let number = 1; number < 4; number++) await world.log.commit({ add: addOf(number, null) });
    await world.log.checkpoint(2);
    for (const version of [0, 1]) await world.log.delete(`${String(version).padStart(20, '0')}.json`);
    await assert.rejects(backfillOf(world, 1), (error) => isCdfError(error, 'CHANGES_GONE'));
    assert.equal((await backfillOf(world, 2)).fileCount, 2);
  });

  it('keeps files of one hash apart', async () => {
    const world = await createWorld();
    const adds = Array.from({ length: 10 }, (_, number) => addOf(number, null));
    await world.log.commit(...adds.map((add) => ({ add })));
    const source = await openSource(world.table, reader);
    assert.ok(source !== undefined);
    const order = await orderFiles(source.latest, reader, () => 7);
    const slices = await Promise.all([0, 3, 6, 9].map((start) => order.slice(start, start + 3)));
    assert.deepEqual(
      slices.flat().map(({ path }) => path),
      adds.map(({ path }) => path).toSorted(),
    );
  });
});
