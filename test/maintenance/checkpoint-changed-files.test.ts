import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FileAction } from '../../src/delta/checkpoint.ts';
import { ChangedFiles } from '../../src/maintenance/checkpoint/changed-files.ts';
import { TextSet } from '../../src/maintenance/checkpoint/text-set.ts';

describe('TextSet', () => {
  it('is a set', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 })), fc.array(fc.string({ maxLength: 3 })), (added, asked) => {
        const set = new TextSet();
        const model = new Set<string>();
        for (const text of added) {
          assert.equal(set.add(text), !model.has(text));
          model.add(text);
        }
        assert.equal(set.size, model.size);
        for (const text of [...added, ...asked]) assert.equal(set.has(text), model.has(text));
      }),
    );
  });

  it('grows', () => {
    const set = new TextSet();
    const count = 20_000;
    for (let index = 0; index < count; index++) assert.ok(set.add(`part-${index}`));
    for (let index = 0; index < count; index++) assert.ok(!set.add(`part-${index}`));
    assert.equal(set.size, count);
    for (let index = 0; index < count; index++) assert.ok(!set.has(`other-${index}`));
  });
});

describe('ChangedFiles', () => {
  const table = { store: {} as never, root: 'lake/orders', url: 's3://bucket/lake/orders' };
  const vector = { storageType: 'u', pathOrInlineDv: 'x', sizeInBytes: 1, cardinality: 1 };
  const removed = (path: string, deletionVector?: typeof vector): FileAction => ({
    remove: { path, dataChange: true, ...(deletionVector && { deletionVector }) },
  });

  it('tells files with different deletion vectors apart, and knows their path', () => {
    const changed = new ChangedFiles(table);
    assert.ok(changed.add(removed('a', vector)));
    assert.ok(!changed.add(removed('s3://bucket/lake/orders/a', vector)));
    assert.ok(changed.has(removed('a', vector)));
    assert.ok(!changed.has(removed('a')));
    assert.ok(changed.hasPath('a'));
    assert.ok(changed.add(removed('b%20c')));
    assert.ok(changed.hasPath('s3a://bucket/lake/orders/b c'));
    assert.equal(changed.size, 2);
  });

  it('knows which ranges of paths may have a changed file', () => {
    const changed = new ChangedFiles(table);
    const range = (min: string, max: string) => changed.mayTouch({ min, max });
    assert.ok(!range('a', 'z'));
    changed.add(removed('day=2/x'));
    changed.add(removed('day=7/x'));
    assert.ok(range('day=2/x', 'day=2/x'));
    assert.ok(range('day=1', 'day=3'));
    assert.ok(!range('day=3', 'day=6'));
    assert.ok(!range('day=8', 'day=9'));
    assert.ok(!range('day=0', 'day=1'));
  });

  it('takes every file between the first and the last for changed when there are too many to keep', () => {
    const changed = new ChangedFiles(table);
    for (let index = 0; index < 30_000; index++) changed.add(removed(index % 2 === 0 ? `a${index}` : `z${index}`));
    assert.ok(changed.mayTouch({ min: 'm', max: 'n' }));
    assert.ok(!changed.mayTouch({ min: 'zz', max: 'zzz' }));
  });
});
