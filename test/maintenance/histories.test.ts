import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../src/local/demo/random.ts';
import { createUpkeepWorld, DAY, HOUR } from './upkeep-world.ts';

/** Of the files: what is younger may be read by an older version. */
const RETENTION = 7 * DAY;

type World = Awaited<ReturnType<typeof createUpkeepWorld>>;
type Step =
  | { readonly kind: 'append'; readonly partition: string; readonly rows: number }
  | { readonly kind: 'remove'; readonly pick: number }
  | { readonly kind: 'optimize' | 'checkpoint' | 'vacuum' | 'cleanLog' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      partition: fc.constantFrom('a', 'b'),
      rows: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('optimize', 'checkpoint', 'vacuum', 'cleanLog') }) },
);

/** What happens at one time, by several writers at once, and how long it is until the next. */
const moment = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  pause: fc.constantFrom(1_000, HOUR, DAY, 3 * DAY, 20 * DAY),
});

async function take(world: World, next: Step): Promise<void> {
  if (next.kind === 'append') await (await world.write(next.partition, next.rows))();
  else if (next.kind === 'remove') await world.remove(next.pick);
  else await world[next.kind]();
}

for (const [name, configuration] of [
  ['with classic checkpoints', {}],
  ['with V2 checkpoints', { 'delta.feature.v2Checkpoint': 'supported', 'delta.checkpointPolicy': 'v2' }],
] as const) {
  describe(`histories of a table ${name}`, () => {
    it('keep every row once, and every version within the retention', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(moment, { minLength: 1, maxLength: 8 }), fc.nat(), async (moments, seed) => {
          const world = await createUpkeepWorld({ configuration, random: createRandom(seed).next });
          for (const { steps, pause } of moments) {
            await Promise.all(steps.map((next) => take(world, next)));
            await world.assertRows();
            await world.assertTimeTravel(RETENTION);
            world.advance(pause);
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}

describe('the upkeep of a table', () => {
  it('never takes a file whose commit comes within the retention', async () => {
    const world = await createUpkeepWorld();
    const commitLater = await world.write('a', 3);
    world.advance(RETENTION - HOUR);
    await world.vacuum();
    await commitLater();
    await world.assertRows();
  });

  it('comes to a table of one file a partition, and no other file, after the retention', async () => {
    const world = await createUpkeepWorld();
    for (let file = 0; file < 10; file++) await (await world.write(file % 2 === 0 ? 'a' : 'b', 2))();
    await world.write('a', 5);
    await world.optimize();
    await world.checkpoint();
    world.advance(40 * DAY);
    await (await world.write('a', 1))();
    await world.checkpoint();
    await world.vacuum();
    await world.cleanLog();
    assert.equal((await world.dataFiles()).length, 3);
    await world.assertRows();
    assert.equal(await world.assertTimeTravel(RETENTION), 2);
  });
});
