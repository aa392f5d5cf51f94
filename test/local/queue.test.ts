import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createQueue, type DeadLetter } from '../../src/local/queue.ts';

function setUp(options: { visibilityTimeout?: number; maxReceiveCount?: number } = {}) {
  const clock = { time: 1_000 };
  const dead: DeadLetter[] = [];
  const queue = createQueue({
    visibilityTimeout: options.visibilityTimeout ?? 100,
    maxReceiveCount: options.maxReceiveCount ?? 3,
    now: () => clock.time,
    onDeadLetter: (letter) => dead.push(letter),
  });
  return { queue, clock, dead };
}

describe('the queue', () => {
  it('gives messages in order, up to the number asked for', () => {
    const { queue } = setUp();
    for (const body of ['a', 'b', 'c']) queue.send(body);
    assert.deepEqual(
      queue.receive(2).map(({ body, receiveCount }) => ({ body, receiveCount })),
      [
        { body: 'a', receiveCount: 1 },
        { body: 'b', receiveCount: 1 },
      ],
    );
    assert.deepEqual(queue.counts(), { visible: 1, inFlight: 2, dead: 0 });
  });

  it('hides a received message until its time-out ends, then gives it again with another receipt', () => {
    const { queue, clock } = setUp();
    const id = queue.send('a');
    const [first] = queue.receive(1);
    clock.time += 99;
    assert.deepEqual(queue.receive(1), []);
    clock.time += 1;
    const [second] = queue.receive(1);
    assert.equal(second?.id, id);
    assert.equal(second?.receiveCount, 2);
    assert.equal(second?.firstReceivedAt, 1_000);
    assert.notEqual(second?.receiptHandle, first?.receiptHandle);
  });

  it('forgets a deleted message for good', () => {
    const { queue, clock } = setUp();
    queue.send('a');
    const [message] = queue.receive(1);
    assert.equal(queue.delete(message?.receiptHandle ?? ''), true);
    clock.time += 1_000;
    assert.deepEqual(queue.receive(1), []);
    assert.deepEqual(queue.counts(), { visible: 0, inFlight: 0, dead: 0 });
  });

  it('does not delete by a receipt whose time is over', () => {
    const { queue, clock } = setUp();
    queue.send('a');
    const [message] = queue.receive(1);
    clock.time += 100;
    assert.equal(queue.delete(message?.receiptHandle ?? ''), false);
    assert.equal(queue.receive(1).length, 1);
  });

  it('makes a dead letter of a message that was received too often', () => {
    const { queue, clock, dead } = setUp({ maxReceiveCount: 2 });
    const id = queue.send('poison');
    queue.receive(1);
    clock.time += 100;
    queue.receive(1);
    clock.time += 100;
    assert.deepEqual(queue.receive(1), []);
    assert.deepEqual(dead, [{ id, body: 'poison', receiveCount: 2, sentAt: 1_000, deadAt: 1_200 }]);
    assert.deepEqual(queue.counts(), { visible: 0, inFlight: 0, dead: 1 });
  });

  it('holds more messages than it keeps in one piece', () => {
    const { queue } = setUp();
    for (let index = 0; index < 5_000; index += 1) queue.send(String(index));
    const bodies: string[] = [];
    for (let batch = queue.receive(70); batch.length > 0; batch = queue.receive(70)) {
      for (const { body, receiptHandle } of batch) {
        bodies.push(body);
        queue.delete(receiptHandle);
      }
      if (bodies.length % 700 === 0) queue.send(`late ${bodies.length}`);
    }
    assert.equal(new Set(bodies).size, bodies.length);
    assert.deepEqual(
      bodies.filter((body) => !body.startsWith('late')),
      Array.from({ length: 5_000 }, (_, index) => String(index)),
    );
  });
});

describe('waiting for the queue', () => {
  const never = new AbortController().signal;

  it('ends when a message is sent', async () => {
    const { queue } = setUp();
    const visible = queue.untilVisible(never);
    queue.send('a');
    await visible;
  });

  it('ends when a message becomes visible again', async () => {
    const queue = createQueue({ visibilityTimeout: 20, maxReceiveCount: 3, now: Date.now, onDeadLetter: () => {} });
    queue.send('a');
    queue.receive(1);
    await queue.untilVisible(never);
    assert.equal(queue.receive(1).length, 1);
  });

  it('ends when it is given up', async () => {
    const { queue } = setUp();
    const controller = new AbortController();
    const visible = queue.untilVisible(controller.signal);
    controller.abort();
    await visible;
  });

  it('for room ends when messages are deleted', async () => {
    const { queue } = setUp();
    queue.send('a');
    queue.send('b');
    let hasRoom = false;
    const room = queue.untilBelow(2, never).then(() => {
      hasRoom = true;
    });
    const [message] = queue.receive(1);
    await Promise.resolve();
    assert.equal(hasRoom, false);
    queue.delete(message?.receiptHandle ?? '');
    await room;
  });
});
