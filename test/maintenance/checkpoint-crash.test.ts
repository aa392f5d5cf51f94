import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { logKey } from '../../src/delta/log-path.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { isStoreError } from '../../src/storage/object-store.ts';
import {
  add,
  type CountedLog,
  collect,
  createCountedLog,
  featureProtocol,
  metaData,
  protocol,
  remove,
  txn,
} from '../support/delta-log-builder.ts';
import { CrashError, createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { checkpointState, engineAt, expectedState, reader } from './checkpoint-world.ts';

const engine = engineAt();

/** Tables with a checkpoint and commits after it, whose next checkpoint is written. */
const TABLES: Readonly<Record<string, Action>> = {
  classic: protocol(),
  V2: featureProtocol(['v2Checkpoint']),
};

describe('a checkpoint that fails at any request', () => {
  for (const [name, protocolAction] of Object.entries(TABLES)) {
    it(`leaves a ${name} table as readable as before, and is made good by the next try`, async () => {
      const original = await tableOf(protocolAction);
      const calls = await countCalls(original);
      assert.ok(calls > 8, `${calls} calls`);
      const expected = await expectedState(original.table);
      const paths = await activePaths(original);
      for (const { name: failure, number, fault } of everySingleFault(calls)) {
        const log = await copyOf(original);
        const store = createFaultyStore(log.table.store, failCall(number, fault));
        try {
          await checkpointTable(engine, { ...log.table, store });
        } catch (error) {
          assert.ok(error instanceof CrashError || isStoreError(error, 'UNAVAILABLE'), `${failure}: ${error}`);
        }
        assert.deepEqual(await activePaths(log), paths, failure);
        await assertHintLeadsSomewhere(log, failure);

        const healed = await checkpointTable(engine, log.table);
        assert.ok(healed.outcome === 'written' || healed.outcome === 'existed', failure);
        assert.deepEqual(await checkpointState(log.table), expected, failure);
        assert.equal((await hintOf(log)).version, expected.version, failure);
      }
    });
  }
});

async function tableOf(protocolAction: Action): Promise<CountedLog> {
  const log = createCountedLog();
  await log.commit(protocolAction, metaData(), add('a'), add('b'), add('c'));
  await checkpointTable(engine, log.table);
  await log.commit(remove('b'), txn('app', 1));
  await log.commit(add('z'));
  return log;
}

async function copyOf({ store }: CountedLog): Promise<CountedLog> {
  const copy = createCountedLog();
  for await (const { key } of store.list('')) await copy.store.put(key, (await store.get(key)).body);
  return copy;
}

async function countCalls(original: CountedLog): Promise<number> {
  const log = await copyOf(original);
  const store = createFaultyStore(log.table.store, () => undefined);
  await checkpointTable(engine, { ...log.table, store });
  return store.calls.length;
}

async function activePaths(log: CountedLog): Promise<string[]> {
  const files = await collect(activeFiles(await loadSnapshot(log.table, reader), reader));
  return files.map(({ path }) => path).sort();
}

async function hintOf(log: CountedLog): Promise<{ version: number }> {
  const { body } = await log.store.get(logKey(log.table, '_last_checkpoint'));
  return JSON.parse(Buffer.from(body).toString()) as { version: number };
}

/** The checkpoint that the hint names is there, and whole. */
async function assertHintLeadsSomewhere(log: CountedLog, failure: string): Promise<void> {
  const { version } = await hintOf(log);
  const { segment } = await loadSnapshot(log.table, reader, { version });
  assert.equal(segment.checkpoint?.version, version, failure);
}
