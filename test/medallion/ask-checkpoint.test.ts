import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askAfterRun } from '../../src/medallion/ask-checkpoint.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld, ruleOf } from './step-world.ts';

const RULE = ruleOf(
  { mode: { kind: 'append' }, properties: { 'delta.checkpointInterval': '2' } },
  'SELECT id FROM bronze',
);

describe('a checkpoint of a target', () => {
  it('is asked for when the commits of a run have come to where one is due', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: structOf({ id: 'long' }) });
    const asked: number[] = [];
    const requests = { send: async (_bucket: string, _root: string, version: number) => void asked.push(version) };
    const versions: number[] = [];
    for (let id = 0n; id < 4n; id += 1n) {
      await source.append([[id]]);
      const run = await world.run(RULE);
      await askAfterRun({ ...world.deps(), requests }, RULE, run);
      versions.push((await world.snapshot('silver')).version);
    }
    // A run that found nothing asks for nothing.
    await askAfterRun({ ...world.deps(), requests }, RULE, await world.run(RULE));
    assert.deepEqual(
      asked,
      versions.filter((version) => version >= 2 && version % 2 === 0),
    );
    assert.ok(asked.length > 0);
  });

  it('that cannot be asked for is told, and is no failure', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: structOf({ id: 'long' }) });
    await source.append([[1n]]);
    const run = await world.run(RULE);
    const told: string[] = [];
    const log = (_level: string, message: string) => void told.push(message);
    const requests = { send: () => assert.fail('asked') };
    const tableAt = () => world.tableAt('nowhere');
    await askAfterRun({ ...world.deps(), tableAt, requests, log }, RULE, run);
    assert.deepEqual(told, ['whether a checkpoint is due could not be seen']);
  });
});
