import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { monotonicTimes, readHistory, versionAt } from '../../src/delta/history.ts';
import { versionName } from '../../src/delta/log-path.ts';
import { loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import {
  type CountedLog,
  createCountedLog,
  featureProtocol,
  metaData,
  protocol,
  txn,
} from '../support/delta-log-builder.ts';

const reader = createCheckpointReader();

describe('versionAt', () => {
  it('takes the latest version at or before the time', async () => {
    const snapshot = await load(await logAt(100, 200, 300));
    assert.deepEqual(await versionsAt(snapshot, 100, 199, 200, 299, 300, 10_000), [0, 0, 1, 1, 2, 2]);
  });

  it('makes the times of the files grow, as Spark does', async () => {
    // A clock that was set back: version 1 counts as 501, version 2 as 502.
    const snapshot = await load(await logAt(500, 100, 400, 600));
    assert.deepEqual(await versionsAt(snapshot, 500, 501, 502, 599, 600), [0, 1, 2, 2, 3]);
    await tooEarly(versionAt(snapshot, 499));
  });

  it('does not go beyond the snapshot', async () => {
    const log = await logAt(100, 200, 300);
    assert.deepEqual(await versionsAt(await load(log, 1), 1000), [1]);
  });

  it('gives no version that cannot be rebuilt any more', async () => {
    const log = await logAt(100, 200, 300, 400, 500);
    await log.checkpoint(3);
    for (const version of [0, 1]) await log.delete(`${versionName(version)}.json`);
    const snapshot = await load(log);
    // Version 2 is in the log, but nothing says what came before it.
    assert.deepEqual(await versionsAt(snapshot, 400, 450, 500), [3, 3, 4]);
    await tooEarly(versionAt(snapshot, 399));
  });

  describe('with in-commit timestamps', () => {
    it('takes the times in the commits, reading few of them', async () => {
      const log = createCountedLog();
      const times = Array.from({ length: 64 }, (_, version) => 1000 + version * 10);
      for (const [version, time] of times.entries()) {
        log.setTime(9_999_999 - version);
        await log.commit(info(time), ...(version === 0 ? inCommitTimestamps() : []));
      }
      const snapshot = await load(log);
      assert.deepEqual(await versionsAt(snapshot, 1000, 1009, 1010, 1634, 1e9), [0, 0, 1, 63, 63]);
      log.store.reset();
      await versionAt(snapshot, 1300);
      assert.ok(log.store.counts.get <= 7, `${log.store.counts.get} GETs`);
      await tooEarly(versionAt(snapshot, 999));
    });

    it('takes the times of the files for versions before they were enabled', async () => {
      const log = await logAt(100, 200);
      log.setTime(5);
      const since = {
        'delta.inCommitTimestampEnablementVersion': '2',
        'delta.inCommitTimestampEnablementTimestamp': '300',
      };
      await log.commit(info(300), ...inCommitTimestamps(since));
      await log.commit(info(400));
      assert.deepEqual(await versionsAt(await load(log), 100, 250, 299, 300, 399, 400), [0, 1, 1, 2, 2, 3]);
    });
  });
});

describe('monotonicTimes', () => {
  it('lifts a time that does not grow to the one before and one millisecond', () => {
    const files = [5, 9, 9, 3, 20].map((modified, version) => ({ version, key: `${version}`, modified }));
    assert.deepEqual(monotonicTimes(files), [5, 9, 10, 11, 20]);
  });
});

describe('readHistory', () => {
  it('gives the newest commits first, reading no more than are asked for', async () => {
    const log = await logAt(100, 200, 300, 400);
    const snapshot = await load(log);
    log.store.reset();
    assert.deepEqual(await historyOf(snapshot, 2), [3, 2]);
    assert.equal(log.store.counts.get, 2);
    assert.deepEqual(await historyOf(snapshot), [3, 2, 1, 0]);
    assert.deepEqual(await historyOf(snapshot, 0), []);
  });

  it('reads ahead as far as it may, and in order', async () => {
    const log = await logAt(100, 200, 300, 400, 500);
    const snapshot = await load(log);
    log.store.reset();
    const history = readHistory(snapshot, 4, 3);
    assert.equal((await history.next()).value?.version, 4);
    assert.equal(log.store.counts.get, 3);
    await history.return();
    for (const ahead of [1, 2, 3, 10]) {
      assert.deepEqual(await historyOf(snapshot, 4, ahead), [4, 3, 2, 1]);
      assert.deepEqual(await historyOf(snapshot, undefined, ahead), [4, 3, 2, 1, 0]);
    }
  });

  it('ends where the log is cleaned up', async () => {
    const log = await logAt(100, 200, 300, 400);
    await log.checkpoint(2);
    for (const version of [0, 1]) await log.delete(`${versionName(version)}.json`);
    for (const ahead of [1, 2, 10]) assert.deepEqual(await historyOf(await load(log), 10, ahead), [3, 2]);
  });
});

/** A table whose versions have files of these times. */
async function logAt(...times: readonly number[]): Promise<CountedLog> {
  const log = createCountedLog();
  for (const [version, time] of times.entries()) {
    log.setTime(time);
    await log.commit(...(version === 0 ? [protocol(), metaData()] : [txn('a', version)]));
  }
  return log;
}

function inCommitTimestamps(configuration: Readonly<Record<string, string>> = {}): Action[] {
  return [
    featureProtocol([], ['inCommitTimestamp']),
    metaData({ configuration: { 'delta.enableInCommitTimestamps': 'true', ...configuration } }),
  ];
}

function info(inCommitTimestamp: number): Action {
  return { commitInfo: { inCommitTimestamp } };
}

function load(log: CountedLog, version?: number): Promise<Snapshot> {
  return loadSnapshot(log.table, reader, version === undefined ? {} : { version });
}

async function versionsAt(snapshot: Snapshot, ...times: readonly number[]): Promise<number[]> {
  const versions: number[] = [];
  for (const time of times) versions.push(await versionAt(snapshot, time));
  return versions;
}

async function historyOf(snapshot: Snapshot, limit?: number, ahead?: number): Promise<number[]> {
  const versions: number[] = [];
  for await (const { version } of readHistory(snapshot, limit, ahead)) versions.push(version);
  return versions;
}

async function tooEarly(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(
    promise,
    (error) => isDeltaError(error, 'VERSION_NOT_FOUND') && /can be rebuilt/.test(error.message),
  );
}
