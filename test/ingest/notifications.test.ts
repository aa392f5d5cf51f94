import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  compareSequencers,
  decodeEventKey,
  encodeEventKey,
  NotificationError,
  parseNotification,
} from '../../src/ingest/notifications.ts';
import { createdRecord, removedRecord } from '../support/landing.ts';

const TIME = Date.parse('2026-11-24T06:00:00.123Z');
const created = createdRecord({
  key: 'web/ds=2026-11-24/a b.parquet',
  size: 10,
  etag: 'abc',
  sequencer: '00ab',
  time: TIME,
});
const expected = {
  kind: 'created',
  bucket: 'landing',
  key: 'web/ds=2026-11-24/a b.parquet',
  size: 10,
  etag: 'abc',
  sequencer: '00AB',
  time: TIME,
};

describe('an S3 notification is recognised by its shape', () => {
  const notification = JSON.stringify({ Records: [created] });
  const sns = (message: string) =>
    JSON.stringify({ Type: 'Notification', TopicArn: 'arn:aws:sns:x', Message: message });

  it('from S3 itself', () => {
    assert.deepEqual(parseNotification(notification), { events: [expected], ignored: 0 });
  });

  it('inside an SNS envelope', () => {
    assert.deepEqual(parseNotification(sns(notification)).events, [expected]);
  });

  it('from EventBridge, whose keys are not encoded', () => {
    const event = {
      version: '0',
      'detail-type': 'Object Created',
      source: 'aws.s3',
      time: new Date(TIME).toISOString(),
      detail: {
        version: '0',
        bucket: { name: 'landing' },
        object: { key: 'a+b%20c.parquet', size: 10, etag: 'abc', sequencer: '00AB' },
        reason: 'PutObject',
      },
    };
    assert.deepEqual(parseNotification(JSON.stringify(event)).events, [{ ...expected, key: 'a+b%20c.parquet' }]);
    assert.deepEqual(parseNotification(sns(JSON.stringify(event))).events.length, 1);
    const deleted = { ...event, 'detail-type': 'Object Deleted' };
    assert.equal(parseNotification(JSON.stringify(deleted)).events[0]?.kind, 'removed');
    const tagged = { ...event, 'detail-type': 'Object Tags Added' };
    assert.deepEqual(parseNotification(JSON.stringify(tagged)), { events: [], ignored: 1 });
  });

  it('of every kind of creation and removal', () => {
    for (const [eventName, kind] of [
      ['ObjectCreated:Put', 'created'],
      ['ObjectCreated:Post', 'created'],
      ['ObjectCreated:Copy', 'created'],
      ['ObjectCreated:CompleteMultipartUpload', 'created'],
      ['s3:ObjectCreated:Put', 'created'],
      ['ObjectRemoved:Delete', 'removed'],
      ['ObjectRemoved:DeleteMarkerCreated', 'removed'],
      ['LifecycleExpiration:Delete', 'removed'],
      ['LifecycleExpiration:DeleteMarkerCreated', 'removed'],
    ] as const) {
      const body = JSON.stringify({ Records: [{ ...created, eventName }] });
      assert.equal(parseNotification(body).events[0]?.kind, kind, eventName);
    }
  });

  it('of several records, those that need no work counted', () => {
    const restore = { ...created, eventName: 'ObjectRestore:Completed' };
    const removed = removedRecord({ key: 'a', time: TIME });
    const { events, ignored } = parseNotification(JSON.stringify({ Records: [created, restore, removed] }));
    assert.deepEqual([events.length, ignored], [2, 1]);
    assert.deepEqual(events[1], { kind: 'removed', bucket: 'landing', key: 'a', time: TIME });
  });

  it('of every version 2.x', () => {
    for (const eventVersion of ['2.0', '2.1', '2.3', '2.6', '2.10']) {
      assert.equal(parseNotification(JSON.stringify({ Records: [{ ...created, eventVersion }] })).events.length, 1);
    }
  });

  it('as the test event that S3 sends when notifications are set up', () => {
    const body = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'landing' });
    assert.deepEqual(parseNotification(body), { events: [], ignored: 1 });
  });
});

describe('anything else is an error that says what was got', () => {
  const deep = [1, 2, 3, 4, 5].reduce((body) => JSON.stringify({ Type: 'Notification', Message: body }), '{}');
  const bodies: Record<string, string> = {
    'no JSON': 'hello',
    'no object': '[]',
    'another object': '{"foo":1}',
    'another version': JSON.stringify({ Records: [{ ...created, eventVersion: '3.0' }] }),
    'another source': JSON.stringify({ Records: [{ ...created, eventSource: 'aws:sqs' }] }),
    'no bucket': JSON.stringify({ Records: [{ ...created, s3: {} }] }),
    'no key': JSON.stringify({ Records: [{ ...created, s3: { bucket: { name: 'b' }, object: { size: 1 } } }] }),
    'no size': JSON.stringify({ Records: [{ ...created, s3: { bucket: { name: 'b' }, object: { key: 'k' } } }] }),
    'no time': JSON.stringify({ Records: [{ ...created, eventTime: 'soon' }] }),
    'a key that is not encoded': JSON.stringify({
      Records: [{ ...created, s3: { bucket: { name: 'b' }, object: { key: '%zz', size: 1 } } }],
    }),
    'envelopes without end': deep,
    'a prototype for a kind': JSON.stringify({ source: 'aws.s3', 'detail-type': '__proto__', detail: [] }),
  };
  for (const [name, body] of Object.entries(bodies)) {
    it(name, () => assert.throws(() => parseNotification(body), NotificationError));
  }
});

describe('object keys', () => {
  it('are encoded as S3 does', () => {
    assert.equal(encodeEventKey('a b=c+d/é&(x)'), 'a+b%3Dc%2Bd/%C3%A9%26%28x%29');
  });

  it('survive encoding and decoding', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (key) => assert.equal(decodeEventKey(encodeEventKey(key)), key)),
    );
  });
});

describe('sequencers', () => {
  it('are compared as hex text, the shorter one padded on the right', () => {
    assert.ok(compareSequencers('0055AED6DCD90281E5', '0055AED6DCD90281E6') < 0);
    assert.ok(compareSequencers('0062', '00616') > 0);
    assert.equal(compareSequencers('00AB', '00AB00'), 0);
  });
});
