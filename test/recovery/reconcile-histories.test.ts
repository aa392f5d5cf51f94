/** Random histories of a landing whose events get lost, come twice or late, beside reconciling; and crashes of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CrashError, createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { createRecoveryWorld, HOUR, MINUTE, type RecoveryWorld } from '../support/recovery-world.ts';

const fate = fc.constantFrom('told', 'lost', 'twice', 'late');
const pick = fc.nat({ max: 5 });
type Fate = 'told' | 'lost' | 'twice' | 'late';

type Step =
  | { readonly kind: 'write' | 'remove'; readonly pick: number; readonly fate: Fate }
  | { readonly kind: 'compact'; readonly pick: number }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'late' | 'checkpoint' | 'reconcile' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), pick, fate }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick, fate }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact' as const), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 2, max: 300 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('late', 'checkpoint', 'reconcile', 'restart') }) as fc.Arbitrary<Step>,
  },
);

const pathOf = (index: number): string => `ds=${index % 2}/f${index}.parquet`;

/** What lies there, and what of it another writer has taken out of the table. */
class Landing {
  /** Number of the content by path. */
  readonly there = new Map<string, number>();
  readonly takenOut = new Set<string>();
  readonly late: object[] = [];
  written = 0;

  get expected(): string[] {
    return [...this.there.keys()].filter((path) => !this.takenOut.has(path)).sort();
  }
}

async function tell(world: RecoveryWorld, model: Landing, event: object, what: Fate): Promise<void> {
  if (what === 'late') model.late.push(event);
  if (what === 'told' || what === 'twice') assert.deepEqual(await world.deliver([event]), []);
  if (what === 'twice') model.late.push(event);
}

async function apply(world: RecoveryWorld, model: Landing, one: Step): Promise<void> {
  // No two things happen in one second.
  world.advance(10_000);
  switch (one.kind) {
    case 'write': {
      const path = pathOf(one.pick);
      model.written += 1;
      const event = await world.land(`web/${path}`, parquet(rowsOf(100 * model.written, model.written)));
      model.there.set(path, model.written);
      model.takenOut.delete(path);
      return tell(world, model, event, one.fate);
    }
    case 'remove': {
      const path = pathOf(one.pick);
      if (!model.there.delete(path)) return;
      model.takenOut.delete(path);
      return tell(world, model, await world.remove(`web/${path}`), one.fate);
    }
    case 'compact': {
      // Takes out what it knows, whose rows are elsewhere then.
      const active = await activeOf(world);
      const path = active[one.pick % Math.max(active.length, 1)];
      if (path === undefined || !(await isCurrent(world, model, path))) return;
      await world.commitForeign('web', [{ remove: { path, deletionTimestamp: world.now(), dataChange: false } }]);
      if (model.there.has(path)) model.takenOut.add(path);
      return;
    }
    case 'wait':
      return world.advance(one.minutes * MINUTE);
    case 'late':
      for (const event of model.late.splice(0, 2)) assert.deepEqual(await world.deliver([event]), []);
      return;
    case 'checkpoint':
      if ((await activeOf(world)).length > 0) await world.checkpoint('web');
      return;
    case 'restart':
      return world.coldStart();
    case 'reconcile':
      if (model.there.size > 0) await world.reconcile('web');
  }
}

async function activeOf(world: RecoveryWorld): Promise<string[]> {
  return world.active('web').catch(() => []);
}

/** Whether the table has the file as it lies there. */
async function isCurrent(world: RecoveryWorld, model: Landing, path: string): Promise<boolean> {
  const { files } = await world.table('web');
  const add = files.find((file) => decodeURIComponent(file.path) === path);
  return model.there.has(path) && add?.tags?.['resaca.etag'] === (await world.store.head(`web/${path}`))?.etag;
}

async function assertTable(world: RecoveryWorld, model: Landing): Promise<void> {
  assert.deepEqual(await activeOf(world), model.expected);
  for (const { path, tags, stats } of model.expected.length === 0 ? [] : (await world.table('web')).files) {
    const key = decodeURIComponent(path);
    assert.equal(tags?.['resaca.etag'], (await world.store.head(`web/${key}`))?.etag, key);
    assert.equal(JSON.parse(stats ?? '{}').numRecords, model.there.get(key), key);
  }
}

describe('reconciling beside events that get lost, come twice or late', () => {
  it('ends with what lies there, each file once, and what was taken out stays out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 30 }), async (steps) => {
        const world = createRecoveryWorld();
        const model = new Landing();
        for (const one of steps) await apply(world, model, one);
        world.advance(2 * HOUR);
        if (model.written === 0) return;
        await world.reconcile('web');
        await assertTable(world, model);
        const adds = await world.adds('web').catch(() => ({}));
        const again = await world.reconcile('web');
        assert.deepEqual([again.missed, again.removedFiles], [0, 0]);
        world.coldStart();
        for (const event of model.late) await world.deliver([event]);
        await assertTable(world, model);
        assert.deepEqual(await world.adds('web').catch(() => ({})), adds);
      }),
      { numRuns: 120 },
    );
  });
});

describe('a crash of reconciling, before or after any one store call', async () => {
  /** A missed file, an overwritten one, one that is gone, one that does not fit; one whose event comes later. */
  async function scenario() {
    const world = createRecoveryWorld();
    await world.deliver([
      await world.drop('web/ds=1/a.parquet'),
      await world.drop('web/ds=1/gone.parquet'),
      await world.drop('web/ds=1/old.parquet'),
    ]);
    world.advance(MINUTE);
    const late = await world.drop('web/ds=2/missed.parquet');
    await world.drop('web/ds=1/old.parquet', 3);
    await world.land('web/ds=2/bad.parquet', new TextEncoder().encode('no parquet at all, by no means'));
    await world.remove('web/ds=1/gone.parquet');
    world.advance(2 * HOUR);
    return { world, late };
  }

  const rehearsal = await scenario();
  const counted = createFaultyStore(rehearsal.world.store, () => undefined);
  await rehearsal.world.reconcile('web', {}, counted);

  it('(the run makes a fair number of calls)', () => assert.ok(counted.calls.length >= 12, `${counted.calls.length}`));

  for (const { name, number, fault } of everySingleFault(counted.calls.length)) {
    it(name, async () => {
      const { world, late } = await scenario();
      const faulty = createFaultyStore(world.store, failCall(number, fault));
      await world.reconcile('web', {}, faulty).catch((error: CrashError) => error);
      await world.deliver([late]);
      const { failed } = await world.reconcile('web');
      assert.equal(failed, 0);
      assert.deepEqual(await world.active('web'), ['ds=1/a.parquet', 'ds=1/old.parquet', 'ds=2/missed.parquet']);
      assert.deepEqual(await world.adds('web'), {
        'ds=1/a.parquet': 1,
        'ds=1/gone.parquet': 1,
        'ds=1/old.parquet': 2,
        'ds=2/missed.parquet': 1,
      });
      assert.deepEqual(
        (await world.quarantined('web')).map(({ path }) => path),
        ['ds=2/bad.parquet'],
      );
    });
  }
});

describe('an event that is handled while a reconciliation commits', () => {
  for (const [what, isFirst] of [
    ['before it', true],
    ['after it', false],
  ] as const) {
    it(`brings the file in once, ${what}`, async () => {
      const world = createRecoveryWorld();
      await world.deliver([await world.drop('web/ds=1/a.parquet')]);
      const event = await world.drop('web/ds=1/b.parquet');
      world.advance(2 * HOUR);
      const { store } = world;
      let isDone = false;
      const during = {
        ...store,
        async putIfAbsent(key: string, body: Uint8Array) {
          if (isDone || !key.includes('_delta_log')) return store.putIfAbsent(key, body);
          isDone = true;
          if (isFirst) await world.deliver([event]);
          const outcome = await store.putIfAbsent(key, body);
          if (!isFirst) await world.deliver([event]);
          return outcome;
        },
      };
      const result = await world.reconcile('web', {}, during);
      assert.deepEqual(await world.adds('web'), { 'ds=1/a.parquet': 1, 'ds=1/b.parquet': 1 });
      assert.equal(result.added, isFirst ? 0 : 1);
    });
  }
});
