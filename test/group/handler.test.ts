import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseGroupConfig } from '../../src/group/config.ts';
import { createGroupHandler } from '../../src/group/handler.ts';
import { type GroupMessage, planGroups } from '../../src/group/plan.ts';
import type { GroupQueue } from '../../src/group/send.ts';
import type { SqsEvent } from '../../src/ingest/handler.ts';
import { parseNotification } from '../../src/ingest/notifications.ts';
import type { LogLevel } from '../../src/ingest/telemetry.ts';
import { createdRecord, removedRecord, sqsBatch } from '../support/landing.ts';

const TIME = Date.parse('2026-11-24T06:00:00Z');

/** What becomes of a message in a request. `lost`: the queue has it, but the answer did not come. */
type Fate = 'sent' | 'refused' | 'lost' | 'unreachable';

/** A FIFO queue as SQS is one: per group in order, and one of those with one deduplication id. */
class FifoQueue implements GroupQueue {
  readonly messages: GroupMessage[] = [];
  readonly requests: (readonly GroupMessage[])[] = [];
  private readonly fateOf: (message: GroupMessage) => Fate;

  constructor(fateOf: (message: GroupMessage) => Fate = () => 'sent') {
    this.fateOf = fateOf;
  }

  async send(messages: readonly GroupMessage[]) {
    assert.ok(messages.length > 0 && messages.length <= 10, `${messages.length} messages in a request`);
    assert.equal(new Set(messages.map(({ groupId }) => groupId)).size, messages.length, 'groups differ');
    this.requests.push(messages);
    const fates = messages.map((message) => [message, this.fateOf(message)] as const);
    if (fates.some(([, fate]) => fate === 'unreachable')) throw new Error('connect ECONNREFUSED');
    const accepted = fates.filter(([, fate]) => fate !== 'refused').map(([message]) => message);
    for (const message of accepted) {
      const isKnown = this.messages.some(({ deduplicationId: id }) => id === message.deduplicationId);
      if (!isKnown) this.messages.push(message);
    }
    if (fates.some(([, fate]) => fate === 'lost')) throw new Error('socket hang up');
    return { sent: accepted, refusals: accepted.length === messages.length ? [] : ['InternalError'] };
  }

  /** What the queue gives out, as `key@sequencer`. */
  get events(): string[] {
    return this.messages.flatMap(({ body }) =>
      parseNotification(body).events.map(({ key, sequencer = '' }) => `${key}@${sequencer}`),
    );
  }
}

interface World {
  readonly queue: FifoQueue;
  readonly groups?: number;
  /** ms that each look at the clock takes. */
  readonly pace?: number;
}

function createWorld({ queue, groups = 1, pace = 0 }: World) {
  const lines: { level: LogLevel; message: string; data?: Readonly<Record<string, unknown>> }[] = [];
  const metrics: [string, object][] = [];
  let time = TIME;
  const handler = createGroupHandler({
    queue,
    config: parseGroupConfig({ groups }),
    urlOf: (bucket, root) => `s3://${bucket}/${root}`,
    telemetry: {
      log: (level, message, data) => void lines.push({ level, message, ...(data !== undefined && { data }) }),
      metrics: (table, values) => void metrics.push([table, values]),
    },
    now: () => {
      time += pace;
      return time;
    },
    random: () => 0.5,
    sleep: async () => undefined,
  });
  const invoke = async (event: SqsEvent, remaining = 60_000): Promise<string[]> => {
    const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => remaining });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { invoke, lines, metrics };
}

/** Texts that grow. */
function sequencers(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return count.toString(16).toUpperCase().padStart(8, '0');
  };
}

function sequencersIn(messages: readonly GroupMessage[]): (string | undefined)[] {
  return messages.flatMap(({ body }) => parseNotification(body).events.map(({ sequencer }) => sequencer));
}

function created(key: string, sequencer = '01'): object {
  return createdRecord({ key, size: 5, etag: 'abc', sequencer, time: TIME });
}

describe('the group function', () => {
  it('sends what came to one table in one message', async () => {
    const queue = new FifoQueue();
    const { invoke, lines } = createWorld({ queue });
    const removed = removedRecord({ key: 'web/a.parquet', sequencer: '02', time: TIME });
    assert.deepEqual(await invoke(sqsBatch([created('web/a.parquet')], [created('web/b.parquet')], [removed])), []);
    assert.deepEqual(queue.events, ['web/a.parquet@01', 'web/b.parquet@01', 'web/a.parquet@02']);
    assert.equal(queue.messages.length, 1);
    assert.deepEqual(lines.at(-1)?.data, { received: 3, events: 3, messages: 1, groups: 1, failedGroups: 0 });
  });

  it('sends nothing for nothing', async () => {
    const queue = new FifoQueue();
    const { invoke } = createWorld({ queue });
    assert.deepEqual(await invoke({ Records: [{ messageId: 'm0', body: '{"Event":"s3:TestEvent"}' }] }), []);
    assert.deepEqual(queue.requests, []);
  });

  it('fails what it cannot read, and nothing else', async () => {
    const queue = new FifoQueue();
    const { invoke, lines } = createWorld({ queue });
    const { Records } = sqsBatch([created('web/a.parquet')]);
    assert.deepEqual(await invoke({ Records: [{ messageId: 'bad', body: '{}' }, ...Records] }), ['bad']);
    assert.deepEqual(queue.events, ['web/a.parquet@01']);
    assert.equal(lines[0]?.message, 'message is no S3 notification');
  });

  it('warns of objects of no table, whose messages are done', async () => {
    const queue = new FifoQueue();
    const { invoke, lines } = createWorld({ queue });
    assert.deepEqual(await invoke(sqsBatch([created('web/_delta_log/a.parquet')])), []);
    assert.deepEqual([lines[0]?.message, lines[0]?.level], ['object ignored', 'debug']);
  });

  it('tries again what was refused for a moment', async () => {
    let refusals = 0;
    const queue = new FifoQueue(() => (refusals++ < 3 ? 'refused' : 'sent'));
    const { invoke } = createWorld({ queue });
    assert.deepEqual(await invoke(sqsBatch([created('web/a.parquet')])), []);
    assert.equal(queue.requests.length, 4);
  });

  it('fails the messages of one group only, whose later events do not overtake', async () => {
    const isBad = ({ groupId, body }: GroupMessage) => groupId === 'landing/bad' && body.includes('bad/0.parquet');
    const queue = new FifoQueue((message) => (isBad(message) ? 'refused' : 'sent'));
    const { invoke, lines, metrics } = createWorld({ queue });
    const keys = (root: string) => Array.from({ length: 150 }, (_, index) => created(`${root}/${index}.parquet`));
    const failed = await invoke(sqsBatch(keys('bad').slice(0, 120), keys('bad').slice(120), keys('good')));
    assert.deepEqual(failed, ['m0', 'm1']);
    assert.deepEqual([...new Set(queue.messages.map(({ groupId }) => groupId))], ['landing/good']);
    assert.equal(queue.events.length, 150);
    const error = lines.find(({ level }) => level === 'error');
    assert.deepEqual(error?.data, { table: 's3://landing/bad', messages: 2, reason: 'InternalError' });
    assert.deepEqual(metrics, [['s3://landing/bad', { failures: 1 }]]);
  });

  it('fails a message whose records went to several groups, if one of them did not get its own', async () => {
    const queue = new FifoQueue(({ groupId }) => (groupId === 'landing/b' ? 'refused' : 'sent'));
    const { invoke } = createWorld({ queue });
    const event = sqsBatch([created('a/1.parquet'), created('b/1.parquet')], [created('a/2.parquet')]);
    assert.deepEqual(await invoke(event), ['m0']);
    assert.deepEqual(queue.events, ['a/1.parquet@01', 'a/2.parquet@01']);
  });

  it('answers for what it could not send in its time', async () => {
    const queue = new FifoQueue();
    // A second for each part of ten groups, of which four are begun at once.
    const { invoke, lines } = createWorld({ queue, pace: 1_000 });
    const roots = Array.from({ length: 100 }, (_, index) => `table-${index}`);
    const failed = await invoke(sqsBatch(...roots.map((root) => [created(`${root}/a.parquet`)])), 20_000);
    assert.ok(queue.messages.length > 0 && failed.length > 0);
    assert.equal(queue.messages.length + failed.length, 100);
    assert.match(String(lines.find(({ level }) => level === 'error')?.data?.reason), /the time was up/);
  });

  it('sends nothing where there is no time at all', async () => {
    const queue = new FifoQueue();
    assert.deepEqual(await createWorld({ queue }).invoke(sqsBatch([created('web/a.parquet')]), 1_000), ['m0']);
    assert.deepEqual(queue.requests, []);
  });
});

describe('whatever the queue does', () => {
  const TABLES = ['a', 'b', 'lake/c'];
  const fates = fc.constantFrom<Fate>('sent', 'sent', 'sent', 'refused', 'lost', 'unreachable');
  const event = fc.record({ table: fc.constantFrom(...TABLES), file: fc.integer({ min: 0, max: 5 }) });
  const messages = fc.array(fc.array(event, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 60 });
  const parameters = {
    messages,
    fates: fc.infiniteStream(fates),
    stubborn: fc.infiniteStream(fc.boolean()),
    groups: fc.constantFrom(1, 3),
  };

  it('every event arrives, and first in the order of its key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(parameters), async (run) => {
        const sequencer = sequencers();
        const batch = sqsBatch(
          ...run.messages.map((events) =>
            events.map(({ table, file }) => created(`${table}/${file}.parquet`, sequencer())),
          ),
        );
        const queue = new FifoQueue(() => run.fates.next().value);
        const { invoke } = createWorld({ queue, groups: run.groups });
        // Lambda delivers what failed again, in its order.
        let waiting = batch.Records;
        for (let delivery = 0; waiting.length > 0; delivery += 1) {
          assert.ok(delivery < 1_000, 'it ends');
          const failed = new Set(await invoke({ Records: waiting }));
          waiting = waiting.filter(({ messageId }) => failed.has(messageId));
        }
        const sent = batch.Records.flatMap(({ body }) =>
          parseNotification(body).events.map(({ key, sequencer: at = '' }) => `${key}@${at}`),
        );
        const arrived = [...new Set(queue.events)];
        assert.deepEqual(arrived.toSorted(), sent.toSorted());
        const byKey = (events: readonly string[]) => Object.groupBy(events, (text) => text.slice(0, text.indexOf('@')));
        assert.deepEqual({ ...byKey(arrived) }, { ...byKey(arrived.toSorted()) }, 'the order of each key');
      }),
      { numRuns: 200 },
    );
  });

  it('within one invocation no event comes before an earlier one of its group', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(parameters), async (run) => {
        const sequencer = sequencers();
        const big = run.messages.flatMap((events) => Array.from({ length: 40 }, () => events));
        const batch = sqsBatch(
          ...big.map((events) => events.map(({ table, file }) => created(`${table}/${file}.parquet`, sequencer()))),
        );
        // Some fail at every try, so that others could overtake them.
        const stubborn = new Map<string, boolean>();
        const queue = new FifoQueue(({ deduplicationId: id }) => {
          if (!stubborn.has(id)) stubborn.set(id, run.stubborn.next().value);
          return stubborn.get(id) === true ? 'refused' : run.fates.next().value;
        });
        const failed = new Set(await createWorld({ queue, groups: run.groups }).invoke(batch));
        const groups = Object.groupBy(queue.messages, ({ groupId }) => groupId);
        for (const { entries } of planGroups(batch.Records, parseGroupConfig({ groups: run.groups })).lanes) {
          const sent = sequencersIn(groups[entries[0]?.groupId ?? ''] ?? []);
          assert.deepEqual(sent, sequencersIn(entries).slice(0, sent.length), 'no gap');
        }
        // What is not among the failures is in the queue.
        const done = batch.Records.filter(({ messageId }) => !failed.has(messageId));
        const arrived = new Set(queue.events);
        for (const { body } of done) {
          for (const { key, sequencer = '' } of parseNotification(body).events) {
            assert.ok(arrived.has(`${key}@${sequencer}`));
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
