import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askForCheckpoint, checkpointInterval, reachesCheckpoint } from '../../src/delta/checkpoint-interval.ts';
import type { Snapshot } from '../../src/delta/snapshot.ts';

describe('the interval of checkpoints', () => {
  for (const [property, expected] of [
    [undefined, 100],
    ['10', 10],
    ['1', 1],
    ['0', 100],
    ['-5', 100],
    ['1.5', 100],
    ['often', 100],
  ] as const) {
    it(`is ${expected} for delta.checkpointInterval ${property}`, () => {
      assert.equal(checkpointInterval(snapshotAt(1, undefined, property)), expected);
    });
  }
});

describe('a checkpoint is asked for', () => {
  for (const [what, before, version, checkpoint, expected] of [
    ['when a multiple of the interval is reached', 9, 10, undefined, true],
    ['when others took it past one', 8, 13, undefined, true],
    ['by the first who sees the table at one', undefined, 20, 0, true],
    ['not between two', 10, 11, undefined, false],
    ['not in a table that has not enough commits', undefined, 9, undefined, false],
    ['not when a checkpoint came meanwhile', 19, 20, 15, false],
    ['not again at the same version', 20, 20, undefined, false],
    ['not by the first who sees the table elsewhere', undefined, 21, 0, false],
  ] as const) {
    it(what, () => {
      assert.equal(reachesCheckpoint(before, snapshotAt(version, checkpoint, '10')), expected);
    });
  }

  it('with the bucket, the root and the version, and a failure is told', async () => {
    const asked: unknown[] = [];
    const failure = new Error('no queue');
    const failures: unknown[] = [];
    const question = {
      bucket: 'lake',
      before: 9,
      snapshot: snapshotAt(10, undefined, '10'),
      warn: (_message: string, { error }: Readonly<Record<string, unknown>>) => failures.push(error),
    };
    await askForCheckpoint({ ...question, requests: { send: async (...request) => void asked.push(request) } });
    await askForCheckpoint({ ...question, requests: { send: () => Promise.reject(failure) } });
    await askForCheckpoint({ ...question, requests: undefined });
    await askForCheckpoint({ ...question, snapshot: undefined, requests: { send: () => Promise.reject(failure) } });
    assert.deepEqual(asked, [['lake', 'bronze/orders', 10]]);
    assert.deepEqual(failures, [failure]);
  });
});

function snapshotAt(version: number, checkpoint: number | undefined, interval?: string): Snapshot {
  const configuration = interval === undefined ? {} : { 'delta.checkpointInterval': interval };
  const segment = checkpoint === undefined ? {} : { checkpoint: { version: checkpoint } };
  return { table: { root: 'bronze/orders' }, version, metadata: { configuration }, segment } as unknown as Snapshot;
}
