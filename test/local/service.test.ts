import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parquet, rowsOf } from '../support/landing.ts';
import { deleteFile, landFile, readLanded, runOnce, startFast } from '../support/local-landing.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR = 3_600_000;

describe('the service', () => {
  it('makes tables of the files that are there and that come', async () => {
    const folder = makeTempFolder();
    landFile(folder, 'web/ds=2026-11-24/region=eu%2Dwest/a b.parquet');
    landFile(folder, 'orders/one.parquet');
    const service = await startFast(folder);
    await service.untilIdle();
    landFile(folder, 'web/ds=2026-11-25/region=us/ä+&.parquet');
    await waitFor(() => service.status().announced === 3, 'the new file is announced');
    await service.untilIdle();
    const { tables } = service.status();
    await service.stop();
    assert.deepEqual([...tables.keys()].sort(), ['orders', 'web']);
    assert.equal(tables.get('web')?.filesAppended, 2);
    const web = await readLanded(folder, 'web');
    assert.deepEqual([...web.active.keys()].sort(), [
      'ds=2026-11-24/region=eu%2Dwest/a b.parquet',
      'ds=2026-11-25/region=us/ä+&.parquet',
    ]);
    assert.deepEqual([...(await readLanded(folder, 'orders')).active.keys()], ['one.parquet']);
  });

  it('has nothing to do when it is started again', async () => {
    const folder = makeTempFolder();
    for (let index = 0; index < 20; index += 1) landFile(folder, `t/p=${index % 3}/${index}.parquet`);
    await runOnce(folder);
    const before = await readLanded(folder, 't');
    const service = await runOnce(folder);
    assert.equal(service.status().announced, 0);
    assert.deepEqual(await readLanded(folder, 't'), before);
    assert.equal(before.active.size, 20);
  });

  it('finds nothing new when nothing is known of what the tables hold', async () => {
    const folder = makeTempFolder();
    for (const name of ['past', 'future', 'plain']) landFile(folder, `t/${name}.parquet`);
    const inAnHour = (Date.now() + HOUR) / 1000;
    utimesSync(join(folder, 't/future.parquet'), inAnHour, inAnHour);
    utimesSync(join(folder, 't/past.parquet'), 86_400, 86_400);
    await runOnce(folder);
    // As after a compaction that replaced the files: they are in the folder still, and not active.
    const paths = ['past', 'future', 'plain'].map((name) => `${name}.parquet`);
    const removes = paths.map((path) => ({ remove: { path, dataChange: false, deletionTimestamp: Date.now() } }));
    const lines = removes.map((action) => `${JSON.stringify(action)}\n`).join('');
    const { version } = await readLanded(folder, 't');
    writeFileSync(join(folder, `t/_delta_log/${String(version + 1).padStart(20, '0')}.json`), lines);
    const service = await runOnce(folder);
    assert.equal(service.status().announced, 3);
    assert.deepEqual([...(await readLanded(folder, 't')).active.keys()], []);
  });

  it('makes the checkpoints that are due', async () => {
    const folder = makeTempFolder();
    const config = { defaults: { properties: { 'delta.checkpointInterval': '2' } } };
    for (let commit = 0; commit < 4; commit++) {
      landFile(folder, `t/${commit}.parquet`);
      await runOnce(folder, {}, config);
    }
    const log = readdirSync(join(folder, 't/_delta_log')).filter((name) => name.includes('checkpoint'));
    assert.deepEqual(log.sort(), ['00000000000000000002.checkpoint.parquet', '_last_checkpoint']);
    assert.equal((await readLanded(folder, 't')).active.size, 4);
  });

  it('removes what was deleted, while it runs and while it does not', async () => {
    const folder = makeTempFolder();
    for (const name of ['a', 'b', 'c']) landFile(folder, `t/${name}.parquet`);
    const service = await startFast(folder);
    await service.untilIdle();
    deleteFile(folder, 't/a.parquet');
    await waitFor(() => service.status().announced === 4, 'the deletion is announced');
    await service.untilIdle();
    await service.stop();
    deleteFile(folder, 't/b.parquet');
    await runOnce(folder);
    const table = await readLanded(folder, 't');
    assert.deepEqual([...table.active.keys()], ['c.parquet']);
    assert.deepEqual(Object.fromEntries(table.removes), { 'a.parquet': 1, 'b.parquet': 1 });
    landFile(folder, 't/b.parquet');
    await runOnce(folder);
    assert.deepEqual([...(await readLanded(folder, 't')).active.keys()].sort(), ['b.parquet', 'c.parquet']);
  });

  it('takes an overwritten file anew, also when it was overwritten while it did not run', async () => {
    const folder = makeTempFolder();
    const versions = [1, 2, 3].map((count) => parquet(rowsOf(1, count * 50)));
    landFile(folder, 't/a.parquet', versions[0]);
    const service = await startFast(folder);
    await service.untilIdle();
    landFile(folder, 't/a.parquet', versions[1]);
    await waitFor(() => service.status().announced === 2, 'the new version is announced');
    await service.untilIdle();
    await service.stop();
    assert.equal((await readLanded(folder, 't')).active.get('a.parquet'), versions[1]?.byteLength);
    landFile(folder, 't/a.parquet', versions[2]);
    utimesSync(join(folder, 't/a.parquet'), 86_400, 86_400);
    await runOnce(folder);
    const table = await readLanded(folder, 't');
    assert.equal(table.active.get('a.parquet'), versions[2]?.byteLength);
    assert.equal(table.adds.get('a.parquet'), 3);
  });

  it('adds a file once when its event comes twice', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/a.parquet');
    const service = await startFast(folder);
    await service.untilIdle();
    const body = JSON.stringify({
      Records: [
        {
          eventVersion: '2.1',
          eventSource: 'aws:s3',
          eventName: 'ObjectCreated:Put',
          eventTime: new Date(Date.now() - HOUR).toISOString(),
          s3: {
            bucket: { name: 'landing' },
            object: { key: 't/a.parquet', size: parquet(rowsOf(1, 3)).byteLength },
          },
        },
      ],
    });
    service.redeliver(body);
    await service.untilIdle();
    await service.stop();
    assert.equal((await readLanded(folder, 't')).adds.get('a.parquet'), 1);
    assert.equal(service.status().tables.get('t')?.skipped, 1);
  });

  it('waits for a file that is being written, and takes one that was cut off into quarantine until it is whole', async () => {
    const folder = makeTempFolder();
    const body = parquet(rowsOf(1, 500));
    const half = Math.floor(body.byteLength / 2);
    mkdirSync(join(folder, 't'));
    const service = await startFast(folder);
    await service.untilIdle();
    writeFileSync(join(folder, 't/slow.parquet'), body.subarray(0, half));
    await waitFor(() => service.status().quarantine.count() === 1, 'the half file is in quarantine');
    assert.equal(service.status().quarantine.files()[0]?.reason, 'TRUNCATED');
    appendFileSync(join(folder, 't/slow.parquet'), body.subarray(half));
    await waitFor(() => service.status().tables.get('t')?.filesAppended === 1, 'the whole file is in the table');
    await service.stop();
    assert.equal((await readLanded(folder, 't')).active.get('slow.parquet'), body.byteLength);
  });

  it('keeps what could not be handled as dead letters on disk, and tries again at the next start', async () => {
    const folder = makeTempFolder();
    const brokenCommit = join(folder, 'broken/_delta_log/00000000000000000000.json');
    mkdirSync(join(folder, 'broken/_delta_log'), { recursive: true });
    writeFileSync(brokenCommit, 'not a commit\n');
    landFile(folder, 'broken/a.parquet');
    landFile(folder, 'good/b.parquet');
    const service = await runOnce(folder, { maxReceiveCount: 2, visibilityTimeout: 1_000 });
    assert.equal(service.status().deadLetters, 1);
    const letters = readFileSync(service.deadLetterFile, 'utf8').trim().split('\n');
    assert.equal(letters.length, 1);
    assert.match(letters[0] ?? '', /broken\/a\.parquet/);
    assert.deepEqual([...(await readLanded(folder, 'good')).active.keys()], ['b.parquet']);
    unlinkSync(brokenCommit);
    const second = await runOnce(folder);
    assert.equal(second.status().deadLetters, 0);
    assert.equal(readFileSync(second.deadLetterFile, 'utf8'), '');
    assert.deepEqual([...(await readLanded(folder, 'broken')).active.keys()], ['a.parquet']);
  });

  it('routes by the rules that it is given', async () => {
    const folder = makeTempFolder();
    landFile(folder, 'tenants/one/orders/2026/a.parquet');
    landFile(folder, 'elsewhere/b.parquet');
    const config = { convention: 'none', tables: [{ prefix: 'tenants/{tenant}/orders' }] };
    const service = await runOnce(folder, {}, config);
    assert.deepEqual([...service.status().tables.keys()], ['tenants/one/orders']);
    assert.equal(service.status().announced, 1);
  });

  it('logs what the append function does, as JSON lines', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/a.parquet');
    const service = await runOnce(folder);
    const entries = readFileSync(service.logFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(entries.some(({ message, table }) => message === 'committed' && table.endsWith('/t')));
    assert.ok(entries.every(({ time }) => !Number.isNaN(Date.parse(time))));
  });
});
