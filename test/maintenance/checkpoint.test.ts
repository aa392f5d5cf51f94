import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { lastCheckpointChecksum } from '../../src/delta/last-checkpoint.ts';
import { logKey, versionName } from '../../src/delta/log-path.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { putClassicCheckpoint } from '../support/checkpoint-fixtures.ts';
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
import { listKeys } from '../support/store-assertions.ts';
import { checkpointState, engineAt, expectedState, reader, WEEK } from './checkpoint-world.ts';

const engine = engineAt();
const VECTOR = { storageType: 'u', pathOrInlineDv: 'abc', offset: 1, sizeInBytes: 3, cardinality: 2 };

describe('a classic checkpoint', () => {
  it('says what the commits say', async () => {
    const log = await tableOf(
      add('a', { stats: '{"numRecords":1}', tags: { t: 'u' }, clusteringProvider: 'c' }),
      add('b'),
    );
    await log.commit(remove('b', { stats: '{}', tags: { x: 'y' } }), txn('app', 1), domain('d', '{"a":1}'));
    await log.commit(txn('app', 2), txn('other', 5), domain('gone', '{}'));
    await log.commit(add('a', { deletionVector: VECTOR, baseRowId: 4, defaultRowCommitVersion: 1 }), remove('a'));
    await log.commit(domain('gone', '', true));
    const expected = await expectedState(log.table);
    const result = await checkpointTable(engine, log.table);
    assert.equal(result.outcome, 'written');
    assert.equal(result.written?.rows, 8);
    assert.equal(result.written?.adds, 1);
    assert.deepEqual(await checkpointState(log.table), expected);
  });

  it('tells how many files it has seen', async () => {
    const log = await tableOf(...Array.from({ length: 10_001 }, (_, index) => add(`f${index}`)));
    const progress: number[] = [];
    await checkpointTable(engine, log.table, { onProgress: (files) => void progress.push(files) });
    assert.deepEqual(progress, [5_000, 10_000]);
  });

  it('of a later version builds on the one before', async () => {
    const log = await tableOf(add('a'), add('b'), add('c%20d'));
    await checkpointTable(engine, log.table);
    await log.commit(remove('b'), add('s3://bucket/lake/orders/c d', { size: 7 }), add('e'));
    const expected = await expectedState(log.table);
    log.store.reset();
    await checkpointTable(engine, log.table);
    assert.deepEqual(await checkpointState(log.table), expected);
    assert.ok(
      !log.store.requests.some(({ key }) => key.endsWith('0.json')),
      'read a commit from before the checkpoint',
    );
  });

  it('drops tombstones that are expired, by the property of the table, and no others', async () => {
    const now = FIRST_TIME + WEEK;
    const cases = [
      { property: undefined, kept: ['now'] },
      { property: 'interval 8 days', kept: ['day', 'now', 'start'] },
      { property: 'interval 6 days 12 hours', kept: ['day', 'now'] },
      { property: 'no interval', kept: ['day', 'never', 'now', 'start'] },
    ];
    for (const { property, kept } of cases) {
      const configuration: Record<string, string> =
        property === undefined ? {} : { 'delta.deletedFileRetentionDuration': property };
      const log = createCountedLog();
      await log.commit(protocol(), metaData({ configuration }));
      await log.commit(
        remove('start', { deletionTimestamp: FIRST_TIME }),
        remove('day', { deletionTimestamp: FIRST_TIME + 86_400_000 }),
        remove('now', { deletionTimestamp: now }),
        { remove: { path: 'never', dataChange: true } },
      );
      if (property === undefined) kept.unshift('day');
      await checkpointTable(engineAt(now), log.table);
      const { removes } = await checkpointState(log.table);
      assert.deepEqual(
        removes.map((entry) => (entry as [string])[0]),
        kept,
        `with ${property}`,
      );
    }
  });

  it('lets an expired tombstone supersede an older add all the same', async () => {
    const log = await tableOf(add('a'));
    await checkpointTable(engine, log.table);
    await log.commit(remove('a', { deletionTimestamp: 1 }));
    await checkpointTable(engine, log.table);
    const { adds, removes } = await checkpointState(log.table);
    assert.deepEqual([adds, removes], [[], []]);
  });

  it('keeps transaction identifiers, unless the table lets them expire', async () => {
    for (const [property, kept] of [
      [undefined, ['new', 'old', 'timeless']],
      ['interval 12 hours', ['new']],
      ['nonsense', ['new', 'old', 'timeless']],
    ] as const) {
      const configuration: Record<string, string> =
        property === undefined ? {} : { 'delta.setTransactionRetentionDuration': property };
      const log = createCountedLog();
      await log.commit(protocol(), metaData({ configuration }));
      await log.commit(
        txn('old', 1),
        { txn: { appId: 'new', version: 2, lastUpdated: engine.now() - 1 } },
        { txn: { appId: 'timeless', version: 3 } },
      );
      await checkpointTable(engine, log.table);
      const { txns } = await checkpointState(log.table);
      assert.deepEqual(
        (txns as [string][]).map(([appId]) => appId),
        kept,
        `with ${property}`,
      );
    }
  });

  it('is announced with its size and the checksum, and once', async () => {
    const log = await tableOf(add('a'), remove('b'));
    const { announced, written } = await checkpointTable(engine, log.table);
    assert.equal(announced, true);
    const { checksum, ...hint } = await hintOf(log);
    assert.equal(checksum, lastCheckpointChecksum(hint));
    assert.deepEqual(hint, { version: 0, size: 4, sizeInBytes: written?.bytes, numOfAddFiles: 1 });

    const again = await checkpointTable(engine, log.table);
    assert.deepEqual(again, { version: 0, kind: 'classic', outcome: 'existed', remaining: false, announced: false });
  });

  it('of another writer that is there is announced, not written again', async () => {
    const log = await tableOf(add('a'));
    for (const shape of ['classic', 'multiPart'] as const) {
      const version = await log.commit(add(shape));
      await log.checkpoint(version, shape);
      const before = await listKeys(log.store);
      const result = await checkpointTable(engine, log.table);
      assert.equal(result.outcome, 'existed');
      assert.equal(result.kind, shape);
      assert.equal(result.announced, true);
      const hint = await hintOf(log);
      assert.equal(hint.version, version);
      assert.equal(hint.parts, shape === 'multiPart' ? 3 : undefined);
      assert.deepEqual(
        (await listKeys(log.store)).filter((key) => !before.includes(key) && !key.endsWith('_last_checkpoint')),
        [],
      );
    }
  });

  it('never takes the hint back to an older version', async () => {
    const log = await tableOf(add('a'));
    await log.commit(add('b'));
    await log.checkpoint(1);
    await log.hint(1);
    const result = await checkpointTable(engine, log.table, { version: 0 });
    assert.equal(result.outcome, 'written');
    assert.equal(result.announced, false);
    assert.equal((await hintOf(log)).version, 1);
  });

  it('replaces a hint that leads nowhere, or is none', async () => {
    for (const hint of [99, 'nonsense', '']) {
      const log = await tableOf(add('a'));
      await log.hint(hint);
      await checkpointTable(engine, log.table);
      assert.equal((await hintOf(log)).version, 0, `instead of ${hint}`);
    }
  });

  it('gives way when a newer one is announced while it is written', async () => {
    const log = await tableOf(add('a'));
    await log.commit(add('b'));
    const { store } = log.table;
    // The other writer comes between our look at the hint and our hint.
    const racing = {
      ...store,
      async put(key: string, body: Uint8Array) {
        await log.checkpoint(1);
        await log.hint(1);
        await store.put(key, body);
      },
    };
    await checkpointTable(engine, { ...log.table, store: racing }, { version: 0 });
    assert.equal((await hintOf(log)).version, 1);
  });

  it('is begun anew when its base is replaced while it is read', async () => {
    const adds = Array.from({ length: 20_000 }, (_, index) => add(`file ${index} ${Math.sin(index)}`));
    const log = await tableOf(...adds);
    await log.checkpoint(0);
    await log.commit(add('b'));
    const expected = await expectedState(log.table);
    const { store } = log.table;
    let reads = 0;
    const racing = {
      ...store,
      async get(...args: Parameters<typeof store.get>) {
        if (args[0].endsWith('.checkpoint.parquet') && ++reads === 3) {
          await putClassicCheckpoint(log.table, 0, [protocol(), metaData(), ...adds], { compression: 'ZSTD' });
        }
        return store.get(...args);
      },
    };
    await checkpointTable(engine, { ...log.table, store: racing });
    assert.ok(reads > 3, `only ${reads} reads`);
    assert.deepEqual(await checkpointState(log.table), expected);
  });

  it('is not written in a dry run, nor when there is no time', async () => {
    const log = await tableOf(...Array.from({ length: 600 }, (_, index) => add(`${index}`)));
    const before = await listKeys(log.store);
    const planned = { version: 0, kind: 'classic', outcome: 'planned', remaining: true, announced: false };
    assert.deepEqual(await checkpointTable(engine, log.table, { dryRun: true }), planned);
    const late = { ...planned, outcome: 'outOfTime' };
    assert.deepEqual(await checkpointTable(engine, log.table, { deadline: engine.now() }), late);
    assert.deepEqual(await listKeys(log.store), before);
  });

  it('of an older version is written where it is asked for', async () => {
    const log = await tableOf(add('a'));
    const expected = await expectedState(log.table);
    await log.commit(add('b'));
    await checkpointTable(engine, log.table, { version: 0 });
    assert.deepEqual((await checkpointStateAt(log, 0)).adds, expected.adds);
    assert.equal((await hintOf(log)).version, 0);
  });

  it('is refused where features are not known, and allowed where only appends are refused', async () => {
    const refused: readonly (readonly [Action, string, RegExp])[] = [
      [featureProtocol([], ['coordinatedCommits-preview']), 'UNSUPPORTED_WRITER', /coordinatedCommits-preview/],
      [featureProtocol([], ['fancy', 'domainMetadata']), 'UNSUPPORTED_WRITER', /not supported: fancy$/],
      [featureProtocol(['catalogManaged']), 'UNSUPPORTED_READER', /catalogManaged/],
      [protocol({ minWriterVersion: 8 }), 'UNSUPPORTED_WRITER', /writer version 8/],
    ];
    for (const [action, code, message] of refused) {
      const log = createCountedLog();
      await log.commit(action, metaData());
      await assert.rejects(checkpointTable(engine, log.table), (error) => {
        assert.ok(isDeltaError(error) && error.code === code, String(error));
        assert.match(error.message, message);
        return true;
      });
      assert.equal((await listKeys(log.store)).length, 1);
    }
    const allowed = featureProtocol(
      ['columnMapping'],
      ['rowTracking', 'checkConstraints', 'identityColumns', 'icebergCompatV2'],
    );
    const log = createCountedLog();
    await log.commit(
      allowed,
      metaData({ configuration: { 'delta.constraints.c': 'id > 0', 'delta.columnMapping.mode': 'name' } }),
      add('a'),
    );
    assert.equal((await checkpointTable(engine, log.table)).outcome, 'written');
    assert.equal((await loadSnapshot(log.table, reader)).protocol.writerFeatures?.length, 5);
  });

  it('names the line of a commit that is malformed', async () => {
    const log = await tableOf(add('a'));
    await log.put(
      `${versionName(1)}.json`,
      '{"commitInfo":{}}\n{"add":{"path":1}}\n{"remove":{"path":"a","dataChange":true}}\n',
    );
    await assert.rejects(checkpointTable(engine, log.table), /Line 2 of version 1 .*add\.path is 1/);
    assert.equal(await log.store.head(logKey(log.table, `${versionName(1)}.checkpoint.parquet`)), undefined);
  });
});

async function tableOf(...actions: readonly Action[]): Promise<CountedLog> {
  const log = createCountedLog();
  await log.commit(protocol(), metaData(), ...actions);
  return log;
}

async function hintOf(log: CountedLog): Promise<Record<string, unknown>> {
  const { body } = await log.store.get(logKey(log.table, '_last_checkpoint'));
  return JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
}

/** The state in the checkpoint of a version, whatever came after it. */
async function checkpointStateAt(log: CountedLog, version: number) {
  for (const key of await listKeys(log.store)) {
    if (key.endsWith('.json') && Number(key.slice(-25, -5)) > version) await log.store.delete(key);
  }
  return checkpointState(log.table);
}
