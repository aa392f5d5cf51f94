/** Random histories of a table, its vacuum and the clean-up of its log, against a model; and crashes of both. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { TableRef } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import { cleanLog } from '../../src/maintenance/log-cleanup/clean-log.ts';
import { vacuumTable } from '../../src/maintenance/vacuum/vacuum.ts';
import type { CheckpointShape } from '../support/delta-log-builder.ts';
import { featureProtocol } from '../support/delta-log-builder.ts';
import { createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { activeAt, createHistoryWorld, DAY, type HistoryWorld, HOUR } from '../support/history-world.ts';

const FILE_RETENTION = 7 * DAY;
const LOG_RETENTION = 30 * DAY;

type Step =
  | { readonly kind: 'append'; readonly files: number }
  | { readonly kind: 'remove'; readonly pick: number; readonly replace: boolean }
  | { readonly kind: 'addAgain'; readonly pick: number }
  | { readonly kind: 'orphan' }
  | { readonly kind: 'wait'; readonly hours: number }
  | { readonly kind: 'checkpoint'; readonly shape: CheckpointShape }
  | { readonly kind: 'vacuum' }
  | { readonly kind: 'clean' };

const shapes: readonly CheckpointShape[] = ['classic', 'multiPart', 'v2Parquet', 'v2Json'];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), files: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat(), replace: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('addAgain' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'orphan' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 240 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), shape: fc.constantFrom(...shapes) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'vacuum' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'clean' as const }) },
);

/** What was done, and what has to be there for it. */
class Model {
  /** By version: when it was made and its files. */
  readonly versions: { readonly time: number; readonly files: ReadonlySet<string> }[] = [];
  /** Of the newest version that may be removed, or has been. */
  readonly removed: string[] = [];
  written = 0;

  get active(): ReadonlySet<string> {
    return this.versions.at(-1)?.files ?? new Set();
  }

  /** The versions that were the newest at some time from `since` on. */
  neededSince(since: number): number[] {
    return this.versions.flatMap((_, version) => {
      const replaced = this.versions[version + 1]?.time ?? Number.POSITIVE_INFINITY;
      return replaced > since ? [version] : [];
    });
  }
}

async function run(world: HistoryWorld, model: Model, step: Step): Promise<void> {
  const next = () => `day=${model.written % 3}/${model.written++}.parquet`;
  const commit = async (added: readonly string[], removed: readonly string[] = []) => {
    world.advance(1000);
    await world.change(added, removed);
    const files = new Set(model.active);
    for (const path of removed) files.delete(path);
    for (const path of added) files.add(path);
    model.versions.push({ time: world.now(), files });
    model.removed.push(...removed);
  };
  const pick = (from: readonly string[], index: number) => from[index % Math.max(1, from.length)];
  switch (step.kind) {
    case 'append':
      return commit(Array.from({ length: step.files }, next));
    case 'remove': {
      const path = pick([...model.active], step.pick);
      return path === undefined ? undefined : commit(step.replace ? [next()] : [], [path]);
    }
    case 'addAgain': {
      const path = pick(model.removed, step.pick);
      return path === undefined || model.active.has(path) ? undefined : commit([path]);
    }
    case 'orphan':
      return world.write(next());
    case 'wait':
      return world.advance(step.hours * HOUR);
    case 'checkpoint':
      await world.log.checkpoint(model.versions.length - 1, step.shape);
      return;
    case 'vacuum':
      await vacuumTable(world.engine, world.table);
      return;
    case 'clean':
      await cleanLog(world.engine, world.table);
  }
}

/** Everything that versions within the retentions need is there. */
async function assertNothingLost(world: HistoryWorld, model: Model): Promise<void> {
  const there = new Set(await world.files());
  for (const version of model.neededSince(world.now() - FILE_RETENTION)) {
    const lost = [...(model.versions[version]?.files ?? [])].filter((path) => !there.has(path));
    assert.deepEqual(lost, [], `files of version ${version}`);
  }
  const cutoff = Math.floor((world.now() - LOG_RETENTION) / DAY) * DAY;
  for (const version of model.neededSince(cutoff)) {
    const files = (await activeAt(world.table, version)).map((path) => decodeURIComponent(path));
    assert.deepEqual(files.sort(), [...(model.versions[version]?.files ?? [])].sort(), `version ${version}`);
  }
}

async function newWorld(): Promise<{ world: HistoryWorld; model: Model }> {
  const world = await createHistoryWorld({ protocol: featureProtocol(['v2Checkpoint']), partitionColumns: ['day'] });
  const model = new Model();
  model.versions.push({ time: world.now(), files: new Set() });
  return { world, model };
}

describe('vacuum and log clean-up of random histories', () => {
  it('never take what a version within the retention needs, and in the end all else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const { world, model } = await newWorld();
        for (const one of steps) {
          await run(world, model, one);
          if (one.kind === 'vacuum' || one.kind === 'clean') await assertNothingLost(world, model);
        }
        await run(world, model, { kind: 'append', files: 1 });
        await run(world, model, { kind: 'checkpoint', shape: 'classic' });
        world.advance(40 * DAY);
        await run(world, model, { kind: 'vacuum' });
        await run(world, model, { kind: 'clean' });
        await assertNothingLost(world, model);
        assert.deepEqual(await world.files(), [...model.active].sort());
        const newest = String(model.versions.length - 1).padStart(20, '0');
        assert.deepEqual(
          (await world.logFiles()).filter((name) => !name.startsWith(newest)),
          [],
          'the log of older versions',
        );
      }),
      { numRuns: 25 },
    );
  });
});

/** A history in which both tasks have something of every kind to do. */
async function worldWithWork(): Promise<{ world: HistoryWorld; model: Model }> {
  const { world, model } = await newWorld();
  const steps: readonly Step[] = [
    { kind: 'append', files: 3 },
    { kind: 'checkpoint', shape: 'v2Json' },
    { kind: 'remove', pick: 0, replace: true },
    { kind: 'orphan' },
    { kind: 'wait', hours: 10 * 24 },
    { kind: 'append', files: 1 },
    { kind: 'checkpoint', shape: 'v2Parquet' },
    { kind: 'remove', pick: 1, replace: false },
    { kind: 'wait', hours: 32 * 24 },
    { kind: 'remove', pick: 0, replace: true },
    { kind: 'checkpoint', shape: 'classic' },
  ];
  for (const one of steps) await run(world, model, one);
  await world.log.put(`.tmp/00000000000000000001.json.0d3a3f2a-6b11-4a52-9d57-5b8d0c1e6f0a`, '{}');
  world.advance(2 * DAY);
  return { world, model };
}

const tasks: Readonly<Record<string, (engine: MaintenanceEngine, table: TableRef) => Promise<unknown>>> = {
  vacuum: vacuumTable,
  'log clean-up': cleanLog,
};

for (const [name, task] of Object.entries(tasks)) {
  it(`a ${name} that fails at any call loses nothing, and the next one ends the work`, async () => {
    const clean = await worldWithWork();
    const counting = createFaultyStore(clean.world.table.store, () => undefined);
    await task(clean.world.engine, clean.world.over(counting));
    const calls = counting.calls.length;
    assert.ok(counting.calls.filter(({ method }) => method === 'delete').length > 1, 'it has work to do');
    const expected = [await clean.world.files(), await clean.world.logFiles()];
    for (const { name: fault, number, fault: plan } of everySingleFault(calls)) {
      const { world, model } = await worldWithWork();
      const store = createFaultyStore(world.table.store, failCall(number, plan));
      await task(world.engine, world.over(store)).catch(() => undefined);
      await assertNothingLost(world, model);
      await task(world.engine, world.table);
      assert.deepEqual([await world.files(), await world.logFiles()], expected, fault);
    }
  });
}

describe('the model', () => {
  it('knows which versions may be read', () => {
    const model = new Model();
    for (const time of [10, 20, 30]) model.versions.push({ time, files: new Set() });
    assert.deepEqual([model.neededSince(5), model.neededSince(20), model.neededSince(31)], [[0, 1, 2], [1, 2], [2]]);
  });
});
