/** Reconciling a table in several turns, each of which goes on where the time of the one before was over. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseMaintenanceConfig } from '../../src/maintenance/config.ts';
import { createMaintenanceHandler } from '../../src/maintenance/handler.ts';
import type { UpkeepMessage } from '../../src/maintenance/messages.ts';
import { runTask } from '../../src/maintenance/run-task.ts';
import { readState } from '../../src/recovery/reconcile-state.ts';
import { createReconcileTask } from '../../src/recovery/reconcile-task.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CrashError, createFaultyStore, type Fault } from '../support/faulty-store.ts';
import { createRecoveryWorld, HOUR, type RecoveryWorld } from '../support/recovery-world.ts';

/** Time that a call takes, and an object of a listing, ms. */
const CALL = 1;
const OBJECT = 200;
/** What the handler keeps back, ms. */
const RESERVE = 10_000;
const MESSAGE: UpkeepMessage = { bucket: 'lake', root: 'web', tasks: ['reconcile'] };

/** What becomes of one invocation: how much time it has, at which call it dies, and whether its message stays in the queue. */
interface Invocation {
  readonly ms: number;
  readonly crash?: { readonly call: number; readonly when: Fault['when'] } | undefined;
  readonly isDeleteLost?: boolean;
}

/** A store in which listing the table takes time. */
function slowListing(store: ObjectStore, advance: (ms: number) => void): ObjectStore {
  return {
    ...store,
    async *list(prefix, options) {
      for await (const object of store.list(prefix, options)) {
        if (prefix === 'web/') advance(OBJECT);
        yield object;
      }
    },
  };
}

/** The maintenance function with a FIFO queue of one table: the first message is delivered until it is done. */
function createTurns(world: RecoveryWorld, reconcile: object = {}) {
  const config = parseMaintenanceConfig({ places: [{ bucket: 'lake', landing: true }], reconcile });
  const queue: { readonly id: string; readonly message: UpkeepMessage }[] = [];
  const results: Record<string, unknown>[] = [];
  let sent = 0;
  const send = async (message: UpkeepMessage) => {
    queue.push({ id: `message ${++sent}`, message });
  };
  return {
    queue,
    send,
    /** Details of the turns that came to their end. */
    results,
    async invoke({ ms, crash, isDeleteLost = false }: Invocation): Promise<void> {
      const [first] = queue;
      if (first === undefined) return;
      const plan = ({ number }: { readonly number: number }): Fault | undefined => {
        world.advance(CALL);
        return number === crash?.call ? { when: crash.when, kind: 'crash' } : undefined;
      };
      const store = slowListing(createFaultyStore(world.store, plan), world.advance);
      const handle = createMaintenanceHandler({
        ...world.engine,
        config,
        telemetry: {
          log(_level, message, data) {
            if (message.startsWith('reconcile ')) results.push({ ...data });
          },
          metrics: () => undefined,
        },
        queue: { send, postpone: send },
        runTask,
        openReconcile: async () => createReconcileTask({ ...world.engine, settings: config.reconcile }),
        storeFor: () => store,
        urlOf: (bucket, root) => `s3://${bucket}/${root}`,
      });
      const event = { Records: [{ messageId: first.id, body: JSON.stringify(first.message) }] };
      const context = { awsRequestId: `${first.id} ${sent}`, getRemainingTimeInMillis: () => ms + RESERVE };
      try {
        await handle(event, context);
      } catch (error) {
        if (error instanceof CrashError) return;
        throw error;
      }
      if (!isDeleteLost) queue.shift();
    },
  };
}

/** Files by name, some of which are in the table, and some of whose objects are gone by now. */
async function createLanding(names: readonly string[]) {
  const world = createRecoveryWorld();
  const told: object[] = [];
  for (const [index, name] of names.entries()) {
    const event = await world.drop(`web/ds=1/${name}.parquet`);
    if (index % 3 > 0 || index === 0) told.push(event);
  }
  await world.deliver(told);
  const expected: string[] = [];
  for (const [index, name] of names.entries()) {
    if (index % 3 === 2) await world.remove(`web/ds=1/${name}.parquet`);
    else expected.push(`ds=1/${name}.parquet`);
  }
  world.advance(2 * HOUR);
  return { world, expected: expected.sort() };
}

const NAMES = Array.from({ length: 45 }, (_, index) => `${'aZé～😀'.at(index % 4)}${index}`);

describe('reconciling a table in several turns', () => {
  it('goes on where it stopped, until all is looked at once', async () => {
    const { world, expected } = await createLanding(NAMES);
    const turns = createTurns(world);
    await turns.send(MESSAGE);
    for (let turn = 0; turn < 30 && turns.queue.length > 0; turn++) await turns.invoke({ ms: 2_000 });
    assert.deepEqual(turns.queue, []);
    assert.ok(turns.results.length > 3, `${turns.results.length} turns`);
    const sum = (name: string) => turns.results.reduce((all, result) => all + Number(result[name]), 0);
    // 30 files, the log, and what the turns keep of their position.
    assert.deepEqual([sum('removedFiles'), sum('added')], [15, 14]);
    assert.ok(sum('listed') >= 30 && sum('listed') < 50, `${sum('listed')} listed`);
    assert.deepEqual(await world.active('web'), expected);
    assert.equal((await readState(world.tableAt('web'), world.now()))?.isDone, true);
  });

  it('leaves no position behind where one turn is enough', async () => {
    const { world, expected } = await createLanding(NAMES);
    const turns = createTurns(world);
    await turns.send(MESSAGE);
    await turns.invoke({ ms: 60_000 });
    assert.deepEqual([turns.queue, await world.active('web')], [[], expected]);
    assert.equal(await readState(world.tableAt('web'), world.now()), undefined);
  });

  it('begins anew with the next schedule once it is done, and where nobody went on for a day', async () => {
    const { world } = await createLanding(NAMES);
    const turns = createTurns(world);
    await turns.send(MESSAGE);
    await turns.invoke({ ms: 2_000 });
    turns.queue.length = 0;
    world.advance(25 * HOUR);
    await turns.send(MESSAGE);
    await turns.invoke({ ms: 60_000 });
    assert.ok(Number(turns.results.at(-1)?.listed) > 30);
    await turns.send(MESSAGE);
    await turns.invoke({ ms: 60_000 });
    assert.ok(Number(turns.results.at(-1)?.listed) > 30);
  });

  it('shares the turns among two messages, of which the later one finds nothing to do', async () => {
    const { world, expected } = await createLanding(NAMES);
    const turns = createTurns(world);
    await turns.send(MESSAGE);
    await turns.invoke({ ms: 2_000, isDeleteLost: true });
    assert.equal(turns.queue.length, 2);
    await turns.invoke({ ms: 60_000 });
    await turns.invoke({ ms: 60_000 });
    assert.deepEqual([turns.queue, turns.results.at(-1)?.leftOut], [[], 'it is done']);
    assert.deepEqual(await world.active('web'), expected);
  });

  it('takes no file for gone that lies where an old writer has logged it, in another part of the listing', async () => {
    const world = createRecoveryWorld();
    for (const name of ['a', 'p%41x', 'z']) await world.drop(`web/ds=1/${name}.parquet`);
    await world.deliver([await world.drop('web/ds=1/0.parquet')]);
    // As a key, not encoded: it may also mean ds=1/pAx.parquet, which another turn lists.
    const add = {
      path: 'ds=1/p%41x.parquet',
      partitionValues: { ds: '1' },
      size: 1,
      modificationTime: 1,
      dataChange: true,
    };
    await world.commitForeign('web', [{ add }]);
    world.advance(2 * HOUR);
    const result = await world.reconcile('web', { after: 'ds=1/p%41x.parquet' });
    assert.deepEqual([result.listed, result.gone, result.added], [1, 0, 1]);
  });

  const invocation: fc.Arbitrary<Invocation> = fc.record({
    ms: fc.integer({ min: 4_000, max: 9_000 }),
    crash: fc.option(
      fc.record({ call: fc.integer({ min: 1, max: 150 }), when: fc.constantFrom('before' as const, 'after' as const) }),
      { nil: undefined, freq: 2 },
    ),
    isDeleteLost: fc.boolean(),
  });

  it('misses nothing and appends nothing twice, wherever turns stop, die, or are delivered again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(invocation, { maxLength: 8 }), fc.boolean(), async (invocations, isSecond) => {
        const { world, expected } = await createLanding(NAMES);
        const turns = createTurns(world);
        await turns.send(MESSAGE);
        if (isSecond) await turns.send(MESSAGE);
        let position = '';
        for (const one of invocations) {
          await turns.invoke(one);
          const state = await readState(world.tableAt('web'), world.now());
          // The first message may come once more after the end: then it is a new run.
          if (state?.isDone === true) position = '';
          if (state?.isDone === false && !isSecond) {
            assert.ok(Buffer.compare(Buffer.from(state.after), Buffer.from(position)) >= 0, 'it went back');
            position = state.after;
          }
        }
        // A message for each that was lost or died, and the turns that are left.
        for (let turn = 0; turn < 60 && turns.queue.length > 0; turn++) await turns.invoke({ ms: 5_000 });
        assert.deepEqual(turns.queue, []);
        assert.deepEqual(await world.active('web'), expected);
        for (const [path, adds] of Object.entries(await world.adds('web'))) assert.equal(adds, 1, path);
      }),
      { numRuns: 25 },
    );
  });
});
