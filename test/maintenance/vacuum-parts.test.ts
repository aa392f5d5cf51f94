import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseInterval } from '../../src/delta/log-retention.ts';
import { isCandidatePath } from '../../src/maintenance/vacuum/candidates.ts';
import { pathsOf } from '../../src/maintenance/vacuum/file-paths.ts';
import { PathSet } from '../../src/maintenance/vacuum/path-set.ts';
import { deletedFileRetention, logRetention } from '../../src/maintenance/vacuum/retention.ts';
import { DAY, deletionVector, HOUR } from '../support/history-world.ts';

describe('a set of paths', () => {
  it('never misses what was added', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (paths) => {
        const set = new PathSet();
        for (const path of paths) set.add(path);
        assert.ok(paths.every((path) => set.has(path)));
        assert.equal(set.size, new Set(paths).size);
      }),
    );
  });

  it('tells a hundred thousand from as many others, and grows meanwhile', () => {
    const set = new PathSet({ marked: true });
    for (let file = 0; file < 100_000; file += 1) set.add(`ds=2026-11-24/part-${file}.parquet`, file);
    let wrong = 0;
    for (let file = 0; file < 100_000; file += 1) {
      if (set.markOf(`ds=2026-11-24/part-${file}.parquet`) !== file) wrong += 1;
      if (set.has(`ds=2026-11-25/part-${file}.parquet`)) wrong += 1;
    }
    assert.deepEqual([wrong, set.size], [0, 100_000]);
  });

  it('keeps a number for each path', () => {
    const set = new PathSet({ marked: true });
    set.add('a', 1);
    set.mark('a', 0xffffffff);
    set.mark('b', 3);
    assert.deepEqual([set.markOf('a'), set.markOf('b')], [0xffffffff, undefined]);
  });
});

describe('the time of an interval', () => {
  const cases: Readonly<Record<string, number | undefined>> = {
    'interval 1 week': 7 * DAY,
    'INTERVAL 30 DAYS': 30 * DAY,
    '2 days 12 hours': 2.5 * DAY,
    ' interval 90 minutes ': 1.5 * HOUR,
    '1 second 5 milliseconds 1 microsecond': 1_006,
    '0 hours': 0,
    '1 month': undefined,
    '2 years': undefined,
    '7': undefined,
    days: undefined,
    '-1 day': undefined,
    '1.5 days': undefined,
    '': undefined,
    interval: undefined,
    '99999999999999 weeks': undefined,
  };
  for (const [text, expected] of Object.entries(cases)) {
    it(`"${text}" is ${expected}`, () => assert.equal(parseInterval(text), expected));
  }

  it('has the defaults of Delta where a table says nothing', () => {
    const table = { store: undefined as never, root: '', url: 'x' };
    const snapshot = { table, metadata: { configuration: {} } as never };
    assert.deepEqual([deletedFileRetention(snapshot), logRetention(snapshot)], [7 * DAY, 30 * DAY]);
  });
});

describe('the paths of an action', () => {
  const table = { url: 's3://bucket/lake/orders' };

  it('include the one that it logged, and its deletion vector', () => {
    const { path, vector } = deletionVector('ab');
    assert.deepEqual(
      [...pathsOf(table, { path: 'a%20b.parquet', deletionVector: vector })],
      ['a b.parquet', 'a%20b.parquet', path],
    );
  });

  it('take a deletion vector by its absolute path, and none for an inline one', () => {
    const vector = { sizeInBytes: 1, cardinality: 1 };
    const absolute = { ...vector, storageType: 'p', pathOrInlineDv: 's3://bucket/lake/orders/d%20v.bin' };
    assert.ok([...pathsOf(table, { path: 'a', deletionVector: absolute })].includes('d v.bin'));
    const inline = {
      ...vector,
      storageType: 'i',
      pathOrInlineDv: 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
    };
    assert.deepEqual([...pathsOf(table, { path: 'a', deletionVector: inline })], ['a']);
  });

  /** Vectors that the protocol does not know. */
  const broken = {
    'another storage type': ['x', 'a'],
    'no UUID': ['u', 'short'],
    'other characters': ['u', '~'.repeat(20)],
  } as const;
  for (const [name, [storageType, pathOrInlineDv]] of Object.entries(broken)) {
    it(`are not guessed for a vector with ${name}`, () => {
      const deletionVector = { storageType, pathOrInlineDv, sizeInBytes: 1, cardinality: 1 };
      assert.throws(() => [...pathsOf(table, { path: 'a', deletionVector })], { code: 'CORRUPT_LOG' });
    });
  }

  it('include every end of an absolute path that is not under the root', () => {
    const paths = [...pathsOf({ url: '/data/orders' }, { path: 'file:///mnt/data/orders/p=1/x.parquet' })];
    assert.ok(paths.includes('p=1/x.parquet') && paths.includes('x.parquet'));
  });
});

describe('a path that a vacuum looks at', () => {
  const cases: readonly (readonly [path: string, columns: readonly string[], candidate: boolean])[] = [
    ['a.parquet', [], true],
    ['p=1/a.parquet', ['p'], true],
    ['_p=1/a.parquet', ['_p'], true],
    ['_p=1/a.parquet', ['p'], false],
    ['_p=1/_x/a.parquet', ['_p'], false],
    ['.p=1/a.parquet', ['.p'], true],
    ['_change_data/cdc.parquet', [], true],
    ['x/_change_data/cdc.parquet', [], false],
    ['_change_data/', [], false],
    ['_delta_log/0.json', [], false],
    ['_delta_index/x', [], false],
    ['metadata/x.json', [], false],
    ['metadata.parquet', [], true],
  ];
  for (const [path, columns, candidate] of cases) {
    it(`${path} is ${candidate ? 'one' : 'none'} with the columns [${columns}]`, () => {
      assert.equal(isCandidatePath(path, columns), candidate);
    });
  }
});
