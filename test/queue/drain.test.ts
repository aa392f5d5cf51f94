import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drainQueue, type MessageQueue, type ReceivedMessage } from '../../src/queue/drain.ts';
import { createFakeQueue } from '../support/fake-queue.ts';
import { createQueueWorld } from '../support/queue-world.ts';

const world = createQueueWorld();
const quiet = { log: () => undefined, metrics: () => undefined };

function queueOf(count: number, body = '{"id":1}') {
  const queue = createFakeQueue();
  for (let n = 0; n < count; n++) queue.send(world.message(`m-${n}`, body));
  return queue;
}

describe('a drain', () => {
  const options = { telemetry: quiet, now: () => 0, until: 30_000, end: 118_000 };
  const limits = { maxMessages: 1_000, maxBytes: 2 ** 25 };

  it('takes what there is, and hides it until the invocation is over', async () => {
    const hidden = new Set<number>();
    const source = queueOf(123);
    const queue: MessageQueue<ReceivedMessage> = {
      ...source,
      receive: (receive) => {
        hidden.add(receive.hidden);
        return source.receive(receive);
      },
    };
    assert.equal((await drainQueue(queue, [], { ...options, limits })).length, 123);
    assert.deepEqual([...hidden], [148]);
  });

  it('takes about as many messages, and bytes, as it may, with those that were given', async () => {
    const given = Array.from({ length: 40 }, (_, n) => ({ id: `${n}`, body: 'x', sent: 0, attributes: {} }));
    const some = await drainQueue(queueOf(500), given, { ...options, limits: { ...limits, maxMessages: 100 } });
    assert.equal(some.length, 60);
    const large = queueOf(500, JSON.stringify({ text: 'x'.repeat(100_000) }));
    const few = await drainQueue(large, [], { ...options, limits: { ...limits, maxBytes: 2 ** 20 } });
    // Eight requests that are under way at once may each bring ten.
    assert.ok(few.length >= 11 && few.length <= 80 + 10, `${few.length} messages`);
  });

  it('stops when the time for it is over, and goes on with what it has when the queue cannot be asked', async () => {
    let time = 0;
    const slow = queueOf(500);
    const queue: MessageQueue<ReceivedMessage> = {
      ...slow,
      receive: async (receive) => {
        time += 1_000;
        return slow.receive(receive);
      },
    };
    const some = await drainQueue(queue, [], { ...options, limits, now: () => time, until: 5_000 });
    assert.ok(some.length < 200, `${some.length} messages`);
    let calls = 0;
    const source = queueOf(500);
    const failing: MessageQueue<ReceivedMessage> = {
      ...source,
      receive: async (receive) => {
        calls++;
        if (calls === 3) throw new Error('no access');
        return source.receive(receive);
      },
    };
    const taken = await drainQueue(failing, [], { ...options, limits });
    assert.ok(taken.length >= 20, `${taken.length} messages`);
  });
});
