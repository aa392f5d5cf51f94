import type { MessageQueue, ReceivedMessage } from '../../src/queue/drain.ts';
import { parseSqsEvent, type SqsRecord } from '../../src/queue/message.ts';

interface Slot {
  readonly record: SqsRecord;
  isHidden: boolean;
}

/** A standard queue in memory: what is received is hidden until it is deleted or shown again. */
export function createFakeQueue() {
  const slots = new Map<string, Slot>();
  const take = (count: number): SqsRecord[] => {
    const visible = [...slots.values()].filter(({ isHidden }) => !isHidden).slice(0, count);
    for (const slot of visible) slot.isHidden = true;
    return visible.map(({ record }) => record);
  };
  const port: MessageQueue<ReceivedMessage> = {
    receive: async () => parseSqsEvent({ Records: take(10) }).map((message) => ({ ...message, receipt: message.id })),
    delete: async (messages) => messages.filter(({ receipt }) => slots.delete(receipt)),
  };
  return {
    ...port,
    send(record: SqsRecord): void {
      slots.set(record.messageId, { record, isHidden: false });
    },
    /** What an invocation is given. */
    receiveForMapping: async (count: number): Promise<SqsRecord[]> => take(count),
    /** What Lambda does with the answer of an invocation. */
    settle(given: readonly SqsRecord[], failed: readonly string[]): void {
      for (const { messageId } of given) if (!failed.includes(messageId)) slots.delete(messageId);
    },
    /** The time for which messages are hidden is over. */
    showAgain(): void {
      for (const slot of slots.values()) slot.isHidden = false;
    },
    depth: (): number => slots.size,
  };
}
