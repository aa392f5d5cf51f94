import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeltaError } from '../../src/delta/errors.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import type { OptimizeOptions } from '../../src/maintenance/optimize/options.ts';
import { isStoreError, StoreError } from '../../src/storage/object-store.ts';
import { structField } from '../support/interop/type-cases.ts';
import { createOptimizeWorld, START } from './optimize-world.ts';

describe('Compaction', () => {
  it('does nothing for a table that is beyond its limit, and says so', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(4, 10, '2026-11-23');
    const bytes = (await world.files()).reduce((sum, { size }) => sum + size, 0);
    const { isBeyond, versions, remaining } = await world.optimize({ maxBacklog: bytes - 1 });
    assert.deepEqual([isBeyond, versions, remaining.bins, remaining.bytes], [true, [], 1, bytes]);
    const within = await world.optimize({ maxBacklog: bytes });
    assert.deepEqual([within.isBeyond, within.filesRemoved], [false, 4]);
  });

  it('makes one file of the small ones of each partition, in one commit, and changes no row', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(5, 20, '2026-11-23');
    await world.appendMany(3, 10, '2026-11-24', 1_000);
    await world.append([[9_999, 'alone']], { ds: '2026-11-25' });
    const before = await world.sortedRows();
    const inputs = await world.files();

    const result = await world.optimize();

    assert.deepEqual(await world.sortedRows(), before);
    const files = await world.files();
    assert.equal(files.length, 3);
    assert.deepEqual(result.versions, [10]);
    assert.deepEqual(
      result.partitions.map(({ partitionValues, files: counts, rows }) => [partitionValues, counts, rows]),
      [
        [{ ds: '2026-11-24' }, { before: 3, after: 1 }, 30],
        [{ ds: '2026-11-23' }, { before: 5, after: 1 }, 100],
      ],
    );
    assert.deepEqual([result.filesRemoved, result.filesAdded, result.rows], [8, 2, 130]);
    assert.deepEqual(result.remaining, { bins: 0, bytes: 0, unlisted: false });
    assert.equal(
      result.bytesRemoved,
      inputs.filter(({ partitionValues: { ds } }) => ds !== '2026-11-25').reduce((sum, { size }) => sum + size, 0),
    );

    const actions = await world.actionsOf(10);
    const [info] = actions;
    assert.ok(info !== undefined && 'commitInfo' in info);
    assert.equal(info.commitInfo.operation, 'OPTIMIZE');
    assert.equal(info.commitInfo.isBlindAppend, false);
    assert.deepEqual(info.commitInfo.operationParameters, {
      predicate: '[]',
      zOrderBy: '[]',
      clusterBy: '[]',
      auto: 'false',
    });
    assert.equal((info.commitInfo.operationMetrics as Record<string, string>).numRemovedFiles, '8');
    for (const action of actions.slice(1)) {
      if ('remove' in action) {
        const { dataChange, extendedFileMetadata, size, partitionValues } = action.remove;
        assert.deepEqual([dataChange, extendedFileMetadata], [false, true]);
        assert.ok(size !== undefined && partitionValues !== undefined);
      } else {
        assert.ok('add' in action);
        const { path, dataChange, stats = '{}', tags, partitionValues } = action.add;
        assert.match(path, new RegExp(`^ds=${partitionValues.ds}/resaca-compacted-[0-9a-f-]{36}\\.zstd\\.parquet$`));
        assert.equal(dataChange, false);
        const { numRecords, minValues, nullCount } = JSON.parse(stats);
        assert.equal(numRecords, partitionValues.ds === '2026-11-23' ? 100 : 30);
        assert.deepEqual(
          [minValues.id, nullCount],
          [partitionValues.ds === '2026-11-23' ? 0 : 1_000, { id: 0, name: 0 }],
        );
        assert.ok(tags?.['resaca.compacted']);
      }
    }
  });

  it('keeps the rows in their order, that of the oldest file first', async () => {
    const world = await createOptimizeWorld({
      partitionColumns: [],
      schema: { type: 'struct', fields: [structField('id', 'long')] },
    });
    for (const first of [0, 10, 20]) await world.append([[first], [first + 1]]);
    await world.optimize();
    assert.deepEqual(await world.rows(), [[0n], [1n], [10n], [11n], [20n], [21n]]);
  });

  it('has nothing to do the second time, and goes on with what came since', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(4, 50, '2026-11-24');
    const options = { targetSize: 10_000, minFileSize: 1_500 };
    await world.optimize(options);
    const version = (await loadSnapshot(world.table, world.engine.reader)).version;
    const again = await world.optimize(options);
    assert.deepEqual([again.versions, again.filesRemoved], [[], 0]);
    assert.equal((await loadSnapshot(world.table, world.engine.reader)).version, version);
    await world.appendMany(2, 5, '2026-11-24', 700);
    assert.equal((await world.optimize(options)).filesRemoved, 2);
  });

  it('fills files up to the target, and leaves those alone that are large enough', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(10, 20, '2026-11-24');
    const size = (await world.files())[0]?.size ?? 0;
    const result = await world.optimize({ targetSize: 4 * size + 200, minFileSize: size + 100 });
    assert.deepEqual([result.filesRemoved, result.filesAdded], [10, 3]);
    assert.equal((await world.optimize({ targetSize: 1_000, minFileSize: 10 })).filesRemoved, 0);
  });

  it("takes the table's own target size", async () => {
    for (const [value, expected] of [
      ['64mb', 64 * 2 ** 20],
      ['1000', 1000],
      ['nonsense', 128 * 2 ** 20],
    ] as const) {
      const world = await createOptimizeWorld();
      const { metadata, schema } = await loadSnapshot(world.table, world.engine.reader);
      await world.alter(schema, { ...metadata.configuration, 'delta.targetFileSize': value });
      assert.equal((await world.optimize()).targetSize, expected);
    }
  });

  it('takes only the partitions and the age that are asked for', async () => {
    const world = await createOptimizeWorld();
    for (const ds of ['2026-11-22', '2026-11-23', '2026-11-24']) await world.appendMany(2, 3, ds);
    const where = { column: 'ds', operator: '>=', value: '2026-11-23' } as const;
    const planned = await world.optimize({ dryRun: true, where: [where] });
    assert.deepEqual(planned.partitions.map(({ partitionValues: { ds } }) => ds).sort(), ['2026-11-23', '2026-11-24']);
    const age = world.now() - START - 2_500;
    const old = await world.optimize({ where: [where], minAge: age });
    assert.deepEqual([old.filesRemoved, (await world.files()).length], [0, 6]);
    world.advance(60_000);
    assert.equal((await world.optimize({ where: [where], minAge: 30_000 })).filesRemoved, 4);
    assert.equal((await world.files()).length, 4);
  });

  it('plans without writing in a dry run', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(3, 3, '2026-11-24');
    const keys = await Array.fromAsync(world.store.list(''));
    const result = await world.optimize({ dryRun: true });
    assert.deepEqual([result.filesRemoved, result.filesAdded, result.versions], [3, 1, []]);
    assert.deepEqual(await Array.fromAsync(world.store.list('')), keys);
  });

  it('stops when the bytes or the time of a run are used up, and says what is left', async () => {
    const world = await createOptimizeWorld();
    for (const ds of ['2026-11-22', '2026-11-23', '2026-11-24']) await world.appendMany(2, 3, ds);
    const before = await world.sortedRows();
    const one = await world.optimize({ maxBytes: 1 });
    assert.deepEqual([one.filesRemoved, one.remaining.bins], [2, 2]);
    assert.ok(one.remaining.bytes > 0);

    const over = await world.optimize({ deadline: world.now() });
    assert.deepEqual([over.filesRemoved, over.remaining.bins], [0, 2]);
    const tight = await world.optimize({ deadline: world.now() + 10_000, onBin: () => undefined, binsPerCommit: 1 });
    assert.deepEqual([tight.filesRemoved, tight.remaining.bins], [4, 0]);
    assert.deepEqual(await world.sortedRows(), before);
  });

  it('stops in the middle of a bin when the time is over, with nothing but what it committed', async () => {
    const world = await createOptimizeWorld();
    for (const ds of ['2026-11-22', '2026-11-23']) await world.appendMany(2, 3, ds);
    const before = await world.sortedRows();
    let streams = 0;
    const slow: typeof world.store = {
      ...world.store,
      async putStream(key, pieces) {
        const size = await world.store.putStream(key, pieces);
        if (++streams === 2) world.advance(60_000);
        return size;
      },
    };
    const result = await world.optimize({ deadline: world.now() + 30_000, binsPerCommit: 1 }, slow);
    assert.deepEqual([result.filesRemoved, result.remaining.bins], [2, 1]);
    assert.deepEqual(await world.sortedRows(), before);
  });

  it('commits what is ready when a later bin meets a failure of the store', async () => {
    const world = await createOptimizeWorld();
    for (const ds of ['2026-11-22', '2026-11-23']) await world.appendMany(2, 3, ds);
    const before = await world.sortedRows();
    let streams = 0;
    const failing: typeof world.store = {
      ...world.store,
      putStream(key, pieces) {
        if (++streams === 2) throw new StoreError('UNAVAILABLE', 'putStream', key, 'for this test');
        return world.store.putStream(key, pieces);
      },
    };
    await assert.rejects(world.optimize({}, failing), (error) => isStoreError(error, 'UNAVAILABLE'));
    assert.deepEqual([(await world.files()).length, await world.sortedRows()], [3, before]);
  });

  it('commits several bins at once, and as many commits as that takes', async () => {
    const world = await createOptimizeWorld();
    for (let day = 10; day < 15; day++) await world.appendMany(2, 2, `2026-11-${day}`);
    const result = await world.optimize({ binsPerCommit: 2 });
    assert.deepEqual(result.versions, [11, 12, 13]);
    assert.equal((await world.files()).length, 5);
  });

  it('has null partitions, and those that writers spell in several ways, as one each', async () => {
    const world = await createOptimizeWorld();
    await world.append([[1, 'a']], { ds: null });
    const empty = await world.write([[2, 'b']], { ds: null });
    await world.commit([{ add: { ...empty, partitionValues: { ds: '' } } }]);
    await world.append([[3, 'c']], { ds: '2026-11-04' });
    const odd = await world.write([[4, 'd']], { ds: '2026-11-4' });
    await world.commit([{ add: odd }]);
    const result = await world.optimize();
    assert.equal(result.filesAdded, 2);
    assert.deepEqual((await world.rows()).map(([id]) => id).sort(), [1n, 2n, 3n, 4n]);
  });

  for (const [name, options, message] of [
    ['a target of no bytes', { targetSize: 0 }, /target size is 0/],
    [
      'a partition column that is none',
      { where: [{ column: 'id', operator: '=', value: '1' }] },
      /"id" is not a partition column: ds/,
    ],
    [
      'a partition value of another type',
      { where: [{ column: 'ds', operator: '=', value: 'x' }] },
      /does not fit the type date/,
    ],
    ['a column to sort by that is a partition column', { order: { kind: 'sort', columns: ['ds'] } }, /no column "ds"/],
    ['no column to sort by', { order: { kind: 'z-order', columns: [] } }, /no column to sort by/],
  ] as const satisfies readonly (readonly [string, OptimizeOptions, RegExp])[]) {
    it(`refuses ${name}`, async () => {
      const world = await createOptimizeWorld();
      await assert.rejects(
        world.optimize(options),
        (error) => error instanceof RangeError && message.test(error.message),
      );
    });
  }

  it('takes append-only tables and those with a change data feed: no data change', async () => {
    const configuration = { 'delta.appendOnly': 'true', 'delta.enableChangeDataFeed': 'true' };
    const world = await createOptimizeWorld({ configuration });
    await world.appendMany(3, 2, '2026-11-24');
    assert.equal((await world.optimize()).filesRemoved, 3);
  });

  it('refuses tables whose files need more than is written here', async () => {
    const world = await createOptimizeWorld();
    const { metadata, protocol } = await loadSnapshot(world.table, world.engine.reader);
    await world.commit([
      { protocol: { ...protocol, minReaderVersion: 2, minWriterVersion: 5 } },
      { metaData: { ...metadata, configuration: { 'delta.columnMapping.mode': 'name' } } },
    ]);
    await assert.rejects(
      world.optimize(),
      (error) => isDeltaError(error, 'UNSUPPORTED_WRITER') && /columnMapping/.test(error.message),
    );
  });
});
