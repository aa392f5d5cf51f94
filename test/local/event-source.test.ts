import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BatchHandler, type BatchReport, startEventSource } from '../../src/local/event-source.ts';
import { createQueue, type DeadLetter } from '../../src/local/queue.ts';

/** ms. */
const VISIBILITY_TIMEOUT = 10;

interface SetUp {
  readonly handler: BatchHandler;
  readonly batchSize?: number;
  readonly batchWindow?: number;
  readonly concurrency?: number;
}

function setUp({ handler, batchSize = 10, batchWindow = 0, concurrency = 1 }: SetUp) {
  const dead: DeadLetter[] = [];
  const reports: BatchReport[] = [];
  // Time passes when an invocation has failed and at no other time, however slow the machine is.
  let time = 0;
  const queue = createQueue({
    visibilityTimeout: VISIBILITY_TIMEOUT,
    maxReceiveCount: 3,
    now: () => time,
    onDeadLetter: (letter) => dead.push(letter),
  });
  const start = () =>
    startEventSource({
      queue,
      handlers: Array.from({ length: concurrency }, () => handler),
      batchSize,
      batchWindow,
      functionTimeout: 1_000,
      now: () => time,
      onBatch(report) {
        reports.push(report);
        if (report.failed > 0) time += VISIBILITY_TIMEOUT;
      },
    });
  const untilEmpty = () => queue.untilBelow(1, new AbortController().signal);
  return { queue, start, dead, reports, untilEmpty };
}

const allGood: BatchHandler = async () => ({ batchItemFailures: [] });

describe('the event source', () => {
  it('hands over batches as Lambda does, and deletes what succeeded', async () => {
    const batches: string[][] = [];
    const { queue, start, untilEmpty } = setUp({
      batchSize: 2,
      handler: async (event, context) => {
        assert.ok(context.getRemainingTimeInMillis() > 0);
        for (const record of event.Records) {
          assert.equal(record.eventSource, 'aws:sqs');
          assert.equal(record.attributes.ApproximateReceiveCount, '1');
        }
        batches.push(event.Records.map(({ body }) => body));
        return { batchItemFailures: [] };
      },
    });
    for (const body of ['a', 'b', 'c']) queue.send(body);
    const source = start();
    await untilEmpty();
    await source.stop();
    assert.deepEqual(batches, [['a', 'b'], ['c']]);
  });

  it('delivers again what failed, and only that, until it is a dead letter', async () => {
    const seen: string[] = [];
    const { queue, start, dead, untilEmpty } = setUp({
      handler: async (event) => {
        seen.push(...event.Records.map(({ body }) => body));
        const bad = event.Records.filter(({ body }) => body === 'bad');
        return { batchItemFailures: bad.map(({ messageId }) => ({ itemIdentifier: messageId })) };
      },
    });
    for (const body of ['good', 'bad', 'good']) queue.send(body);
    const source = start();
    await untilEmpty();
    await source.stop();
    assert.deepEqual(seen.sort(), ['bad', 'bad', 'bad', 'good', 'good']);
    assert.deepEqual(
      dead.map(({ body, receiveCount }) => ({ body, receiveCount })),
      [{ body: 'bad', receiveCount: 3 }],
    );
  });

  it('takes a function that throws as a failed batch', async () => {
    let calls = 0;
    const { queue, start, reports, dead, untilEmpty } = setUp({
      handler: async () => {
        calls += 1;
        if (calls === 1) throw new Error('out of luck');
        return { batchItemFailures: [] };
      },
    });
    queue.send('a');
    const source = start();
    await untilEmpty();
    await source.stop();
    assert.equal(calls, 2);
    assert.equal(reports[0]?.failed, 1);
    assert.match(String(reports[0]?.error), /out of luck/);
    assert.deepEqual(dead, []);
  });

  it('takes an answer that names an unknown message as a failed batch', async () => {
    let calls = 0;
    const { queue, start, untilEmpty } = setUp({
      handler: async () => {
        calls += 1;
        return { batchItemFailures: calls === 1 ? [{ itemIdentifier: 'who?' }] : [] };
      },
    });
    queue.send('a');
    const source = start();
    await untilEmpty();
    await source.stop();
    assert.equal(calls, 2);
  });

  it('collects messages during its window', async () => {
    const batches: number[] = [];
    const { queue, start, untilEmpty } = setUp({
      batchWindow: 60_000,
      batchSize: 3,
      handler: async (event) => {
        batches.push(event.Records.length);
        return { batchItemFailures: [] };
      },
    });
    const source = start();
    for (const body of ['a', 'b', 'c']) queue.send(body);
    await untilEmpty();
    await source.stop();
    assert.deepEqual(batches, [3]);
  });

  it('finishes the batch in flight when it is stopped, and starts no other', async () => {
    const handled: string[] = [];
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { queue, start } = setUp({
      batchSize: 1,
      handler: async (event) => {
        begun.resolve();
        await release.promise;
        handled.push(...event.Records.map(({ body }) => body));
        return { batchItemFailures: [] };
      },
    });
    queue.send('first');
    queue.send('second');
    const source = start();
    await begun.promise;
    const stopped = source.stop();
    release.resolve();
    await stopped;
    assert.deepEqual(handled, ['first']);
    assert.equal(queue.receive(10)[0]?.body, 'second');
  });

  it('runs as many invocations at once as it has handlers', async () => {
    let running = 0;
    const both = Promise.withResolvers<void>();
    const { queue, start, untilEmpty } = setUp({
      batchSize: 1,
      concurrency: 2,
      handler: async () => {
        running += 1;
        if (running === 2) both.resolve();
        await both.promise;
        return allGood({ Records: [] }, { getRemainingTimeInMillis: () => 0 });
      },
    });
    queue.send('a');
    queue.send('b');
    const source = start();
    await untilEmpty();
    await source.stop();
    assert.equal(running, 2);
  });
});
