import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { type Commit, serializeCommit } from '../../src/delta/commit-file.ts';
import { type DeltaErrorCode, isDeltaError } from '../../src/delta/errors.ts';
import { versionName } from '../../src/delta/log-path.ts';
import { applyCommit, loadSnapshot, refreshSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { commit } from '../../src/delta/transaction.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import {
  add,
  type CountedLog,
  createCountedLog,
  domain,
  FIRST_TIME,
  featureProtocol,
  metaData,
  protocol,
  remove,
  txn,
} from '../support/delta-log-builder.ts';

const reader = createCheckpointReader();
const SCHEMA = '{"type":"struct","fields":[{"name":"day","type":"date","nullable":true,"metadata":{}}]}';
const IN_COMMIT: readonly Action[] = [
  featureProtocol([], ['inCommitTimestamp']),
  metaData({ configuration: { 'delta.enableInCommitTimestamps': 'true' } }),
];

describe('loadSnapshot', () => {
  it('keeps the newest of every action but the files', async () => {
    const log = await tableOf([protocol(), metaData({ name: 'old' }), txn('a', 1), txn('b', 1), domain('d', '1')]);
    log.setTime(FIRST_TIME + 60_000);
    await log.commit(
      protocol({ minWriterVersion: 4 }),
      metaData({ name: 'new', schemaString: SCHEMA }),
      txn('a', 2),
      domain('d', '1', true),
      domain('e', '2'),
    );
    const snapshot = await load(log);
    assert.equal(snapshot.version, 1);
    assert.equal(snapshot.timestamp, FIRST_TIME + 60_000);
    assert.equal(snapshot.protocol.minWriterVersion, 4);
    assert.equal(snapshot.metadata.name, 'new');
    assert.deepEqual(
      snapshot.schema.fields.map(({ name, type }) => [name, type]),
      [['day', 'date']],
    );
    assert.deepEqual(
      [...snapshot.txns.values()].map(({ appId, version }) => [appId, version]),
      [
        ['a', 2],
        ['b', 1],
      ],
    );
    assert.deepEqual([...snapshot.domains.keys()], ['e']);
  });

  it('of an older version knows nothing of later ones', async () => {
    const log = await tableOf(
      [protocol(), metaData(), txn('a', 1)],
      [txn('a', 2)],
      [txn('a', 3), metaData({ name: 'x' })],
    );
    const snapshot = await load(log, 1);
    assert.deepEqual([snapshot.version, snapshot.txns.get('a')?.version, snapshot.metadata.name], [1, 2, undefined]);
  });

  it('by a time gives the version of that time', async () => {
    const log = createCountedLog();
    for (let version = 0; version < 4; version++) {
      log.setTime(FIRST_TIME + version * 1000);
      await log.commit(...(version === 0 ? [protocol(), metaData()] : [txn('a', version)]));
    }
    const at = (ms: number) => loadSnapshot(log.table, reader, { timestamp: FIRST_TIME + ms });
    assert.deepEqual([(await at(2999)).version, (await at(3000)).version, (await at(999_999)).version], [2, 3, 3]);
    await rejects(at(-1), 'VERSION_NOT_FOUND', /the oldest one left is 0/);
  });

  it('hands over the commits since the checkpoint, in order', async () => {
    const log = await tableOf([protocol(), metaData()], [add('a')], [add('b')], [remove('a')], [add('c')]);
    await log.checkpoint(1);
    await log.compact(2, 4);
    const commits: Commit[] = [];
    await loadSnapshot(log.table, reader, { onCommit: (commit) => commits.push(commit) });
    assert.deepEqual(
      commits.map(({ version, actions }) => [version, actions]),
      [
        [2, [add('b')]],
        [3, [remove('a')]],
        [4, [add('c')]],
      ],
    );
  });

  it('replaces commits by compacted ones, which saves requests', async () => {
    const log = await tableOf([protocol(), metaData()], ...Array.from({ length: 9 }, (_, index) => [txn('a', index)]));
    const expected = await load(log);
    await log.compact(1, 4);
    await log.compact(1, 8);
    await log.compact(6, 9);
    log.store.reset();
    const snapshot = await load(log);
    assert.deepEqual({ ...snapshot, segment: undefined }, { ...expected, segment: undefined });
    // The hint, and versions 0, 1-8 and 9.
    assert.equal(log.store.counts.get, 4);
  });

  describe('with in-commit timestamps', () => {
    it('takes the time of the commit, not of the file', async () => {
      const log = await tableOf([info(500), ...IN_COMMIT], [info(700), add('a')]);
      assert.equal((await load(log)).timestamp, 700);
      // The hint, and one for each commit.
      assert.equal(log.store.counts.get, 3);
      assert.equal((await load(log, 0)).timestamp, 500);
    });

    it('reads it from the commit when only a checkpoint or compacted commits were read', async () => {
      const log = await tableOf([info(500), ...IN_COMMIT], [info(700), add('a')], [info(800), add('b')]);
      await log.compact(1, 2);
      assert.equal((await load(log)).timestamp, 800);
      await log.checkpoint(2);
      assert.equal((await load(log)).timestamp, 800);
    });

    it('reads it from a commit whose first line is long, and reads no more of a large commit than it needs', async () => {
      const long: Action = { commitInfo: { inCommitTimestamp: 700, predicate: 'x'.repeat(100_000) } };
      const log = await tableOf([info(500), ...IN_COMMIT, ...manyAdds(5000)], [long, add('a')]);
      await log.checkpoint(0);
      await log.checkpoint(1);
      assert.equal((await load(log)).timestamp, 700);
      log.store.reset();
      assert.equal((await load(log, 0)).timestamp, 500);
      assert.ok(log.store.counts.bytesRead < 300_000, `${log.store.counts.bytesRead} bytes`);
    });

    it('does not take it where the table has them not enabled', async () => {
      const log = await tableOf([info(500), protocol(), metaData()]);
      assert.equal((await load(log)).timestamp, FIRST_TIME);
    });

    it('refuses a commit that lacks it', async () => {
      const log = await tableOf([info(500), ...IN_COMMIT], [add('a')]);
      await rejects(load(log), 'CORRUPT_LOG', /Version 1 .* no inCommitTimestamp/);
      await log.put(`${versionName(1)}.json`, '');
      await rejects(load(log), 'CORRUPT_LOG', /Version 1 .* no inCommitTimestamp/);
    });
  });

  describe('refuses', () => {
    const broken: readonly (readonly [
      what: string,
      actions: readonly Action[],
      code: DeltaErrorCode,
      problem: RegExp,
    ])[] = [
      ['a log without protocol', [metaData()], 'CORRUPT_LOG', /no protocol action/],
      ['a log without metadata', [protocol()], 'CORRUPT_LOG', /no metaData action/],
      ['an unknown reader version', [protocol({ minReaderVersion: 4 }), metaData()], 'UNSUPPORTED_READER', /version 4/],
      ['an unknown reader feature', [featureProtocol(['fromMars']), metaData()], 'UNSUPPORTED_READER', /fromMars/],
      ['a broken schema', [protocol(), metaData({ schemaString: '{"type":' })], 'INVALID_SCHEMA', /./],
    ];
    for (const [what, actions, code, problem] of broken) {
      it(what, async () => {
        await rejects(load(await tableOf(actions)), code, problem);
      });
      it(`${what}, also from a checkpoint`, async () => {
        const log = await tableOf(actions);
        await log.checkpoint(0);
        await rejects(load(log), code, problem);
      });
    }

    it('a folder without a log', async () => {
      await rejects(load(createCountedLog()), 'TABLE_NOT_FOUND', /no Delta log/);
    });
  });
});

describe('the cost of a cold load', () => {
  it('has a small bound that does not depend on the number of files', async () => {
    for (const count of [10, 20_000]) {
      const log = createCountedLog();
      await log.commit(protocol(), metaData(), txn('a', 1), ...manyAdds(count));
      await log.checkpoint(0);
      await log.hint(0);
      await log.commit(add('x'));
      await log.commit(add('y'));
      await load(log);
      const { get, list, bytesRead } = log.store.counts;
      assert.equal(list, 1);
      // The hint, at most two for the checkpoint's footer and control columns, and the two commits.
      assert.ok(get <= 5, `${get} GETs for ${count} files`);
      assert.ok(bytesRead < 200_000, `${bytesRead} bytes for ${count} files`);
    }
  });
});

describe('refreshSnapshot', () => {
  it('costs one LIST and one GET for each new commit', async () => {
    const log = await tableOf([protocol(), metaData(), ...manyAdds(1000)]);
    await log.checkpoint(0);
    const snapshot = await load(log);
    log.store.reset();
    assert.equal(await refreshSnapshot(snapshot), snapshot);
    assert.deepEqual(requests(log), { get: 0, list: 1 });
    for (let version = 1; version <= 3; version++) await log.commit(txn('a', version), add(`n${version}`));
    log.store.reset();
    const refreshed = await refreshSnapshot(snapshot);
    assert.deepEqual(requests(log), { get: 3, list: 1 });
    assert.deepEqual(asLoaded(refreshed), await load(log));
  });

  it('hands over the new commits, in order', async () => {
    const log = await tableOf([protocol(), metaData()]);
    const snapshot = await load(log);
    for (let version = 1; version <= 40; version++) await log.commit(txn('a', version));
    const versions: number[] = [];
    await refreshSnapshot(snapshot, { onCommit: ({ version }) => versions.push(version) });
    assert.deepEqual(
      versions,
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('goes on from a checkpoint that it sees, and then needs the older commits no more', async () => {
    const log = await tableOf([protocol(), metaData()], [add('a')]);
    const snapshot = await load(log);
    await log.commit(add('b'));
    await log.checkpoint(2);
    await log.commit(add('c'));
    const refreshed = await refreshSnapshot(snapshot);
    assert.equal(refreshed.segment.checkpoint?.version, 2);
    assert.deepEqual(asLoaded(refreshed), await load(log));
  });

  it('refuses a protocol that is new and not supported', async () => {
    const log = await tableOf([protocol(), metaData()]);
    const snapshot = await load(log);
    await log.commit(featureProtocol(['fromMars']));
    await rejects(refreshSnapshot(snapshot), 'UNSUPPORTED_READER', /fromMars/);
  });

  it('knows our own commit again by its size and time, and no other', async () => {
    const log = await tableOf([protocol(), metaData()]);
    const written = await commit(
      await load(log),
      log.table,
      reader,
      () => ({
        kind: 'commit',
        actions: [add('größe.parquet')],
        operation: 'WRITE',
        operationParameters: {},
        isBlindAppend: true,
      }),
      { deadline: FIRST_TIME + 1000, now: () => FIRST_TIME },
    );
    assert.ok(written.kind === 'committed');
    assert.deepEqual(asLoaded(await refreshSnapshot(written.snapshot)), await load(log));
    await log.put(`${versionName(1)}.json`, '{"commitInfo":{}}\n');
    await rejects(refreshSnapshot(written.snapshot), 'VERSION_NOT_FOUND', /or is another one/);
  });

  it('refuses to go on when the table was made again', async () => {
    const log = await tableOf([protocol(), metaData()], [add('a')]);
    const snapshot = await load(log);
    await log.put(`${versionName(1)}.json`, '{"commitInfo":{}}\n');
    await rejects(refreshSnapshot(snapshot), 'VERSION_NOT_FOUND', /is not in the log any more, or is another one/);
  });
});

describe('applyCommit', () => {
  it('comes to what a load comes to, without a request', async () => {
    const log = await tableOf([protocol(), metaData(), txn('a', 1)], [add('a')]);
    await log.checkpoint(0);
    const snapshot = await load(log);
    const actions = [txn('a', 2), metaData({ schemaString: SCHEMA }), add('b')];
    await log.commit(...actions);
    log.store.reset();
    const size = serializeCommit(actions).byteLength;
    const applied = applyCommit(
      snapshot,
      { version: 2, timestamp: FIRST_TIME, modified: FIRST_TIME, actions, size },
      FIRST_TIME,
    );
    assert.deepEqual(requests(log), { get: 0, list: 0 });
    const loaded = await load(log);
    assert.deepEqual({ ...applied, segment: undefined }, { ...loaded, segment: undefined });
    const refreshed = await refreshSnapshot(applied);
    assert.deepEqual(asLoaded(refreshed), loaded);
    assert.equal(await refreshSnapshot(refreshed), refreshed);
    assert.equal(snapshot.version, 1);
  });

  it('refuses a commit that is not the next one', async () => {
    const snapshot = await load(await tableOf([protocol(), metaData()]));
    const commit = { version: 2, timestamp: 0, modified: 0, actions: [] };
    assert.throws(
      () => applyCommit(snapshot, commit, FIRST_TIME),
      (error) => isDeltaError(error, 'LOG_GAP'),
    );
  });
});

async function tableOf(...commits: readonly (readonly Action[])[]): Promise<CountedLog> {
  const log = createCountedLog();
  for (const actions of commits) await log.commit(...actions);
  return log;
}

function load(log: CountedLog, version?: number): Promise<Snapshot> {
  return loadSnapshot(log.table, reader, version === undefined ? {} : { version });
}

/** A load asks for a checkpoint each time, a refresh now and then. */
function asLoaded(snapshot: Snapshot): Snapshot {
  return { ...snapshot, segment: { ...snapshot.segment, soughtAt: snapshot.version } };
}

function info(inCommitTimestamp: number): Action {
  return { commitInfo: { timestamp: 1, inCommitTimestamp } };
}

function manyAdds(count: number): Action[] {
  return Array.from({ length: count }, (_, index) => add(`file-${index}.parquet`, { stats: '{"numRecords":1}' }));
}

function requests(log: CountedLog) {
  const { get, list } = log.store.counts;
  return { get, list };
}

async function rejects(promise: Promise<unknown>, code: DeltaErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isDeltaError(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}
