import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { healthProblem, type Signs } from '../../src/consumer/status.ts';

const NOW = 1_000_000;
const limits = { latency: 60_000, sessionTimeout: 30_000 };
const well: Signs = {
  now: NOW,
  started: NOW - 900_000,
  lastPoll: NOW - 500,
  lastSeen: NOW - 3_000,
  oldest: NOW - 59_000,
  isStopping: false,
};

describe('the health of a consumer', () => {
  const cases: readonly (readonly [string, Partial<Signs>, string | undefined])[] = [
    ['is good while it reads and writes', {}, undefined],
    ['is good when there is nothing to write', { oldest: undefined }, undefined],
    ['is good while it starts', { started: NOW - 1_000, lastPoll: undefined, lastSeen: undefined }, undefined],
    ['is good while a large batch is written', { oldest: NOW - 180_000 }, undefined],
    ['is bad when records are not written', { oldest: NOW - 181_000 }, 'records wait to be written for 181 s'],
    ['is bad when nothing can be read', { lastPoll: NOW - 61_000 }, 'nothing could be read for 61 s'],
    ['is bad when nothing could be read ever', { lastPoll: undefined }, 'nothing could be read for 900 s'],
    ['is bad without a group', { lastSeen: NOW - 61_000 }, 'the group has not seen this member for 61 s'],
    ['is bad when it stops', { isStopping: true }, 'it is stopping'],
  ];
  for (const [name, signs, expected] of cases) {
    it(name, () => {
      assert.equal(healthProblem({ ...well, ...signs }, limits), expected);
    });
  }
});
