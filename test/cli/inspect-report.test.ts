import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  countFile,
  emptyTotals,
  largestPartitions,
  MAX_PARTITIONS,
  rowCount,
  SMALL_FILE,
} from '../../src/cli/inspect/file-totals.ts';
import { schemaTree } from '../../src/cli/inspect/schema-tree.ts';
import type { AddFile } from '../../src/delta/actions.ts';
import type { StructType } from '../../src/delta/schema.ts';

function file(facts: Partial<AddFile> = {}): AddFile {
  return {
    path: 'a.parquet',
    partitionValues: {},
    size: 100,
    modificationTime: 1_000,
    dataChange: true,
    stats: '{"numRecords":10}',
    ...facts,
  };
}

describe('the number of rows of a file', () => {
  const deletionVector = { storageType: 'u', pathOrInlineDv: 'x', sizeInBytes: 10, cardinality: 3 };
  const cases: readonly (readonly [string, Partial<AddFile>, number | undefined])[] = [
    ['first in the statistics', { stats: '{"numRecords":10,"minValues":{"numRecords":5}}' }, 10],
    ['later in the statistics', { stats: '{"minValues":{"numRecords":5},"numRecords": 7}' }, 7],
    ['less what a deletion vector hides', { deletionVector }, 7],
    ['not in the statistics', { stats: '{"minValues":{"numRecords":5}}' }, undefined],
    ['in statistics that are no JSON', { stats: '{"minValues' }, undefined],
    ['in empty statistics', { stats: '' }, undefined],
  ];
  for (const [name, facts, rows] of cases) it(name, () => assert.equal(rowCount(file(facts)), rows));

  it('without statistics', () => {
    const { stats: _, ...add } = file();
    assert.equal(rowCount(add), undefined);
  });
});

describe('the sums over the files of a table', () => {
  it('count sizes, rows and what is missing', () => {
    const totals = emptyTotals();
    countFile(totals, file({ size: 100, modificationTime: 5 }), false);
    countFile(totals, file({ size: SMALL_FILE, modificationTime: 3, stats: '{}' }), false);
    countFile(totals, file({ size: SMALL_FILE - 1, modificationTime: 9, stats: '{"nullCount":{}}' }), false);
    const { partitions, sizeClasses, ...sums } = totals;
    assert.deepEqual(sums, {
      files: 3,
      bytes: 99 + 2 * SMALL_FILE,
      rows: 10,
      filesWithoutRowCount: 2,
      filesWithoutStats: 1,
      filesWithDeletionVector: 0,
      smallFiles: 2,
      smallest: 100,
      largest: SMALL_FILE,
      oldest: 3,
      newest: 9,
      morePartitions: false,
    });
    assert.equal(partitions.size, 0);
    assert.deepEqual(sizeClasses, [1, 0, 1, 1, 0, 0]);
  });

  it('order the partitions by their files', () => {
    const totals = emptyTotals();
    for (const p of ['a', 'b', 'b', null]) countFile(totals, file({ partitionValues: { p } }), true);
    assert.deepEqual(
      largestPartitions(totals, 2).map(({ values, files, rows }) => ({ values, files, rows })),
      [
        { values: { p: 'b' }, files: 2, rows: 20 },
        { values: { p: 'a' }, files: 1, rows: 10 },
      ],
    );
  });

  it('hold a bounded number of partitions', () => {
    const totals = emptyTotals();
    for (let p = 0; p <= MAX_PARTITIONS; p += 1) countFile(totals, file({ partitionValues: { p: String(p) } }), true);
    assert.equal(totals.partitions.size, MAX_PARTITIONS);
    assert.equal(totals.morePartitions, true);
    assert.equal(totals.files, MAX_PARTITIONS + 1);
  });
});

describe('the tree of a schema', () => {
  it('shows nested columns below their parents', () => {
    const field = (name: string, type: StructType['fields'][number]['type'], facts: object = {}) => ({
      name,
      type,
      nullable: true,
      metadata: {},
      ...facts,
    });
    const point: StructType = { type: 'struct', fields: [field('x', 'double'), field('odd.name', 'double')] };
    const schema: StructType = {
      type: 'struct',
      fields: [
        field('id', 'long', { nullable: false, metadata: { comment: 'the key' } }),
        field('at', point),
        field('path', { type: 'array', elementType: point, containsNull: true }),
        field('notes', { type: 'map', keyType: 'string', valueType: 'decimal(10,2)', valueContainsNull: true }),
        field('day', 'date'),
      ],
    };
    assert.deepEqual(schemaTree(schema, ['day']), [
      '├─ id             long, not null, "the key"',
      '├─ at             struct',
      '│  ├─ x           double',
      '│  └─ `odd.name`  double',
      '├─ path           array<struct>',
      '│  ├─ x           double',
      '│  └─ `odd.name`  double',
      '├─ notes          map<string, decimal(10,2)>',
      '└─ day            date, partition column',
    ]);
  });
});
