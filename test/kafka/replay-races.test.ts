import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { slow } from '../support/slow-store.ts';
import { fail, replayDead, replayFailed } from './replay-world.ts';

const invalid = { value: Uint8Array.of(0xff) };
const CONFIG = { topics: [{ topic: '*', value: 'omit' }] };
const SEEDS = 6;

describe('replays that run at the same time as each other and the function', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`write each record once (order ${seed})`, async () => {
      const random = numbers(seed);
      const world = createBronzeWorld({
        config: { topics: [{ topic: '*', value: 'string' }] },
        wrap: (store) => slow(store, random),
      });
      await world.deliver(...kafkaRecords(0, 3), kafkaRecord(3, invalid), kafkaRecord(4, invalid));
      await world.deliver(kafkaRecord(5, invalid));
      await fail(world, 'a', ...kafkaRecords(10, 14), kafkaRecord(4, invalid));
      await fail(world, 'b', ...kafkaRecords(12, 16), kafkaRecord(3, invalid), kafkaRecord(5, invalid));
      const store = slow(world.store, random);
      const [a, b] = [world.otherEnvironment(), world.otherEnvironment()];
      await Promise.all([
        replayFailed(world, { config: CONFIG, store }),
        replayDead(world, 'bronze/web', { config: CONFIG, store }),
        replayFailed(world, { config: CONFIG, store }),
        replayDead(world, 'bronze/web', { config: CONFIG, store }),
        a(...kafkaRecords(20, 24)).then(() => a(...kafkaRecords(22, 28))),
        b(...kafkaRecords(20, 26)),
      ]);
      await replayDead(world, 'bronze/web', { config: CONFIG });
      const expected = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25, 26, 27];
      assert.deepEqual(
        await world.offsets('bronze/web'),
        expected.map((offset) => `web/0/${offset}`),
      );
      assert.deepEqual(await world.offsets('bronze/web__dead_letters'), []);
    });
  }
});

/** The same numbers in [0, 1) for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
