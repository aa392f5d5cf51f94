import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAppendWorld, type World } from '../support/append-world.ts';
import { parquet, ROW_COLUMNS, rowsOf, sqsBatch } from '../support/landing.ts';

const FILE = 'web/ds=2026-11-24/a.parquet';

async function landed(world: World, ...keys: string[]): Promise<object[]> {
  const records: object[] = [];
  for (const [index, key] of keys.entries()) records.push(await world.land(key, parquet(rowsOf(index * 10, 10))));
  return records;
}

describe('files that land', () => {
  it('become a table, created by the first batch', async () => {
    const world = createAppendWorld();
    const records = await landed(world, 'web/ds=2026-11-24/a.parquet', 'web/ds=2026-11-25/b c+d.parquet');
    assert.deepEqual(await world.deliver(records), []);
    const { snapshot, files } = await world.table('web');
    assert.equal(snapshot.version, 0);
    assert.deepEqual(snapshot.metadata.partitionColumns, ['ds']);
    assert.deepEqual(
      snapshot.schema.fields.map(({ name, type }) => `${name} ${type}`),
      ['id long', 'name string', 'ds string'],
    );
    assert.deepEqual(files.map(({ path }) => path).sort(), [
      'ds=2026-11-24/a.parquet',
      'ds=2026-11-25/b%20c%2Bd.parquet',
    ]);
    const stats = JSON.parse(files.find(({ path }) => path.endsWith('a.parquet'))?.stats ?? '');
    assert.deepEqual(stats, {
      numRecords: 10,
      minValues: { id: 0, name: 'row 0' },
      maxValues: { id: 9, name: 'row 9' },
      nullCount: { id: 0, name: 0 },
    });
  });

  it('of many tables in one batch are committed table by table, one commit each', async () => {
    const world = createAppendWorld();
    const keys = Array.from({ length: 30 }, (_, index) => `t${index % 3}/ds=${index}/x.parquet`);
    assert.deepEqual(await world.deliver(await landed(world, ...keys)), []);
    for (const root of ['t0', 't1', 't2']) {
      const { snapshot, files } = await world.table(root);
      assert.deepEqual([snapshot.version, files.length], [0, 10]);
    }
  });

  it('with a new column extend the table', async () => {
    const world = createAppendWorld();
    await world.deliver(await landed(world, 'web/a.parquet'));
    const wider = parquet([{ id: 1, name: 'x', city: 'Porto' }], { ...ROW_COLUMNS, city: 'string' });
    await world.deliver([await world.land('web/b.parquet', wider)]);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [1, 2]);
    assert.deepEqual(
      snapshot.schema.fields.map(({ name }) => name),
      ['id', 'name', 'city'],
    );
  });
});

describe('exactly once', () => {
  it('a redelivered event changes nothing, warm or cold', async () => {
    const world = createAppendWorld();
    const records = await landed(world, FILE);
    await world.deliver(records);
    await world.deliver(records);
    world.coldStart();
    await world.deliver(records);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [0, 1]);
  });

  it('a duplicate that comes after the file was compacted away does not bring it back', async () => {
    const world = createAppendWorld();
    const records = await landed(world, FILE);
    await world.deliver(records);
    await world.commitForeign('web', [
      { remove: { path: 'ds=2026-11-24/a.parquet', dataChange: false, deletionTimestamp: world.now() } },
      {
        add: {
          path: 'ds=2026-11-24/compacted.parquet',
          partitionValues: { ds: '2026-11-24' },
          size: 1,
          modificationTime: world.now(),
          dataChange: false,
        },
      },
    ]);
    for (const cold of [false, true]) {
      if (cold) world.coldStart();
      await world.deliver(records);
      const { files } = await world.table('web');
      assert.deepEqual(
        files.map(({ path }) => path),
        ['ds=2026-11-24/compacted.parquet'],
      );
    }
  });

  it('a duplicate is recognised days later, among many commits', async () => {
    const world = createAppendWorld();
    const records = await landed(world, 'web/first.parquet');
    await world.deliver(records);
    for (let index = 0; index < 120; index++) {
      world.advance(60_000);
      await world.deliver(await landed(world, `web/f${index}.parquet`));
    }
    await world.checkpoint('web');
    world.coldStart();
    await world.deliver(records);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [120, 121]);
  });

  it('a duplicate is recognised when the log was cleaned up in between', async () => {
    const world = createAppendWorld();
    const records = await landed(world, 'web/first.parquet');
    await world.deliver(records);
    for (let index = 0; index < 3; index++) {
      world.advance(86_400_000);
      await world.deliver(await landed(world, `web/f${index}.parquet`));
    }
    await world.checkpoint('web');
    for (const version of [0, 1, 2])
      await world.store.delete(`web/_delta_log/${String(version).padStart(20, '0')}.json`);
    world.coldStart();
    await world.deliver(records);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [3, 4]);
  });

  it('the same object in two messages of one batch is one file', async () => {
    const world = createAppendWorld();
    const [record = {}] = await landed(world, FILE);
    assert.deepEqual(await world.deliver([record], [record], [record]), []);
    assert.equal((await world.table('web')).files.length, 1);
  });

  it('an overwritten object is added again with its new size', async () => {
    const world = createAppendWorld();
    const first = await landed(world, FILE);
    await world.deliver(first);
    const second = [await world.land(FILE, parquet(rowsOf(0, 500)))];
    await world.deliver(second);
    await world.deliver(first);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [1, 1]);
    assert.equal(JSON.parse(files[0]?.stats ?? '').numRecords, 500);
    assert.ok(world.logs.some(({ message }) => message === 'overwritten object added again'));
  });

  it('an object overwritten before its first event is handled comes in as it is now, once', async () => {
    const world = createAppendWorld();
    const first = await landed(world, FILE);
    const second = [await world.land(FILE, parquet(rowsOf(0, 500)))];
    await world.deliver(first);
    await world.deliver(second);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [0, 1]);
    assert.equal(JSON.parse(files[0]?.stats ?? '').numRecords, 500);
  });

  it('the same content written again after a deletion is a new file', async () => {
    const world = createAppendWorld();
    const body = parquet(rowsOf(0, 10));
    await world.deliver([await world.land(FILE, body)]);
    await world.deliver([await world.remove(FILE)]);
    assert.equal((await world.table('web')).files.length, 0);
    await world.deliver([await world.land(FILE, body)]);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [2, 1]);
  });

  it('a file that another writer committed is left alone', async () => {
    const world = createAppendWorld();
    await world.deliver(await landed(world, 'web/a.parquet'));
    const body = parquet(rowsOf(0, 7));
    const record = await world.land('web/b.parquet', body);
    const add = {
      path: 'b.parquet',
      partitionValues: {},
      size: body.length,
      modificationTime: world.now(),
      dataChange: true,
    };
    await world.commitForeign('web', [{ add }]);
    await world.deliver([record]);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [1, 2]);
  });
});

describe('deleted objects', () => {
  it('are removed from the table, whatever the order of the events', async () => {
    const world = createAppendWorld();
    const [a = {}, b = {}] = await landed(world, 'web/a.parquet', 'web/b.parquet');
    await world.deliver([a, b]);
    const removed = await world.remove('web/a.parquet');
    await world.deliver([a, removed]);
    const again = await world.land('web/a.parquet', parquet(rowsOf(0, 3)));
    await world.deliver([again]);
    await world.deliver([removed]);
    const { files } = await world.table('web');
    assert.deepEqual(files.map(({ path }) => path).sort(), ['a.parquet', 'b.parquet']);
  });

  it('are removed when they are only in the checkpoint', async () => {
    const world = createAppendWorld();
    await world.deliver(await landed(world, 'web/a.parquet', 'web/b.parquet'));
    await world.checkpoint('web');
    world.coldStart();
    await world.deliver([await world.remove('web/a.parquet')]);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.map(({ path }) => path)], [1, ['b.parquet']]);
  });

  it('that are not active make no commit', async () => {
    const world = createAppendWorld();
    await world.deliver(await landed(world, 'web/a.parquet'));
    await world.deliver([await world.remove('web/never.parquet')]);
    assert.equal((await world.table('web')).snapshot.version, 0);
  });

  it('that were gone before their creation was handled are skipped', async () => {
    const world = createAppendWorld();
    const records = await landed(world, 'web/a.parquet', 'web/b.parquet');
    const removed = await world.remove('web/a.parquet');
    await world.deliver(records);
    await world.deliver([removed]);
    const { snapshot, files } = await world.table('web');
    assert.deepEqual([snapshot.version, files.length], [0, 1]);
  });

  it('change nothing where deletes are ignored', async () => {
    const world = createAppendWorld({ config: { defaults: { deletes: 'ignore' } } });
    await world.deliver(await landed(world, 'web/a.parquet'));
    await world.deliver([await world.remove('web/a.parquet')]);
    assert.equal((await world.table('web')).files.length, 1);
  });

  it('of an append-only table go to quarantine', async () => {
    const world = createAppendWorld({ config: { defaults: { properties: { 'delta.appendOnly': 'true' } } } });
    await world.deliver(await landed(world, 'web/a.parquet'));
    assert.deepEqual(await world.deliver([await world.remove('web/a.parquet')]), []);
    assert.equal((await world.table('web')).files.length, 1);
    assert.deepEqual(
      (await world.quarantined('web')).map(({ reason }) => reason),
      ['DELETE_FORBIDDEN'],
    );
  });
});

describe('a batch', () => {
  it('fails only the messages of the table that is in trouble', async () => {
    const world = createAppendWorld();
    const [good = {}, bad = {}] = await landed(world, 'good/a.parquet', 'bad/a.parquet');
    await world.store.put('bad/_delta_log/00000000000000000000.json', new TextEncoder().encode('{"not":"a table"}\n'));
    assert.deepEqual(await world.deliver([good], [bad], [good, bad]), ['m1', 'm2']);
    assert.equal((await world.table('good')).files.length, 1);
  });

  it('with a message that is no notification fails that message', async () => {
    const world = createAppendWorld();
    const [record = {}] = await landed(world, FILE);
    const event = sqsBatch([record]);
    const Records = [...event.Records, { messageId: 'poison', body: 'hello' }];
    assert.deepEqual(await world.deliverEvent({ Records }), ['poison']);
    assert.equal((await world.table('web')).files.length, 1);
  });

  it('of test events and other files needs nothing', async () => {
    const world = createAppendWorld();
    const body = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent' });
    assert.deepEqual(await world.deliverEvent({ Records: [{ messageId: 'm', body }] }), []);
    assert.deepEqual(await world.deliver([await world.land('web/_SUCCESS', new Uint8Array(1))]), []);
  });
});
