import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAppendWorld } from '../support/append-world.ts';
import { parquet, rowsOf } from '../support/landing.ts';

const ADOPTING = { tables: [{ prefix: 'web', adoptExisting: true }] };
const body = parquet(rowsOf(0, 3));

async function landMany(world: ReturnType<typeof createAppendWorld>, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await world.land(`web/ds=${index % 7}/old-${index}.parquet`, body);
}

describe('a table that adopts existing files', () => {
  it('takes what is under its prefix when its first event comes, in several commits', async () => {
    const world = createAppendWorld({ config: ADOPTING });
    await landMany(world, 4_500);
    await world.land('web/_temporary/x.parquet', body);
    await world.land('web/ds=1/broken.parquet', new TextEncoder().encode('this is not Parquet'));
    await world.land('other/ds=1/x.parquet', body);
    const record = await world.land('web/ds=0/new.parquet', body);
    assert.deepEqual(await world.deliver([record]), []);
    const { snapshot, files } = await world.table('web');
    assert.equal(files.length, 4_501);
    assert.equal(snapshot.version, 4, 'the event, three commits of up to 2,000 files, the end');
    assert.deepEqual([...snapshot.txns.keys()], ['resaca/adopt-existing']);
    assert.deepEqual(
      (await world.quarantined('web')).map(({ path }) => path),
      ['ds=1/broken.parquet'],
    );
  });

  it('goes on where it was stopped, and takes nothing twice', async () => {
    const world = createAppendWorld({ config: ADOPTING });
    await landMany(world, 4_500);
    const record = await world.land('web/ds=0/new.parquet', body);
    const event = { Records: [{ messageId: 'm', body: JSON.stringify({ Records: [record] }) }] };
    world.limitCommits(2);
    assert.deepEqual(await world.deliverEvent(event), ['m'], 'the message is kept until the adoption is done');
    assert.equal((await world.table('web')).files.length, 2_001);
    world.limitCommits(Infinity);
    world.coldStart();
    assert.deepEqual(await world.deliverEvent(event), []);
    const { files } = await world.table('web');
    assert.equal(files.length, 4_501);
    assert.equal(new Set(files.map(({ path }) => path)).size, 4_501);
  });

  it('does not bring back what was removed in the meantime', async () => {
    const world = createAppendWorld({ config: ADOPTING });
    await landMany(world, 10);
    const record = await world.land('web/ds=0/new.parquet', body);
    world.limitCommits(1);
    await world.deliver([record]);
    const [file] = (await world.table('web')).files;
    assert.ok(file);
    await world.commitForeign('web', [
      { remove: { path: file.path, dataChange: false, deletionTimestamp: world.now() } },
    ]);
    world.limitCommits(Infinity);
    await world.deliver([record]);
    assert.equal((await world.table('web')).files.length, 10);
  });

  it('is done once: files that come without an event later are not looked for', async () => {
    const world = createAppendWorld({ config: ADOPTING });
    await world.deliver([await world.land('web/ds=0/a.parquet', body)]);
    await landMany(world, 5);
    await world.deliver([await world.land('web/ds=0/b.parquet', body)]);
    assert.equal((await world.table('web')).files.length, 2);
  });

  it('leaves a table alone that another writer made', async () => {
    const world = createAppendWorld();
    await world.deliver([await world.land('web/ds=0/a.parquet', body)]);
    await landMany(world, 5);
    const adopting = createAppendWorld({ config: ADOPTING, wrap: () => world.store });
    const record = await world.land('web/ds=0/b.parquet', body);
    await adopting.deliver([record]);
    assert.equal((await world.table('web')).files.length, 2);
  });
});

describe('the events of adopted files', () => {
  it('that come during or after the adoption change nothing', async () => {
    const world = createAppendWorld({ config: ADOPTING });
    const late = await world.land('web/ds=0/late.parquet', body);
    await world.deliver([await world.land('web/ds=0/a.parquet', body)]);
    await world.deliver([late]);
    assert.equal((await world.table('web')).files.length, 2);
  });
});
