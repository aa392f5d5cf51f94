import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoff, flushReason, hasRoom } from '../../src/consumer/flush-policy.ts';

const limits = { latency: 1_000, records: 10, bytes: 100 };
const NOW = 50_000;

describe('what is buffered', () => {
  it('waits for the first of its limits', () => {
    const reason = (records: number, bytes: number, oldest: number | undefined) =>
      flushReason({ records, bytes, oldest }, limits, NOW);
    assert.equal(reason(0, 0, undefined), undefined);
    assert.equal(reason(9, 99, NOW - 999), undefined);
    assert.equal(reason(9, 99, NOW - 1_000), 'latency');
    assert.equal(reason(10, 1, NOW), 'records');
    assert.equal(reason(1, 100, NOW), 'bytes');
  });

  it('is two batches at most', () => {
    assert.equal(hasRoom(199, 19, limits), true);
    assert.equal(hasRoom(200, 1, limits), false);
    assert.equal(hasRoom(1, 20, limits), false);
  });
});

describe('the pause after failures', () => {
  it('is doubled up to its longest, and spread', () => {
    assert.deepEqual(
      [1, 2, 3, 100].map((failures) => backoff(failures, 3_000, 0)),
      [250, 500, 1_000, 1_500],
    );
    assert.equal(backoff(1, 3_000, 0.999_999), 500);
    assert.equal(backoff(5_000, 3_000, 0.999_999), 3_000);
  });
});
