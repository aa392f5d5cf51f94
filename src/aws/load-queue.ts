import type { LoadQueue } from '../loader/handler.ts';
import { lazySender } from './lazy-sender.ts';

/** The queue of the load function. The SQS client is loaded with the first message. */
export function createLoadQueue(url: string): LoadQueue {
  const send = lazySender();
  return {
    async send(body) {
      await send({ QueueUrl: url, MessageBody: body });
    },
  };
}
