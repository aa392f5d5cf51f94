import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DeltaErrorCode, isDeltaError } from '../../src/delta/errors.ts';
import { parseLastCheckpoint } from '../../src/delta/last-checkpoint.ts';
import { commitKey, versionName } from '../../src/delta/log-path.ts';
import {
  appendToSegment,
  type CommitFile,
  type LogSegment,
  listCommits,
  loadLogSegment,
  updateLogSegment,
} from '../../src/delta/log-segment.ts';
import { type CountedLog, createCountedLog, FIRST_TIME, metaData, protocol } from '../support/delta-log-builder.ts';

const UUID = '80a083e8-7026-4e79-81be-64bd76c43a11';

describe('loadLogSegment', () => {
  it('without a checkpoint starts at version 0', async () => {
    const segment = await loadLogSegment((await logOf(3)).table);
    assert.deepEqual(shape(segment), { version: 2, base: undefined, commits: [0, 1, 2], head: 2 });
  });

  it('starts at the hinted checkpoint with one GET and one LIST', async () => {
    const log = await logOf(25);
    for (const version of [10, 20]) await putFile(log, `${versionName(version)}.checkpoint.parquet`);
    await log.hint(20);
    const segment = await loadLogSegment(log.table);
    assert.deepEqual(shape(segment), { version: 24, base: 20, commits: [21, 22, 23, 24], head: 24 });
    assert.deepEqual([log.store.counts.get, log.store.counts.list], [1, 1]);
  });

  it('takes a newer checkpoint than the hinted one', async () => {
    const log = await logOf(25);
    for (const version of [10, 20]) await putFile(log, `${versionName(version)}.checkpoint.parquet`);
    await log.hint(10);
    assert.deepEqual(shape(await loadLogSegment(log.table)).base, 20);
  });

  const useless: readonly (readonly [what: string, hint: string | number | undefined])[] = [
    ['missing', undefined],
    ['empty', ''],
    ['half written', '{"version":2'],
    ['no JSON object', '20'],
    ['without a version', '{"size":3}'],
    ['of a checkpoint that is gone', 22],
    ['of a version that was never written', 4000],
  ];
  for (const [what, hint] of useless) {
    it(`finds the checkpoint when the hint is ${what}`, async () => {
      const log = await logOf(25);
      await putFile(log, `${versionName(20)}.checkpoint.parquet`);
      if (hint !== undefined) await log.hint(hint);
      assert.deepEqual(shape(await loadLogSegment(log.table)), {
        version: 24,
        base: 20,
        commits: [21, 22, 23, 24],
        head: 24,
      });
    });
  }

  it('reaches version 0 when the hinted checkpoint is gone and there is no other', async () => {
    const log = await logOf(25);
    await log.hint(20);
    assert.equal(shape(await loadLogSegment(log.table)).commits.length, 25);
  });

  it('reads old commits only where it must: the pages behind the hint stay unlisted', async () => {
    const log = await logOf(60, 10);
    await putFile(log, `${versionName(55)}.checkpoint.parquet`);
    await log.hint(55);
    await loadLogSegment(log.table);
    assert.equal(log.store.counts.list, 1);
    await log.delete('_last_checkpoint');
    log.store.reset();
    await loadLogSegment(log.table);
    assert.equal(log.store.counts.list, 7);
  });

  it('stops listing at the first name that is no version', async () => {
    const log = await logOf(3, 10);
    for (let index = 0; index < 50; index++) await putFile(log, `_staged_commits/${versionName(index)}.${UUID}.json`);
    for (let index = 0; index < 50; index++) await putFile(log, `.tmp/${versionName(index)}.json.${UUID}`);
    assert.equal((await loadLogSegment(log.table)).version, 2);
    assert.equal(log.store.counts.list, 1);
  });

  it('does not need the commits that the checkpoint covers', async () => {
    const log = await logOf(13);
    await putFile(log, `${versionName(10)}.checkpoint.parquet`);
    for (let version = 0; version <= 10; version++) await log.delete(`${versionName(version)}.json`);
    assert.deepEqual(shape(await loadLogSegment(log.table)), { version: 12, base: 10, commits: [11, 12], head: 12 });
    await log.delete(`${versionName(11)}.json`);
    await log.delete(`${versionName(12)}.json`);
    assert.deepEqual(shape(await loadLogSegment(log.table)), { version: 10, base: 10, commits: [], head: undefined });
  });

  it('keeps the compacted commits that lie inside', async () => {
    const log = await logOf(20);
    await putFile(log, `${versionName(10)}.checkpoint.parquet`);
    for (const [start, end] of [
      [0, 5],
      [9, 12],
      [10, 13],
      [11, 13],
      [11, 15],
      [14, 19],
      [14, 25],
    ] as const) {
      await putFile(log, `${versionName(start)}.${versionName(end)}.compacted.json`);
    }
    const { compacted } = await loadLogSegment(log.table);
    assert.deepEqual(
      compacted.map(({ start, end }) => [start, end]),
      [
        [11, 13],
        [11, 15],
        [14, 19],
      ],
    );
    const older = await loadLogSegment(log.table, { version: 14 });
    assert.deepEqual(
      older.compacted.map(({ start, end }) => [start, end]),
      [[11, 13]],
    );
  });

  describe('checkpoints', () => {
    const parts = (...present: number[]) =>
      present.map((part) => `.checkpoint.${String(part).padStart(10, '0')}.0000000003.parquet`);
    const cases: readonly (readonly [what: string, names: readonly string[], kind: string | undefined])[] = [
      ['a classic one', ['.checkpoint.parquet'], 'classic'],
      ['all parts of one', parts(1, 2, 3), 'multiPart'],
      ['a V2 one in Parquet', [`.checkpoint.${UUID}.parquet`], 'v2Parquet'],
      ['a V2 one in JSON', [`.checkpoint.${UUID}.json`], 'v2Json'],
      ['a set with a missing part', parts(1, 3), undefined],
      ['a set of which only the last is there', parts(3), undefined],
      ['a missing part beside a classic one', [...parts(1, 2), '.checkpoint.parquet'], 'classic'],
      [
        'a missing part beside a whole set of two',
        [...parts(1, 2), '.checkpoint.0000000001.0000000002.parquet', '.checkpoint.0000000002.0000000002.parquet'],
        'multiPart',
      ],
      ['several kinds', [...parts(1, 2, 3), '.checkpoint.parquet', `.checkpoint.${UUID}.json`], 'classic'],
      ['a name that is no UUID', ['.checkpoint.backup.parquet'], undefined],
    ];
    for (const [what, names, kind] of cases) {
      it(`${kind === undefined ? 'passes over' : 'takes'} ${what}`, async () => {
        const log = await logOf(6);
        for (const name of names) await putFile(log, `${versionName(4)}${name}`);
        const { checkpoint } = await loadLogSegment(log.table);
        assert.equal(checkpoint?.kind, kind);
        if (kind === 'multiPart') {
          const keys = checkpoint?.files.map(({ key }) => key) ?? [];
          assert.deepEqual(keys, keys.toSorted());
          assert.ok(keys.length > 1);
        }
      });
    }

    it('passes over one without content, as a crash leaves it', async () => {
      const log = await logOf(6);
      await log.put(`${versionName(4)}.checkpoint.parquet`, '');
      assert.equal((await loadLogSegment(log.table)).checkpoint, undefined);
    });

    it('falls back to an older one when the parts of the newest are not all there', async () => {
      const log = await logOf(25);
      await putFile(log, `${versionName(10)}.checkpoint.parquet`);
      await putFile(log, `${versionName(20)}${parts(2)[0]}`);
      await log.hint(20);
      assert.equal((await loadLogSegment(log.table)).checkpoint?.version, 10);
    });
  });

  describe('of an older version', () => {
    it('takes no newer checkpoint and no newer commit', async () => {
      const log = await logOf(25);
      for (const version of [10, 20]) await putFile(log, `${versionName(version)}.checkpoint.parquet`);
      await log.hint(20);
      assert.deepEqual(shape(await loadLogSegment(log.table, { version: 13 })), {
        version: 13,
        base: 10,
        commits: [11, 12, 13],
        head: 13,
      });
      assert.equal(shape(await loadLogSegment(log.table, { version: 10 })).base, 10);
      assert.deepEqual(shape(await loadLogSegment(log.table, { version: 3 })).commits, [0, 1, 2, 3]);
      assert.equal(shape(await loadLogSegment(log.table, { version: 22 })).base, 20);
    });

    it('does not list the whole of a long log', async () => {
      const log = await logOf(0, 1000);
      for (let version = 0; version < 5000; version++) await putFile(log, `${versionName(version)}.json`);
      for (const version of [3000, 4000]) await putFile(log, `${versionName(version)}.checkpoint.parquet`);
      await log.hint(4000);
      assert.equal(shape(await loadLogSegment(log.table, { version: 3500 })).base, 3000);
      assert.ok(log.store.counts.list <= 2, `${log.store.counts.list} LISTs`);
    });

    it('looks for a checkpoint far back with few requests when the log in between is cleaned up', async () => {
      const log = createCountedLog();
      await putFile(log, `${versionName(3)}.checkpoint.parquet`);
      await putFile(log, `${versionName(1_000_000)}.json`);
      await rejects(loadLogSegment(log.table, { version: 1_000_000 }), 'LOG_GAP', /version 4-999999$/);
      assert.ok(log.store.counts.list <= 4, `${log.store.counts.list} LISTs`);
    });

    it('says when it is not there yet, or not any more', async () => {
      const log = await logOf(15);
      await rejects(loadLogSegment(log.table, { version: 15 }), 'VERSION_NOT_FOUND', /the last one before it is 14/);
      await putFile(log, `${versionName(10)}.checkpoint.parquet`);
      for (let version = 0; version < 10; version++) await log.delete(`${versionName(version)}.json`);
      await rejects(loadLogSegment(log.table, { version: 4 }), 'VERSION_NOT_FOUND', /which starts at 10/);
      for (let version = 0; version < 9; version++) await putFile(log, `${versionName(version + 1)}.json`);
      await rejects(loadLogSegment(log.table, { version: 4 }), 'VERSION_NOT_FOUND', /before version 1 is cleaned up/);
    });
  });

  describe('refuses', () => {
    it('a folder without a log', async () => {
      const log = createCountedLog();
      await rejects(loadLogSegment(log.table), 'TABLE_NOT_FOUND', /s3:\/\/bucket\/lake\/orders/);
      await rejects(loadLogSegment(log.table, { version: 3 }), 'TABLE_NOT_FOUND', /no Delta log/);
      await log.hint(10);
      await rejects(loadLogSegment(log.table), 'TABLE_NOT_FOUND', /no Delta log/);
    });

    it('a gap, naming the missing versions', async () => {
      const log = await logOf(12);
      for (const version of [3, 5, 6, 7]) await log.delete(`${versionName(version)}.json`);
      const error = await rejects(loadLogSegment(log.table), 'LOG_GAP', /no commits for version 3, 5-7/);
      assert.equal(error.data.missing, '3, 5-7');
    });

    it('a log whose start is gone while no checkpoint covers it', async () => {
      const log = await logOf(12);
      for (const version of [0, 1]) await log.delete(`${versionName(version)}.json`);
      await rejects(loadLogSegment(log.table), 'LOG_GAP', /version 0-1/);
    });

    it('a gap behind the checkpoint, also if an older commit is there', async () => {
      const log = await logOf(12);
      await putFile(log, `${versionName(8)}.checkpoint.parquet`);
      await log.delete(`${versionName(9)}.json`);
      await rejects(loadLogSegment(log.table), 'LOG_GAP', /version 9$/);
    });
  });
});

describe('listCommits', () => {
  it('gives the newer commits with one LIST', async () => {
    const log = await logOf(5);
    assert.deepEqual(
      (await listCommits(log.table, 2)).map(({ version }) => version),
      [3, 4],
    );
    assert.equal(log.store.counts.list, 1);
    assert.deepEqual(
      (await listCommits(log.table, -1)).map(({ version }) => version),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(await listCommits(log.table, 4), []);
  });

  it('passes over checkpoints, checksums and what is no version', async () => {
    const log = await logOf(5);
    for (const name of ['3.checkpoint.parquet', '4.crc', '3.4.compacted.json', '9.notes']) {
      await putFile(
        log,
        name.replaceAll(/\d(?=\.)/g, (digit) => versionName(Number(digit))),
      );
    }
    assert.deepEqual(
      (await listCommits(log.table, 2)).map(({ version }) => version),
      [3, 4],
    );
  });

  it('refuses a gap', async () => {
    const log = await logOf(5);
    await log.delete(`${versionName(3)}.json`);
    await rejects(listCommits(log.table, 2), 'LOG_GAP', /version 3$/);
  });
});

describe('updateLogSegment', () => {
  it('adds the new commits with one LIST, and is the same object when there are none', async () => {
    const log = await logOf(3);
    const segment = await loadLogSegment(log.table);
    log.store.reset();
    const same = await updateLogSegment(log.table, segment);
    assert.equal(same.segment, segment);
    assert.deepEqual({ ...log.store.counts, bytesWritten: 0 }, { ...NO_REQUESTS, list: 1 });
    await log.commit();
    await log.commit();
    const { segment: updated, newCommits } = await updateLogSegment(log.table, segment);
    assert.deepEqual(
      newCommits.map(({ version }) => version),
      [3, 4],
    );
    assert.deepEqual({ ...updated, soughtAt: 4 }, await loadLogSegment(log.table));
  });

  it('goes over to a checkpoint that was written since', async () => {
    const log = await logOf(12);
    const segment = await loadLogSegment(log.table);
    await putFile(log, `${versionName(12)}.checkpoint.parquet`);
    for (let version = 12; version < 15; version++) await log.commit();
    const { segment: updated, newCommits } = await updateLogSegment(log.table, segment);
    assert.deepEqual(
      newCommits.map(({ version }) => version),
      [12, 13, 14],
    );
    assert.deepEqual(shape(updated), { version: 14, base: 12, commits: [13, 14], head: 14 });
  });

  it('refuses to go on when its version is gone, or is another one: the table was made again', async () => {
    const log = await logOf(5);
    const segment = await loadLogSegment(log.table);
    await log.put(`${versionName(4)}.json`, '{"commitInfo":{}}');
    await rejects(updateLogSegment(log.table, segment), 'VERSION_NOT_FOUND', /Version 4/);
    await log.delete(`${versionName(4)}.json`);
    await rejects(updateLogSegment(log.table, segment), 'VERSION_NOT_FOUND', /Version 4/);
  });

  describe('after a commit of our own, whose etag is not known', () => {
    const ours = Buffer.from('{"commitInfo":{"txnId":"ours"}}\n');

    async function committed(): Promise<{ log: CountedLog; segment: LogSegment }> {
      const log = await logOf(3);
      const segment = await loadLogSegment(log.table);
      await log.put(`${versionName(3)}.json`, ours.toString());
      return { log, segment: appendToSegment(segment, ownCommit(log, 3, ours.byteLength), FIRST_TIME) };
    }

    it('takes over the etag that was listed, and is the same object from then on', async () => {
      const { log, segment } = await committed();
      const { segment: listed, newCommits } = await updateLogSegment(log.table, segment);
      assert.deepEqual(newCommits, []);
      assert.deepEqual({ ...listed, soughtAt: 3 }, await loadLogSegment(log.table));
      assert.ok(listed.head?.etag);
      assert.equal((await updateLogSegment(log.table, listed)).segment, listed);
      await log.put(`${versionName(3)}.json`, ours.toString().replace('ours', 'them'));
      await rejects(updateLogSegment(log.table, listed), 'VERSION_NOT_FOUND', /Version 3/);
    });

    it('takes it over together with newer commits', async () => {
      const { log, segment } = await committed();
      await putFile(log, `${versionName(4)}.json`);
      const { segment: listed } = await updateLogSegment(log.table, segment);
      assert.deepEqual({ ...listed, soughtAt: 4 }, await loadLogSegment(log.table));
    });

    it('refuses a commit of another size: the table was made again', async () => {
      const { log, segment } = await committed();
      await log.put(`${versionName(3)}.json`, `${ours}\n`);
      await rejects(updateLogSegment(log.table, segment), 'VERSION_NOT_FOUND', /Version 3/);
    });

    it('refuses a commit of another time, further off than the clocks can be', async () => {
      const { log, segment } = await committed();
      for (const [apart, refused] of [
        [60_000, false],
        [-60_000, false],
        [60_001, true],
        [-60_001, true],
      ] as const) {
        log.setTime(FIRST_TIME + apart);
        await log.put(`${versionName(3)}.json`, ours.toString());
        const updated = updateLogSegment(log.table, segment);
        if (refused) await rejects(updated, 'VERSION_NOT_FOUND', /Version 3/);
        else assert.equal((await updated).segment.head?.modified, FIRST_TIME + apart);
      }
    });
  });

  describe('of a writer that only sees its own commits', () => {
    it('goes over to a checkpoint of its own version, which the LIST shows anyway', async () => {
      const log = await logOf(5);
      const segment = await loadLogSegment(log.table);
      await putFile(log, `${versionName(4)}.checkpoint.parquet`);
      const { segment: updated, newCommits } = await updateLogSegment(log.table, segment);
      assert.deepEqual(newCommits, []);
      assert.deepEqual(shape(updated), { version: 4, base: 4, commits: [], head: 4 });
      assert.equal((await updateLogSegment(log.table, updated)).segment, updated);
    });

    it('goes over to an older checkpoint when it has more than 100 commits, for one GET', async () => {
      const log = await logOf(1);
      let segment = await commitOwn(log, await loadLogSegment(log.table), 95);
      await putFile(log, `${versionName(90)}.checkpoint.parquet`);
      await log.hint(90);
      segment = await commitOwn(log, segment, 4);
      assert.equal(segment.checkpoint, undefined);
      log.store.reset();
      segment = await commitOwn(log, segment, 1);
      assert.deepEqual(shape(segment), {
        version: 100,
        base: 90,
        commits: Array.from({ length: 10 }, (_, index) => 91 + index),
        head: 100,
      });
      assert.deepEqual([log.store.counts.get, log.store.counts.list], [1, 1]);
      assert.deepEqual(segment, await loadLogSegment(log.table));
    });

    it('asks once in 100 commits where there is no checkpoint, and not at once after a load', async () => {
      const log = await logOf(150);
      let segment = await loadLogSegment(log.table);
      log.store.reset();
      segment = await commitOwn(log, segment, 99);
      assert.equal(log.store.counts.get, 0);
      segment = await commitOwn(log, segment, 1);
      assert.equal(log.store.counts.get, 1);
      assert.equal((await updateLogSegment(log.table, segment)).segment, segment);
      segment = await commitOwn(log, segment, 99);
      assert.equal(log.store.counts.get, 1);
      segment = await commitOwn(log, segment, 1);
      assert.deepEqual([log.store.counts.get, log.store.counts.list], [2, 201]);
      assert.equal(segment.commits.length, 350);
    });

    it('lists nothing more for a hint that is of no use', async () => {
      const log = await logOf(150);
      const segment = await commitOwn(log, await loadLogSegment(log.table), 99);
      for (const hint of ['', 40, 249, 4000]) {
        await log.hint(hint);
        log.store.reset();
        const updated = await commitOwn(log, segment, 1);
        assert.deepEqual([log.store.counts.get, log.store.counts.list], [1, 1]);
        assert.equal(updated.commits.length, 250);
      }
    });

    it('knows each compacted file once', async () => {
      const log = await logOf(150);
      const compact = (start: number, end: number) =>
        putFile(log, `${versionName(start)}.${versionName(end)}.compacted.json`);
      await compact(2, 5);
      await compact(91, 95);
      const segment = await commitOwn(log, await loadLogSegment(log.table), 99);
      await putFile(log, `${versionName(90)}.checkpoint.parquet`);
      await log.hint(90);
      await compact(100, 103);
      assert.deepEqual(await commitOwn(log, segment, 1), await loadLogSegment(log.table));
    });
  });

  it('refuses a gap', async () => {
    const log = await logOf(5);
    const segment = await loadLogSegment(log.table);
    await putFile(log, `${versionName(6)}.json`);
    await rejects(updateLogSegment(log.table, segment), 'LOG_GAP', /version 5$/);
  });
});

describe('parseLastCheckpoint', () => {
  it('takes the version, with or without a right checksum', () => {
    for (const rest of ['', ',"size":3', ',"size":3,"parts":2', ',"checksum":"d41d8cd98f00b204e9800998ecf8427e"']) {
      assert.deepEqual(parseLastCheckpoint(Buffer.from(`{"version":10${rest}}`)), { version: 10 });
    }
  });

  it('takes nothing else', () => {
    for (const content of ['', 'null', '[]', '"10"', '{}', '{"version":"10"}', '{"version":-1}', '{"version":1.5}']) {
      assert.equal(parseLastCheckpoint(Buffer.from(content)), undefined, content);
    }
  });
});

const NO_REQUESTS = { get: 0, head: 0, put: 0, putIfAbsent: 0, delete: 0, list: 0, bytesRead: 0, bytesWritten: 0 };

describe('updateLogSegment with a clock', () => {
  const MINUTE = 60_000;
  const HEADS = { ...NO_REQUESTS, head: 2 };
  const LIST = { ...NO_REQUESTS, list: 1 };

  /** A log of three commits that was seen at `FIRST_TIME`, and what an update at another time costs. */
  async function seen() {
    const log = await logOf(3);
    const { segment } = await updateLogSegment(log.table, await loadLogSegment(log.table), { now: FIRST_TIME });
    const update = async (now: number, from: LogSegment = segment) => {
      log.store.reset();
      const updated = await updateLogSegment(log.table, from, { now });
      return { ...updated, counts: { ...log.store.counts, bytesRead: 0, bytesWritten: 0 } };
    };
    return { log, segment, update };
  }

  it('looks at the newest commit and the next one, time after time, where nobody has committed', async () => {
    const { update, segment } = await seen();
    const first = await update(FIRST_TIME + 10 * MINUTE);
    assert.deepEqual(first.counts, HEADS);
    assert.deepEqual(first.segment, { ...segment, seenAt: FIRST_TIME + 10 * MINUTE });
    assert.deepEqual((await update(FIRST_TIME + 20 * MINUTE, first.segment)).counts, HEADS);
  });

  it('lists where it was not seen for more than ten minutes, never was, or the clock went back', async () => {
    const { log, update } = await seen();
    assert.deepEqual((await update(FIRST_TIME + 10 * MINUTE + 1)).counts, LIST);
    assert.deepEqual((await update(FIRST_TIME - 1)).counts, LIST);
    assert.deepEqual((await update(FIRST_TIME, await loadLogSegment(log.table))).counts, LIST);
  });

  it('lists where another writer has committed', async () => {
    const { log, update } = await seen();
    await log.commit();
    const { counts, newCommits, segment } = await update(FIRST_TIME + MINUTE);
    assert.deepEqual(counts, { ...LIST, head: 2 });
    assert.deepEqual([newCommits.length, segment.version, segment.seenAt], [1, 3, FIRST_TIME + MINUTE]);
  });

  it('refuses to go on when its version is gone, or is another one: the table was made again', async () => {
    const { log, update } = await seen();
    await log.put(`${versionName(2)}.json`, '{"commitInfo":{}}');
    await rejects(update(FIRST_TIME + MINUTE), 'VERSION_NOT_FOUND', /Version 2/);
    await log.delete(`${versionName(2)}.json`);
    await rejects(update(FIRST_TIME + MINUTE), 'VERSION_NOT_FOUND', /Version 2/);
  });

  it('sees the gap that a clean-up in the moment of the look would hide, once the version was not seen for long', async () => {
    const { log, update } = await seen();
    await log.commit();
    await log.commit();
    await log.delete(`${versionName(3)}.json`);
    await rejects(update(FIRST_TIME + 11 * MINUTE), 'LOG_GAP', /version 3/);
  });

  it('takes over the etag of a commit of our own, and knows it from another of the same size', async () => {
    const { log, segment, update } = await seen();
    await putFile(log, `${versionName(3)}.json`);
    const own = appendToSegment(segment, ownCommit(log, 3, 1), FIRST_TIME + MINUTE);
    const { counts, segment: looked } = await update(FIRST_TIME + 2 * MINUTE, own);
    assert.deepEqual(counts, HEADS);
    assert.ok(looked.head?.etag);
    assert.equal(looked.commits.at(-1), looked.head);
    assert.equal(looked.head.modified, FIRST_TIME);
    await log.put(`${versionName(3)}.json`, 'y');
    await rejects(update(FIRST_TIME + 3 * MINUTE, looked), 'VERSION_NOT_FOUND', /Version 3/);
  });
});

async function logOf(commits: number, pageSize?: number): Promise<CountedLog> {
  const log = createCountedLog('lake/orders', pageSize);
  if (commits > 0) await log.commit(protocol(), metaData());
  for (let version = 1; version < commits; version++) await log.commit({ commitInfo: { timestamp: version } });
  return log;
}

/** A commit of `putFile`'s content, as its writer notes it. */
function ownCommit({ table }: CountedLog, version: number, size: number): CommitFile {
  return { version, key: commitKey(table, version), modified: FIRST_TIME, size };
}

/** Commits that no one else sees, each with the refresh that precedes the next one. */
async function commitOwn(log: CountedLog, segment: LogSegment, commits: number): Promise<LogSegment> {
  let current = segment;
  for (let commit = 0; commit < commits; commit++) {
    const version = current.version + 1;
    await putFile(log, `${versionName(version)}.json`);
    ({ segment: current } = await updateLogSegment(
      log.table,
      appendToSegment(current, ownCommit(log, version, 1), FIRST_TIME),
    ));
  }
  return current;
}

/** A file whose content is not looked at. */
function putFile(log: CountedLog, name: string): Promise<void> {
  return log.put(name, 'x');
}

function shape({ version, checkpoint, commits, head }: Awaited<ReturnType<typeof loadLogSegment>>) {
  return {
    version,
    base: checkpoint?.version,
    commits: commits.map((commit) => commit.version),
    head: head?.version,
  };
}

async function rejects(promise: Promise<unknown>, code: DeltaErrorCode, message: RegExp) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isDeltaError(error), String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return error;
}
