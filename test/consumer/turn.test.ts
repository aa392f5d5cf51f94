import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunningConsumer } from '../../src/consumer/consumer.ts';
import type { PartitionStatus } from '../../src/consumer/status.ts';
import { runTurn } from '../../src/consumer/turn.ts';

type Place = Pick<PartitionStatus, 'position' | 'readableEnd'>;

const UNREAD: Place = { position: undefined, readableEnd: undefined };

/** A turn whose consumer is, at each look, at the next of these places, and at the last from then on. */
async function turnOf(looks: readonly (readonly Place[])[], { time = 600_000, isWritten = true } = {}) {
  let now = 0;
  let look = 0;
  let isStopped = false;
  const consumer: RunningConsumer = {
    status() {
      const places = looks[Math.min(look++, looks.length - 1)] ?? [];
      const partitions = places.map((place, partition) => ({ topic: 'web', partition, lag: undefined, ...place }));
      return { problem: undefined, partitions, bufferedRecords: 0, bufferedBytes: 0 };
    },
    async stop() {
      isStopped = true;
      return isWritten;
    },
  };
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  const result = await runTurn(consumer, { deadline: time, now: () => now, sleep });
  assert.ok(isStopped);
  return { result, ms: now };
}

describe('a turn of the consumer', () => {
  it('ends when each partition is read up to the end that it had at first', async () => {
    const { result, ms } = await turnOf([
      [UNREAD, UNREAD],
      [{ position: 0, readableEnd: 10 }, UNREAD],
      [
        { position: 10, readableEnd: 30 },
        { position: 5, readableEnd: 5 },
      ],
    ]);
    assert.deepEqual(result, { partitions: 2, behind: 0, isWritten: true });
    assert.equal(ms, 100);
  });

  it('ends at once where there is no topic', async () => {
    assert.deepEqual(await turnOf([[]]), { result: { partitions: 0, behind: 0, isWritten: true }, ms: 0 });
  });

  it('ends at its deadline, however much is left', async () => {
    const looks = Array.from({ length: 1_000 }, (_, position) => [{ position, readableEnd: 5_000 }]);
    const { result, ms } = await turnOf(looks, { time: 2_000 });
    assert.deepEqual([result.behind, ms], [1, 2_000]);
  });

  it('ends after half a minute in which nothing is read', async () => {
    const { result, ms } = await turnOf([[{ position: 3, readableEnd: 10 }, UNREAD]]);
    assert.deepEqual(result, { partitions: 2, behind: 2, isWritten: true });
    assert.ok(ms > 30_000 && ms < 31_000);
  });

  it('says that not all could be written', async () => {
    const { result } = await turnOf([[{ position: 3, readableEnd: 3 }]], { isWritten: false });
    assert.equal(result.isWritten, false);
  });
});
