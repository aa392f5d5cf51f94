import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageQueue, ReceivedMessage } from '../../src/queue/drain.ts';
import type { SqsRecord } from '../../src/queue/message.ts';
import { createFakeQueue } from '../support/fake-queue.ts';
import {
  CrashError,
  createFaultyStore,
  everySingleFault,
  type FaultyStore,
  failCall,
} from '../support/faulty-store.ts';
import { createQueueWorld, type QueueWorld } from '../support/queue-world.ts';

const LETTERS = 'bronze/orders__dead_letters';

async function prepare(world: QueueWorld): Promise<void> {
  await world.deliver(world.message('first', { id: 'first' }));
  world.advance(10_000);
}

/** New messages, one that the table has, and two that it cannot take; a new column, too. */
function batchOf(world: QueueWorld): SqsRecord[] {
  return [
    world.message('first', { id: 'first' }, { attributes: { SentTimestamp: String(world.now() - 10_000) } }),
    world.message('a', { id: 'a', extra: 1 }),
    world.message('bad', 'hello'),
    world.message('b', [{ id: 'b1' }, { id: 'b2' }]),
    world.message('worse', { id: { x: 1 }, extra: {} }),
  ];
}

async function assertOutcome(world: QueueWorld): Promise<void> {
  assert.deepEqual(await world.column('id'), ['a', 'b1', 'b2', 'first']);
  assert.deepEqual(await world.column('message_id', LETTERS), ['bad', 'worse']);
}

describe('a failure before or after any one store call loses and doubles no message', async () => {
  const counted: FaultyStore[] = [];
  const rehearsal = createQueueWorld({
    wrap: (store) => {
      const faulty = createFaultyStore(store, () => undefined);
      counted.push(faulty);
      return faulty;
    },
  });
  await prepare(rehearsal);
  rehearsal.coldStart();
  await rehearsal.deliver(...batchOf(rehearsal));
  const calls = counted.at(-1)?.calls.length ?? 0;

  it('(the run makes a fair number of calls)', async () => {
    await assertOutcome(rehearsal);
    assert.ok(calls >= 9, `${calls} calls`);
  });

  for (const { name, number, fault } of everySingleFault(calls)) {
    it(name, async () => {
      let armed = false;
      const world = createQueueWorld({
        wrap: (store) => (armed ? createFaultyStore(store, failCall(number, fault)) : store),
      });
      await prepare(world);
      const batch = batchOf(world);
      armed = true;
      world.coldStart();
      const failed = await world.deliver(...batch);
      armed = false;
      if (fault.kind === 'crash') world.coldStart();
      // A process that died has answered nothing; SQS may deliver again what was done, too.
      const again = fault.kind === 'crash' ? batch : batch.filter(({ messageId }) => failed.includes(messageId));
      assert.deepEqual(await world.deliver(...again), []);
      await world.deliver(...batch);
      await assertOutcome(world);
    });
  }
});

describe('a failure before or after any one call to the queue loses and doubles no message', () => {
  const IDS = Array.from({ length: 35 }, (_, index) => `m-${String(index).padStart(2, '0')}`);
  const CALLS = ['receive', 'delete'] as const;

  for (const method of CALLS) {
    for (const when of ['before', 'after'] as const) {
      for (const kind of ['fails', 'crashes'] as const) {
        for (const number of [1, 2, 4]) {
          it(`${kind} ${when} ${method} ${number}`, async () => {
            const source = createFakeQueue();
            let isArmed = true;
            let calls = 0;
            const around = async <T>(own: (typeof CALLS)[number], run: () => Promise<T>): Promise<T> => {
              const isTurn = isArmed && own === method && ++calls === number;
              const fail = () => {
                if (kind === 'crashes') isArmed = false;
                throw kind === 'crashes'
                  ? new CrashError('the process is dead')
                  : new Error('the service is not there');
              };
              if (isTurn && when === 'before') fail();
              const result = await run();
              if (isTurn) fail();
              return result;
            };
            const queue: MessageQueue<ReceivedMessage> = {
              receive: (options) => around('receive', () => source.receive(options)),
              delete: (messages) => around('delete', () => source.delete(messages)),
            };
            const world = createQueueWorld({ config: { drain: true }, queue });
            for (const id of IDS) source.send(world.message(id, { id }));
            for (let round = 0; round < 8 && source.depth() > 0; round++) {
              const given = await source.receiveForMapping(5);
              let failed: readonly string[];
              try {
                failed = await world.deliver(...given);
              } catch (error) {
                if (!(error instanceof CrashError)) throw error;
                failed = given.map(({ messageId }) => messageId);
                world.coldStart();
              }
              source.settle(given, failed);
              source.showAgain();
              world.advance(60_000);
            }
            assert.equal(source.depth(), 0);
            assert.deepEqual(await world.column('id'), IDS);
          });
        }
      }
    }
  }
});
