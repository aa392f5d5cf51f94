import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optimizeOnSpark } from '../../src/maintenance/spark/optimize-on-spark.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore } from '../../src/storage/object-store.ts';
import {
  CrashError,
  createFaultyStore,
  everySingleFault,
  type FaultyStore,
  failCall,
} from '../support/faulty-store.ts';
import { createSparkStandIn } from '../support/spark-stand-in.ts';
import { assertRowsAreThere, createSparkWorld, type SparkView, sparkOver } from './spark-world.ts';

/** One run over a store that fails; the job has a store of its own. */
async function runOnce(spark: SparkView, { jobs }: ReturnType<typeof createSparkStandIn>, store: FaultyStore) {
  return optimizeOnSpark(spark.engine, spark.tableIn(store), spark.options(), jobs);
}

async function copyOf(store: ObjectStore, now: () => number): Promise<ObjectStore> {
  const copy = createMemoryStore({ now });
  for await (const { key } of store.list('')) await copy.put(key, (await store.get(key)).body);
  return copy;
}

describe('A failure before or after any one store call of a run on Spark loses and doubles nothing', async () => {
  const { world, ...rehearsal } = await createSparkWorld();
  const before = await copyOf(world.store, world.now);
  const whole = createFaultyStore(world.store, () => undefined);
  await runOnce(rehearsal, createSparkStandIn({ table: rehearsal.table }), whole);

  it('(the run makes a fair number of calls)', () => {
    assert.ok(whole.calls.length >= 20, `${whole.calls.length} calls`);
  });

  for (const { name, number, fault } of everySingleFault(whole.calls.length)) {
    const { method, key } = whole.calls[number - 1] ?? { method: '', key: '' };
    it(`${name} (${method} ${key.replaceAll(/[0-9a-f-]{36}/g, 'ID')})`, async () => {
      const store = await copyOf(before, world.now);
      const spark = sparkOver(store, world);
      const standIn = createSparkStandIn({ table: spark.table });
      try {
        await runOnce(spark, standIn, createFaultyStore(store, failCall(number, fault)));
      } catch (error) {
        assert.ok(error instanceof CrashError || isStoreError(error, 'UNAVAILABLE'), String(error));
      }
      await assertRowsAreThere(spark);

      const states: string[] = [];
      while (states.length < 3 && states.at(-1) !== 'nothing') {
        const result = await optimizeOnSpark(spark.engine, spark.table, spark.options(), standIn.jobs);
        states.push(result.state);
        assert.equal(result.overtakenBins, 0, 'its own commits are no others');
      }
      assert.equal(states.at(-1), 'nothing', states.join(', '));
      assert.equal(standIn.started.length, 1, 'the work was done once');
      await assertRowsAreThere(spark);
      assert.equal((await spark.activePaths()).length, 2);
    });
  }
});
