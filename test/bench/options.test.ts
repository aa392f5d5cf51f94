import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOptions } from '../../bench/append/options.ts';

describe('the options of the benchmark', () => {
  it('spare the slow server the largest table, unless it is asked for', () => {
    assert.deepEqual(parseOptions([]).sizes, [10, 1_000, 100_000]);
    assert.deepEqual(parseOptions(['--s3', 'gateway']).sizes, [10, 1_000, 100_000, 1_000_000]);
    assert.deepEqual(parseOptions(['--sizes', '1000000,10,10']).sizes, [10, 1_000_000]);
  });

  for (const bad of ['0', '-1', '1.5', 'ten', '', '10,', '1e400']) {
    it(`refuse --sizes "${bad}"`, () => {
      assert.throws(() => parseOptions([`--sizes=${bad}`]), /--sizes: expected whole numbers of at least 1, got/);
    });
  }

  it('take a latency of 0 and no negative one', () => {
    assert.equal(parseOptions(['--latency', '0']).latency, 0);
    assert.throws(() => parseOptions(['--latency=-1']), /--latency/);
  });

  it('refuse what they do not know', () => {
    assert.throws(() => parseOptions(['--size', '10']), /--size/);
  });
});
