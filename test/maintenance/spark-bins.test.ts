import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { parsePartitionFilter } from '../../src/maintenance/optimize/where.ts';
import { type BinOptions, chooseBins } from '../../src/maintenance/spark/bins.ts';
import type { PlanBin } from '../../src/maintenance/spark/plan.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const reader = createCheckpointReader();
const TARGET = 100;

interface FileFacts {
  readonly day: string | null;
  readonly size: number;
  /** Rows deleted of a hundred. */
  readonly deleted?: number;
  readonly modified?: number;
}

async function binsOf(files: readonly FileFacts[], options: Partial<BinOptions> = {}): Promise<Omit<PlanBin, 'bin'>[]> {
  const table = { store: createMemoryStore(), root: 't', url: 's3://b/t' };
  const fields = ['id', 'day'].map((name) => ({ name, type: 'string', nullable: true, metadata: {} }) as const);
  const actions = newTableActions({
    schema: { type: 'struct', fields },
    partitionColumns: ['day'],
    configuration: { 'delta.enableDeletionVectors': 'true' },
    id: 'x',
    createdTime: 0,
  });
  const adds = files.map((facts, index) => ({ add: addOf(facts, index) }));
  await table.store.put('t/_delta_log/00000000000000000000.json', serializeCommit([...actions, ...adds]));
  const bins: Omit<PlanBin, 'bin'>[] = [];
  for await (const bin of chooseBins(await loadSnapshot(table, reader), reader, {
    targetFileSize: TARGET,
    ...options,
  })) {
    bins.push(bin);
  }
  return bins;
}

function addOf({ day, size, deleted = 0, modified = 0 }: FileFacts, index: number): AddFile {
  return {
    path: `f${index}.parquet`,
    partitionValues: { day },
    size,
    modificationTime: modified,
    dataChange: true,
    stats: '{"numRecords":100}',
    ...(deleted > 0 && {
      deletionVector: { storageType: 'i', pathOrInlineDv: '.', sizeInBytes: 1, cardinality: deleted },
    }),
  };
}

const pathsOf = (bins: readonly Pick<PlanBin, 'inputs'>[]) => bins.map(({ inputs }) => inputs.map(({ path }) => path));

describe('The bins of a plan', () => {
  const cases: readonly (readonly [string, readonly FileFacts[], Partial<BinOptions>, string[][]])[] = [
    ['nothing for no file', [], {}, []],
    ['nothing for one small file', [{ day: 'a', size: 1 }], {}, []],
    [
      'small files of one partition',
      [
        { day: 'a', size: 1 },
        { day: 'a', size: 74 },
      ],
      {},
      [['f0.parquet', 'f1.parquet']],
    ],
    [
      'no files that are large enough',
      [
        { day: 'a', size: 75 },
        { day: 'a', size: 200 },
        { day: 'a', size: 1 },
      ],
      {},
      [],
    ],
    [
      'no files of different partitions',
      [
        { day: 'a', size: 1 },
        { day: 'b', size: 1 },
        { day: null, size: 1 },
      ],
      {},
      [],
    ],
    [
      'null and the empty text as one',
      [
        { day: '', size: 1 },
        { day: null, size: 1 },
      ],
      {},
      [['f0.parquet', 'f1.parquet']],
    ],
    ['a file with many deleted rows, however large', [{ day: 'a', size: 500, deleted: 5 }], {}, [['f0.parquet']]],
    ['not one with few', [{ day: 'a', size: 500, deleted: 4 }], {}, []],
    [
      'no young files',
      [
        { day: 'a', size: 1 },
        { day: 'a', size: 1, modified: 9 },
      ],
      { before: 9 },
      [],
    ],
    [
      'no other partitions than asked for',
      [
        { day: 'a', size: 1 },
        { day: 'a', size: 1 },
        { day: 'b', size: 1 },
        { day: 'b', size: 1 },
      ],
      { where: [parsePartitionFilter('day=b')] },
      [['f2.parquet', 'f3.parquet']],
    ],
    [
      'all files for a Z-order',
      [
        { day: 'a', size: 5_000 },
        { day: 'a', size: 100 },
      ],
      { zOrderBy: ['id'] },
      [['f0.parquet', 'f1.parquet']],
    ],
  ];
  for (const [name, files, options, expected] of cases) {
    it(`hold ${name}`, async () => {
      assert.deepEqual(pathsOf(await binsOf(files, options)), expected);
    });
  }

  it('are given out early when too many inputs are held, and then there is room again', async () => {
    const files = ['a', 'a', 'b', 'b', 'a', 'a', 'b', 'b'].map((day) => ({ day, size: 1 }));
    const pairs = [0, 2, 4, 6].map((first) => [`f${first}.parquet`, `f${first + 1}.parquet`]);
    assert.deepEqual(pathsOf(await binsOf(files, { maxOpenInputs: 4 })), pairs);
    assert.equal((await binsOf(files)).length, 2);
  });

  it('have the folder of their partition, as Spark escapes it', async () => {
    const [bin] = await binsOf([
      { day: 'a b/ü:', size: 1 },
      { day: 'a b/ü:', size: 1 },
    ]);
    assert.equal(bin?.folder, 'day=a b%2Fü%3A');
    const [none] = await binsOf([
      { day: null, size: 1 },
      { day: null, size: 1 },
    ]);
    assert.equal(none?.folder, 'day=__HIVE_DEFAULT_PARTITION__');
  });

  it('are full but for the last of a partition, hold each file once, and only small ones', async () => {
    const file = fc.record({ day: fc.constantFrom('a', 'b', null), size: fc.integer({ min: 1, max: 150 }) });
    const property = fc.asyncProperty(
      fc.array(file, { maxLength: 40 }),
      fc.integer({ min: 2, max: 50 }),
      async (files, limit) => {
        const bins = await binsOf(files, { maxOpenInputs: limit });
        const seen = new Set<string>();
        for (const { inputs, partitionValues } of bins) {
          assert.ok(inputs.length >= 2 && inputs.length <= limit);
          assert.ok(inputs.reduce((sum, { size }) => sum + size, 0) <= TARGET);
          for (const { path, size } of inputs) {
            assert.ok(!seen.has(path), `${path} is in two bins`);
            seen.add(path);
            const source = files[Number(/\d+/.exec(path))];
            assert.deepEqual([source?.size, source?.day], [size, partitionValues.day]);
            assert.ok(size < 0.75 * TARGET);
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });
});
