import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tasksFor } from '../../src/cost/fargate.ts';

describe('tasks on Fargate', () => {
  for (const [cores, peakMiB, expected] of [
    [0.01, 100, { count: 1, vcpu: 0.25, memory: 0.5 }],
    // Half busy at most.
    [0.126, 100, { count: 1, vcpu: 0.5, memory: 1 }],
    // Some memory is spare.
    [0.01, 450, { count: 1, vcpu: 0.25, memory: 1 }],
    [0.01, 3_700, { count: 1, vcpu: 1, memory: 5 }],
    // More than the largest task carries.
    [5, 100, { count: 3, vcpu: 4, memory: 8 }],
  ] as const) {
    it(`are ${expected.count} of ${expected.vcpu} vCPU and ${expected.memory} GB for ${cores} cores and ${peakMiB} MiB`, () =>
      assert.deepEqual(tasksFor({ cores, peakMiB }), expected));
  }

  it('cannot hold what is larger than all of them', () => {
    assert.throws(() => tasksFor({ cores: 1, peakMiB: 40_000 }), /no task of Fargate has 44.9 GB/);
  });
});
