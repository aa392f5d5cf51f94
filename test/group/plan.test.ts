import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GroupConfigInput, parseGroupConfig } from '../../src/group/config.ts';
import { type GroupPlan, planGroups } from '../../src/group/plan.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseNotification } from '../../src/ingest/notifications.ts';
import { createdRecord, removedRecord, sqsBatch } from '../support/landing.ts';

const TIME = Date.parse('2026-11-24T06:00:00.123Z');

function plan(messages: readonly { messageId: string; body: string }[], config: GroupConfigInput = {}): GroupPlan {
  return planGroups(messages, parseGroupConfig(config));
}

function created(key: string, sequencer = '01'): object {
  return createdRecord({ key, size: 5, etag: 'abc', sequencer, time: TIME });
}

/** The keys that a plan sends, by group and message. */
function keysOf({ lanes }: GroupPlan): Record<string, string[][]> {
  return Object.fromEntries(
    lanes.map(({ entries }) => [
      entries[0]?.groupId,
      entries.map(({ body }) => parseNotification(body).events.map(({ key }) => key)),
    ]),
  );
}

describe('events are grouped', () => {
  it('by table, as the append function finds it, in the order of their arrival', () => {
    const { Records } = sqsBatch(
      [created('web/ds=2026-11-24/b.parquet'), created('tenants/a/orders/x/1.parquet')],
      [created('web/ds=2026-11-23/a.parquet')],
      [created('tenants/b/orders/x/1.parquet')],
    );
    assert.deepEqual(keysOf(plan(Records, { tables: [{ prefix: 'tenants/{tenant}/orders' }] })), {
      'landing/web': [['web/ds=2026-11-24/b.parquet', 'web/ds=2026-11-23/a.parquet']],
      'landing/tenants/a/orders': [['tenants/a/orders/x/1.parquet']],
      'landing/tenants/b/orders': [['tenants/b/orders/x/1.parquet']],
    });
  });

  it('into several groups of a table, a key always into the same', () => {
    const keys = Array.from({ length: 200 }, (_, index) => `web/${index}.parquet`);
    const { Records } = sqsBatch(keys.map((key) => created(key)));
    const groups = keysOf(plan(Records, { groups: 4 }));
    const names = ['landing/web#0', 'landing/web#1', 'landing/web#2', 'landing/web#3'];
    assert.deepEqual(Object.keys(groups).sort(), names);
    for (const messages of Object.values(groups)) assert.ok(messages.flat().length > 20, 'about a quarter each');
    const again = keysOf(plan(sqsBatch(keys.toReversed().map((key) => created(key, '02'))).Records, { groups: 4 }));
    for (const name of names) assert.deepEqual(again[name]?.flat().sort(), groups[name]?.flat().sort());
  });

  it('with a digest as the id of a group that SQS would not take as it is', () => {
    const { Records } = sqsBatch([created('Übersicht/a.parquet'), created(`${'deep/'.repeat(30)}a.parquet`)]);
    for (const { entries } of plan(Records).lanes) assert.match(entries[0]?.groupId ?? '', /^[0-9a-f]{64}$/);
  });

  it('in every form that they come in, with all that the append function reads', () => {
    const key = 'web/a b+é%.parquet';
    const direct = JSON.stringify({ Records: [created(key, '0AB')] });
    const envelope = JSON.stringify({ Type: 'Notification', TopicArn: 'arn:aws:sns:x', Message: direct });
    const bridge = {
      'detail-type': 'Object Deleted',
      source: 'aws.s3',
      time: '2026-11-24T06:00:01Z',
      detail: { bucket: { name: 'landing' }, object: { key, sequencer: '0AC', 'version-id': 'v1' } },
    };
    const bodies = [direct, envelope, JSON.stringify(bridge)];
    const [lane] = plan(bodies.map((body, index) => ({ messageId: `m${index}`, body }))).lanes;
    const expected = bodies.flatMap((body) => parseNotification(body).events);
    assert.deepEqual(parseNotification(lane?.entries[0]?.body ?? '').events, expected);
    assert.equal(expected[2]?.versionId, 'v1');
  });

  it('passing over what needs no work', () => {
    const bodies = ['{"Event":"s3:TestEvent"}', JSON.stringify({ Records: [] })];
    const { lanes, unreadable, ignored } = plan(bodies.map((body, index) => ({ messageId: `m${index}`, body })));
    assert.deepEqual([lanes, unreadable, ignored], [[], [], []]);
  });

  it('without objects of no table, which are named', () => {
    const { Records } = sqsBatch([created('other/a.parquet'), created('web/_delta_log/x.parquet')]);
    const { lanes, ignored } = plan(Records, { convention: 'none', tables: [{ prefix: 'web' }] });
    assert.deepEqual(lanes, []);
    assert.deepEqual(
      ignored.map(({ reason }) => reason),
      ['unmapped', 'hidden'],
    );
  });

  it('without messages that are no notification, of which nothing is taken', () => {
    const { Records } = sqsBatch([created('web/a.parquet')], [created('web/b.parquet'), { eventSource: 'aws:sqs' }]);
    const { unreadable, ...rest } = plan([...Records, { messageId: 'm2', body: 'hello' }]);
    assert.deepEqual(
      unreadable.map(({ messageId }) => messageId),
      ['m1', 'm2'],
    );
    assert.deepEqual(keysOf({ unreadable, ...rest }), { 'landing/web': [['web/a.parquet']] });
  });
});

describe('events of a group are put together', () => {
  it('to a hundred in a message', () => {
    const keys = Array.from({ length: 250 }, (_, index) => `web/${index}.parquet`);
    const groups = keysOf(plan(sqsBatch(...keys.map((key) => [created(key)])).Records));
    assert.deepEqual(
      groups['landing/web']?.map(({ length }) => length),
      [100, 100, 50],
    );
    assert.deepEqual(groups['landing/web']?.flat(), keys);
  });

  it('to 64 KiB in a message', () => {
    // Three bytes for each that is encoded.
    const keys = Array.from({ length: 60 }, (_, index) => `web/${'é'.repeat(450)}-${index}.parquet`);
    const [lane] = plan(sqsBatch(...keys.map((key) => [created(key)])).Records).lanes;
    const sizes = lane?.entries.map(({ body }) => Buffer.byteLength(body)) ?? [];
    assert.ok(sizes.length > 1 && sizes.every((size) => size <= 65_536), sizes.join());
    assert.equal(lane?.entries.flatMap(({ body }) => parseNotification(body).events).length, keys.length);
  });
});

describe('the deduplication id of a message', () => {
  const idsOf = (...records: object[]) =>
    plan(sqsBatch(...records.map((record) => [record])).Records).lanes.flatMap(({ entries }) =>
      entries.map(({ deduplicationId }) => deduplicationId),
    );

  it('is the same for the same events', () => {
    assert.deepEqual(idsOf(created('web/a.parquet', '0a')), idsOf(created('web/a.parquet', '0A')));
    const [id = ''] = idsOf(created('web/a.parquet'));
    assert.match(id, /^[0-9a-f]{64}$/);
  });

  it('is another one for another key, event, order and number of events', () => {
    const a = created('web/a.parquet', '01');
    const removed = removedRecord({ key: 'web/a.parquet', sequencer: '02', time: TIME });
    const b = created('web/b.parquet', '01');
    const ids = [[a], [b], [removed], [a, removed], [removed, a], [a, b]].flatMap((records) => idsOf(...records));
    assert.equal(new Set(ids).size, 6);
  });

  it('tells events without a sequencer apart by kind, time and etag', () => {
    const facts = { key: 'web/a.parquet', size: 5, etag: 'abc', time: TIME };
    const ids = [
      createdRecord(facts),
      removedRecord(facts),
      createdRecord({ ...facts, time: TIME + 1 }),
      createdRecord({ ...facts, etag: 'abd' }),
    ].flatMap((record) => idsOf(record));
    assert.equal(new Set(ids).size, 4);
  });
});

describe('the configuration of the group function', () => {
  it('is that of the append function and the number of groups', () => {
    const { append, groups } = parseGroupConfig({ convention: 'none', tables: [{ prefix: 'web' }], groups: 8 });
    assert.deepEqual([append.tables[0]?.prefix, append.convention, groups], ['web', 'none', 8]);
  });

  it('has every mistake named', () => {
    const wrong = { groups: 0, queue: 'x', tables: [{ prefix: 'a', schemaPolicy: 'lax' }] };
    assert.throws(
      () => parseGroupConfig(wrong),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(
          error.problems.map((problem) => problem.split(':')[0]),
          ['queue', 'groups', 'tables[0].schemaPolicy'],
        );
        return true;
      },
    );
  });
});
