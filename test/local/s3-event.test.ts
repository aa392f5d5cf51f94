import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareSequencers, parseNotification } from '../../src/ingest/notifications.ts';
import { createSequencer, type ObjectChange, s3Notification } from '../../src/local/s3-event.ts';

const created: ObjectChange = {
  kind: 'created',
  key: 'web requests/ds=2026-11-24/région=a+b&c/part-(1).parquet',
  size: 1234,
  etag: '1a-2b-3c',
  time: Date.UTC(2026, 10, 24, 6, 30, 0, 250),
  sequencer: '0055AED6DCD90281E5',
};

describe('the notification of a change', () => {
  it('has the shape of an S3 event, with the key as S3 encodes it', () => {
    const { Records: records } = JSON.parse(s3Notification('landing', created));
    assert.equal(records.length, 1);
    const [record] = records;
    assert.match(record.eventVersion, /^2\.\d+$/);
    assert.equal(record.eventSource, 'aws:s3');
    assert.equal(record.eventName, 'ObjectCreated:Put');
    assert.equal(record.eventTime, '2026-11-24T06:30:00.250Z');
    assert.deepEqual(record.s3.bucket, { name: 'landing', arn: 'arn:aws:s3:::landing' });
    assert.deepEqual(record.s3.object, {
      key: 'web+requests/ds%3D2026-11-24/r%C3%A9gion%3Da%2Bb%26c/part-%281%29.parquet',
      size: 1234,
      eTag: '1a-2b-3c',
      sequencer: '0055AED6DCD90281E5',
    });
  });

  it('is read back by the append function as it was meant', () => {
    const { kind, key, size, etag, time, sequencer } = created;
    assert.deepEqual(parseNotification(s3Notification('landing', created)).events, [
      { kind, bucket: 'landing', key, size, etag, time, sequencer },
    ]);
  });

  it('of a removed object has neither size nor etag', () => {
    const removed: ObjectChange = { ...created, kind: 'removed', size: 0, etag: '' };
    const { kind, key, time, sequencer } = removed;
    assert.deepEqual(parseNotification(s3Notification('landing', removed)).events, [
      { kind, bucket: 'landing', key, time, sequencer },
    ]);
  });

  it('keeps every key that can be one', () => {
    const keys = fc.string({ unit: 'binary', minLength: 1 }).filter((key) => key.isWellFormed());
    fc.assert(
      fc.property(keys, (key) => {
        const { events } = parseNotification(s3Notification('landing', { ...created, key }));
        assert.equal(events[0]?.key, key);
      }),
    );
  });
});

describe('sequencers', () => {
  it('grow with every call, whatever the clock does', () => {
    const times = [5_000, 5_000, 5_001, 4_000, 4_000, 9_000];
    let call = 0;
    const next = createSequencer(() => times[call++] ?? 0);
    const sequencers = times.map(() => next());
    for (const [index, sequencer] of sequencers.entries()) {
      const before = sequencers[index - 1];
      if (before !== undefined) assert.ok(compareSequencers(before, sequencer) < 0, `${before} < ${sequencer}`);
    }
  });

  it('grow from one run to the next', () => {
    const first = createSequencer(() => Date.UTC(2026, 10, 24))();
    const second = createSequencer(() => Date.UTC(2026, 10, 24) + 1)();
    assert.ok(compareSequencers(first, second) < 0);
  });
});
