import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, spread } from '../../bench/append/statistics.ts';

describe('the median', () => {
  for (const [values, expected] of [
    [[3], 3],
    [[10, 9, 100], 10],
    [[4, 1, 3, 2], 2.5],
    [[], Number.NaN],
  ] as const) {
    it(`of ${values.join(', ') || 'nothing'} is ${expected}`, () => assert.equal(median(values), expected));
  }

  it('leaves the values in their order', () => {
    const values = [2, 1];
    median(values);
    assert.deepEqual(values, [2, 1]);
  });
});

it('the spread is smallest and largest', () => {
  assert.deepEqual(spread([5, 1, 3]), [1, 5]);
  assert.deepEqual(spread([]), [Number.NaN, Number.NaN]);
});
